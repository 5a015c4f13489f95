// SPDX-License-Identifier: GPL-2.0
/*
 * The printer: documents as JSON or as text
 *
 * A table is described by its columns: heading, key in the document, and how to
 * write what is found there. Amounts of bytes and pages are written in powers
 * of 1024 ("64M"; "64.3M" is rounded), amounts of items as they are. Whatever
 * came from a process or a path is made safe for a terminal: libsmartcols does
 * it in tables, bc_safe() elsewhere.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>
#include <libsmartcols/libsmartcols.h>

#include "print.h"
#include "text.h"

/* Where a column finds its value. */
enum bc_source {
	BC_FROM_NAME, BC_FROM_POOL, BC_FROM_ROW, BC_FROM_POOL_DELTA, BC_FROM_DELTA,
};

/* BC_FMT_PAGES: pages without a "unit" beside them, perhaps with a fraction. */
enum bc_format { BC_FMT_PLAIN, BC_FMT_AMOUNT, BC_FMT_BOUND, BC_FMT_PAGES };

struct bc_column {
	const char *head;
	const char *key;
	enum bc_source source;
	enum bc_format format;
	int flags;
};

/* One line of a table: the pool, and what the line is about. */
struct bc_row {
	const char *name;
	json_object *pool;
	json_object *obj;
};

static const struct bc_column bc_list_columns[] = {
	{ "NAME", "name", BC_FROM_ROW, BC_FMT_PLAIN, 0 },
	{ "ID", "id", BC_FROM_ROW, BC_FMT_PLAIN, SCOLS_FL_RIGHT },
	{ "PARENT", "parent", BC_FROM_ROW, BC_FMT_PLAIN, 0 },
	{ "STATE", "state", BC_FROM_ROW, BC_FMT_PLAIN, 0 },
	{ "CGROUP", "cgroup", BC_FROM_ROW, BC_FMT_PLAIN, 0 },
	{ NULL, NULL, 0, 0, 0 },
};

static const struct bc_column bc_tree_columns[] = {
	{ "NAME", "name", BC_FROM_ROW, BC_FMT_PLAIN, SCOLS_FL_TREE },
	{ "ID", "id", BC_FROM_ROW, BC_FMT_PLAIN, SCOLS_FL_RIGHT },
	{ "STATE", "state", BC_FROM_ROW, BC_FMT_PLAIN, 0 },
	{ "CGROUP", "cgroup", BC_FROM_ROW, BC_FMT_PLAIN, 0 },
	{ NULL, NULL, 0, 0, 0 },
};

#define BC_FIGURE_COLUMNS							\
	{ "RESOURCE", NULL, BC_FROM_NAME, BC_FMT_PLAIN, 0 },			\
	{ "UNIT", "unit", BC_FROM_ROW, BC_FMT_PLAIN, 0 },			\
	{ "HELD", "held", BC_FROM_ROW, BC_FMT_AMOUNT, SCOLS_FL_RIGHT },		\
	{ "MAXHELD", "maxheld", BC_FROM_ROW, BC_FMT_AMOUNT, SCOLS_FL_RIGHT },	\
	{ "BARRIER", "barrier", BC_FROM_ROW, BC_FMT_BOUND, SCOLS_FL_RIGHT },	\
	{ "LIMIT", "limit", BC_FROM_ROW, BC_FMT_BOUND, SCOLS_FL_RIGHT },	\
	{ "FAILCNT", "failcnt", BC_FROM_ROW, BC_FMT_PLAIN, SCOLS_FL_RIGHT }

static const struct bc_column bc_show_columns[] = {
	BC_FIGURE_COLUMNS,
	{ "FAILED", "failed", BC_FROM_ROW, BC_FMT_AMOUNT, SCOLS_FL_RIGHT },
	{ "ENFORCED", "enforced", BC_FROM_ROW, BC_FMT_PLAIN, 0 },
	{ NULL, NULL, 0, 0, 0 },
};

