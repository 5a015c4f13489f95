/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_REFLOG_H
#define _BC_REFLOG_H

#include <linux/spinlock.h>

#include "counter.h"
#include "resource.h"

struct bc_pool;

/* So many of the last refusals are there in any case, repeats not counted. */
#define BC_REFLOG_LAST	8
/* And besides the last one of each resource. */
#define BC_REFLOG_SLOTS	(BC_REFLOG_LAST + BC_NR_RES)

/**
 * struct bc_culprit - who was refused what, once or again and again
 * @seq: of the last refusal, for the order
 * @first: time of the first one, CLOCK_BOOTTIME ns
 * @time: time of the last one
 * @count: how many there were
 * @amount: what was last asked for
 * @largest: the most that was asked for at once
 * @held: what the pool held at the last one
 * @barrier: its barrier then
 * @limit: its limit then
 * @origin_incarnation: of the pool of whoever asked
 * @origin_id: number of that pool
 * @pid: task that ran, in the initial namespace; 0 in a soft interrupt
 * @res: enum bc_res
 * @bound: enum bc_bound
 * @comm: name of that task
 * @origin: name of the pool of whoever asked
 */
struct bc_culprit {
	u64	seq;
	u64	first;
	u64	time;
	u64	count;
	u64	amount;
	u64	largest;
	u64	held;
	u64	barrier;
	u64	limit;
	u64	origin_incarnation;
	u32	origin_id;
	u32	pid;
	u8	res;
	u8	bound;
	char	comm[16];
	char	origin[BC_NAME_MAX + 1];
};

/**
 * struct bc_request - a request that was refused
 * @res: resource
 * @bound: which of the two bounds was in the way
 * @amount: what was asked for
 * @time: when, CLOCK_BOOTTIME ns
 * @pid: task that ran, in the initial namespace; 0 in a soft interrupt
 * @comm: name of that task
 * @rec: what was in force; NULL when the counter has that
 */
struct bc_request {
	enum bc_res	res;
	enum bc_bound	bound;
	u64		amount;
	u64		time;
	u32		pid;
	const char	*comm;
	const struct bc_record	*rec;
};

/**
 * struct bc_reflog - the last refusals of a pool
 * @lock: protects the rest; any context, nothing is taken inside
 * @seq: refusals so far
 * @nr: slots in use
 * @last: slot of the last refusal
 * @slots: in no order
 */
struct bc_reflog {
	spinlock_t		lock;
	u64			seq;
	unsigned int		nr;
	unsigned int		last;
	struct bc_culprit	slots[BC_REFLOG_SLOTS];
};

void bc_reflog_init(struct bc_reflog *log);
void bc_reflog_add(struct bc_reflog *log, const struct bc_pool *origin,
		   const struct bc_counter *fail, const struct bc_request *what);
unsigned int bc_reflog_copy(struct bc_reflog *log, struct bc_culprit to[BC_REFLOG_SLOTS]);

#endif /* _BC_REFLOG_H */
