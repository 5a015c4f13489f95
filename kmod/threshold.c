// SPDX-License-Identifier: GPL-2.0
/*
 * Thresholds: how near a counter is to its barrier
 *
 * A threshold is two figures in percent of the barrier: crossing the one
 * upwards is told, and then crossing the other downwards. The charge that gets
 * to the upper one is found by one compare with bc_counter.rise, which is
 * BC_UNLIMITED while there is nothing to find. That charge takes the figure
 * away, so that it is the only one, leaves a note, and wakes a worker (watch.c).
 *
 * Nothing is compared on the way down. While a counter is above, and only then,
 * the worker looks at it from time to time.
 *
 *	armed ---charge---> tripped ---look---> above ---look---> armed
 *	   ^                   |     held high         held low
 *	   `-------look--------'
 *		 held low
 *
 * What is charged of a derived resource is an upper bound. The worker recounts
 * before it looks, and a charge that only seemed to get there is not told.
 *
 * What the kernel itself counts is charged by nobody here: bc_threshold_poll() goes
 * from armed to above and back, with figures that the worker reads.
 */
#include <linux/errno.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/timekeeping.h>

#include "threshold.h"

static bc_tripped_t bc_threshold_notify;

/**
 * bc_threshold_set_notify() - say who is to be told that a threshold tripped
 * @notify: called in any context, or NULL
 */
void bc_threshold_set_notify(bc_tripped_t notify)
{
	WRITE_ONCE(bc_threshold_notify, notify);
}

/**
 * bc_threshold_check() - are these two a threshold?
 * @rise: percent of the barrier
 * @fall: percent of the barrier
 *
 * Return: 0; -ERANGE when @rise is not 1..100; -EINVAL when @fall is not below.
 */
int bc_threshold_check(u32 rise, u32 fall)
{
	if (rise < 1 || rise > 100)
		return -ERANGE;
	return fall < rise ? 0 : -EINVAL;
}

/**
 * bc_threshold_trip() - a charge got to where a threshold begins
 * @cnt: counter
 * @held: what it holds with that charge
 *
 * Context: any; of several charges at once one does something.
 */
void bc_threshold_trip(struct bc_counter *cnt, u64 held)
{
	bc_tripped_t notify = READ_ONCE(bc_threshold_notify);
	struct bc_threshold *th = &cnt->threshold;
	u64 rise = READ_ONCE(cnt->rise);

	if (held < rise || cmpxchg(&cnt->rise, rise, BC_UNLIMITED) != rise)
		return;
	WRITE_ONCE(th->held, held);
	WRITE_ONCE(th->time, ktime_get_boottime_ns());
	/* Pairs with the acquire in bc_threshold_look(). */
	smp_store_release(&th->tripped, true);
	if (notify)
		notify();
}

/* Charges that come later see the figure; one that has come is found here. */
static void bc_threshold_arm(struct bc_counter *cnt)
{
	u64 held;

	WRITE_ONCE(cnt->threshold.tripped, false);
	WRITE_ONCE(cnt->rise, cnt->threshold.rise_at);
	/* A charge raises held and then looks at rise; here it is the other way round. */
	smp_mb();
	held = bc_counter_held(cnt);
	if (held >= cnt->threshold.rise_at)
		bc_threshold_trip(cnt, held);
}

/* Without overflow, for a barrier may be close to the end of its type; rounds down. */
static u64 bc_threshold_part(u64 barrier, u32 percent)
{
	return barrier / 100 * percent + barrier % 100 * percent / 100;
}

/* What is @percent of the barrier at least; never 0, or it would always be reached. */
static u64 bc_threshold_from(u64 barrier, u32 percent)
{
	return max_t(u64, barrier - bc_threshold_part(barrier, 100 - percent), 1);
}

/* Without a barrier nothing can be near it. */
static void bc_threshold_place(struct bc_threshold *th, u64 barrier)
{
	if (!th->rise || barrier == BC_UNLIMITED) {
		th->rise_at = BC_UNLIMITED;
		th->fall_at = BC_UNLIMITED;
	} else {
		th->rise_at = bc_threshold_from(barrier, th->rise);
		th->fall_at = min(bc_threshold_part(barrier, th->fall), th->rise_at - 1);
	}
}

