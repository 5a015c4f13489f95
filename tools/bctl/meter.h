/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_METER_H
#define BCTL_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bc_cpu;
struct bc_io;
struct bc_record;

/* The flows of a pool, in the order of the columns of the store; see bc_meter_flows. */
#define BC_METER_FLOWS	19
/* More resources than there will ever be. */
#define BC_METER_RES	64

/* The figures of one resource: the cumulative ones, then those of an instant. */
enum bc_meter_figure {
	BC_FIG_HELD_TIME,
	BC_FIG_FAILCNT,
	BC_FIG_FAILED,
	BC_FIG_SUMS,
	BC_FIG_MAXHELD = BC_FIG_SUMS,
	BC_FIG_HELD,
	BC_FIG_PEAK,
	BC_FIG_BARRIER,
	BC_FIG_LIM,
	BC_FIGURES
};

/**
 * struct bc_meter_res - figures of one resource
 * @res: its public number
 * @known: bits: which of @v are known
 * @stale: bits: which of them were not known any more at the instant of the meter, so that
 *	they are of an earlier one
 * @v: enum bc_meter_figure
 */
struct bc_meter_res {
	uint32_t res;
	uint32_t known;
	uint32_t stale;
	uint64_t v[BC_FIGURES];
};

/**
 * struct bc_meter - the figures of a pool at one instant, summed up since it was created;
 *	or, in a record, those of a time
 * @utc_ms: the instant
 * @boot_ns: the same on CLOCK_BOOTTIME
 * @fresh: this is when the pool was created
 * @known: bits: which of @flow are known
 * @stale: bits, as in struct bc_meter_res
 * @flow: the flows
 * @count: how many resources are counted
 * @res: the resources, ascending
 */
struct bc_meter {
	int64_t utc_ms;
	uint64_t boot_ns;
	bool fresh;
	uint32_t known;
	uint32_t stale;
	uint64_t flow[BC_METER_FLOWS];
	size_t count;
	struct bc_meter_res res[BC_METER_RES];
};

enum bc_record_kind { BC_USED_INTERVAL, BC_USED_CLOSING, BC_USED_GAP };
enum bc_record_reason { BC_WHY_NONE, BC_WHY_LATE, BC_WHY_CLOCK, BC_WHY_LOST, BC_WHY_BACKWARDS };

/**
 * struct bc_usage - a record: what a pool used in a time
 * @begin_ms: the time begins
 * @end_ms: and ends; always later
 * @span_ns: what passed on CLOCK_BOOTTIME
 * @timed: @span_ns is known
 * @mhz: nominal clock of the CPUs, 0 if it is not known
 * @kind: enum bc_record_kind
 * @reason: enum bc_record_reason
 * @used: the figures of this time; nothing is known in a gap
 */
struct bc_usage {
	int64_t begin_ms;
	int64_t end_ms;
	uint64_t span_ns;
	bool timed;
	uint32_t mhz;
	enum bc_record_kind kind;
	enum bc_record_reason reason;
	struct bc_meter used;
};

extern const char * const bc_meter_flows[BC_METER_FLOWS];

void bc_meter_take_cpu(struct bc_meter *m, const struct bc_cpu *cpu);
void bc_meter_take_io(struct bc_meter *m, const struct bc_io *io);
void bc_meter_take_res(struct bc_meter *m, const struct bc_record *rec, bool peaks);
void bc_meter_begin(struct bc_meter *m, int64_t utc_ms, uint64_t boot_ns);
bool bc_meter_use(const struct bc_meter *then, struct bc_meter *now, uint32_t step_ms,
		  enum bc_record_kind kind, struct bc_usage *usage);
void bc_meter_gap(const struct bc_meter *then, int64_t end_ms, enum bc_record_reason reason,
		  struct bc_usage *usage);
int64_t bc_meter_hold(int64_t newest_ms, int64_t now_ms);
int64_t bc_meter_due(int64_t now_ms, uint32_t step_ms);
uint32_t bc_meter_slack(uint32_t step_ms);

#endif /* BCTL_METER_H */
