// SPDX-License-Identifier: GPL-2.0
/*
 * Lockless hierarchical counters with two bounds
 *
 * A counter is one resource at one level of the pool tree. A charge goes to
 * the counter and to all above it, or to none of them. Each level is raised by
 * compare and exchange, so that a level never holds more than its bound because
 * of a charge that obeys bounds, not even for a moment, and a large request
 * that fails cannot make a small one fail beside it at that level.
 *
 * What is tolerated: while a request is on its way to be refused by an upper
 * level, the lower levels hold its amount for some instructions. A charge that
 * succeeds at such a lower level at this very moment may leave the amount in
 * maxheld, and one that just fits may be refused there. The error is at most
 * the sum of the requests being refused right now, one for each CPU.
 *
 * Refusals are not counted by the charge but by bc_counter_refused(), because
 * only the caller knows whether the refusal stands: it may recount and ask
 * again, or grant the guaranteed minimum by force.
 *
 * Amounts times time are summed up beside, for the integrals (integral.c): by what is
 * charged only, never by what is refused.
 *
 * Context: any, hard interrupts included; nothing here sleeps or takes a lock.
 * The caller keeps the chain of parents stable (see tree.c).
 */
#include <linux/bug.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "counter.h"
#include "threshold.h"

/**
 * bc_counter_init() - prepare a counter: nothing held, no bounds
 * @cnt: counter
 * @parent: the same resource one level up, or NULL
 */
void bc_counter_init(struct bc_counter *cnt, struct bc_counter *parent)
{
	memset(cnt, 0, sizeof(*cnt));
	cnt->rise = BC_UNLIMITED;
	cnt->barrier = BC_UNLIMITED;
	cnt->limit = BC_UNLIMITED;
	cnt->threshold.rise_at = BC_UNLIMITED;
	cnt->threshold.fall_at = BC_UNLIMITED;
	cnt->parent = parent;
}

static u64 bc_counter_bound(const struct bc_counter *cnt, enum bc_severity sev)
{
	switch (sev) {
	case BC_HARD:
		return READ_ONCE(cnt->barrier);
	case BC_SOFT:
		return READ_ONCE(cnt->limit);
	default:
		return BC_UNLIMITED;
	}
}

/* held is below S64_MAX and bounds are BC_UNLIMITED or below BC_AMOUNT_MAX: no overflow. */
static bool bc_counter_fits(u64 held, u64 amount, u64 bound)
{
	if (bound == BC_UNLIMITED)
		bound = S64_MAX;
	return amount <= bound && held <= bound - amount;
}

static void bc_counter_raise_to(atomic64_t *max, s64 held)
{
	s64 old = atomic64_read(max);

	while (held > old && !atomic64_try_cmpxchg(max, &old, held))
		;
}

/* maxheld first: whoever sees the new peak must not see an older maxheld. */
static noinline void bc_counter_new_max(struct bc_counter *cnt, s64 held)
{
	bc_counter_raise_to(&cnt->maxheld, held);
	bc_counter_raise_to(&cnt->peak, held);
}

/* What is not above peak is not above maxheld either. */
static __always_inline void bc_counter_note_max(struct bc_counter *cnt, s64 held)
{
	if (unlikely(held > atomic64_read(&cnt->peak)))
		bc_counter_new_max(cnt, held);
	if (unlikely((u64)held >= READ_ONCE(cnt->rise) && held > 0))
		bc_threshold_trip(cnt, held);
}

/* Raises one level; returns what it holds then, or -1. */
static s64 bc_counter_raise(struct bc_counter *cnt, u64 amount, enum bc_severity sev)
{
	u64 bound = bc_counter_bound(cnt, sev);
	s64 held = atomic64_read(&cnt->held);

	do {
		if (!bc_counter_fits(held > 0 ? held : 0, amount, bound))
			return -1;
	} while (!atomic64_try_cmpxchg(&cnt->held, &held, held + amount));
	return held + amount;
}

static void bc_counter_lower(struct bc_counter *cnt, u64 amount)
{
	s64 held = atomic64_sub_return(amount, &cnt->held);

	if (WARN_ONCE(held < 0, "beancounter: counter below zero by %lld\n", -held))
		atomic64_cmpxchg(&cnt->held, held, 0);
}

