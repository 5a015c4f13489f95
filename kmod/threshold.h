/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_THRESHOLD_H
#define _BC_THRESHOLD_H

#include "counter.h"

/**
 * struct bc_crossing - a threshold that was crossed
 * @direction: enum bc_direction
 * @percent: of the barrier, the figure that was crossed
 * @held: what was held then
 * @barrier: the barrier
 * @time: when, CLOCK_BOOTTIME ns
 */
struct bc_crossing {
	enum bc_direction	direction;
	u32			percent;
	u64			held;
	u64			barrier;
	u64			time;
};

typedef void (*bc_tripped_t)(void);

void bc_threshold_set_notify(bc_tripped_t notify);
int bc_threshold_check(u32 rise, u32 fall);
void bc_threshold_set(struct bc_counter *cnt, u32 rise, u32 fall);
void bc_threshold_refresh(struct bc_counter *cnt);
void bc_threshold_trip(struct bc_counter *cnt, u64 held);
bool bc_threshold_look(struct bc_counter *cnt, bool bound, bool rearm, struct bc_crossing *x);
bool bc_threshold_poll(struct bc_threshold *th, u64 held, u64 barrier, struct bc_crossing *x);
bool bc_threshold_open(const struct bc_counter *cnt);

#endif /* _BC_THRESHOLD_H */