static const struct bc_column bc_peak_columns[] = {
	{ "POOL", "name", BC_FROM_POOL, BC_FMT_PLAIN, 0 },
	BC_FIGURE_COLUMNS,
	{ "PEAK", "peak", BC_FROM_ROW, BC_FMT_AMOUNT, SCOLS_FL_RIGHT },
	{ NULL, NULL, 0, 0, 0 },
};

static const struct bc_column bc_reader_columns[] = {
	{ "READER", "name", BC_FROM_ROW, BC_FMT_PLAIN, 0 },
	{ "LAST-TAKEN-NS", "last_taken_ns", BC_FROM_ROW, BC_FMT_PLAIN, SCOLS_FL_RIGHT },
	{ NULL, NULL, 0, 0, 0 },
};

static const struct bc_column bc_stat_columns[] = {
	{ "POOL", "name", BC_FROM_POOL, BC_FMT_PLAIN, 0 },
	BC_FIGURE_COLUMNS,
	{ NULL, NULL, 0, 0, 0 },
};

static const struct bc_column bc_delta_columns[] = {
	{ "POOL", "name", BC_FROM_POOL, BC_FMT_PLAIN, 0 },
	BC_FIGURE_COLUMNS,
	{ "NEW", "failcnt", BC_FROM_DELTA, BC_FMT_PLAIN, SCOLS_FL_RIGHT },
	{ "SINCE", "since", BC_FROM_POOL_DELTA, BC_FMT_PLAIN, 0 },
	{ NULL, NULL, 0, 0, 0 },
};

static const struct bc_column bc_resource_columns[] = {
	{ "RESOURCE", "name", BC_FROM_ROW, BC_FMT_PLAIN, 0 },
	{ "UNIT", "unit", BC_FROM_ROW, BC_FMT_PLAIN, 0 },
	{ "KIND", "kind", BC_FROM_ROW, BC_FMT_PLAIN, 0 },
	{ "STATUS", "status", BC_FROM_ROW, BC_FMT_PLAIN, 0 },
	{ "DESCRIPTION", "description", BC_FROM_ROW, BC_FMT_PLAIN, 0 },
	{ "REASON", "reason", BC_FROM_ROW, BC_FMT_PLAIN, 0 },
	{ NULL, NULL, 0, 0, 0 },
};

/* The pool is the pool; the row is about its own processes. */
static const struct bc_column bc_fair_columns[] = {
	{ "POOL", "name", BC_FROM_POOL, BC_FMT_PLAIN, 0 },
	{ "FAIRPAGES", "fairpages", BC_FROM_POOL, BC_FMT_PAGES, SCOLS_FL_RIGHT },
	{ "MAPPED", "mapped", BC_FROM_POOL, BC_FMT_PAGES, SCOLS_FL_RIGHT },
	{ "SHARED", "shared", BC_FROM_POOL, BC_FMT_PAGES, SCOLS_FL_RIGHT },
	{ "PRIVATE", "private", BC_FROM_POOL, BC_FMT_PAGES, SCOLS_FL_RIGHT },
	{ "OWN", "fairpages", BC_FROM_ROW, BC_FMT_PAGES, SCOLS_FL_RIGHT },
	{ NULL, NULL, 0, 0, 0 },
};

/* An amount of pages. A double holds them: a fraction has few bits, see doc.c. */
static void bc_pages(const struct bc_printer *p, char *text, size_t size, json_object *obj,
		     const char *key)
{
	json_object *val;

	if (!json_object_object_get_ex(obj, key, &val))
		snprintf(text, size, "-");
	else if (p->raw)
		snprintf(text, size, "%s", json_object_get_string(val));
	else
		bc_human(text, size, json_object_get_double(val) * p->page_size);
}

