/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_BOOKING_H
#define BCTL_BOOKING_H

#include <stddef.h>
#include <stdint.h>

#include "host.h"

struct bc_collector;
struct bc_pending;
struct bc_snapshot;

/**
 * struct bc_booking - one transaction
 * @c: the collector
 * @now: what the clocks said after all was read
 * @keys: rows of the pools of the dump
 * @serial: that of the last closing record
 * @written: how many records were written
 */
struct bc_booking {
	struct bc_collector *c;
	struct bc_now now;
	int64_t *keys;
	uint64_t serial;
	uint64_t written;
};

int bc_book(struct bc_collector *c, const struct bc_snapshot *snap,
	    const struct bc_pending *closed, struct bc_booking *k);
int bc_book_rows(struct bc_collector *c, const struct bc_snapshot *snap);

#endif /* BCTL_BOOKING_H */
