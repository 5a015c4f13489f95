// SPDX-License-Identifier: GPL-2.0
/*
 * Usage as CSV, and as JSON bit by bit
 *
 * CSV has one line for each figure, so that its columns stay the same whatever resources
 * there are.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <json-c/json.h>

#include "grid.h"
#include "metric.h"
#include "print.h"
#include "text.h"

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
	json_object *list = bc_get(from, "p95");
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
	json_object *list = bc_get(c->pool, "incomplete");
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
		json_object *obj = bc_get(from, info->object), *p95;
		const char *unit = bc_measure_name(info->measure);
		char key[64];

		value = obj ? bc_str(obj, info->key) : NULL;
		if (!value)
			continue;
		bc_csv_line(c, info->object, info->key, unit, "", value,
			    bc_csv_note(c, info->object, info->key));
		p95 = bc_get(bc_get(obj, "p95"), info->key);
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
				    json_object_get_boolean(bc_get(res, "bounds_changed")) ?
				    "changed" : NULL);
	bc_csv_p95(c, name, res, unit);
}

static void bc_csv_from(const struct bc_csv *c, json_object *from)
{
	json_object *resources = bc_get(from, "resources");

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
	json_object *gaps = bc_get(pool, "gaps"), *gap, *own = bc_get(pool, "own");
	size_t i;

	bc_csv_line(&c, "pool", "page_size", "bytes", "", bc_str(doc, "page_size"), NULL);
	for (i = 0; i < 3; i++)
		if (bc_get(pool, times[i]))
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
