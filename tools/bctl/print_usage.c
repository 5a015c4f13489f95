// SPDX-License-Identifier: GPL-2.0
/*
 * Usage as text and as CSV
 *
 * The text is for people: hours, GiB hours, CPUs, rounded to what fits a column. -b
 * writes the amounts of the document. CSV has one line for each figure, so that its
 * columns stay the same whatever resources there are.
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

static json_object *bc_member(json_object *obj, const char *key)
{
	json_object *val;

	return obj && json_object_object_get_ex(obj, key, &val) ? val : NULL;
}

static bool bc_wide_of(json_object *obj, const char *key, __int128 *val)
{
	json_object *num = bc_member(obj, key);

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

static void bc_cell_time(char *text, json_object *obj, const char *key)
{
	json_object *ms = bc_member(obj, key);

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
	json_object *resources = bc_member(pool, "resources");
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

static const char *bc_pool_label(json_object *pool)
{
	const char *path = bc_str(pool, "path");

	return path ? path : bc_str(pool, "name");
}

static void bc_usage_line(const struct bc_printer *p, struct bc_grid *g, json_object *doc,
			  json_object *pool, bool own)
{
	json_object *from = own ? bc_member(pool, "own") : pool;
	json_object *cpu = bc_member(from, "cpu"), *io = bc_member(from, "io");
	json_object *mem = bc_member(bc_member(from, "resources"), BC_MEMORY);
	uint64_t page = bc_num(doc, "page_size");
	const __int128 gib_h = ((__int128)3600 << 30) / page, bucket = 300;
	char cells[BC_COLS_MAX][BC_CELL_MAX];
	int n = 0;

	snprintf(cells[n++], BC_CELL_MAX, "%s%s", bc_pool_label(pool), own ? " (own)" : "");
	if (bc_member(pool, "incarnation"))
		bc_grid_cell(cells[n++], bc_str(pool, "incarnation"));
	if (bc_member(doc, "by"))
		bc_cell_time(cells[n++], pool, "begin_ms");
	bc_cell_ratio(p, cells[n++], cpu, "usage_ns", 3600000000000LL, 4);
	bc_cell_ratio(p, cells[n++], cpu, "mhz_ns", 3600000000000LL, 1);
	bc_cell_ratio(p, cells[n], bc_member(bc_member(cpu, "p95"), "usage_ns"), "amount",
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

	if (pool && bc_member(pool, "incarnation"))
		heads[n++] = "INCARNATION";
	if (bc_member(doc, "by"))
		heads[n++] = "<FROM";
	for (i = 0; i < 9; i++)
		heads[n++] = more[p->raw][i];
	bc_grid_begin(p, &g, heads);
	for (i = 0; i < json_object_array_length(pools) && !g.err; i++) {
		pool = json_object_array_get_idx(pools, i);
		bc_usage_line(p, &g, doc, pool, false);
		if (bc_member(pool, "own"))
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
	json_object *p95 = bc_member(bc_member(res, "p95"), "held_time");
	json_object *changed = bc_member(res, "bounds_changed");
	char cells[BC_COLS_MAX][BC_CELL_MAX];
	int n = 0;

	bc_grid_cell(cells[n++], bc_pool_label(pool));
	if (bc_member(doc, "by"))
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

	if (bc_member(doc, "by"))
		heads[n++] = "<FROM";
	for (i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		heads[n++] = p->raw && !strcmp(more[i], "UNIT-H") ? "UNIT-S" : more[i];
	bc_grid_begin(p, &g, heads);
	for (i = 0; i < json_object_array_length(pools) && !g.err; i++) {
		json_object *pool = json_object_array_get_idx(pools, i);

		resources = bc_member(pool, "resources");
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
		gaps = bc_member(pool, "gaps");
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

/**
 * bc_csv_text() - write a field of CSV
 * @out: the file
 * @text: what stands in it, or NULL for nothing
 *
 * As in RFC 4180.
 */