/* Takes back what was raised for a request that is refused further up. */
static void bc_counter_give_up(struct bc_counter *cnt, const struct bc_counter *stop, u64 amount)
{
	for (; cnt != stop; cnt = cnt->parent)
		bc_counter_lower(cnt, amount);
}

/* Charges and uncharges by force, as of @when. */
static void bc_counter_charge_at(struct bc_counter *cnt, const struct bc_counter *stop,
				 u64 amount, u64 when)
{
	u64 moment = amount * when;

	for (; cnt && cnt != stop; cnt = cnt->parent) {
		atomic64_add(moment, &cnt->moment);
		bc_counter_note_max(cnt, atomic64_add_return(amount, &cnt->held));
	}
}

static void bc_counter_uncharge_at(struct bc_counter *cnt, const struct bc_counter *stop,
				   u64 amount, u64 when)
{
	u64 moment = amount * when;

	for (; cnt && cnt != stop; cnt = cnt->parent) {
		atomic64_sub(moment, &cnt->moment);
		bc_counter_lower(cnt, amount);
	}
}

/**
 * bc_counter_try_charge() - charge a counter and all above it, or none
 * @cnt: lowest counter
 * @amount: how much, 0..BC_AMOUNT_MAX
 * @sev: which bound is to be obeyed
 * @fail: where the counter that refused is stored, untouched on success
 *
 * Return: true when charged. On false every level holds what it held.
 */
bool bc_counter_try_charge(struct bc_counter *cnt, u64 amount, enum bc_severity sev,
			   struct bc_counter **fail)
{
	struct bc_counter *pos;
	s64 seen[BC_LEVELS_MAX];
	int level = 0;
	u64 moment;

	for (pos = cnt; pos; pos = pos->parent, level++) {
		if (WARN_ON_ONCE(level == BC_LEVELS_MAX))
			break;
		seen[level] = bc_counter_raise(pos, amount, sev);
		if (unlikely(seen[level] < 0)) {
			bc_counter_give_up(cnt, pos, amount);
			*fail = pos;
			return false;
		}
	}
	moment = amount * BC_TICKS();
	for (pos = cnt, level = 0; pos && level < BC_LEVELS_MAX; pos = pos->parent, level++) {
		atomic64_add(moment, &pos->moment);
		bc_counter_note_max(pos, seen[level]);
	}
	return true;
}

/**
 * bc_counter_has_room() - would a charge succeed just now?
 * @cnt: lowest counter
 * @amount: how much
 * @sev: which bound
 * @fail: where the counter that would refuse is stored
 *
 * For places that can refuse but not undo. Another charge may take the room
 * between this question and the forced charge that follows it.
 *
 * Return: true when every level has room.
 */
bool bc_counter_has_room(struct bc_counter *cnt, u64 amount, enum bc_severity sev,
			 struct bc_counter **fail)
{
	struct bc_counter *pos;

	for (pos = cnt; pos; pos = pos->parent) {
		if (bc_counter_fits(bc_counter_held(pos), amount, bc_counter_bound(pos, sev)))
			continue;
		*fail = pos;
		return false;
	}
	return true;
}

/**
 * bc_counter_charge() - charge by force, whatever the bounds say
 * @cnt: lowest counter
 * @stop: first counter above that is left alone, NULL to charge up to the host
 * @amount: how much
 */
void bc_counter_charge(struct bc_counter *cnt, const struct bc_counter *stop, u64 amount)
{
	bc_counter_charge_at(cnt, stop, amount, BC_TICKS());
}

/**
 * bc_counter_cancel() - take an amount back from one level only
 * @cnt: counter
 * @amount: how much; more than is held is a bug, warned of once
 */
void bc_counter_cancel(struct bc_counter *cnt, u64 amount)
{
	bc_counter_uncharge_at(cnt, cnt->parent, amount, BC_TICKS());
}

/**
 * bc_counter_uncharge() - take back what was charged
 * @cnt: lowest counter
 * @stop: first counter above that is left alone, NULL to go up to the host
 * @amount: how much
 */
void bc_counter_uncharge(struct bc_counter *cnt, const struct bc_counter *stop, u64 amount)
{
	bc_counter_uncharge_at(cnt, stop, amount, BC_TICKS());
}