static int bc_cell(const struct bc_printer *p, struct libscols_line *line, size_t i,
		   const struct bc_column *col, const struct bc_row *row)
{
	bool of_pool = col->source == BC_FROM_POOL || col->source == BC_FROM_POOL_DELTA;
	json_object *obj = of_pool ? row->pool : row->obj;
	const char *text = "-";
	json_object *val;
	char buf[64];

	if (col->source == BC_FROM_DELTA || col->source == BC_FROM_POOL_DELTA)
		obj = json_object_object_get(obj, "delta");
	if (col->source == BC_FROM_NAME) {
		text = row->name;
	} else if (col->format == BC_FMT_PAGES) {
		bc_pages(p, buf, sizeof(buf), obj, col->key);
		text = buf;
	} else if (col->format != BC_FMT_PLAIN) {
		bc_amount(p, buf, sizeof(buf), obj, col->key);
		text = buf;
	} else if (json_object_object_get_ex(obj, col->key, &val) && val) {
		text = json_object_get_string(val);
		if (json_object_is_type(val, json_type_boolean))
			text = json_object_get_boolean(val) ? "yes" : "no";
	}
	if (!text)
		return -ENOMEM;
	return scols_line_set_data(line, i, *text ? text : "/");
}

static struct libscols_table *bc_table(const struct bc_printer *p,
				       const struct bc_column *cols)
{
	struct libscols_table *table = scols_new_table();

	if (!table)
		return NULL;
	scols_table_set_stream(table, p->out);
	for (; cols->head; cols++)
		if (!scols_table_new_column(table, cols->head, 0, cols->flags)) {
			scols_unref_table(table);
			return NULL;
		}
	return table;
}

static struct libscols_line *bc_line(const struct bc_printer *p, struct libscols_table *table,
				     struct libscols_line *parent,
				     const struct bc_column *cols, const struct bc_row *row)
{
	struct libscols_line *line = scols_table_new_line(table, parent);
	size_t i;

	for (i = 0; line && cols[i].head; i++)
		if (bc_cell(p, line, i, &cols[i], row))
			return NULL;
	return line;
}

/* End a table. */
static int bc_table_out(struct libscols_table *table, int ret)
{
	if (!ret && scols_print_table(table))
		ret = -EIO;
	scols_unref_table(table);
	return ret;
}

/* A table with one line for each member of an array. */
static int bc_print_array(const struct bc_printer *p, json_object *list,
			  const struct bc_column *cols)
{
	struct libscols_table *table = bc_table(p, cols);
	struct bc_row row = { 0 };
	size_t i;
	int ret = 0;

	if (!table)
		return -ENOMEM;
	for (i = 0; i < json_object_array_length(list) && !ret; i++) {
		row.obj = json_object_array_get_idx(list, i);
		if (!bc_line(p, table, NULL, cols, &row))
			ret = -ENOMEM;
	}
	return bc_table_out(table, ret);
}

/* The lines of one pool in a table with one line for each resource. */
static int bc_figures(const struct bc_printer *p, struct libscols_table *table,
		      const struct bc_column *cols, json_object *pool)
{
	struct bc_row row = { .pool = pool };
	json_object *resources;

	if (!json_object_object_get_ex(pool, "resources", &resources))
		return 0;
	json_object_object_foreach(resources, name, obj) {
		row.name = name;
		row.obj = obj;
		if (!bc_line(p, table, NULL, cols, &row))
			return -ENOMEM;
	}
	return 0;
}

static int bc_print_stat(const struct bc_printer *p, json_object *pools,
			 const struct bc_column *cols)
{
	struct libscols_table *table = bc_table(p, cols);
	size_t i;
	int ret = 0;

	if (!table)
		return -ENOMEM;
	for (i = 0; i < json_object_array_length(pools) && !ret; i++)
		ret = bc_figures(p, table, cols, json_object_array_get_idx(pools, i));
	return bc_table_out(table, ret);
}

static int bc_print_fair(const struct bc_printer *p, json_object *pools)
{
	struct libscols_table *table = bc_table(p, bc_fair_columns);
	struct bc_row row = { 0 };
	size_t i;
	int ret = 0;

	if (!table)
		return -ENOMEM;
	for (i = 0; i < json_object_array_length(pools) && !ret; i++) {
		row.pool = json_object_array_get_idx(pools, i);
		row.obj = json_object_object_get(row.pool, "own");
		if (!bc_line(p, table, NULL, bc_fair_columns, &row))
			ret = -ENOMEM;
	}
	return bc_table_out(table, ret);
}

