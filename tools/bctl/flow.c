// SPDX-License-Identifier: GPL-2.0
/*
 * What pools do in an interval: the arithmetic
 *
 * Two looks at all pools are compared. A pool is the same in both when its
 * incarnation and its time of creation are; so one that was deleted and made
 * again, or outlived a reload of the module under its old name, is new. The
 * interval is the difference of the times at which the looks were taken, not the
 * time that was asked for.
 *
 * The counters of a pool begin at 0 with it, so of one that was made in the interval
 * all is known; but if it was put above others, it may have begun with what they had
 * done, and only its refusals are. Of one that was not there, and yet is older, nothing
 * is. A counter that has fallen, against its promise, is unknown for one interval.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "beancounter.h"
#include "flow.h"

static void bc_flow_set(struct bc_flow *flow, enum bc_counter counter, uint64_t val)
{
	flow->known |= 1U << counter;
	flow->count[counter] = val;
}

static void bc_flow_cpu(struct bc_flow *flow, const struct bc_cpu *cpu)
{
	if (cpu->known & BC_CPU_F_USAGE) {
		bc_flow_set(flow, BC_N_USAGE, cpu->usage);
		bc_flow_set(flow, BC_N_USER, cpu->user);
		bc_flow_set(flow, BC_N_SYSTEM, cpu->system);
	}
	if (cpu->known & BC_CPU_F_WAIT) {
		bc_flow_set(flow, BC_N_WAIT, cpu->wait);
		bc_flow_set(flow, BC_N_SWITCHES, cpu->switches);
		bc_flow_set(flow, BC_N_PREEMPTIONS, cpu->preemptions);
	}
	if (cpu->known & BC_CPU_F_THROTTLED)
		bc_flow_set(flow, BC_N_CPU_THROTTLED, cpu->throttled);
}

static void bc_flow_io(struct bc_flow *flow, const struct bc_io *io)
{
	if (io->known & BC_IO_F_AMOUNT) {
		bc_flow_set(flow, BC_N_READ_BYTES, io->bytes[BC_IO_READ]);
		bc_flow_set(flow, BC_N_WRITE_BYTES, io->bytes[BC_IO_WRITE]);
		bc_flow_set(flow, BC_N_READ_IOS, io->ios[BC_IO_READ]);
		bc_flow_set(flow, BC_N_WRITE_IOS, io->ios[BC_IO_WRITE]);
	}
	if (io->known & BC_IO_F_THROTTLED)
		bc_flow_set(flow, BC_N_IO_THROTTLED, io->throttled);
}

/* A process that was killed was refused nothing: that is told by physpages. */
static void bc_flow_table(struct bc_flow *flow, const struct bcn_pool *pool, uint64_t page_size)
{
	struct bc_record rec;
	uint64_t refused = 0;
	size_t i;

	for (i = 0; i < pool->records; i++) {
		bcn_pool_record(pool, i, &rec);
		if (!(rec.flags & BC_RECORD_F_NO_FAILCNT) && rec.res != BC_RES_OOMGUARPAGES)
			refused += rec.failcnt;
		if (rec.flags & BC_RECORD_F_NO_HELD)
			continue;
		if (rec.res == BC_RES_PHYSPAGES) {
			flow->has_memory = true;
			flow->memory = rec.held * page_size;
		} else if (rec.res == BC_RES_NUMPROC) {
			flow->has_tasks = true;
			flow->tasks = rec.held;
		}
	}
	bc_flow_set(flow, BC_N_REFUSALS, refused);
}

/* A dying parent may have the id of a live one, which then is the later one. */
static int bc_flow_parent(const struct bc_flows *flows, size_t i, const struct bcn_pool *pool)
{
	if (!BCN_HAS(pool, BC_A_PARENT_ID))
		return -1;
	while (i--)
		if (flows->v[i].id == pool->parent_id &&
		    (!pool->parent || !strcmp(flows->v[i].name, pool->parent)))
			return i;
	return -1;
}

/**
 * bc_flows_take() - take the figures of all pools
 * @flows: receives them; what it has is lost
 * @pools: the pools
 * @count: how many
 * @taken: time of the figures
 * @page_size: bytes in a page
 *
 * Return: 0 or -ENOMEM.
 */