/**
 * bc_threshold_refresh() - follow the barrier
 * @cnt: counter whose barrier or threshold has changed
 *
 * A counter that is above stays so until the worker looks. Without a barrier
 * nothing can be near it: what was above has fallen.
 *
 * Context: the caller serialises writers.
 */
void bc_threshold_refresh(struct bc_counter *cnt)
{
	bc_threshold_place(&cnt->threshold, cnt->barrier);
	if (!cnt->threshold.above)
		bc_threshold_arm(cnt);
}

/**
 * bc_threshold_set() - set or remove the threshold of a counter
 * @cnt: counter
 * @rise: percent of the barrier, 0 to remove it
 * @fall: percent of the barrier
 *
 * What is above at once is told at once.
 *
 * Context: the caller serialises writers.
 */
void bc_threshold_set(struct bc_counter *cnt, u32 rise, u32 fall)
{
	cnt->threshold.rise = rise;
	cnt->threshold.fall = fall;
	cnt->threshold.above = false;
	bc_threshold_refresh(cnt);
}

/**
 * bc_threshold_open() - does the worker have to look again?
 * @cnt: counter
 *
 * Return: true while it is above, or while a charge that got there is not
 * settled.
 */
bool bc_threshold_open(const struct bc_counter *cnt)
{
	return cnt->threshold.rise && (cnt->threshold.above || READ_ONCE(cnt->threshold.tripped));
}

/* After a charge: above, or was that not so? What was held then counts, if it is exact. */
static bool bc_threshold_risen(struct bc_counter *cnt, bool bound, bool rearm,
			       struct bc_crossing *x)
{
	struct bc_threshold *th = &cnt->threshold;

	x->held = bc_counter_held(cnt);
	if (!bound)
		x->held = max(x->held, READ_ONCE(th->held));
	if (x->held < th->rise_at) {
		if (rearm)
			bc_threshold_arm(cnt);
		return false;
	}
	x->direction = BC_DIRECTION_UP;
	x->percent = th->rise;
	x->time = READ_ONCE(th->time);
	WRITE_ONCE(cnt->rise, BC_UNLIMITED);
	th->above = true;
	WRITE_ONCE(th->tripped, false);
	return true;
}

/**
 * bc_threshold_look() - has a threshold been crossed?
 * @cnt: counter, recounted if @bound
 * @bound: what is charged is an upper bound; only what is held now counts
 * @rearm: arm again what only seemed to be crossed. Not at once, or a figure
 *	that hovers would keep the worker busy
 * @x: what is to be told
 *
 * Context: the caller serialises writers.
 * Return: true when there is something to tell.
 */
bool bc_threshold_look(struct bc_counter *cnt, bool bound, bool rearm, struct bc_crossing *x)
{
	struct bc_threshold *th = &cnt->threshold;

	if (!th->rise)
		return false;
	x->barrier = cnt->barrier;
	if (!th->above) {
		/* Pairs with the release in bc_threshold_trip(). */
		if (!smp_load_acquire(&th->tripped))
			return false;
		return bc_threshold_risen(cnt, bound, rearm, x);
	}
	x->held = bc_counter_held(cnt);
	if (x->held > th->fall_at)
		return false;
	x->direction = BC_DIRECTION_DOWN;
	x->percent = th->fall;
	x->time = ktime_get_boottime_ns();
	th->above = false;
	bc_threshold_arm(cnt);
	return true;
}

/**
 * bc_threshold_poll() - has a threshold been crossed, by what others count?
 * @th: threshold of a counter that nobody charges
 * @held: what is held now
 * @barrier: the barrier now, or BC_UNLIMITED
 * @x: what is to be told
 *
 * Context: the caller serialises writers.
 * Return: true when there is something to tell.
 */
bool bc_threshold_poll(struct bc_threshold *th, u64 held, u64 barrier, struct bc_crossing *x)
{
	bc_threshold_place(th, barrier);
	if (th->above ? held > th->fall_at : held < th->rise_at)
		return false;
	th->above = !th->above;
	*x = (struct bc_crossing) {
		.direction = th->above ? BC_DIRECTION_UP : BC_DIRECTION_DOWN,
		.percent = th->above ? th->rise : th->fall,
		.held = held,
		.barrier = barrier,
		.time = ktime_get_boottime_ns(),
	};
	return true;
}
