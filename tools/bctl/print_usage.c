// SPDX-License-Identifier: GPL-2.0
/*
 * Usage as text
 *
 * It is for people: hours, GiB hours, CPUs, rounded to what fits a column. -b writes the
 * amounts of the document.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "calendar.h"
#include "grid.h"
#include "metric.h"
#include "print.h"
#include "text.h"
#include "wide.h"

/* The memory that people mean. */
#define BC_MEMORY	"physpages"

static bool bc_wide_of(json_object *obj, const char *key, __int128 *val)
{
	json_object *num = bc_get(obj, key);

	return num && bc_wide_parse(json_object_get_string(num), val);
}

/* @num / @den with so many decimals. */
static void bc_ratio(char *text, __int128 num, __int128 den, unsigned int decimals)
{
	unsigned int i;

	for (i = 0; i < decimals; i++)
		num *= 10;
	bc_decimal_text(text, BC_CELL_MAX, bc_wide_divide(num, den, BC_ROUND_HALF_UP), decimals);
}

/* A figure of @obj divided by @den, or as it is with -b; a dash if it is not known. */
static void bc_cell_ratio(const struct bc_printer *p, char *text, json_object *obj,
			  const char *key, __int128 den, unsigned int decimals)
{
	__int128 val;

	bc_grid_cell(text, NULL);
	if (!bc_wide_of(obj, key, &val))
		return;
	if (p->raw)
		bc_wide_text(text, BC_CELL_MAX, val);
	else
		bc_ratio(text, val, den, decimals);
}

static void bc_cell_bytes(const struct bc_printer *p, char *text, json_object *obj,
			  const char *key, uint64_t unit)
{
	__int128 val;

	bc_grid_cell(text, NULL);
	if (!bc_wide_of(obj, key, &val))
		return;
	if (p->raw || val < 0)
		bc_wide_text(text, BC_CELL_MAX, val);
	else
		bc_human(text, BC_CELL_MAX, (unsigned __int128)val * unit);
}

/**
 * bc_cell_time() - write a time of a document
 * @text: receives it; room for BC_CELL_MAX
 * @obj: the object
 * @key: name of the time
 */
void bc_cell_time(char *text, json_object *obj, const char *key)
{
	json_object *ms = bc_get(obj, key);

	bc_grid_cell(text, NULL);
	if (ms)
		bc_time_text(text, BC_CELL_MAX, json_object_get_int64(ms));
}

/* How much of the time that the pool existed is known; never rounded up to all. */
static void bc_cell_covered(char *text, json_object *pool)
{
	__int128 existed, covered;

	bc_grid_cell(text, NULL);
	if (!bc_wide_of(pool, "existed_ms", &existed) || existed <= 0 ||
	    !bc_wide_of(pool, "covered_ms", &covered))
		return;
	if (covered >= existed)
		bc_grid_cell(text, "100%");
	else
		snprintf(text, BC_CELL_MAX, "%d.%d%%", (int)(covered * 100 / existed),
			 (int)(covered * 1000 / existed % 10));
}

/* A percentile of records that are longer than its buckets is one of averages. */
static void bc_mark_coarse(const struct bc_printer *p, char *text, json_object *doc,
			   json_object *pool)
{
	size_t len = strlen(text);

	if (p->raw || !strcmp(text, "-") || len + 1 >= BC_CELL_MAX ||
	    bc_num(pool, "longest_ms") <= bc_num(doc, "bucket_ms"))
		return;
	memmove(text + 1, text, len + 1);
	*text = '~';
}

/* Refusals of all resources; a dash if none of them is known. */
static void bc_cell_failures(char *text, json_object *pool)
{
	json_object *resources = bc_get(pool, "resources");
	__int128 sum = 0, val;
	bool known = false;

	bc_grid_cell(text, NULL);
	if (!resources)
		return;
	json_object_object_foreach(resources, name, obj) {
		(void)name;
		if (!bc_wide_of(obj, "failcnt", &val))
			continue;
		sum += val;
		known = true;
	}
	if (known)
		bc_wide_text(text, BC_CELL_MAX, sum);
}

/**
 * bc_pool_label() - what a pool is called
 * @pool: the pool
 *
 * Return: its path if there is one, else its name.
 */
const char *bc_pool_label(json_object *pool)
{
	const char *path = bc_str(pool, "path");

	return path ? path : bc_str(pool, "name");
}

