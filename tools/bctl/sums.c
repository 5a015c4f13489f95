// SPDX-License-Identifier: GPL-2.0
/*
 * Usage records in, totals out
 *
 * A record that straddles a boundary is cut pro rata, so that no unit is lost or
 * doubled: of an amount A that came between B and E, floor(A * (t - B) / (E - B))
 * has come before the time t, and what lies between two times is the difference of
 * that. It depends on nothing but the record and the two times. So the shares of
 * any periods that touch add up to that of the whole, whether they were asked for
 * together or apart.
 *
 * What is no amount cannot be cut: a peak counts wherever its record has a part,
 * and what is held at the end and the bounds are those of the newest record that
 * has a part.
 *
 * The 95th percentile is by nearest rank over buckets of 5 minutes aligned to UTC:
 * of n buckets in ascending order it is number ceil(0.95 n), which is the highest
 * one left when the top 5 percent are dropped. A bucket counts if some record that
 * knows the figure has a part in it. Its value is the whole amount that came in it,
 * also when the pool existed for a part of it only, as a meter that is read every
 * 5 minutes would show it.
 *
 * The figures of a pool include those of the pools below it. Nothing is added up
 * across that relation; bc_sums_less() takes the pools below off to leave a pool's own.
 * Refusals and throttling are counted at the level whose bound it was, and are own already.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sums.h"

/* No record that knows the figure has a part in the bucket. */
#define BC_BUCKET_UNKNOWN	INT64_MIN
/* Ten years of them. */
#define BC_BUCKETS_MAX		1051200

static int64_t bc_floor_div(int64_t num, int64_t unit)
{
	return num / unit - (num % unit < 0);
}

