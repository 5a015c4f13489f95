/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is metered
 *
 * A flow is an amount that came together in the time of a record. A figure belongs
 * to a resource. Their names are an interface: documents, CSV and tariffs have them.
 */
#ifndef BCTL_METRIC_H
#define BCTL_METRIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the order of the columns in the store; what is computed comes last. */
enum bc_flow_metric {
	BC_M_CPU, BC_M_CPU_USER, BC_M_CPU_SYSTEM, BC_M_CPU_WAIT, BC_M_CPU_THROTTLED,
	BC_M_CPU_NR_THROTTLED,
	BC_M_IO_READ_BYTES, BC_M_IO_WRITE_BYTES, BC_M_IO_DISCARD_BYTES, BC_M_IO_READS,
	BC_M_IO_WRITES, BC_M_IO_DISCARDS, BC_M_IO_FLUSHES, BC_M_IO_WAIT, BC_M_IO_SERVICE,
	BC_M_IO_THROTTLED, BC_M_IO_NR_THROTTLED, BC_M_IO_DIRTIED, BC_M_IO_CANCELLED,
	BC_M_STORED,
	BC_M_CPU_CLOCK = BC_M_STORED,
	BC_FLOW_METRICS
};

/* The kinds of amount that there are; a kind is a unit, perhaps times seconds. */
enum bc_measure {
	BC_IN_ITEMS, BC_IN_BYTES, BC_IN_PAGES, BC_IN_NS, BC_IN_MS, BC_IN_MHZ_NS,
};

/**
 * struct bc_flow_info - a flow
 * @column: in the store, NULL for one that is computed
 * @object: in documents
 * @key: in that object
 * @name: everywhere else
 * @measure: its unit
 * @rate: it has a 95th percentile
 * @local: it is a pool's own; that of the pools below is not in it
 */
struct bc_flow_info {
	const char *column;
	const char *object;
	const char *key;
	const char *name;
	enum bc_measure measure;
	bool rate;
	bool local;
};

/* The figures of a resource, in the order of the columns in the store. */
enum bc_figure_metric {
	BC_F_HELD_TIME, BC_F_HELD, BC_F_PEAK, BC_F_BARRIER, BC_F_LIMIT, BC_F_FAILCNT, BC_F_FAILED,
	BC_FIGURE_METRICS
};

extern const struct bc_flow_info bc_flow_infos[BC_FLOW_METRICS];
extern const char * const bc_figure_fields[BC_FIGURE_METRICS];

const char *bc_measure_name(enum bc_measure measure);
int bc_measure_of_unit(const char *unit, enum bc_measure *measure);
int bc_flow_by_name(const char *name);

#endif /* BCTL_METRIC_H */
