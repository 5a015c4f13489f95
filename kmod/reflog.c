// SPDX-License-Identifier: GPL-2.0
/*
 * The last refusals of a pool, for whoever asks later
 *
 * Events are told to those who listen and are rationed; this is what can still
 * be asked for afterwards. A slot is one culprit: a task, its pool and a
 * resource. Repeats are counted in its slot, so that a loop of refusals costs a
 * few stores and takes one slot.
 *
 * What must not get lost is settled by which slot is given up for a new culprit:
 *
 *  - the oldest of the same pool and resource, if these have BC_REFLOG_LAST
 *    slots: a storm of one pool at one resource pushes out nobody else;
 *  - else the oldest that is not the last one of its resource.
 *
 * With BC_REFLOG_LAST slots more than there are resources, the last refusal of
 * each resource and the last BC_REFLOG_LAST culprits are always there.
 */
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "reflog.h"
#include "tree.h"

/**
 * bc_reflog_init() - prepare a log: nothing was refused
 * @log: log, all zero
 */
void bc_reflog_init(struct bc_reflog *log)
{
	spin_lock_init(&log->lock);
}

static bool bc_culprit_same_pool(const struct bc_culprit *slot, const struct bc_pool *origin,
				 enum bc_res res)
{
	return slot->res == res && slot->origin_incarnation == origin->incarnation;
}

static bool bc_culprit_is(const struct bc_culprit *slot, const struct bc_pool *origin,
			  enum bc_res res, u32 pid)
{
	return slot->pid == pid && bc_culprit_same_pool(slot, origin, res);
}

/* Is a slot the last one of its resource? */
static bool bc_reflog_is_last(const struct bc_reflog *log, const struct bc_culprit *slot)
{
	unsigned int i;

	for (i = 0; i < log->nr; i++)
		if (log->slots[i].res == slot->res && log->slots[i].seq > slot->seq)
			return false;
	return true;
}

/* All slots are taken: which one is given up? */
static struct bc_culprit *bc_reflog_oldest(struct bc_reflog *log)
{
	struct bc_culprit *oldest = NULL, *slot;

	for (slot = log->slots; slot < log->slots + log->nr; slot++)
		if ((!oldest || slot->seq < oldest->seq) && !bc_reflog_is_last(log, slot))
			oldest = slot;
	return oldest ?: log->slots;
}

/* The slot of a culprit, or the one that it gets; @found tells which. */
static struct bc_culprit *bc_reflog_slot(struct bc_reflog *log, const struct bc_pool *origin,
					 enum bc_res res, u32 pid, bool *found)
{
	struct bc_culprit *oldest = NULL, *slot = &log->slots[log->last];
	unsigned int same = 0;

	*found = log->nr && bc_culprit_is(slot, origin, res, pid);
	if (*found)
		return slot;
	for (slot = log->slots; slot < log->slots + log->nr; slot++) {
		*found = bc_culprit_is(slot, origin, res, pid);
		if (*found)
			return slot;
		if (!bc_culprit_same_pool(slot, origin, res))
			continue;
		same++;
		if (!oldest || slot->seq < oldest->seq)
			oldest = slot;
	}
	if (same >= BC_REFLOG_LAST)
		return oldest;
	if (log->nr < BC_REFLOG_SLOTS)
		return &log->slots[log->nr++];
	return bc_reflog_oldest(log);
}

/**
 * bc_denial_task() - whom a refusal concerns
 * @why: refusal
 *
 * Return: task; in a soft interrupt whoever was interrupted.
 */
const struct task_struct *bc_denial_task(const struct bc_denial *why)
{
	return why->task ?: current;
}

/**
 * bc_denial_pid() - the number of whom a refusal concerns
 * @why: refusal
 *
 * Return: in the initial namespace; 0 in a soft interrupt.
 */
u32 bc_denial_pid(const struct bc_denial *why)
{
	return why->task || in_task() ? bc_denial_task(why)->pid : 0;
}

/**
 * bc_denial_figures() - what the pool that refused had at that moment
 * @why: refusal
 * @held: what it held
 * @barrier: its barrier
 * @limit: its limit
 */
void bc_denial_figures(const struct bc_denial *why, u64 *held, u64 *barrier, u64 *limit)
{
	const struct bc_record *rec = why->rec;

	*held = rec ? rec->held : bc_counter_held(why->fail);
	*barrier = rec ? rec->barrier : READ_ONCE(why->fail->barrier);
	*limit = rec ? rec->limit : READ_ONCE(why->fail->limit);
}

/**
 * bc_reflog_add() - note a refusal
 * @log: log of the pool that refused
 * @why: refusal
 * @now: time, CLOCK_BOOTTIME ns
 *
 * Context: any. A new culprit costs a look at each slot, and at each pair of
 * them if all are taken; a repeat of the last one a few stores.
 */
void bc_reflog_add(struct bc_reflog *log, const struct bc_denial *why, u64 now)
{
	const struct bc_pool *origin = why->origin;
	u32 pid = bc_denial_pid(why);
	struct bc_culprit *slot;
	unsigned long flags;
	bool found;

	spin_lock_irqsave(&log->lock, flags);
	slot = bc_reflog_slot(log, origin, why->res, pid, &found);
	if (!found) {
		*slot = (struct bc_culprit){ .first = now, .pid = pid, .res = why->res };
		slot->origin_incarnation = origin->incarnation;
		slot->origin_id = origin->id;
		memcpy(slot->origin, origin->name, sizeof(slot->origin));
	}
	slot->seq = ++log->seq;
	slot->time = now;
	slot->count++;
	slot->amount = why->amount;
	slot->largest = max(slot->largest, why->amount);
	bc_denial_figures(why, &slot->held, &slot->barrier, &slot->limit);
	slot->bound = why->bound;
	if (pid)
		strscpy(slot->comm, bc_denial_task(why)->comm, sizeof(slot->comm));
	log->last = slot - log->slots;
	spin_unlock_irqrestore(&log->lock, flags);
}

static int bc_culprit_newer(const void *a, const void *b)
{
	const struct bc_culprit *x = a, *y = b;

	return x->seq > y->seq ? -1 : x->seq < y->seq;
}

/**
 * bc_reflog_copy() - copy the last refusals
 * @log: log
 * @to: where to, the newest first
 *
 * Return: how many there are.
 */
unsigned int bc_reflog_copy(struct bc_reflog *log, struct bc_culprit to[BC_REFLOG_SLOTS])
{
	unsigned long flags;
	unsigned int nr;

	spin_lock_irqsave(&log->lock, flags);
	nr = log->nr;
	memcpy(to, log->slots, nr * sizeof(*to));
	spin_unlock_irqrestore(&log->lock, flags);
	sort(to, nr, sizeof(*to), bc_culprit_newer, NULL);
	return nr;
}
