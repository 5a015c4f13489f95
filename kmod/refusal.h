/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_REFUSAL_H
#define _BC_REFUSAL_H

#include "tree.h"

struct task_struct;

/* Events of one pool that may be sent in one second. */
#define BC_EVENTS_PER_SEC	20
/* Events that may wait to be sent, over all pools. */
#define BC_EVENTS_QUEUED	256

/**
 * struct bc_refusal - a refusal as it is told to listeners
 * @time: when, CLOCK_BOOTTIME ns
 * @incarnation: of the pool that refused
 * @amount: what was asked for
 * @held: what that pool held
 * @barrier: its barrier
 * @limit: its limit
 * @suppressed: refusals by that pool not told since its last event
 * @id: number of the pool that refused
 * @origin_id: number of the pool of whoever asked
 * @pid: task that ran, in the initial namespace; 0 in a soft interrupt
 * @res: resource
 * @name: name of the pool that refused
 * @origin: name of the pool of whoever asked
 * @comm: name of the task that ran
 *
 * Copied at the time of the refusal, for the pool may be gone when it is sent.
 */
struct bc_refusal {
	u64		time;
	u64		incarnation;
	u64		amount;
	u64		held;
	u64		barrier;
	u64		limit;
	u64		suppressed;
	u32		id;
	u32		origin_id;
	u32		pid;
	enum bc_res	res;
	char		name[BC_NAME_MAX + 1];
	char		origin[BC_NAME_MAX + 1];
	char		comm[16];
};

/**
 * struct bc_denial - that somebody was refused something
 * @origin: pool of the task or socket that asked
 * @fail: counter that refused
 * @res: resource
 * @bound: which of the two bounds was in the way
 * @amount: what was asked for
 * @task: whom it concerns, who cannot be freed meanwhile; NULL for the current task
 * @rec: what was in force; NULL when the counter has that
 */
struct bc_denial {
	struct bc_pool			*origin;
	struct bc_counter		*fail;
	enum bc_res			res;
	enum bc_bound			bound;
	u64				amount;
	const struct task_struct	*task;
	const struct bc_record		*rec;
};

void bc_denied(const struct bc_denial *why);

/**
 * bc_refused_by() - count and tell a refusal
 * @origin: pool of the task or socket that asked
 * @fail: counter that refused
 * @res: resource
 * @amount: what was asked for
 * @bound: which of the two bounds was in the way
 *
 * Context: any, inside a charge section.
 */
static inline void bc_refused_by(struct bc_pool *origin, struct bc_counter *fail, enum bc_res res,
				 u64 amount, enum bc_bound bound)
{
	const struct bc_denial why = {
		.origin = origin, .fail = fail, .res = res, .bound = bound, .amount = amount,
	};

	bc_denied(&why);
}

/**
 * bc_refused() - count and tell a refusal at the barrier
 * @origin: pool of the task or socket that asked
 * @fail: counter that refused
 * @res: resource
 * @amount: what was asked for
 *
 * Context: any, inside a charge section.
 */
static inline void bc_refused(struct bc_pool *origin, struct bc_counter *fail, enum bc_res res,
			      u64 amount)
{
	bc_refused_by(origin, fail, res, amount, BC_BOUND_BARRIER);
}

typedef void (*bc_notify_t)(void);

bool bc_refusal_next(struct bc_refusal *ref);
u64 bc_refusals_suppressed(void);
void bc_refusal_set_notify(bc_notify_t notify);

#endif /* _BC_REFUSAL_H */
