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
#include <linux/minmax.h>
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
 * bc_reflog_add() - note a refusal
 * @log: log of the pool that refused
 * @origin: pool of whoever asked
 * @fail: counter that refused
 * @what: what was asked for, when and by whom
 *
 * Context: any. A new culprit costs a look at each slot, and at each pair of
 * them if all are taken; a repeat of the last one a few stores.
 */
void bc_reflog_add(struct bc_reflog *log, const struct bc_pool *origin,
		   const struct bc_counter *fail, const struct bc_request *what)
{
	struct bc_culprit *slot;
	unsigned long flags;
	bool found;

	spin_lock_irqsave(&log->lock, flags);
	slot = bc_reflog_slot(log, origin, what->res, what->pid, &found);
	if (!found) {
		*slot = (struct bc_culprit){
			.first = what->time, .pid = what->pid, .res = what->res,
			.origin_incarnation = origin->incarnation, .origin_id = origin->id,
		};
		memcpy(slot->origin, origin->name, sizeof(slot->origin));
	}
	slot->seq = ++log->seq;
	slot->time = what->time;
	slot->count++;
	slot->amount = what->amount;
	slot->largest = max(slot->largest, what->amount);
	slot->held = what->rec ? what->rec->held : bc_counter_held(fail);
	slot->barrier = what->rec ? what->rec->barrier : READ_ONCE(fail->barrier);
	slot->limit = what->rec ? what->rec->limit : READ_ONCE(fail->limit);
	slot->bound = what->bound;
	if (what->pid)
		strscpy(slot->comm, what->comm, sizeof(slot->comm));
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