/**
 * bc_counter_correct() - charge what there is instead of what there was
 * @cnt: lowest counter
 * @from: what is charged
 * @to: what there is
 * @since: when there was still as much as is charged, in ticks
 *
 * By force. The difference came or went at some time since then, see integral.c.
 */
void bc_counter_correct(struct bc_counter *cnt, u64 from, u64 to, u64 since)
{
	if (to < from)
		bc_counter_uncharge_at(cnt, NULL, from - to, bc_integral_middle(since, BC_TICKS()));
	else if (to > from)
		bc_counter_charge_at(cnt, NULL, to - from, bc_integral_middle(since, BC_TICKS()));
}

/**
 * bc_counter_integrate() - bring the integral of a counter up to date
 * @cnt: counter
 * @in: its integral
 * @now: time, ticks
 *
 * Context: charging is excluded, and @now was read since it is; or nobody can charge.
 * Return: true when it has grown.
 */
bool bc_counter_integrate(struct bc_counter *cnt, struct bc_integral *in, u64 now)
{
	u64 told = bc_integral_fold(in, atomic64_read(&cnt->held), atomic64_read(&cnt->moment),
				    now);

	if (told)
		atomic64_add(told, &cnt->moment);
	return told;
}

/**
 * bc_counter_refused() - count a refusal that stands
 * @cnt: the counter that refused
 * @amount: what was asked for
 * @now: time of the refusal
 */
void bc_counter_refused(struct bc_counter *cnt, u64 amount, u64 now)
{
	atomic64_inc(&cnt->failcnt);
	atomic64_add(amount, &cnt->failed);
	WRITE_ONCE(cnt->last_fail, now);
}

/**
 * bc_counter_new_peak() - would a charge make a new peak or reach a threshold somewhere?
 * @cnt: lowest counter
 * @amount: how much
 *
 * Return: the highest counter for which it would, or NULL.
 */
struct bc_counter *bc_counter_new_peak(struct bc_counter *cnt, u64 amount)
{
	struct bc_counter *top = NULL;
	s64 held;

	for (; cnt; cnt = cnt->parent) {
		held = atomic64_read(&cnt->held) + (s64)amount;
		if (held > atomic64_read(&cnt->peak) || (u64)held >= READ_ONCE(cnt->rise))
			top = cnt;
	}
	return top;
}

/**
 * bc_counter_take_peak() - close an interval and begin the next one
 * @cnt: counter
 *
 * The next interval begins with what is held. A charge notes its peak some
 * instructions after it has raised held; when the interval is closed between
 * the two, the peak belongs to the next one. None is in no interval. As in
 * maxheld, what is about to be refused by a level above may be in the figure of
 * the interval that begins: at most one request for each CPU. With charging
 * excluded, as in snapshots, the figures are exact.
 *
 * Return: the highest held of the interval.
 */
u64 bc_counter_take_peak(struct bc_counter *cnt)
{
	s64 old = atomic64_xchg(&cnt->peak, 0);

	bc_counter_new_max(cnt, bc_counter_held(cnt));
	return old;
}

/**
 * bc_counter_check_bounds() - are these two a barrier and a limit?
 * @barrier: 0..BC_AMOUNT_MAX or BC_UNLIMITED
 * @limit: likewise
 *
 * Return: 0; -ERANGE when one is too large; -EINVAL when the barrier is above
 * the limit.
 */
int bc_counter_check_bounds(u64 barrier, u64 limit)
{
	if (barrier > BC_AMOUNT_MAX && barrier != BC_UNLIMITED)
		return -ERANGE;
	if (limit > BC_AMOUNT_MAX && limit != BC_UNLIMITED)
		return -ERANGE;
	return barrier > limit ? -EINVAL : 0;
}

/**
 * bc_counter_set_bounds() - set barrier and limit
 * @cnt: counter
 * @barrier: new barrier, already checked
 * @limit: new limit, already checked
 *
 * A charge that runs at the same time obeys the old or the new bound; with
 * both changed it may see one of each, which is no worse than having come
 * before the change. Held may be above the new bounds: nothing is evicted.
 *
 * Context: the caller serialises writers.
 */
void bc_counter_set_bounds(struct bc_counter *cnt, u64 barrier, u64 limit)
{
	WRITE_ONCE(cnt->barrier, barrier);
	WRITE_ONCE(cnt->limit, limit);
	bc_threshold_refresh(cnt);
}