void bc_csv_text(FILE *out, const char *text)
{
	const char *s;

	if (!text)
		return;
	if (!strpbrk(text, ",\"\r\n")) {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	for (s = text; *s; s++)
		fprintf(out, *s == '"' ? "\"\"" : "%c", *s);
	fputc('"', out);
}

/* All that stands before the metric. */
static void bc_csv_key(const struct bc_printer *p, json_object *doc, json_object *pool,
		       json_object *time)
{
	static const char * const keys[] = { "boot", "incarnation", "id" };
	char begin[BC_CELL_MAX], end[BC_CELL_MAX];
	size_t i;

	bc_csv_text(p->out, bc_str(doc, "node"));
	fputc(',', p->out);
	bc_csv_text(p->out, bc_pool_label(pool));
	for (i = 0; i < 3; i++) {
		fputc(',', p->out);
		bc_csv_text(p->out, bc_str(pool, keys[i]));
	}
	bc_cell_time(begin, time, "begin_ms");
	bc_cell_time(end, time, "end_ms");
	fprintf(p->out, ",%s,%s,", begin, end);
}

/* One line; the value is a word for "unlimited" and empty for what is no number. */
struct bc_csv {
	const struct bc_printer *p;
	json_object *doc;
	json_object *pool;
	const char *prefix;
};

static void bc_csv_line(const struct bc_csv *c, const char *object, const char *key,
			const char *unit, const char *more, const char *value, const char *note)
{
	bc_csv_key(c->p, c->doc, c->pool, c->pool);
	fprintf(c->p->out, "%s%s%s%s,%s%s,%s,%s\n", c->prefix, object, *object ? "." : "", key,
		unit, more, value ? value : "unlimited", note ? note : "");
}

static void bc_csv_p95(const struct bc_csv *c, const char *object, json_object *from,
		       const char *unit)
{
	json_object *list = bc_member(from, "p95");
	char key[128];

	if (!list)
		return;
	json_object_object_foreach(list, name, obj) {
		snprintf(key, sizeof(key), "%s.p95", name);
		bc_csv_line(c, object, key, unit, !strcmp(name, "held_time") ? "*s/300s" : "/300s",
			    bc_str(obj, "amount"), NULL);
	}
}

static const char *bc_csv_note(const struct bc_csv *c, const char *object, const char *key)
{
	json_object *list = bc_member(c->pool, "incomplete");
	char name[160];
	size_t i;

	snprintf(name, sizeof(name), "%s.%s", object, key);
	for (i = 0; list && !*c->prefix && i < json_object_array_length(list); i++)
		if (!strcmp(json_object_get_string(json_object_array_get_idx(list, i)), name))
			return "incomplete";
	return NULL;
}

static void bc_csv_flows(const struct bc_csv *c, json_object *from)
{
	const struct bc_flow_info *info;
	const char *value;

	for (info = bc_flow_infos; info < bc_flow_infos + BC_FLOW_METRICS; info++) {
		json_object *obj = bc_member(from, info->object), *p95;
		const char *unit = bc_measure_name(info->measure);
		char key[64];

		value = obj ? bc_str(obj, info->key) : NULL;
		if (!value)
			continue;
		bc_csv_line(c, info->object, info->key, unit, "", value,
			    bc_csv_note(c, info->object, info->key));
		p95 = bc_member(bc_member(obj, "p95"), info->key);
		snprintf(key, sizeof(key), "%s.p95", info->key);
		if (p95)
			bc_csv_line(c, info->object, key, unit, "/300s", bc_str(p95, "amount"),
				    NULL);
	}
}

static void bc_csv_resource(const struct bc_csv *c, const char *name, json_object *res)
{
	static const char * const keys[] = {
		"held_time", "failcnt", "failed", "held", "peak", "barrier", "limit",
	};
	const char *unit = bc_str(res, "unit");
	json_object *val;
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (json_object_object_get_ex(res, keys[i], &val))
			bc_csv_line(c, name, keys[i], strcmp(keys[i], "failcnt") ? unit : "items",
				    i ? "" : "*s", json_object_get_string(val),
				    strcmp(keys[i], "limit") && strcmp(keys[i], "barrier") ?
				    bc_csv_note(c, name, keys[i]) :
				    json_object_get_boolean(bc_member(res, "bounds_changed")) ?
				    "changed" : NULL);
	bc_csv_p95(c, name, res, unit);
}

static void bc_csv_from(const struct bc_csv *c, json_object *from)
{
	json_object *resources = bc_member(from, "resources");

	bc_csv_flows(c, from);
	if (!resources)
		return;
	json_object_object_foreach(resources, name, res)
		bc_csv_resource(c, name, res);
}

static void bc_csv_pool(const struct bc_printer *p, json_object *doc, json_object *pool)
{
	static const char * const times[] = { "existed_ms", "covered_ms", "gap_ms" };
	struct bc_csv c = { p, doc, pool, "" };
	json_object *gaps = bc_member(pool, "gaps"), *gap, *own = bc_member(pool, "own");
	size_t i;

	bc_csv_line(&c, "pool", "page_size", "bytes", "", bc_str(doc, "page_size"), NULL);
	for (i = 0; i < 3; i++)
		if (bc_member(pool, times[i]))
			bc_csv_line(&c, "pool", times[i], "ms", "", bc_str(pool, times[i]), NULL);
	bc_csv_from(&c, pool);
	c.prefix = "own.";
	if (own)
		bc_csv_from(&c, own);
	for (i = 0; gaps && i < json_object_array_length(gaps); i++) {
		gap = json_object_array_get_idx(gaps, i);
		bc_csv_key(p, doc, pool, gap);
		fprintf(p->out, "gap,ms,%" PRIu64 ",%s\n",
			bc_num(gap, "end_ms") - bc_num(gap, "begin_ms"), bc_str(gap, "reason"));
	}
}

static const char *bc_plain(json_object *obj)
{
	return json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PLAIN |
					      JSON_C_TO_STRING_NOSLASHESCAPE);
}

