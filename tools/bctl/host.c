// SPDX-License-Identifier: GPL-2.0
/*
 * The two clocks, the name of this run of the kernel, and names that only one may have
 */
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "host.h"

/**
 * bc_clock_now() - read the clocks
 * @now: receives what they say; the two readings are within a few microseconds, unless
 *	this process had to wait for a CPU between them
 */
void bc_clock_now(struct bc_now *now)
{
	struct timespec boot, utc;

	clock_gettime(CLOCK_BOOTTIME, &boot);
	clock_gettime(CLOCK_REALTIME, &utc);
	now->boot_ns = boot.tv_sec * 1000000000ULL + boot.tv_nsec;
	now->utc_ms = utc.tv_sec * 1000LL + utc.tv_nsec / 1000000;
}

/**
 * bc_clock_boot_id() - the name of this run of the kernel
 * @id: receives it: BC_BOOT_ID_MAX bytes
 *
 * Return: 0 or a negative errno.
 */
int bc_clock_boot_id(char *id)
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
	int ret = 0;

	if (!f)
		return -errno;
	if (!fgets(id, BC_BOOT_ID_MAX, f))
		ret = -EIO;
	fclose(f);
	if (!ret)
		id[strcspn(id, "\n")] = '\0';
	return ret;
}

/**
 * bc_host_claim() - claim the name of a reader
 * @reader: the name
 *
 * A socket with that name, which ends with this process. Such names are those of a network
 * namespace, and so is the module's family.
 *
 * Return: a descriptor to keep, -EADDRINUSE when another process has the name, or another
 * negative errno.
 */
int bc_host_claim(const char *reader)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), len, ret;

	if (fd < 0)
		return -errno;
	len = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "bctl-collect-%s", reader);
	if (!bind(fd, (struct sockaddr *)&name,
		  offsetof(struct sockaddr_un, sun_path) + 1 + len))
		return fd;
	ret = -errno;
	close(fd);
	return ret;
}

/**
 * bc_host_wait() - wait until a descriptor can be read
 * @fd: the descriptor
 * @timeout_ms: how long at most
 *
 * Return: 0, or a negative errno, -EINTR for instance.
 */
int bc_host_wait(int fd, int timeout_ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, timeout_ms) < 0 ? -errno : 0;
}