static int64_t bc_min(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t bc_max(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/**
 * bc_share() - the part of an amount that came in a period
 * @amount: the amount
 * @begin: beginning of the time in which it came
 * @end: the end of that
 * @from: beginning of the period
 * @to: its end
 *
 * An amount that came in no time at all belongs to the period its instant is in. What
 * is less than 2^80, and came in less than 2^46 ms, cannot overflow.
 *
 * Return: the part, in whole units.
 */
__int128 bc_share(__int128 amount, int64_t begin, int64_t end, int64_t from, int64_t to)
{
	__int128 before, after;

	if (begin >= end)
		return end >= from && end < to ? amount : 0;
	from = bc_max(from, begin);
	to = bc_min(to, end);
	if (from >= to)
		return 0;
	before = amount * (from - begin) / (end - begin);
	after = amount * (to - begin) / (end - begin);
	return after - before;
}

/* Does a record have a part in a period? */
static bool bc_touches(const struct bc_row *row, int64_t from, int64_t to)
{
	if (row->begin >= row->end)
		return row->end >= from && row->end < to;
	return row->begin < to && row->end > from;
}

/**
 * bc_sum_own() - is the amount without the pools below known?
 * @slice: the slice
 * @sum: one of its sums
 * @local: it does not include the pools below anyway
 *
 * Return: true if neither the pool nor one below it lacks it in some record.
 */
bool bc_sum_own(const struct bc_slice *slice, const struct bc_sum *sum, bool local)
{
	return sum->count && sum->count == slice->records &&
	       (local || sum->less == slice->below);
}

static size_t bc_flow_rates(void)
{
	size_t n = 0, i;

	for (i = 0; i < BC_FLOW_METRICS; i++)
		n += bc_flow_infos[i].rate;
	return n;
}

static int bc_slices_make(struct bc_sums *s, enum bc_step step, size_t nres)
{
	int64_t at = s->begin, next;
	size_t n = 0;

	while (at < s->end) {
		at = bc_step_next(step, at);
		n++;
	}
	s->slices = calloc(n ? n : 1, sizeof(*s->slices));
	if (!s->slices)
		return -ENOMEM;
	for (at = s->begin; at < s->end; at = next) {
		next = bc_min(bc_step_next(step, at), s->end);
		s->slices[s->nslices++] = (struct bc_slice){ .begin = at, .end = next };
	}
	s->nres = nres;
	return 0;
}

/**
 * bc_sums_begin() - begin to add up
 * @s: the totals, to be ended by bc_sums_clear()
 * @period: what is asked for
 * @step: how it is cut
 * @data: from the first to the last record there is; slices without any are not made
 * @nres: number of resources
 *
 * Return: 0, -ENOMEM, or -E2BIG for more than ten years of records.
 */
int bc_sums_begin(struct bc_sums *s, const struct bc_span *period, enum bc_step step,
		  const struct bc_span *data, size_t nres)
{
	int64_t begin = bc_max(period->begin, data->begin), last;
	size_t i;

	memset(s, 0, sizeof(*s));
	s->begin = period->begin;
	s->end = period->end;
	if (step != BC_STEP_NONE) {
		s->begin = bc_max(s->begin, bc_step_begin(step, data->begin));
		s->end = bc_min(s->end, bc_step_next(step, data->end));
	}
	s->nrates = bc_flow_rates() + nres;
	last = bc_floor_div(bc_min(period->end, data->end), BC_BUCKET_MS);
	s->first_bucket = bc_floor_div(begin, BC_BUCKET_MS);
	if (last >= s->first_bucket)
		s->nbuckets = last - s->first_bucket + 1;
	if (s->nbuckets > BC_BUCKETS_MAX)
		return -E2BIG;
	s->buckets = calloc(s->nbuckets * s->nrates + 1, sizeof(*s->buckets));
	if (!s->buckets)
		return -ENOMEM;
	for (i = 0; i < s->nbuckets * s->nrates; i++)
		s->buckets[i] = BC_BUCKET_UNKNOWN;
	return bc_slices_make(s, step, nres);
}

/**
 * bc_sums_alive() - say when one of the pools existed
 * @s: the totals
 * @begin: when it was made
 * @end: when it was gone, or how far the records reach
 *
 * Return: 0 or -ENOMEM.
 */
int bc_sums_alive(struct bc_sums *s, int64_t begin, int64_t end)
{
	return bc_spans_add(&s->alive, bc_max(begin, s->begin), bc_min(end, s->end), NULL);
}

/* Where the buckets of metric number @rate are, one after the other. */
static int64_t *bc_rate_buckets(const struct bc_sums *s, size_t rate)
{
	return s->buckets + rate * s->nbuckets;
}

static void bc_fill(const struct bc_sums *s, size_t rate, const struct bc_row *row,
		    __int128 amount)
{
	int64_t begin = bc_max(row->begin, s->begin), end = bc_min(row->end, s->end);
	int64_t *bucket = bc_rate_buckets(s, rate), part, from, to;
	int64_t i = bc_max(bc_floor_div(begin, BC_BUCKET_MS), s->first_bucket);
	int64_t last = s->first_bucket + (int64_t)s->nbuckets;

	for (; i < last && i * BC_BUCKET_MS <= end; i++) {
		from = bc_max(i * BC_BUCKET_MS, s->begin);
		to = bc_min((i + 1) * BC_BUCKET_MS, s->end);
		if (!bc_touches(row, from, to))
			continue;
		part = bc_share(amount, row->begin, row->end, from, to);
		if (bucket[i - s->first_bucket] == BC_BUCKET_UNKNOWN)
			bucket[i - s->first_bucket] = 0;
		if (__builtin_add_overflow(bucket[i - s->first_bucket], part,
					   &bucket[i - s->first_bucket]))
			bucket[i - s->first_bucket] = INT64_MAX;
	}
}

static void bc_fill_all(const struct bc_sums *s, const struct bc_row *row)
{
	size_t rate = 0, i;

	for (i = 0; i < BC_FLOW_METRICS; i++) {
		if (bc_flow_infos[i].rate && row->known & 1U << i)
			bc_fill(s, rate, row, row->flow[i]);
		rate += bc_flow_infos[i].rate;
	}
	for (i = 0; i < row->nfig; i++)
		if (row->fig[i].known & 1U << BC_F_HELD_TIME)
			bc_fill(s, rate + row->fig[i].res, row, row->fig[i].v[BC_F_HELD_TIME]);
}

/* Add the part of an amount, or with @sign -1 take it off what is a pool's own. */
static void bc_sum_part(struct bc_sum *sum, const struct bc_row *row,
			const struct bc_slice *slice, __int128 amount, int sign)
{
	__int128 part = bc_share(amount, row->begin, row->end, slice->begin, slice->end);

	sum->own += sign * part;
	if (sign < 0) {
		sum->less++;
		return;
	}
	sum->sum += part;
	sum->count++;
}

static void bc_held_state(struct bc_held *held, const struct bc_row *row,
			  const struct bc_row_figure *fig)
{
	const uint32_t bounds = 1U << BC_F_BARRIER | 1U << BC_F_LIMIT;

	if (fig->known & 1U << BC_F_PEAK &&
	    (!(held->known & 1U << BC_F_PEAK) || fig->v[BC_F_PEAK] > held->peak)) {
		held->peak = fig->v[BC_F_PEAK];
		held->peak_record = row->record;
		held->known |= 1U << BC_F_PEAK;
	}
	if (fig->known & 1U << BC_F_HELD &&
	    (!(held->known & 1U << BC_F_HELD) || row->end >= held->newest)) {
		held->held = fig->v[BC_F_HELD];
		held->newest = row->end;
		held->known |= 1U << BC_F_HELD;
	}
	if ((fig->known & bounds) != bounds)
		return;
	if (held->known & 1U << BC_F_BARRIER && (held->barrier != fig->v[BC_F_BARRIER] ||
						 held->limit != fig->v[BC_F_LIMIT]))
		held->changed = true;
	if (!(held->known & 1U << BC_F_BARRIER) || row->end >= held->bounded) {
		held->barrier = fig->v[BC_F_BARRIER];
		held->limit = fig->v[BC_F_LIMIT];
		held->bounded = row->end;
	}
	held->known |= bounds;
}

static int bc_slice_figures(struct bc_sums *s, struct bc_slice *slice, const struct bc_row *row,
			    int sign)
{
	const struct bc_row_figure *fig;
	struct bc_held *held;

	if (row->nfig && !slice->res)
		slice->res = calloc(s->nres, sizeof(*slice->res));
	if (row->nfig && !slice->res)
		return -ENOMEM;
	for (fig = row->fig; fig < row->fig + row->nfig; fig++) {
		held = &slice->res[fig->res];
		if (fig->known & 1U << BC_F_HELD_TIME)
			bc_sum_part(&held->time, row, slice, fig->v[BC_F_HELD_TIME], sign);
		/* What follows is that of the pool alone. */
		if (sign < 0)
			continue;
		if (fig->known & 1U << BC_F_FAILCNT)
			bc_sum_part(&held->failcnt, row, slice, fig->v[BC_F_FAILCNT], sign);
		if (fig->known & 1U << BC_F_FAILED)
			bc_sum_part(&held->failed, row, slice, fig->v[BC_F_FAILED], sign);
		bc_held_state(held, row, fig);
	}
	return 0;
}

static int bc_slice_row(struct bc_sums *s, struct bc_slice *slice, const struct bc_row *row,
			int sign)
{
	size_t i;

	if (!bc_touches(row, slice->begin, slice->end))
		return 0;
	if (sign > 0) {
		slice->records++;
		slice->longest = bc_max(slice->longest, row->end - row->begin);
	} else {
		slice->below++;
	}
	if (row->span_known)
		bc_sum_part(&slice->span, row, slice, row->span, sign);
	for (i = 0; i < BC_FLOW_METRICS; i++)
		if (row->known & 1U << i && (sign > 0 || !bc_flow_infos[i].local))
			bc_sum_part(&slice->flow[i], row, slice, row->flow[i], sign);
	return bc_slice_figures(s, slice, row, sign);
}

/* The slice that has @ms, or the first one. */
static struct bc_slice *bc_slice_at(const struct bc_sums *s, int64_t ms)
{
	size_t low = 0, high = s->nslices;

	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (s->slices[mid].begin <= ms)
			low = mid;
		else
			high = mid;
	}
	return s->slices + low;
}

static int bc_slices_row(struct bc_sums *s, const struct bc_row *row, int sign)
{
	struct bc_slice *end = s->slices + s->nslices, *slice;
	int ret = 0;

	for (slice = bc_slice_at(s, row->begin < row->end ? row->begin : row->end);
	     slice < end && slice->begin <= row->end && !ret; slice++)
		ret = bc_slice_row(s, slice, row, sign);
	return ret;
}

/**
 * bc_row_clock() - fill in the CPU time times the clock of a record
 * @row: the record
 */
void bc_row_clock(struct bc_row *row)
{
	row->known &= ~(1U << BC_M_CPU_CLOCK);
	if (!(row->known & 1U << BC_M_CPU) || row->mhz <= 0)
		return;
	row->flow[BC_M_CPU_CLOCK] = row->flow[BC_M_CPU] * row->mhz;
	row->known |= 1U << BC_M_CPU_CLOCK;
}

/**
 * bc_sums_add() - add a record
 * @s: the totals
 * @row: the record; its CPU time times the clock is filled in
 *
 * Return: 0 or -ENOMEM.
 */
int bc_sums_add(struct bc_sums *s, struct bc_row *row)
{
	int64_t begin = bc_max(row->begin, s->begin), end = bc_min(row->end, s->end);
	int ret;

	if (row->kind == BC_ROW_GAP)
		return bc_spans_add(&s->unknown, begin, end, row->reason ? row->reason : "gap");
	bc_row_clock(row);
	ret = bc_spans_add(&s->covered, begin, end, NULL);
	if (ret)
		return ret;
	bc_fill_all(s, row);
	return bc_slices_row(s, row, 1);
}

/**
 * bc_sums_less() - take a record of a pool below off what is a pool's own
 * @s: the totals
 * @row: the record; its CPU time times the clock is filled in
 *
 * Return: 0 or -ENOMEM.
 */
int bc_sums_less(struct bc_sums *s, struct bc_row *row)
{
	if (row->kind == BC_ROW_GAP)
		return 0;
	bc_row_clock(row);
	return bc_slices_row(s, row, -1);
}

/* What is at place @k of the sorted array; the array is sorted as far as that needs. */
static int64_t bc_select(int64_t *v, int64_t count, int64_t k)
{
	int64_t low = 0, high = count - 1, i, j, pivot, swap;

	while (low < high) {
		pivot = v[low + (high - low) / 2];
		i = low;
		j = high;
		while (i <= j) {
			while (v[i] < pivot)
				i++;
			while (v[j] > pivot)
				j--;
			if (i > j)
				break;
			swap = v[i];
			v[i++] = v[j];
			v[j--] = swap;
		}
		if (k <= j)
			high = j;
		else if (k >= i)
			low = i;
		else
			break;
	}
	return v[k];
}

/**
 * bc_nearest_rank() - a percentile by nearest rank
 * @v: the values, which are moved about
 * @count: how many, more than 0
 * @percent: which percentile, 1 to 100
 *
 * Return: value number ceil(@percent / 100 * @count) of the values in ascending order.
 */
int64_t bc_nearest_rank(int64_t *v, size_t count, unsigned int percent)
{
	return bc_select(v, count, (percent * count + 99) / 100 - 1);
}

/* The buckets of one metric in one slice, in one row at @to; how many are known. */
static size_t bc_known_buckets(const struct bc_sums *s, size_t rate,
			       const struct bc_slice *slice, int64_t *to)
{
	int64_t first = bc_floor_div(slice->begin, BC_BUCKET_MS) - s->first_bucket;
	int64_t last = bc_floor_div(slice->end - 1, BC_BUCKET_MS) - s->first_bucket;
	const int64_t *bucket = bc_rate_buckets(s, rate);
	size_t n = 0;
	int64_t i;

	for (i = bc_max(first, 0); i <= last && i < (int64_t)s->nbuckets; i++)
		if (bucket[i] != BC_BUCKET_UNKNOWN)
			to[n++] = bucket[i];
	return n;
}

static void bc_sum_percentile(const struct bc_sums *s, size_t rate, const struct bc_slice *slice,
			      struct bc_sum *sum, int64_t *scratch)
{
	sum->buckets = bc_known_buckets(s, rate, slice, scratch);
	if (sum->buckets)
		sum->p95 = bc_nearest_rank(scratch, sum->buckets, 95);
}

static void bc_slice_percentiles(const struct bc_sums *s, struct bc_slice *slice,
				 int64_t *scratch)
{
	size_t rate = 0, i;

	for (i = 0; i < BC_FLOW_METRICS; i++)
		if (bc_flow_infos[i].rate)
			bc_sum_percentile(s, rate++, slice, &slice->flow[i], scratch);
	for (i = 0; i < s->nres && slice->res; i++)
		bc_sum_percentile(s, rate + i, slice, &slice->res[i].time, scratch);
}

/* What is a gap: what is said to be one, and what nobody says anything of. */
static int bc_sums_gaps(struct bc_sums *s)
{
	struct bc_spans said = { 0 }, holes = { 0 };
	size_t i;
	int ret;

	ret = bc_spans_subtract(&s->gaps, &s->unknown, &s->covered);
	if (!ret)
		ret = bc_spans_subtract(&said, &s->alive, &s->covered);
	if (!ret)
		ret = bc_spans_subtract(&holes, &said, &s->gaps);
	for (i = 0; i < holes.count && !ret; i++)
		ret = bc_spans_add(&s->gaps, holes.v[i].begin, holes.v[i].end, "missing");
	bc_spans_merge(&s->gaps);
	bc_spans_clear(&said);
	bc_spans_clear(&holes);
	return ret;
}

/**
 * bc_sums_end() - finish: percentiles, coverage and gaps
 * @s: the totals, to which nothing can be added then
 *
 * Return: 0 or -ENOMEM.
 */
int bc_sums_end(struct bc_sums *s)
{
	int64_t *scratch = calloc(s->nbuckets + 1, sizeof(*scratch));
	struct bc_slice *slice;
	int ret;

	if (!scratch)
		return -ENOMEM;
	bc_spans_merge(&s->alive);
	bc_spans_merge(&s->covered);
	bc_spans_merge(&s->unknown);
	ret = bc_sums_gaps(s);
	for (slice = s->slices; slice < s->slices + s->nslices; slice++) {
		slice->existed = bc_spans_within(&s->alive, slice->begin, slice->end);
		slice->covered = bc_spans_within(&s->covered, slice->begin, slice->end);
		if (slice->records)
			bc_slice_percentiles(s, slice, scratch);
	}
	free(scratch);
	free(s->buckets);
	s->buckets = NULL;
	return ret;
}

/**
 * bc_sums_clear() - free totals
 * @s: the totals
 */
void bc_sums_clear(struct bc_sums *s)
{
	size_t i;

	for (i = 0; i < s->nslices; i++)
		free(s->slices[i].res);
	free(s->slices);
	free(s->buckets);
	bc_spans_clear(&s->gaps);
	bc_spans_clear(&s->alive);
	bc_spans_clear(&s->covered);
	bc_spans_clear(&s->unknown);
	memset(s, 0, sizeof(*s));
}
