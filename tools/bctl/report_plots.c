// SPDX-License-Identifier: GPL-2.0
/*
 * The plots of a pool on a page about what pools used
 *
 * One table has them all: what a line is called, what it looks like, and what its value is.
 */
#include <errno.h>
#include <stdlib.h>

#include "plot.h"
#include "report_part.h"

/* Hints are for a page of no more pools than that: they make it long. */
#define BC_HINTS_MAX	12
/* The lines of one plot. */
#define BC_SERIES_MAX	3

/**
 * bc_report_memory() - the memory of a pool in a part of the period
 * @r: the page
 * @slice: the part
 *
 * Return: it, or NULL if nobody has counted it.
 */
const struct bc_held *bc_report_memory(const struct bc_report *r, const struct bc_slice *slice)
{
	return r->mem >= 0 && slice->res ? &slice->res[r->mem] : NULL;
}

/**
 * bc_report_unit() - how many bytes one unit of a resource is
 * @r: the page
 * @res: index of the resource
 *
 * Return: so many; 1 for items.
 */
double bc_report_unit(const struct bc_report *r, size_t res)
{
	return r->db->res[res].measure == BC_IN_PAGES ? r->db->page_size : 1;
}

/**
 * bc_report_failures() - refusals of all resources whose refusals are known
 * @r: the page
 * @slice: the part of the period
 *
 * Return: their sum, and of how many records it is: perhaps of none.
 */
struct bc_sum bc_report_failures(const struct bc_report *r, const struct bc_slice *slice)
{
	struct bc_sum sum = { 0 };
	size_t i;

	for (i = 0; i < r->db->nres && slice->res; i++) {
		sum.sum += slice->res[i].failcnt.sum;
		sum.count += slice->res[i].failcnt.count;
	}
	return sum;
}

/* What a value of a slice is, over the time of its records. */
typedef bool (*bc_value_fn)(const struct bc_report *r, const struct bc_slice *s, double *value);

static bool bc_flow_value(const struct bc_slice *s, enum bc_flow_metric flow, double unit,
			  double *value)
{
	*value = s->flow[flow].sum / unit * 1000 / s->covered;
	return s->flow[flow].count;
}

static bool bc_value_cpu(const struct bc_report *r, const struct bc_slice *s, double *value)
{
	(void)r;
	return bc_flow_value(s, BC_M_CPU, 1e9, value);
}

static bool bc_value_wait(const struct bc_report *r, const struct bc_slice *s, double *value)
{
	(void)r;
	return bc_flow_value(s, BC_M_CPU_WAIT, 1e9, value);
}

static bool bc_value_read(const struct bc_report *r, const struct bc_slice *s, double *value)
{
	(void)r;
	return bc_flow_value(s, BC_M_IO_READ_BYTES, 1, value);
}

static bool bc_value_write(const struct bc_report *r, const struct bc_slice *s, double *value)
{
	(void)r;
	return bc_flow_value(s, BC_M_IO_WRITE_BYTES, 1, value);
}

static bool bc_value_held(const struct bc_report *r, const struct bc_slice *s, double *value)
{
	const struct bc_held *mem = bc_report_memory(r, s);

	if (!mem || !mem->time.count)
		return false;
	*value = (double)mem->time.sum * bc_report_unit(r, r->mem) * 1000 / s->covered;
	return true;
}

static bool bc_value_peak(const struct bc_report *r, const struct bc_slice *s, double *value)
{
	const struct bc_held *mem = bc_report_memory(r, s);

	if (!mem || !(mem->known & 1U << BC_F_PEAK))
		return false;
	*value = mem->peak * bc_report_unit(r, r->mem);
	return true;
}

static bool bc_value_limit(const struct bc_report *r, const struct bc_slice *s, double *value)
{
	const struct bc_held *mem = bc_report_memory(r, s);

	if (!mem || !(mem->known & 1U << BC_F_LIMIT) || mem->limit == BC_ROW_UNLIMITED)
		return false;
	*value = mem->limit * bc_report_unit(r, r->mem);
	return true;
}

static bool bc_value_failures(const struct bc_report *r, const struct bc_slice *s, double *value)
{
	const struct bc_sum failures = bc_report_failures(r, s);

	*value = failures.sum;
	return failures.count;
}

/* The plots of a pool. A plot on which nothing is above 0 is left out, but for the first. */
static const struct {
	const char *title;
	enum bc_plot_unit unit;
	bool always;
	struct {
		const char *name;
		const char *class;
		bool area;
		bc_value_fn value;
	} series[BC_SERIES_MAX];
} bc_plots[] = {
	{ "CPUs", BC_PLOT_NUMBER, true, {
		{ "used", "c1", true, bc_value_cpu }, { "waited for", "c2", false, bc_value_wait } } },
	{ "Memory", BC_PLOT_BYTES, false, {
		{ "held", "c1", true, bc_value_held }, { "peak", "c2", false, bc_value_peak },
		{ "limit", "c3", false, bc_value_limit } } },
	{ "Block I/O", BC_PLOT_RATE, false, {
		{ "read", "c1", true, bc_value_read }, { "written", "c2", true, bc_value_write } } },
	{ "Requests refused", BC_PLOT_NUMBER, false, {
		{ "refused", "bad", true, bc_value_failures } } },
};

static void bc_report_series(const struct bc_report *r, const struct bc_sums *sums,
			     struct bc_point *to, bc_value_fn fn)
{
	const struct bc_slice *s;

	for (s = sums->slices; s < sums->slices + sums->nslices; s++, to++) {
		*to = (struct bc_point){ .begin = s->begin, .end = s->end };
		to->known = s->covered > 0 && s->records && fn(r, s, &to->value);
	}
}

static bool bc_series_known(const struct bc_point *v, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (v[i].known)
			return true;
	return false;
}

/**
 * bc_report_plots() - write the plots of a pool
 * @r: the page
 * @sums: what the pool used in each part of the period
 *
 * Return: 0 or -ENOMEM.
 */
int bc_report_plots(const struct bc_report *r, const struct bc_sums *sums)
{
	struct bc_point *points = calloc(sums->nslices + 1, BC_SERIES_MAX * sizeof(*points));
	struct bc_series series[BC_SERIES_MAX];
	struct bc_plot plot = { .period = &r->ask->period, .gaps = &sums->gaps, .series = series,
				.hints = r->groups->count <= BC_HINTS_MAX };
	size_t i, j;

	if (!points)
		return -ENOMEM;
	fputs("<div class=\"plots\">\n", r->out);
	for (i = 0; i < sizeof(bc_plots) / sizeof(bc_plots[0]); i++) {
		plot.title = bc_plots[i].title;
		plot.unit = bc_plots[i].unit;
		plot.count = 0;
		for (j = 0; j < BC_SERIES_MAX && bc_plots[i].series[j].value; j++) {
			struct bc_point *v = points + plot.count * sums->nslices;

			bc_report_series(r, sums, v, bc_plots[i].series[j].value);
			if (j && !bc_series_known(v, sums->nslices))
				continue;
			series[plot.count++] = (struct bc_series){
				bc_plots[i].series[j].name, bc_plots[i].series[j].class,
				bc_plots[i].series[j].area, v, sums->nslices };
		}
		if (bc_plots[i].always || !bc_plot_empty(&plot))
			bc_plot_out(r->out, &plot);
	}
	fputs("</div>\n", r->out);
	free(points);
	return 0;
}
