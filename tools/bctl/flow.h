/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_FLOW_H
#define BCTL_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/beancounter.h>

struct bcn_pool;

/* Counters that never fall while a pool lives. */
enum bc_counter {
	BC_N_USAGE, BC_N_USER, BC_N_SYSTEM, BC_N_WAIT, BC_N_SWITCHES, BC_N_PREEMPTIONS,
	BC_N_CPU_THROTTLED, BC_N_READ_BYTES, BC_N_WRITE_BYTES, BC_N_READ_IOS, BC_N_WRITE_IOS,
	BC_N_IO_THROTTLED, BC_N_REFUSALS, BC_COUNTERS
};

/**
 * struct bc_flow - a pool at one time, and what it did since the time before
 * @name: its name
 * @id: its id
 * @state: enum bc_pool_state
 * @incarnation: which pool of that id
 * @created: when it was made
 * @fresh: it was made in the interval
 * @past: it, or a pool below it, was not
 * @parent: where its parent stands in the same list, -1 for none
 * @known: mask of the counters that are known, 1 << enum bc_counter
 * @count: the counters
 * @flowed: mask of the differences that are known
 * @diff: what came to the counters in the interval
 * @has_memory: @memory is known
 * @has_tasks: @tasks is known
 * @memory: bytes held now
 * @tasks: tasks now
 */
struct bc_flow {
	char name[BC_NAME_MAX + 1];
	uint32_t id;
	uint32_t state;
	uint64_t incarnation;
	uint64_t created;
	bool fresh;
	bool past;
	int parent;
	uint32_t known;
	uint64_t count[BC_COUNTERS];
	uint32_t flowed;
	uint64_t diff[BC_COUNTERS];
	bool has_memory;
	bool has_tasks;
	uint64_t memory;
	uint64_t tasks;
};

/**
 * struct bc_flows - all pools at one time
 * @taken: the time, 0 if there are none yet
 * @interval: nanoseconds since the time before, 0 if there was none
 * @v: the pools, parents before their children
 * @count: how many
 */
struct bc_flows {
	uint64_t taken;
	uint64_t interval;
	struct bc_flow *v;
	size_t count;
};

#define BC_FLOWED(flow, counter)	((flow)->flowed & (1U << (counter)))

int bc_flows_take(struct bc_flows *flows, const struct bcn_pool *pools, size_t count,
		  uint64_t taken, uint64_t page_size);
int bc_flows_since(struct bc_flows *now, const struct bc_flows *then);
uint64_t bc_flow_rate(uint64_t diff, uint64_t interval, uint64_t scale);
void bc_flows_clear(struct bc_flows *flows);

#endif /* BCTL_FLOW_H */