static void bc_usage_line(const struct bc_printer *p, struct bc_grid *g, json_object *doc,
			  json_object *pool, bool own)
{
	json_object *from = own ? bc_get(pool, "own") : pool;
	json_object *cpu = bc_get(from, "cpu"), *io = bc_get(from, "io");
	json_object *mem = bc_get(bc_get(from, "resources"), BC_MEMORY);
	uint64_t page = bc_num(doc, "page_size");
	const __int128 gib_h = ((__int128)3600 << 30) / page, bucket = 300;
	char cells[BC_COLS_MAX][BC_CELL_MAX];
	int n = 0;

	snprintf(cells[n++], BC_CELL_MAX, "%s%s", bc_pool_label(pool), own ? " (own)" : "");
	if (bc_get(pool, "incarnation"))
		bc_grid_cell(cells[n++], bc_str(pool, "incarnation"));
	if (bc_get(doc, "by"))
		bc_cell_time(cells[n++], pool, "begin_ms");
	bc_cell_ratio(p, cells[n++], cpu, "usage_ns", 3600000000000LL, 4);
	bc_cell_ratio(p, cells[n++], cpu, "mhz_ns", 3600000000000LL, 1);
	bc_cell_ratio(p, cells[n], bc_get(bc_get(cpu, "p95"), "usage_ns"), "amount",
		      bucket * 1000000000, 3);
	bc_mark_coarse(p, cells[n++], doc, pool);
	bc_cell_ratio(p, cells[n++], mem, "held_time", gib_h, 4);
	bc_cell_bytes(p, cells[n++], mem, "peak", page);
	bc_cell_bytes(p, cells[n++], io, "read_bytes", 1);
	bc_cell_bytes(p, cells[n++], io, "write_bytes", 1);
	bc_cell_failures(cells[n++], from);
	if (own)
		bc_grid_cell(cells[n++], NULL);
	else
		bc_cell_covered(cells[n++], pool);
	bc_grid_line(g, cells, n);
}

static int bc_usage_table(const struct bc_printer *p, json_object *doc, json_object *pools)
{
	const char *heads[BC_COLS_MAX + 1] = { "<POOL" };
	static const char * const more[2][9] = {
		{ "CPU-H", "MHZ-H", "CPUS-P95", "MEM-GIB-H", "MEM-PEAK", "READ", "WRITE", "FAIL",
		  "COVERED" },
		{ "CPU-NS", "MHZ-NS", "CPU-NS-P95", "MEM-PAGE-S", "MEM-PEAK", "READ", "WRITE",
		  "FAIL", "COVERED" },
	};
	json_object *pool = json_object_array_get_idx(pools, 0);
	struct bc_grid g;
	size_t n = 1, i;

	if (pool && bc_get(pool, "incarnation"))
		heads[n++] = "INCARNATION";
	if (bc_get(doc, "by"))
		heads[n++] = "<FROM";
	for (i = 0; i < 9; i++)
		heads[n++] = more[p->raw][i];
	bc_grid_begin(p, &g, heads);
	for (i = 0; i < json_object_array_length(pools) && !g.err; i++) {
		pool = json_object_array_get_idx(pools, i);
		bc_usage_line(p, &g, doc, pool, false);
		if (bc_get(pool, "own"))
			bc_usage_line(p, &g, doc, pool, true);
	}
	return bc_grid_end(p, &g);
}

/* What one unit of a resource is, for people: an item, or a byte. */
static uint64_t bc_unit_bytes(json_object *doc, json_object *res)
{
	return !strcmp(bc_str(res, "unit"), "pages") ? bc_num(doc, "page_size") : 1;
}

/* What was held on average: unit-seconds over seconds. */
static void bc_cell_average(const struct bc_printer *p, char *text, json_object *doc,
			    json_object *res, json_object *from, const char *key, __int128 ms)
{
	__int128 val;

	bc_grid_cell(text, NULL);
	if (!bc_wide_of(from, key, &val) || ms <= 0)
		return;
	if (p->raw && !strcmp(key, "amount"))
		bc_wide_text(text, BC_CELL_MAX, val);
	else if (p->raw || !strcmp(bc_str(res, "unit"), "items"))
		bc_ratio(text, val * 1000, ms, 2);
	else
		bc_human(text, BC_CELL_MAX, val * 1000 * bc_unit_bytes(doc, res) / ms);
}

static void bc_cell_held_time(const struct bc_printer *p, char *text, json_object *doc,
			      json_object *res)
{
	bool items = !strcmp(bc_str(res, "unit"), "items");
	__int128 val;

	bc_grid_cell(text, NULL);
	if (!bc_wide_of(res, "held_time", &val))
		return;
	if (p->raw)
		bc_wide_text(text, BC_CELL_MAX, val);
	else if (items)
		bc_ratio(text, val, 3600, 2);
	else
		bc_ratio(text, val * bc_unit_bytes(doc, res), (__int128)3600 << 20, 2);
}

