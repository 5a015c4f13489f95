// SPDX-License-Identifier: GPL-2.0
/*
 * No address is that of two containers, whether they run or not
 *
 * Who gives an address to a container looks at all the others first, and holds a lock from
 * before that until it stands in a file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ct.h"
#include "keys.h"
#include "net.h"

/**
 * ct_ip_lock() - nobody else gives an address until this command ends
 * @run: the run
 *
 * The lock goes with the descriptor, which is closed when the program ends.
 *
 * Return: CT_OK or CT_E_LOCK_DIR.
 */
int ct_ip_lock(const struct ct_run *run)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	static int held = -1;
	char path[PATH_MAX];
	int ret;

	if (held >= 0)
		return CT_OK;
	ret = ct_path(path, sizeof(path), "%s/addresses.lck",
		      ct_global(run, "LOCKDIR", "/var/lib/vz/lock"));
	held = ret ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (held < 0)
		return ct_fail(run, CT_E_LOCK_DIR, path, "%s", strerror(ret ? -ret : errno));
	do {
		ret = fcntl(held, F_SETLKW, &lock);
	} while (ret && errno == EINTR);
	return ret ? ct_fail(run, CT_E_LOCK_DIR, path, "%s", strerror(errno)) : CT_OK;
}

/* Does a file name one of the addresses? */
static bool ct_ip_in(const struct ct_conf *conf, const struct ct_addrs *addrs, size_t *which)
{
	struct ct_addrs theirs;
	const char *why;

	/* What cannot be read cannot be started either. */
	if (ct_addrs_parse(ct_get(conf, "IP_ADDRESS"), &theirs, &why))
		return false;
	for (*which = 0; *which < addrs->count; (*which)++)
		if (ct_addrs_have(&theirs, &addrs->a[*which]))
			return true;
	return false;
}

/* The other container in whose file, or whose record, one of the addresses stands. */
static int ct_ip_look(const struct ct *ct, const char *number, const struct ct_addrs *addrs)
{
	char text[CT_ADDR_TEXT];
	struct ct other;
	struct ct_conf up;
	size_t which;
	bool found;

	if (ct_open(ct->run, number, &other)) {
		ct_close(&other);
		return CT_OK;
	}
	found = ct_ip_in(&other.conf, addrs, &which);
	if (!found && !ct_up_load(&other, &up)) {
		found = ct_up_now(&up) && ct_ip_in(&up, addrs, &which);
		ct_conf_clear(&up);
	}
	ct_close(&other);
	if (!found)
		return CT_OK;
	ct_addr_text(&addrs->a[which], false, text, sizeof(text));
	return ct_fail(ct->run, CT_E_IP_IN_USE, ct->text, "the address %s is that of container %s",
		       text, number);
}

/**
 * ct_ip_taken() - does another container have one of the addresses?
 * @ct: the container that is to have them
 * @addrs: the addresses
 *
 * Return: CT_OK, CT_E_IP_IN_USE, or another error.
 */
int ct_ip_taken(const struct ct *ct, const struct ct_addrs *addrs)
{
	int status = CT_OK;
	char number[16];
	uint32_t *ids;
	size_t count, i;

	if (addrs->count)
		status = ct_every(ct->run, &ids, &count);
	if (status || !addrs->count)
		return status;
	for (i = 0; i < count && !status; i++) {
		snprintf(number, sizeof(number), "%u", ids[i]);
		if (ids[i] != ct->id)
			status = ct_ip_look(ct, number, addrs);
	}
	free(ids);
	return status;
}