static void bc_print_age(const struct bc_printer *p, json_object *doc, json_object *pool)
{
	json_object *taken, *created;
	uint64_t age;

	if (!json_object_object_get_ex(doc, "taken_ns", &taken) ||
	    !json_object_object_get_ex(pool, "created_ns", &created))
		return;
	age = json_object_get_uint64(taken) - json_object_get_uint64(created);
	if (json_object_get_uint64(taken) < json_object_get_uint64(created))
		age = 0;
	fprintf(p->out, "  age       %" PRIu64 ".%03u s\n", age / 1000000000,
		(unsigned int)(age / 1000000 % 1000));
}

/* What memory is used for, in one line. */
static void bc_print_memory(const struct bc_printer *p, json_object *pool)
{
	json_object *memory;
	char text[64];

	if (!json_object_object_get_ex(pool, "memory", &memory))
		return;
	fputs("  memory   ", p->out);
	json_object_object_foreach(memory, key, val) {
		snprintf(text, sizeof(text), "%" PRIu64, json_object_get_uint64(val));
		if (!p->raw)
			bc_human(text, sizeof(text), json_object_get_uint64(val));
		fprintf(p->out, " %s %s", key, text);
	}
	fputc('\n', p->out);
}

static void bc_print_thresholds(const struct bc_printer *p, json_object *pool)
{
	json_object *resources, *th;

	if (!json_object_object_get_ex(pool, "resources", &resources))
		return;
	json_object_object_foreach(resources, name, obj) {
		if (!json_object_object_get_ex(obj, "threshold", &th))
			continue;
		fprintf(p->out, "  threshold ");
		bc_safe(p->out, name);
		fprintf(p->out, " %s%%:%s%%%s\n", bc_str(th, "rise"), bc_str(th, "fall"),
			!strcmp(bc_str(th, "above"), "true") ? ", above" : "");
	}
}

static int bc_print_one(const struct bc_printer *p, json_object *doc, json_object *pool)
{
	static const char * const keys[] = { "parent", "cgroup", "state", "children" };
	struct libscols_table *table;
	const char *text;
	size_t i;
	int ret;

	bc_safe(p->out, bc_str(pool, "name"));
	fprintf(p->out, " (id %s)\n", bc_str(pool, "id"));
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		text = bc_str(pool, keys[i]);
		if (!text)
			continue;
		fprintf(p->out, "  %-9s ", keys[i]);
		bc_safe(p->out, *text ? text : "/");
		fputc('\n', p->out);
	}
	bc_print_age(p, doc, pool);
	bc_print_memory(p, pool);
	bc_print_flow_lines(p, pool);
	bc_print_thresholds(p, pool);
	table = bc_table(p, bc_show_columns);
	if (!table)
		return -ENOMEM;
	ret = bc_table_out(table, bc_figures(p, table, bc_show_columns, pool));
	return ret ? ret : bc_print_settings(p, pool);
}

static int bc_print_show(const struct bc_printer *p, json_object *doc, json_object *pools)
{
	size_t i;
	int ret = 0;

	for (i = 0; i < json_object_array_length(pools) && !ret; i++) {
		if (i)
			fputc('\n', p->out);
		ret = bc_print_one(p, doc, json_object_array_get_idx(pools, i));
	}
	return ret;
}

/* Among the lines before @n: the one of the pool called @parent. */
static struct libscols_line *bc_find_line(json_object *pools, struct libscols_line **lines,
					  size_t n, const char *parent)
{
	const char *name;

	while (parent && n--) {
		name = bc_str(json_object_array_get_idx(pools, n), "name");
		if (name && !strcmp(name, parent))
			return lines[n];
	}
	return NULL;
}

