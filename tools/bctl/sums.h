/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Usage records in, totals out
 *
 * The records of one pool, or of several that are billed as one, go in; out come the
 * totals of a period, cut into slices. Nothing here knows where records come from.
 */
#ifndef BCTL_SUMS_H
#define BCTL_SUMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "calendar.h"
#include "metric.h"
#include "spans.h"

/* The buckets of the 95th percentile. */
#define BC_BUCKET_MS	300000LL

/* In barrier and lim. */
#define BC_ROW_UNLIMITED	(-1)

enum bc_row_kind { BC_ROW_INTERVAL, BC_ROW_CLOSING, BC_ROW_GAP };

/**
 * struct bc_row_figure - a resource in a record
 * @res: which one, an index
 * @known: mask of what is known, 1 << enum bc_figure_metric
 * @v: the figures
 */
struct bc_row_figure {
	uint32_t res;
	uint32_t known;
	int64_t v[BC_FIGURE_METRICS];
};

/**
 * struct bc_row - a record
 * @record: its number
 * @begin: beginning of its time, ms
 * @end: end of its time
 * @kind: what it is
 * @reason: of a gap; has to live as long as the sums
 * @span_known: @span is known
 * @span: CLOCK_BOOTTIME that passed, ns
 * @mhz: nominal clock of the CPUs, 0 if not known
 * @known: mask of the flows that are known, 1 << enum bc_flow_metric
 * @flow: the flows
 * @fig: the resources
 * @nfig: how many
 */
struct bc_row {
	int64_t record;
	int64_t begin;
	int64_t end;
	enum bc_row_kind kind;
	const char *reason;
	bool span_known;
	int64_t span;
	int64_t mhz;
	uint32_t known;
	__int128 flow[BC_FLOW_METRICS];
	struct bc_row_figure *fig;
	size_t nfig;
};

/**
 * struct bc_sum - an amount that is added up
 * @sum: the total
 * @own: the same without the pools below
 * @p95: 95th percentile of the 5-minute buckets, an amount per bucket
 * @buckets: so many buckets are known
 * @count: so many records know it; the total is known if this is not 0, and lacks
 *	something if it is less than the records of the slice
 * @less: so many records of pools below know it
 */
struct bc_sum {
	__int128 sum;
	__int128 own;
	int64_t p95;
	uint32_t buckets;
	uint64_t count;
	uint64_t less;
};

/**
 * struct bc_held - the totals of a resource
 * @time: held-time, in units times seconds
 * @failcnt: refusals
 * @failed: what was refused
 * @known: mask of what is known, 1 << enum bc_figure_metric
 * @held: at the end
 * @peak: most that was held
 * @peak_record: in which record that was
 * @barrier: in force at the end
 * @limit: likewise
 * @changed: one of them was another before
 * @newest: end of the newest record
 * @bounded: end of the newest record that knows the bounds
 */
struct bc_held {
	struct bc_sum time;
	struct bc_sum failcnt;
	struct bc_sum failed;
	uint32_t known;
	int64_t held;
	int64_t peak;
	int64_t peak_record;
	int64_t barrier;
	int64_t limit;
	bool changed;
	int64_t newest;
	int64_t bounded;
};

/**
 * struct bc_slice - the totals of an hour, a day, a month or all
 * @begin: its beginning
 * @end: its end
 * @records: so many records of some other kind than gap have a part in it
 * @below: the same for the records of the pools below
 * @longest: length of the longest of these, ms
 * @existed: ms that some of the pools existed
 * @covered: ms of that which records cover
 * @span: CLOCK_BOOTTIME that records cover, ns
 * @flow: the flows
 * @res: the resources, NULL if it was never touched
 */
struct bc_slice {
	int64_t begin;
	int64_t end;
	uint64_t records;
	uint64_t below;
	int64_t longest;
	int64_t existed;
	int64_t covered;
	struct bc_sum span;
	struct bc_sum flow[BC_FLOW_METRICS];
	struct bc_held *res;
};

/**
 * struct bc_sums - totals in the making
 * @begin: beginning of the period
 * @end: its end
 * @nres: number of resources
 * @slices: the slices
 * @nslices: how many
 * @gaps: time of which nothing is known, after bc_sums_end()
 * @alive: when the pools existed
 * @covered: time of records
 * @unknown: time of gap records
 * @buckets: what came into each 5 minutes, for each metric that has a percentile
 * @nbuckets: how many
 * @first_bucket: number of the first one
 * @nrates: how many metrics have a percentile
 */
struct bc_sums {
	int64_t begin;
	int64_t end;
	size_t nres;
	struct bc_slice *slices;
	size_t nslices;
	struct bc_spans gaps;
	struct bc_spans alive;
	struct bc_spans covered;
	struct bc_spans unknown;
	int64_t *buckets;
	size_t nbuckets;
	int64_t first_bucket;
	size_t nrates;
};

__int128 bc_share(__int128 amount, int64_t begin, int64_t end, int64_t from, int64_t to);
bool bc_sum_own(const struct bc_slice *slice, const struct bc_sum *sum, bool local);
int bc_sums_begin(struct bc_sums *s, const struct bc_span *period, enum bc_step step,
		  const struct bc_span *data, size_t nres);
int bc_sums_alive(struct bc_sums *s, int64_t begin, int64_t end);
int bc_sums_add(struct bc_sums *s, struct bc_row *row);
int bc_sums_less(struct bc_sums *s, struct bc_row *row);
void bc_row_clock(struct bc_row *row);
int bc_sums_end(struct bc_sums *s);
int64_t bc_nearest_rank(int64_t *v, size_t count, unsigned int percent);
void bc_sums_clear(struct bc_sums *s);

#endif /* BCTL_SUMS_H */
