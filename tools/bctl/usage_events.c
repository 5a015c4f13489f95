// SPDX-License-Identifier: GPL-2.0
/*
 * Usage records as CloudEvents 1.0, in the JSON format, one on each line
 *
 * An event is one record, as it is in the store and never cut. Its id is made of what
 * the record is kept under: boot, incarnation and id of the pool, end, and kind. So an
 * event that is sent twice has the same id and source both times, by which the receiver
 * knows it. A record belongs to the period in which it ends, from < end <= to, so that
 * periods that touch send each record once.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "doc.h"
#include "print.h"
#include "usage.h"
#include "usage_events.h"

struct bc_events_out {
	const struct bc_db *db;
	const struct bc_span *period;
	FILE *out;
};

static void bc_put_num(struct bc_doc *doc, json_object *obj, const char *key, int64_t num)
{
	bc_put(doc, obj, key, json_object_new_int64(num));
}

static void bc_event_figures(struct bc_doc *doc, json_object *data, const struct bc_db *db,
			     const struct bc_row *row)
{
	json_object *list = json_object_new_object(), *obj;
	const struct bc_row_figure *fig;
	int i;

	bc_put(doc, data, "resources", list);
	for (fig = row->fig; fig < row->fig + row->nfig && !doc->err; fig++) {
		obj = json_object_new_object();
		bc_put(doc, list, db->res[fig->res].name, obj);
		bc_put_str(doc, obj, "unit", bc_measure_name(db->res[fig->res].measure));
		for (i = 0; i < BC_FIGURE_METRICS && !doc->err; i++) {
			const char *key = i == BC_F_LIMIT ? "limit" : bc_figure_fields[i];

			if (!(fig->known & 1U << i))
				continue;
			if ((i == BC_F_LIMIT || i == BC_F_BARRIER) &&
			    fig->v[i] == BC_ROW_UNLIMITED)
				json_object_object_add(obj, key, NULL);
			else
				bc_put_num(doc, obj, key, fig->v[i]);
		}
	}
}

static void bc_event_flows(struct bc_doc *doc, json_object *data, const struct bc_row *row)
{
	const struct bc_flow_info *info;
	json_object *obj;
	int i;

	for (i = 0; i < BC_M_STORED && !doc->err; i++) {
		info = &bc_flow_infos[i];
		if (!(row->known & 1U << i))
			continue;
		if (!json_object_object_get_ex(data, info->object, &obj)) {
			obj = json_object_new_object();
			bc_put(doc, data, info->object, obj);
		}
		bc_put_num(doc, obj, info->key, row->flow[i]);
	}
}

static void bc_event_data(struct bc_doc *doc, const struct bc_db *db,
			  const struct bc_db_pool *pool, const struct bc_row *row,
			  const char *kind)
{
	json_object *data = json_object_new_object();

	bc_put(doc, doc->root, "data", data);
	if (doc->err)
		return;
	bc_put_str(doc, data, "schema", "bctl.record/1");
	bc_put_str(doc, data, "node", db->node);
	bc_put_int(doc, data, "page_size", db->page_size);
	bc_put_str(doc, data, "boot", pool->boot);
	bc_put_int(doc, data, "incarnation", pool->incarnation);
	bc_put_int(doc, data, "id", pool->id);
	bc_put_str(doc, data, "name", pool->name);
	if (pool->parent >= 0)
		bc_put_str(doc, data, "parent", db->pools[pool->parent].name);
	bc_put_str(doc, data, "kind", kind);
	if (row->reason)
		bc_put_str(doc, data, "reason", row->reason);
	bc_put_num(doc, data, "begin_ms", row->begin);
	bc_put_num(doc, data, "end_ms", row->end);
	if (row->span_known)
		bc_put_num(doc, data, "span_ns", row->span);
	if (row->mhz)
		bc_put_num(doc, data, "cpu_mhz", row->mhz);
	bc_event_flows(doc, data, row);
	if (row->nfig)
		bc_event_figures(doc, data, db, row);
}

static int bc_event_row(void *arg, const struct bc_db_pool *pool, struct bc_row *row)
{
	static const char * const kinds[] = { "interval", "closing", "gap" };
	const struct bc_events_out *o = arg;
	char text[256], time[BC_TIME_MAX];
	struct bc_doc doc = { .root = json_object_new_object() };

	if (row->end <= o->period->begin || row->end > o->period->end) {
		json_object_put(doc.root);
		return 0;
	}
	doc.err = doc.root ? 0 : -ENOMEM;
	bc_put_str(&doc, doc.root, "specversion", "1.0");
	snprintf(text, sizeof(text), "%s/%" PRIu64 "/%u/%" PRId64 "/%s", pool->boot,
		 pool->incarnation, pool->id, row->end, kinds[row->kind]);
	bc_put_str(&doc, doc.root, "id", text);
	snprintf(text, sizeof(text), "/beancounter/%s", o->db->node);
	bc_put_str(&doc, doc.root, "source", text);
	snprintf(text, sizeof(text), "io.beancounter.usage.%s.v1", kinds[row->kind]);
	bc_put_str(&doc, doc.root, "type", text);
	bc_put_str(&doc, doc.root, "subject", pool->name);
	bc_time_text(time, sizeof(time), row->end);
	bc_put_str(&doc, doc.root, "time", time);
	bc_put_str(&doc, doc.root, "datacontenttype", "application/json");
	bc_event_data(&doc, o->db, pool, row, kinds[row->kind]);
	if (!doc.err)
		fprintf(o->out, "%s\n",
			json_object_to_json_string_ext(doc.root, JSON_C_TO_STRING_PLAIN |
						       JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(doc.root);
	return doc.err;
}

/**
 * bc_usage_events() - write the records of groups as CloudEvents
 * @db: the store
 * @groups: the groups
 * @period: the time in which the records end
 * @out: the file
 *
 * Return: 0 or a negative errno; @db->why may tell more.
 */
int bc_usage_events(struct bc_db *db, const struct bc_groups *groups,
		    const struct bc_span *period, FILE *out)
{
	/* A record that ends with the period may have no part in it but its end. */
	const struct bc_span wide = { period->begin, period->end + 1, NULL };
	struct bc_events_out o = { db, period, out };
	int ret = 0;
	size_t i, j;

	for (i = 0; i < groups->count && !ret; i++)
		for (j = 0; j < groups->v[i].count && !ret; j++)
			ret = bc_db_rows(db, &db->pools[groups->v[i].members[j]], wide.begin,
					 wide.end, bc_event_row, &o);
	return ret;
}
