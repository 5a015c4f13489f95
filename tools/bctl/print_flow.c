// SPDX-License-Identifier: GPL-2.0
/*
 * CPU time, block I/O and settings as text
 *
 * CPU time per second is written in percent of one CPU ("150%"), times in
 * seconds or, where they are short, in the unit that fits ("1.5ms"). -b writes
 * all of it in the base unit: nanoseconds, bytes.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "grid.h"
#include "print.h"
#include "text.h"

/* How a figure is written. */
enum bc_style {
	BC_STYLE_NUMBER, BC_STYLE_BYTES, BC_STYLE_TIME, BC_STYLE_PERCENT, BC_STYLE_PAIR,
	BC_STYLE_LIST,
};

/* A figure: the word before it in a line, its heading in a table, its key, its style. */
struct bc_figure {
	const char *word;
	const char *head;
	const char *key;
	enum bc_style style;
};

static const struct bc_figure bc_cpu_figures[] = {
	{ "usage", "USAGE", "usage_ns", BC_STYLE_TIME },
	{ "user", "USER", "user_ns", BC_STYLE_TIME },
	{ "system", "SYSTEM", "system_ns", BC_STYLE_TIME },
	{ "wait", "WAIT", "wait_ns", BC_STYLE_TIME },
	{ "switches", "SWITCHES", "switches", BC_STYLE_NUMBER },
	{ "preemptions", "PREEMPTIONS", "preemptions", BC_STYLE_NUMBER },
	{ "throttled", "THROTTLED", "throttled_ns", BC_STYLE_TIME },
	{ "times", "TIMES", "nr_throttled", BC_STYLE_NUMBER },
	{ "load", "LOAD", "load", BC_STYLE_LIST },
	{ "entitlement", "ENTITLEMENT", "entitlement", BC_STYLE_PERCENT },
	{ "reservable", "RESERVABLE", "reservable", BC_STYLE_PERCENT },
	{ NULL, NULL, NULL, 0 },
};

static const struct bc_figure bc_io_figures[] = {
	{ "read", "READ", "read_bytes", BC_STYLE_BYTES },
	{ "write", "WRITE", "write_bytes", BC_STYLE_BYTES },
	{ "discard", "DISCARD", "discard_bytes", BC_STYLE_BYTES },
	{ "read-ios", "READ-IOS", "read_ios", BC_STYLE_NUMBER },
	{ "write-ios", "WRITE-IOS", "write_ios", BC_STYLE_NUMBER },
	{ "discard-ios", "DISCARD-IOS", "discard_ios", BC_STYLE_NUMBER },
	{ "flush-ios", "FLUSH-IOS", "flush_ios", BC_STYLE_NUMBER },
	{ "in-flight", "IN-FLIGHT", "in_flight", BC_STYLE_PAIR },
	{ "throttled", "THROTTLED", "throttled_ns", BC_STYLE_TIME },
	{ "times", "TIMES", "nr_throttled", BC_STYLE_NUMBER },
	{ "dirtied", "DIRTIED", "dirtied", BC_STYLE_BYTES },
	{ "cancelled", "CANCELLED", "cancelled", BC_STYLE_BYTES },
	{ NULL, NULL, NULL, 0 },
};

/**
 * bc_time() - write a time for people
 * @text: receives it
 * @size: room there
 * @ns: nanoseconds
 */
void bc_time(char *text, size_t size, uint64_t ns)
{
	if (ns >= 1000000000)
		snprintf(text, size, "%" PRIu64 ".%03us", ns / 1000000000,
			 (unsigned int)(ns / 1000000 % 1000));
	else if (ns >= 1000000)
		snprintf(text, size, "%" PRIu64 ".%ums", ns / 1000000,
			 (unsigned int)(ns / 100000 % 10));
	else if (ns >= 1000)
		snprintf(text, size, "%" PRIu64 "us", ns / 1000);
	else
		snprintf(text, size, "%" PRIu64 "%s", ns, ns ? "ns" : "");
}

