// SPDX-License-Identifier: GPL-2.0
/*
 * The table of what is metered
 */
#include <errno.h>
#include <string.h>

#include "metric.h"

#define BC_FLOW(column, object, key, measure, ...) \
	{ column, object, key, object "." key, measure, __VA_ARGS__ }

const struct bc_flow_info bc_flow_infos[BC_FLOW_METRICS] = {
	BC_FLOW("cpu_ns", "cpu", "usage_ns", BC_IN_NS, true, false),
	BC_FLOW("cpu_user_ns", "cpu", "user_ns", BC_IN_NS, false, false),
	BC_FLOW("cpu_system_ns", "cpu", "system_ns", BC_IN_NS, false, false),
	BC_FLOW("cpu_wait_ns", "cpu", "wait_ns", BC_IN_NS, false, false),
	BC_FLOW("cpu_throttled_ns", "cpu", "throttled_ns", BC_IN_NS, false, true),
	BC_FLOW("cpu_nr_throttled", "cpu", "nr_throttled", BC_IN_ITEMS, false, true),
	BC_FLOW("io_read_bytes", "io", "read_bytes", BC_IN_BYTES, true, false),
	BC_FLOW("io_write_bytes", "io", "write_bytes", BC_IN_BYTES, true, false),
	BC_FLOW("io_discard_bytes", "io", "discard_bytes", BC_IN_BYTES, false, false),
	BC_FLOW("io_reads", "io", "read_ios", BC_IN_ITEMS, true, false),
	BC_FLOW("io_writes", "io", "write_ios", BC_IN_ITEMS, true, false),
	BC_FLOW("io_discards", "io", "discard_ios", BC_IN_ITEMS, false, false),
	BC_FLOW("io_flushes", "io", "flush_ios", BC_IN_ITEMS, false, false),
	BC_FLOW("io_wait_ns", "io", "wait_ns", BC_IN_NS, false, false),
	BC_FLOW("io_service_ns", "io", "service_ns", BC_IN_NS, false, false),
	BC_FLOW("io_throttled_ns", "io", "throttled_ns", BC_IN_NS, false, true),
	BC_FLOW("io_nr_throttled", "io", "nr_throttled", BC_IN_ITEMS, false, true),
	BC_FLOW("io_dirtied_bytes", "io", "dirtied_bytes", BC_IN_BYTES, false, false),
	BC_FLOW("io_cancelled_bytes", "io", "cancelled_bytes", BC_IN_BYTES, false, false),
	BC_FLOW(NULL, "cpu", "mhz_ns", BC_IN_MHZ_NS, false, false),
};

const char * const bc_figure_fields[BC_FIGURE_METRICS] = {
	"held_time", "held", "peak", "barrier", "lim", "failcnt", "failed",
};

static const char * const bc_measures[] = {
	[BC_IN_ITEMS] = "items", [BC_IN_BYTES] = "bytes", [BC_IN_PAGES] = "pages",
	[BC_IN_NS] = "ns", [BC_IN_MS] = "ms", [BC_IN_MHZ_NS] = "MHz*ns",
};

/**
 * bc_measure_name() - what a unit is called
 * @measure: the unit
 *
 * Return: its name.
 */
const char *bc_measure_name(enum bc_measure measure)
{
	return bc_measures[measure];
}

/**
 * bc_measure_of_unit() - find the unit of a resource
 * @unit: its name in the store
 * @measure: the unit
 *
 * Return: 0 or -EINVAL.
 */
int bc_measure_of_unit(const char *unit, enum bc_measure *measure)
{
	size_t i;

	for (i = BC_IN_ITEMS; i <= BC_IN_PAGES; i++)
		if (!strcmp(unit, bc_measures[i])) {
			*measure = i;
			return 0;
		}
	return -EINVAL;
}

/**
 * bc_flow_by_name() - find a flow
 * @name: what it is called
 *
 * Return: its enum bc_flow_metric, or -ENOENT.
 */
int bc_flow_by_name(const char *name)
{
	int i;

	for (i = 0; i < BC_FLOW_METRICS; i++)
		if (!strcmp(bc_flow_infos[i].name, name))
			return i;
	return -ENOENT;
}
