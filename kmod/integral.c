// SPDX-License-Identifier: GPL-2.0
/*
 * Integrals: how much was held for how long
 *
 * Counters. Beside what it holds, a counter has a moment: the sum of amount times time
 * over all charges, less that over all uncharges. Then
 *
 *	held * now - moment
 *
 * is what was held, summed up over time: each unit that is still held is in it with
 * now - charged, each that was given back with uncharged - charged. Sums do not mind
 * their order, so a charge needs no lock and no look at what was before: one more
 * addition for each level. All is modulo 2^64; what is needed is that the result, since
 * it was last folded, is below 2^63 ticks times units. It is folded at each reading and
 * every few seconds: whole unit-seconds go to the total, and the moment is raised by as
 * much, so that what is left over is in the next result.
 *
 * It is exact but for the clock: each charge and uncharge is put at the beginning of its
 * tick. So a unit is off by less than a tick for all the time that it was held, and by
 * nothing on average, unless who charges keeps step with the tick.
 *
 * What is only found out later, by a recount, happened at a time between the last look and
 * this one; it is put in the middle. Then it is off by half of that time at most, either
 * way. If the middle is before the last folding, too much was told then: the difference
 * is negative for a while, and nothing is told until it is not any more. A total never falls.
 *
 * Samples. What the kernel counts is looked at now and then, and is taken to have changed
 * evenly in between. The error is at most the time between two samples times the
 * difference between the highest and the lowest amount in it, and half of that where the
 * amount only rises, or only falls.
 *
 * Nothing here knows of pools, locks or clocks.
 */
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/overflow.h>

#include "integral.h"

static void bc_integral_raise(struct bc_integral *in, u64 seconds)
{
	if (check_add_overflow(in->total, seconds, &in->total))
		in->total = U64_MAX;
}

/**
 * bc_integral_fold() - bring the integral of a counter up to date
 * @in: integral
 * @held: what the counter holds
 * @moment: its moment, of the same instant
 * @now: time, ticks
 *
 * Return: what is to be added to the moment.
 */
u64 bc_integral_fold(struct bc_integral *in, u64 held, u64 moment, u64 now)
{
	s64 gone = held * now - moment;
	u64 seconds;

	if (gone < HZ)
		return 0;
	seconds = div_u64(gone, HZ);
	bc_integral_raise(in, seconds);
	return seconds * HZ;
}

/**
 * bc_integral_sample() - note what is held now
 * @in: integral
 * @held: what is held
 * @now: time, ticks, not before the last sample
 *
 * Return: what was held since the last sample, in units times half ticks, for
 * bc_integral_book(); 0 for the first sample, and the first after a gap.
 */
u64 bc_integral_sample(struct bc_integral *in, u64 held, u64 now)
{
	u64 halves = 0;

	if (in->known && check_mul_overflow(in->held + held, now - in->time, &halves))
		halves = U64_MAX;
	in->known = true;
	in->held = held;
	in->time = now;
	return halves;
}

/**
 * bc_integral_book() - add what was found by sampling
 * @in: integral, of the same pool or of one above
 * @halves: units times half ticks
 */
void bc_integral_book(struct bc_integral *in, u64 halves)
{
	u32 rest;

	bc_integral_raise(in, div_u64_rem(halves, 2 * HZ, &rest));
	in->rest += rest;
	if (in->rest >= 2 * HZ) {
		in->rest -= 2 * HZ;
		bc_integral_raise(in, 1);
	}
}

/**
 * bc_integral_middle() - when to book what has happened meanwhile
 * @since: when it had not happened yet, ticks
 * @now: when it had
 *
 * Return: the time in the middle; @now if the other is later.
 */
u64 bc_integral_middle(u64 since, u64 now)
{
	return (s64)(now - since) > 0 ? now - (now - since) / 2 : now;
}