static void bc_resource_line(const struct bc_printer *p, struct bc_grid *g, json_object *doc,
			     json_object *pool, const char *name, json_object *res)
{
	json_object *p95 = bc_get(bc_get(res, "p95"), "held_time");
	json_object *changed = bc_get(res, "bounds_changed");
	char cells[BC_COLS_MAX][BC_CELL_MAX];
	int n = 0;

	bc_grid_cell(cells[n++], bc_pool_label(pool));
	if (bc_get(doc, "by"))
		bc_cell_time(cells[n++], pool, "begin_ms");
	bc_grid_cell(cells[n++], name);
	bc_grid_cell(cells[n++], p->raw ? bc_str(res, "unit") :
		     !strcmp(bc_str(res, "unit"), "items") ? "items" : "MiB");
	bc_cell_held_time(p, cells[n++], doc, res);
	bc_cell_average(p, cells[n++], doc, res, res, "held_time", bc_num(pool, "covered_ms"));
	bc_cell_average(p, cells[n], doc, res, p95, "amount", 300000);
	bc_mark_coarse(p, cells[n++], doc, pool);
	bc_amount(p, cells[n++], BC_CELL_MAX, res, "peak");
	bc_amount(p, cells[n++], BC_CELL_MAX, res, "held");
	bc_amount(p, cells[n++], BC_CELL_MAX, res, "barrier");
	bc_amount(p, cells[n++], BC_CELL_MAX, res, "limit");
	bc_grid_cell(cells[n++], !changed ? NULL : json_object_get_boolean(changed) ? "yes" : "no");
	bc_grid_cell(cells[n++], bc_str(res, "failcnt"));
	bc_amount(p, cells[n++], BC_CELL_MAX, res, "failed");
	bc_grid_line(g, cells, n);
}

static int bc_resource_table(const struct bc_printer *p, json_object *doc, json_object *pools)
{
	const char *heads[BC_COLS_MAX + 1] = { "<POOL" };
	static const char * const more[] = {
		"<RESOURCE", "<UNIT", "UNIT-H", "AVERAGE", "P95", "PEAK", "HELD", "BARRIER",
		"LIMIT", "<CHANGED", "FAILCNT", "FAILED",
	};
	json_object *resources;
	struct bc_grid g;
	size_t n = 1, i;

	if (bc_get(doc, "by"))
		heads[n++] = "<FROM";
	for (i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		heads[n++] = p->raw && !strcmp(more[i], "UNIT-H") ? "UNIT-S" : more[i];
	bc_grid_begin(p, &g, heads);
	for (i = 0; i < json_object_array_length(pools) && !g.err; i++) {
		json_object *pool = json_object_array_get_idx(pools, i);

		resources = bc_get(pool, "resources");
		if (!resources)
			continue;
		json_object_object_foreach(resources, name, res)
			bc_resource_line(p, &g, doc, pool, name, res);
	}
	return bc_grid_end(p, &g);
}

static int bc_gap_table(const struct bc_printer *p, json_object *pools)
{
	static const char * const heads[] = {
		"<POOL", "<GAP-FROM", "<GAP-TO", "SECONDS", "<REASON", NULL,
	};
	char cells[BC_COLS_MAX][BC_CELL_MAX];
	json_object *gaps, *gap, *pool;
	struct bc_grid g;
	size_t i, j;

	bc_grid_begin(p, &g, heads);
	for (i = 0; i < json_object_array_length(pools) && !g.err; i++) {
		pool = json_object_array_get_idx(pools, i);
		gaps = bc_get(pool, "gaps");
		for (j = 0; gaps && j < json_object_array_length(gaps) && !g.err; j++) {
			gap = json_object_array_get_idx(gaps, j);
			bc_grid_cell(cells[0], bc_pool_label(pool));
			bc_cell_time(cells[1], gap, "begin_ms");
			bc_cell_time(cells[2], gap, "end_ms");
			bc_ratio(cells[3], bc_num(gap, "end_ms") - bc_num(gap, "begin_ms"),
				 1000, 3);
			bc_grid_cell(cells[4], bc_str(gap, "reason"));
			bc_grid_line(&g, cells, 5);
		}
	}
	return bc_grid_end(p, &g);
}

/**
 * bc_print_period() - say of which time a document of usage or an invoice is
 * @p: how to print
 * @doc: the document without its pools
 */
void bc_print_period(const struct bc_printer *p, json_object *doc)
{
	char begin[BC_CELL_MAX], end[BC_CELL_MAX], reach[BC_CELL_MAX];

	bc_cell_time(begin, doc, "begin_ms");
	bc_cell_time(end, doc, "end_ms");
	bc_cell_time(reach, doc, "reach_ms");
	fputs("node ", p->out);
	bc_safe(p->out, bc_str(doc, "node"));
	fprintf(p->out, ", %s to %s, records up to %s\n", begin, end, reach);
}

/**
 * bc_print_usage() - print usage as tables
 * @p: how
 * @doc: the document
 * @pools: the list in it
 * @full: with every resource
 *
 * Return: 0 or a negative errno.
 */
int bc_print_usage(const struct bc_printer *p, json_object *doc, json_object *pools, bool full)
{
	int ret;

	bc_print_period(p, doc);
	ret = bc_usage_table(p, doc, pools);
	if (!ret && full)
		ret = bc_resource_table(p, doc, pools);
	return ret ? ret : bc_gap_table(p, pools);
}