/**
 * bc_percent() - write CPU time as percent of one CPU
 * @text: receives it
 * @size: room there
 * @rate: nanoseconds per second
 *
 * A decimal is written only when the percentage is no whole number.
 */
void bc_percent(char *text, size_t size, uint64_t rate)
{
	uint64_t tenths = rate / 1000000 + (rate % 1000000 >= 500000);

	if (rate % 10000000)
		snprintf(text, size, "%" PRIu64 ".%u%%", tenths / 10, (unsigned int)(tenths % 10));
	else
		snprintf(text, size, "%" PRIu64 "%%", tenths / 10);
}

static void bc_figure_text(const struct bc_printer *p, char *text, size_t size,
			   json_object *obj, const struct bc_figure *f)
{
	json_object *val;
	uint64_t num;

	if (!json_object_object_get_ex(obj, f->key, &val) || !val) {
		snprintf(text, size, "%s", val ? "unlimited" : "-");
		return;
	}
	num = json_object_get_uint64(val);
	if (f->style == BC_STYLE_PAIR)
		snprintf(text, size, "%" PRIu64 "/%" PRIu64, bc_num(val, "read"),
			 bc_num(val, "write"));
	else if (f->style == BC_STYLE_LIST)
		snprintf(text, size, "%.2f/%.2f/%.2f",
			 json_object_get_double(json_object_array_get_idx(val, 0)),
			 json_object_get_double(json_object_array_get_idx(val, 1)),
			 json_object_get_double(json_object_array_get_idx(val, 2)));
	else if (p->raw || f->style == BC_STYLE_NUMBER)
		snprintf(text, size, "%" PRIu64, num);
	else if (f->style == BC_STYLE_BYTES)
		bc_human(text, size, num);
	else if (f->style == BC_STYLE_TIME)
		bc_time(text, size, num);
	else
		bc_percent(text, size, num);
}

/* What is known of one of "cpu" and "io", in lines that begin with its name. */
static void bc_print_figures(const struct bc_printer *p, json_object *pool, const char *name,
			     const struct bc_figure *f)
{
	char text[BC_CELL_MAX];
	json_object *obj;
	int count = 0;

	if (!json_object_object_get_ex(pool, name, &obj))
		return;
	for (; f->key; f++) {
		if (!json_object_object_get_ex(obj, f->key, NULL))
			continue;
		bc_figure_text(p, text, sizeof(text), obj, f);
		if (count % 6 == 0)
			fprintf(p->out, "%s  %-9s", count ? "\n" : "", count ? "" : name);
		fprintf(p->out, " %s %s", f->word, text);
		count++;
	}
	if (count)
		fputc('\n', p->out);
}

/**
 * bc_print_flow_lines() - print the CPU time and the block I/O of a pool in some lines
 * @p: how
 * @pool: the pool
 */
void bc_print_flow_lines(const struct bc_printer *p, json_object *pool)
{
	bc_print_figures(p, pool, "cpu", bc_cpu_figures);
	bc_print_figures(p, pool, "io", bc_io_figures);
}

/* One table of "cpu" or "io" with a line for each pool that has it. */
static int bc_print_flow_table(const struct bc_printer *p, json_object *pools, const char *name,
			       const struct bc_figure *figures)
{
	const char *heads[BC_COLS_MAX] = { "<POOL" };
	char cells[BC_COLS_MAX][BC_CELL_MAX];
	json_object *pool, *obj;
	const struct bc_figure *f;
	struct bc_grid g;
	size_t i, n;

	for (n = 1, f = figures; f->key; f++)
		heads[n++] = f->head;
	bc_grid_begin(p, &g, heads);
	for (i = 0; i < json_object_array_length(pools) && !g.err; i++) {
		pool = json_object_array_get_idx(pools, i);
		if (!json_object_object_get_ex(pool, name, &obj) ||
		    !json_object_object_get_ex(obj, figures->key, NULL))
			continue;
		bc_grid_cell(cells[0], bc_str(pool, "name"));
		for (n = 1, f = figures; f->key; f++)
			bc_figure_text(p, cells[n++], BC_CELL_MAX, obj, f);
		bc_grid_line(&g, cells, n);
	}
	return bc_grid_end(p, &g);
}

