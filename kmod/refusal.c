// SPDX-License-Identifier: GPL-2.0
/*
 * Refusals: counted where they happen, told later
 *
 * A refusal happens in any context, soft interrupts included. It is counted at
 * the level that refused and queued; a worker sends the queue to the listeners.
 * A container that provokes refusals in a loop must not cost the host more than
 * the counting: each pool may queue BC_EVENTS_PER_SEC events in a second, the
 * queue is bounded, and what is left out is counted for the next event.
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

static void bc_refusal_fill(struct bc_refusal *ref, const struct bc_pool *origin,
			    struct bc_pool *level, const struct bc_counter *fail,
			    const struct bc_record *rec)
{
	ref->incarnation = level->incarnation;
	ref->held = rec ? rec->held : bc_counter_held(fail);
	ref->barrier = rec ? rec->barrier : READ_ONCE(fail->barrier);
	ref->limit = rec ? rec->limit : READ_ONCE(fail->limit);
	ref->suppressed = atomic64_xchg(&level->suppressed, 0);
	ref->id = level->id;
	ref->origin_id = origin->id;
	memcpy(ref->name, level->name, sizeof(ref->name));
	memcpy(ref->origin, origin->name, sizeof(ref->origin));
}

static void bc_refusal_culprit(struct bc_refusal *ref, const struct task_struct *task)
{
	/* In a soft interrupt current is whoever was interrupted. */
	ref->pid = task ? task->pid : in_task() ? current->pid : 0;
	memcpy(ref->comm, task ? task->comm : current->comm, sizeof(ref->comm));
	ref->comm[sizeof(ref->comm) - 1] = '\0';
}

/**
 * bc_refused_task() - count a refusal that concerns a task other than the current one
 * @origin: pool of that task
 * @fail: counter that refused
 * @res: resource
 * @amount: what was asked for
 * @task: the task to be told, which cannot be freed meanwhile; NULL for the current one
 * @rec: what was in force; NULL when the counter has that
 *
 * Context: any, inside a charge section.
 */
void bc_refused_task(struct bc_pool *origin, struct bc_counter *fail, enum bc_res res, u64 amount,
		     const struct task_struct *task, const struct bc_record *rec)
{
	struct bc_pool *level = bc_counter_pool(fail, res);
	bc_notify_t notify = READ_ONCE(bc_refusal_notify);
	u64 now = ktime_get_boottime_ns();
	struct bc_refusal *ref;
	unsigned long flags;

	bc_counter_refused(fail, amount, now);
	if (!bc_event_allowed(level))
		goto suppress;
	spin_lock_irqsave(&bc_refusal_lock, flags);
	if (bc_refusal_head - bc_refusal_tail == BC_EVENTS_QUEUED) {
		spin_unlock_irqrestore(&bc_refusal_lock, flags);
		goto suppress;
	}
	ref = &bc_refusal_ring[bc_refusal_head++ % BC_EVENTS_QUEUED];
	ref->time = now;
	ref->amount = amount;
	ref->res = res;
	bc_refusal_fill(ref, origin, level, fail, rec);
	bc_refusal_culprit(ref, task);
	spin_unlock_irqrestore(&bc_refusal_lock, flags);
	if (notify)
		notify();
	return;

suppress:
	atomic64_inc(&level->suppressed);
	atomic64_inc(&bc_refusal_suppressed);
}

/**
 * bc_refused() - count a refusal and tell it
 * @origin: pool of the task or socket that asked
 * @fail: counter that refused
 * @res: resource
 * @amount: what was asked for
 *
 * Context: any, inside a charge section.
 */
void bc_refused(struct bc_pool *origin, struct bc_counter *fail, enum bc_res res, u64 amount)
{
	bc_refused_task(origin, fail, res, amount, NULL, NULL);
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