/* Parents stand before their children; one that is not there makes a new root. */
static int bc_print_tree(const struct bc_printer *p, json_object *pools)
{
	size_t i, count = json_object_array_length(pools);
	struct libscols_line **lines = calloc(count + 1, sizeof(*lines));
	struct libscols_table *table = bc_table(p, bc_tree_columns);
	struct bc_row row = { 0 };
	int ret = lines && table ? 0 : -ENOMEM;

	for (i = 0; i < count && !ret; i++) {
		row.obj = json_object_array_get_idx(pools, i);
		lines[i] = bc_line(p, table,
				   bc_find_line(pools, lines, i, bc_str(row.obj, "parent")),
				   bc_tree_columns, &row);
		if (!lines[i])
			ret = -ENOMEM;
	}
	if (table)
		ret = bc_table_out(table, ret);
	free(lines);
	return ret;
}

static int bc_print_names(const struct bc_printer *p, json_object *list)
{
	size_t i;

	for (i = 0; i < json_object_array_length(list); i++) {
		bc_safe(p->out, bc_str(json_object_array_get_idx(list, i), "name"));
		fputc('\n', p->out);
	}
	return 0;
}

static int bc_print_info(const struct bc_printer *p, json_object *doc)
{
	const char *text;

	json_object_object_foreach(doc, key, val) {
		if (!strcmp(key, "schema"))
			continue;
		text = json_object_get_string(val);
		if (json_object_is_type(val, json_type_boolean))
			text = json_object_get_boolean(val) ? "yes" : "no";
		fprintf(p->out, "%-13s ", key);
		bc_safe(p->out, text ? text : "-");
		fputc('\n', p->out);
	}
	return 0;
}

static int bc_print_json(const struct bc_printer *p, json_object *doc)
{
	const char *text = json_object_to_json_string_ext(doc, JSON_C_TO_STRING_PLAIN |
							  JSON_C_TO_STRING_NOSLASHESCAPE);

	if (!text)
		return -ENOMEM;
	fprintf(p->out, "%s\n", text);
	return 0;
}

/**
 * bc_print() - print a document
 * @p: where and how
 * @doc: the document
 * @view: how the text looks, if it is to be text
 *
 * Whether the text has reached its file is for the caller to check, once.
 *
 * Return: 0 or a negative errno.
 */
int bc_print(const struct bc_printer *p, const struct bc_doc *doc, enum bc_view view)
{
	int ret;

	if (doc->err)
		return doc->err;
	if (p->json)
		return bc_print_json(p, doc->root);
	switch (view) {
	case BC_VIEW_LIST:
		return bc_print_array(p, doc->list, bc_list_columns);
	case BC_VIEW_NAMES:
		return bc_print_names(p, doc->list);
	case BC_VIEW_TREE:
		return bc_print_tree(p, doc->list);
	case BC_VIEW_SHOW:
		return bc_print_show(p, doc->root, doc->list);
	case BC_VIEW_STAT:
		ret = bc_print_stat(p, doc->list, bc_str(doc->root, "reader") ?
				    bc_peak_columns : bc_stat_columns);
		return ret ? ret : bc_print_flow_tables(p, doc->list);
	case BC_VIEW_DELTA:
		return bc_print_stat(p, doc->list, bc_delta_columns);
	case BC_VIEW_FAIR:
		return bc_print_fair(p, doc->list);
	case BC_VIEW_RESOURCES:
		ret = bc_print_array(p, doc->list, bc_resource_columns);
		return ret ? ret : bc_print_tunables(p, doc->root);
	case BC_VIEW_INFO:
		return bc_print_info(p, doc->root);
	case BC_VIEW_EVENT:
		return bc_print_event(p, doc->root);
	case BC_VIEW_READERS:
		return bc_print_array(p, doc->list, bc_reader_columns);
	case BC_VIEW_EXPLAIN:
		return bc_print_explain(p, doc->root, doc->list);
	case BC_VIEW_RATES:
		return bc_print_rates(p, doc->root, doc->list);
	case BC_VIEW_USAGE:
	case BC_VIEW_USAGE_FULL:
		return bc_print_usage(p, doc->root, doc->list, view == BC_VIEW_USAGE_FULL);
	case BC_VIEW_INVOICE:
		return bc_print_invoice(p, doc->root, doc->list);
	case BC_VIEW_INVOICE_CSV:
		return bc_print_invoice_csv(p, doc->root, doc->list);
	}
	return -EINVAL;
}