static json_object *bc_below(json_object *obj, const char *key)
{
	json_object *val;

	return obj && json_object_object_get_ex(obj, key, &val) ? val : NULL;
}

/* One direction on one device, which is NULL for all of them. */
static void bc_device_line(const struct bc_printer *p, struct bc_grid *g, json_object *pool,
			   json_object *io, const char *dir)
{
	static const char * const percentiles[] = { "p50_ns", "p95_ns", "p99_ns" };
	static const char * const kinds[] = { "wait", "service" };
	struct bc_figure f = { .style = BC_STYLE_BYTES };
	json_object *hists = bc_below(io, "histograms");
	char cells[BC_COLS_MAX][BC_CELL_MAX], key[32];
	const char *device = bc_str(io, "device");
	size_t n = 0, i, j;

	bc_grid_cell(cells[n++], bc_str(pool, "name"));
	snprintf(cells[n++], BC_CELL_MAX, "%s%s", device ? device : "all",
		 json_object_get_boolean(bc_below(io, "stacked")) ? "+" : "");
	bc_grid_cell(cells[n++], dir);
	f.key = key;
	snprintf(key, sizeof(key), "%s_bytes", dir);
	bc_figure_text(p, cells[n++], BC_CELL_MAX, io, &f);
	f.style = BC_STYLE_NUMBER;
	snprintf(key, sizeof(key), "%s_ios", dir);
	bc_figure_text(p, cells[n++], BC_CELL_MAX, io, &f);
	f.style = BC_STYLE_TIME;
	for (i = 0; i < 2; i++)
		for (j = 0; j < 3; j++) {
			snprintf(key, sizeof(key), "%s_%s", dir, kinds[i]);
			f.key = percentiles[j];
			bc_figure_text(p, cells[n++], BC_CELL_MAX, bc_below(hists, key), &f);
		}
	bc_grid_line(g, cells, n);
}

static void bc_device_lines(const struct bc_printer *p, struct bc_grid *g, json_object *pool)
{
	json_object *io = bc_below(pool, "io"), *devices = bc_below(io, "devices"), *device;
	size_t i, count = devices ? json_object_array_length(devices) : 0;

	if (!devices)
		return;
	for (i = 0; i <= count && !g->err; i++) {
		device = i ? json_object_array_get_idx(devices, i - 1) : io;
		bc_device_line(p, g, pool, device, "read");
		bc_device_line(p, g, pool, device, "write");
	}
}

/* How long block I/O took: a line for each pool, device and direction. */
static int bc_print_devices(const struct bc_printer *p, json_object *pools)
{
	static const char * const heads[] = {
		"<POOL", "<DEVICE", "<DIR", "BYTES", "IOS", "WAIT-P50", "WAIT-P95", "WAIT-P99",
		"SERVICE-P50", "SERVICE-P95", "SERVICE-P99", NULL,
	};
	struct bc_grid g;
	size_t i;

	bc_grid_begin(p, &g, heads);
	for (i = 0; i < json_object_array_length(pools) && !g.err; i++)
		bc_device_lines(p, &g, json_object_array_get_idx(pools, i));
	return bc_grid_end(p, &g);
}

/**
 * bc_print_flow_tables() - print the CPU time and the block I/O of pools as tables
 * @p: how
 * @pools: the pools
 *
 * Return: 0 or a negative errno.
 */
int bc_print_flow_tables(const struct bc_printer *p, json_object *pools)
{
	int ret = bc_print_flow_table(p, pools, "cpu", bc_cpu_figures);

	if (!ret)
		ret = bc_print_flow_table(p, pools, "io", bc_io_figures);
	return ret ? ret : bc_print_devices(p, pools);
}

