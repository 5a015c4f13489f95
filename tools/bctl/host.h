/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What "bctl collect" asks of the machine; the tests link another one in its place.
 */
#ifndef BCTL_HOST_H
#define BCTL_HOST_H

#include <stdint.h>

/* Room for a boot id. */
#define BC_BOOT_ID_MAX	40

/**
 * struct bc_now - an instant
 * @utc_ms: UTC in ms since 1970
 * @boot_ns: the same on CLOCK_BOOTTIME
 */
struct bc_now {
	int64_t utc_ms;
	uint64_t boot_ns;
};

void bc_clock_now(struct bc_now *now);
int bc_clock_boot_id(char *id);
int bc_host_claim(const char *reader);
int bc_host_wait(int fd, int timeout_ms);

/**
 * bc_clock_utc() - when an instant was, in UTC as the clock is set now
 * @now: what the clocks say
 * @boot_ns: the instant
 *
 * Return: ms since 1970.
 */
static inline int64_t bc_clock_utc(const struct bc_now *now, uint64_t boot_ns)
{
	return now->utc_ms - (int64_t)(now->boot_ns - boot_ns) / 1000000;
}

#endif /* BCTL_HOST_H */