int bc_flows_take(struct bc_flows *flows, const struct bcn_pool *pools, size_t count,
		  uint64_t taken, uint64_t page_size)
{
	struct bc_flow *flow;
	size_t i;

	bc_flows_clear(flows);
	flows->v = calloc(count + 1, sizeof(*flows->v));
	if (!flows->v)
		return -ENOMEM;
	flows->taken = taken;
	for (i = 0; i < count; i++) {
		flow = &flows->v[i];
		snprintf(flow->name, sizeof(flow->name), "%s", pools[i].name);
		flow->id = pools[i].id;
		flow->state = pools[i].state;
		flow->incarnation = pools[i].incarnation;
		flow->created = pools[i].created;
		flow->parent = bc_flow_parent(flows, i, &pools[i]);
		bc_flow_cpu(flow, &pools[i].cpu);
		bc_flow_io(flow, &pools[i].io);
		bc_flow_table(flow, &pools[i], page_size);
	}
	flows->count = count;
	return 0;
}

static int bc_flow_order(const struct bc_flow *a, const struct bc_flow *b)
{
	if (a->incarnation != b->incarnation)
		return a->incarnation < b->incarnation ? -1 : 1;
	if (a->created != b->created)
		return a->created < b->created ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

static int bc_flow_compare(const void *a, const void *b)
{
	return bc_flow_order(*(const struct bc_flow * const *)a,
			     *(const struct bc_flow * const *)b);
}

static void bc_flow_since(struct bc_flow *now, const struct bc_flow *then)
{
	unsigned int i;

	now->flowed = now->known & then->known;
	for (i = 0; i < BC_COUNTERS; i++) {
		if (now->count[i] < then->count[i])
			now->flowed &= ~(1U << i);
		now->diff[i] = now->flowed & (1U << i) ? now->count[i] - then->count[i] : 0;
	}
}

/* From the lowest upwards: children stand behind their parents. */
static void bc_flows_inherit(struct bc_flows *now)
{
	struct bc_flow *flow;
	size_t i;

	for (i = now->count; i-- > 0;) {
		flow = &now->v[i];
		if (flow->fresh && flow->past)
			flow->flowed &= 1U << BC_N_REFUSALS;
		if (flow->past && flow->parent >= 0)
			now->v[flow->parent].past = true;
	}
}

/**
 * bc_flows_since() - tell what the pools did since an earlier look
 * @now: the pools now
 * @then: the pools then; perhaps none, if there was no earlier look
 *
 * Return: 0 or -ENOMEM.
 */
int bc_flows_since(struct bc_flows *now, const struct bc_flows *then)
{
	const struct bc_flow **sorted, **found, *key;
	size_t i;

	now->interval = then->taken && now->taken > then->taken ? now->taken - then->taken : 0;
	if (!now->interval)
		return 0;
	sorted = calloc(then->count + 1, sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	for (i = 0; i < then->count; i++)
		sorted[i] = &then->v[i];
	qsort(sorted, then->count, sizeof(*sorted), bc_flow_compare);
	for (i = 0; i < now->count; i++) {
		key = &now->v[i];
		found = bsearch(&key, sorted, then->count, sizeof(*sorted), bc_flow_compare);
		now->v[i].fresh = !found && now->v[i].created >= then->taken;
		now->v[i].past = !now->v[i].fresh;
		if (found) {
			bc_flow_since(&now->v[i], *found);
		} else if (now->v[i].fresh) {
			now->v[i].flowed = now->v[i].known;
			memcpy(now->v[i].diff, now->v[i].count, sizeof(now->v[i].diff));
		}
	}
	free(sorted);
	bc_flows_inherit(now);
	return 0;
}

/**
 * bc_flow_rate() - what came in an interval, per second
 * @diff: what came
 * @interval: nanoseconds, more than 0
 * @scale: what to multiply the rate with
 *
 * Return: the rate, rounded; UINT64_MAX at most.
 */
uint64_t bc_flow_rate(uint64_t diff, uint64_t interval, uint64_t scale)
{
	unsigned __int128 rate = (unsigned __int128)diff * 1000000000 * scale;

	rate = (rate + interval / 2) / interval;
	return rate > UINT64_MAX ? UINT64_MAX : rate;
}

/**
 * bc_flows_clear() - forget the pools
 * @flows: as good as new afterwards
 */
void bc_flows_clear(struct bc_flows *flows)
{
	free(flows->v);
	memset(flows, 0, sizeof(*flows));
}