/* "yes", where it acts and by whom, or why it does not. */
static void bc_effective(char cell[BC_CELL_MAX], json_object *setting)
{
	json_object *acts = bc_below(setting, "acts"), *act;
	const char *why = bc_str(setting, "reason");
	size_t i, len;

	bc_grid_cell(cell, json_object_get_boolean(bc_below(setting, "effective")) ? "yes" : "no");
	if (why)
		snprintf(cell, BC_CELL_MAX, "no: %s", why);
	for (i = 0; acts && i < json_object_array_length(acts); i++) {
		act = json_object_array_get_idx(acts, i);
		len = strlen(cell);
		snprintf(cell + len, BC_CELL_MAX - len, "%s %s by %s", i ? "," : ":",
			 bc_str(act, "device"), bc_str(act, "by"));
	}
}

/**
 * bc_print_settings() - print the settings of a pool, and how long its block I/O took
 * @p: how
 * @pool: the pool
 *
 * Return: 0 or a negative errno.
 */
int bc_print_settings(const struct bc_printer *p, json_object *pool)
{
	static const char * const heads[] = {
		"<SETTING", "<UNIT", "VALUE", "<SET", "<EFFECTIVE", NULL
	};
	json_object *settings = bc_below(pool, "settings"), *list;
	char cells[BC_COLS_MAX][BC_CELL_MAX];
	struct bc_grid g;
	int ret;

	bc_grid_begin(p, &g, heads);
	if (settings) {
		json_object_object_foreach(settings, name, obj) {
			bc_grid_cell(cells[0], name);
			bc_grid_cell(cells[1], bc_str(obj, "unit"));
			bc_amount(p, cells[2], BC_CELL_MAX, obj, "value");
			bc_grid_cell(cells[3], json_object_get_boolean(bc_below(obj, "set")) ?
				"yes" : "no");
			bc_effective(cells[4], obj);
			bc_grid_line(&g, cells, 5);
		}
	}
	ret = bc_grid_end(p, &g);
	if (ret)
		return ret;
	list = json_object_new_array();
	if (!list || json_object_array_add(list, json_object_get(pool))) {
		json_object_put(pool);
		json_object_put(list);
		return -ENOMEM;
	}
	ret = bc_print_devices(p, list);
	json_object_put(list);
	return ret;
}

/**
 * bc_print_tunables() - print what can be set
 * @p: how
 * @doc: has the list
 *
 * Return: 0 or a negative errno.
 */
int bc_print_tunables(const struct bc_printer *p, json_object *doc)
{
	static const char * const heads[] = {
		"<SETTING", "<UNIT", "LOWEST", "HIGHEST", "DEFAULT", "<STATUS", "<DESCRIPTION",
		"<REASON", NULL,
	};
	static const char * const amounts[] = { "lowest", "highest", "initial" };
	static const char * const words[] = { "status", "description", "reason" };
	json_object *list = bc_below(doc, "settings"), *obj;
	char cells[BC_COLS_MAX][BC_CELL_MAX];
	struct bc_grid g;
	size_t i, j, n;

	bc_grid_begin(p, &g, heads);
	for (i = 0; list && i < json_object_array_length(list) && !g.err; i++) {
		obj = json_object_array_get_idx(list, i);
		bc_grid_cell(cells[0], bc_str(obj, "name"));
		bc_grid_cell(cells[1], bc_str(obj, "unit"));
		for (n = 2, j = 0; j < 3; j++)
			bc_amount(p, cells[n++], BC_CELL_MAX, obj, amounts[j]);
		if (json_object_get_boolean(bc_below(obj, "unlimited")))
			bc_grid_cell(cells[3], "unlimited");
		for (j = 0; j < 3; j++)
			bc_grid_cell(cells[n++], bc_str(obj, words[j]));
		bc_grid_line(&g, cells, n);
	}
	return bc_grid_end(p, &g);
}
