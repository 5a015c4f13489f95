// SPDX-License-Identifier: GPL-2.0
/*
 * Refusals: counted where they happen, told later
 *
 * A refusal happens in any context, soft interrupts included. It is counted at
 * the level that refused and queued; a worker sends the queue to the listeners.
 * A container that provokes refusals in a loop must not cost the host more than
 * the counting: each pool may queue BC_EVENTS_PER_SEC events in a second, the
 * queue is bounded, and what is left out is counted for the next event. All of
 * them are noted in the pool's log (reflog.c).
 */
#include <linux/jiffies.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "refusal.h"

static DEFINE_SPINLOCK(bc_refusal_lock);
static struct bc_refusal bc_refusal_ring[BC_EVENTS_QUEUED];
static unsigned int bc_refusal_head, bc_refusal_tail;	/* under bc_refusal_lock */
static atomic64_t bc_refusal_suppressed;
static bc_notify_t bc_refusal_notify;

/**
 * bc_refusal_set_notify() - say who is to be told that something was queued
 * @notify: called in any context
 */
void bc_refusal_set_notify(bc_notify_t notify)
{
	WRITE_ONCE(bc_refusal_notify, notify);
}

/* Racy refill: two CPUs in the same tick may both grant a full burst, once. */
static bool bc_event_allowed(struct bc_pool *pool)
{
	long now = jiffies / HZ, last = atomic_long_read(&pool->event_stamp);

	if (now != last && atomic_long_try_cmpxchg(&pool->event_stamp, &last, now))
		atomic_set(&pool->event_burst, BC_EVENTS_PER_SEC);
	return atomic_dec_if_positive(&pool->event_burst) >= 0;
}

static void bc_refusal_fill(struct bc_refusal *ref, const struct bc_denial *why,
			    struct bc_pool *level, const struct bc_request *what)
{
	const struct bc_record *rec = what->rec;

	ref->time = what->time;
	ref->amount = what->amount;
	ref->res = what->res;
	ref->incarnation = level->incarnation;
	ref->held = rec ? rec->held : bc_counter_held(why->fail);
	ref->barrier = rec ? rec->barrier : READ_ONCE(why->fail->barrier);
	ref->limit = rec ? rec->limit : READ_ONCE(why->fail->limit);
	ref->suppressed = atomic64_xchg(&level->suppressed, 0);
	ref->id = level->id;
	ref->origin_id = why->origin->id;
	memcpy(ref->name, level->name, sizeof(ref->name));
	memcpy(ref->origin, why->origin->name, sizeof(ref->origin));
	ref->pid = what->pid;
	memcpy(ref->comm, what->comm, sizeof(ref->comm));
	ref->comm[sizeof(ref->comm) - 1] = '\0';
}

/* Puts it into the queue, if the pool may have one more there. */
static bool bc_refusal_queue(const struct bc_denial *why, struct bc_pool *level,
			     const struct bc_request *what)
{
	unsigned long flags;
	bool room;

	if (!bc_event_allowed(level))
		return false;
	spin_lock_irqsave(&bc_refusal_lock, flags);
	room = bc_refusal_head - bc_refusal_tail != BC_EVENTS_QUEUED;
	if (room)
		bc_refusal_fill(&bc_refusal_ring[bc_refusal_head++ % BC_EVENTS_QUEUED], why,
				level, what);
	spin_unlock_irqrestore(&bc_refusal_lock, flags);
	return room;
}

/**
 * bc_denied() - count a refusal and tell it
 * @why: who was refused what
 *
 * Context: any, inside a charge section.
 */
void bc_denied(const struct bc_denial *why)
{
	struct bc_pool *level = bc_counter_pool(why->fail, why->res);
	const struct task_struct *task = why->task ?: current;
	bc_notify_t notify = READ_ONCE(bc_refusal_notify);
	/* In a soft interrupt current is whoever was interrupted. */
	const struct bc_request what = {
		.res = why->res, .bound = why->bound, .amount = why->amount,
		.time = ktime_get_boottime_ns(), .rec = why->rec,
		.pid = why->task || in_task() ? task->pid : 0, .comm = task->comm,
	};

	bc_counter_refused(why->fail, why->amount, what.time);
	bc_pool_stale(level);
	bc_reflog_add(level->reflog, why->origin, why->fail, &what);
	if (!bc_refusal_queue(why, level, &what)) {
		atomic64_inc(&level->suppressed);
		atomic64_inc(&bc_refusal_suppressed);
	} else if (notify) {
		notify();
	}
}

/**
 * bc_refusal_next() - take the oldest queued refusal
 * @ref: where it is copied to
 *
 * Return: false when none is queued.
 */
bool bc_refusal_next(struct bc_refusal *ref)
{
	unsigned long flags;
	bool found;

	spin_lock_irqsave(&bc_refusal_lock, flags);
	found = bc_refusal_head != bc_refusal_tail;
	if (found)
		*ref = bc_refusal_ring[bc_refusal_tail++ % BC_EVENTS_QUEUED];
	spin_unlock_irqrestore(&bc_refusal_lock, flags);
	return found;
}

/**
 * bc_refusals_suppressed() - refusals not told since the module was loaded
 *
 * Return: their number.
 */
u64 bc_refusals_suppressed(void)
{
	return atomic64_read(&bc_refusal_suppressed);
}
