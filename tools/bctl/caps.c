// SPDX-License-Identifier: GPL-2.0
/*
 * Giving up what is not needed any more
 *
 * The module looks at the capabilities of whoever sends a request, each time, and at those
 * of whoever has opened the socket: CAP_NET_ADMIN and CAP_SYS_RESOURCE stay. Listening to its
 * groups takes CAP_SYS_ADMIN, but only when it begins.
 */
#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "caps.h"

/**
 * bc_caps_drop() - give up all capabilities but those that requests take
 *
 * Return: 0 or a negative errno.
 */
int bc_caps_drop(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };
	unsigned int keep = 1U << CAP_NET_ADMIN | 1U << CAP_SYS_RESOURCE;

	if (syscall(SYS_capget, &head, data))
		return -errno;
	data[0].effective &= keep;
	data[0].permitted &= keep;
	data[0].inheritable = 0;
	data[1] = (struct __user_cap_data_struct){ 0 };
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_capset, &head, data))
		return -errno;
	return 0;
}