/**
 * bc_usage_head() - begin to print a document of usage bit by bit, as JSON or CSV
 * @p: where to, and which of them
 * @doc: the document, whose list is still empty
 *
 * A month of hours of many pools is large; nobody needs all of it in memory.
 *
 * Return: 0 or -ENOMEM.
 */
int bc_usage_head(const struct bc_printer *p, struct bc_doc *doc)
{
	json_object *list = json_object_get(doc->list);
	const char *text;

	if (!p->json) {
		fputs("node,pool,boot,incarnation,id,begin,end,metric,unit,value,note\n", p->out);
		json_object_put(list);
		return 0;
	}
	/* It comes last, and is open at its end. */
	json_object_object_del(doc->root, "pools");
	text = bc_plain(doc->root);
	if (text)
		fprintf(p->out, "%.*s,\"pools\":[", (int)strlen(text) - 1, text);
	bc_put(doc, doc->root, "pools", list);
	return text ? doc->err : -ENOMEM;
}

/**
 * bc_usage_pools() - print the pools that have come to the list, and empty it
 * @p: where to, and how
 * @doc: the document
 * @count: how many were printed already
 *
 * Return: 0 or -ENOMEM.
 */
int bc_usage_pools(const struct bc_printer *p, struct bc_doc *doc, size_t *count)
{
	size_t n = json_object_array_length(doc->list), i;
	const char *text;

	for (i = 0; i < n; i++) {
		json_object *pool = json_object_array_get_idx(doc->list, i);

		if (!p->json) {
			bc_csv_pool(p, doc->root, pool);
			continue;
		}
		text = bc_plain(pool);
		if (!text)
			return -ENOMEM;
		fprintf(p->out, "%s%s", *count + i ? "," : "", text);
	}
	*count += n;
	if (n)
		json_object_array_del_idx(doc->list, 0, n);
	return 0;
}

/**
 * bc_usage_tail() - end what bc_usage_head() began
 * @p: where to, and how
 */
void bc_usage_tail(const struct bc_printer *p)
{
	if (p->json)
		fputs("]}\n", p->out);
}
