// SPDX-License-Identifier: GPL-2.0
/*
 * The document of bctl usage
 *
 * Amounts are integers in base units, exact however large they are; times are
 * milliseconds since 1970, UTC. What no record knows is left out.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <json-c/json.h>
#include <linux/beancounter.h>

#include "doc.h"
#include "print.h"
#include "usage.h"
#include "wide.h"

static void bc_put_ms(struct bc_doc *doc, json_object *obj, const char *key, int64_t ms)
{
	bc_put(doc, obj, key, json_object_new_int64(ms));
}

/**
 * bc_put_wide() - add a number that may be too large for 64 bits
 * @doc: the document
 * @obj: the object
 * @key: its name
 * @val: the number
 */
void bc_put_wide(struct bc_doc *doc, json_object *obj, const char *key, __int128 val)
{
	char text[BC_WIDE_MAX];

	if (val >= INT64_MIN && val <= INT64_MAX) {
		bc_put(doc, obj, key, json_object_new_int64(val));
		return;
	}
	/* The text is what is printed, so nothing is rounded. */
	bc_wide_text(text, sizeof(text), val);
	bc_put(doc, obj, key, json_object_new_double_s((double)val, text));
}

/**
 * bc_doc_usage() - begin the document of a store
 * @doc: the document, to be ended by bc_doc_end()
 * @db: the store
 * @ask: what is asked for
 */
void bc_doc_usage(struct bc_doc *doc, const struct bc_db *db, const struct bc_ask *ask)
{
	bc_doc_begin(doc, "bctl.usage/1", "pools", 0);
	if (doc->err)
		return;
	/* The records are of other boots than this. */
	json_object_object_del(doc->root, "boot_id");
	bc_put_str(doc, doc->root, "node", db->node);
	bc_put_int(doc, doc->root, "page_size", db->page_size);
	bc_put_ms(doc, doc->root, "begin_ms", ask->period.begin);
	bc_put_ms(doc, doc->root, "end_ms", ask->period.end);
	bc_put_ms(doc, doc->root, "reach_ms", db->reach);
	bc_put_int(doc, doc->root, "bucket_ms", BC_BUCKET_MS);
	if (ask->step != BC_STEP_NONE)
		bc_put_str(doc, doc->root, "by", bc_step_name(ask->step));
}

static json_object *bc_put_member(struct bc_doc *doc, json_object *obj, const char *key)
{
	json_object *val;

	if (doc->err)
		return NULL;
	if (json_object_object_get_ex(obj, key, &val))
		return val;
	val = json_object_new_object();
	bc_put(doc, obj, key, val);
	return doc->err ? NULL : val;
}

static void bc_put_incomplete(struct bc_doc *doc, json_object *pool, const char *name,
			      const char *figure)
{
	json_object *list;
	char text[160];

	snprintf(text, sizeof(text), "%s%s%s", name, figure ? "." : "", figure ? figure : "");
	if (!json_object_object_get_ex(pool, "incomplete", &list)) {
		list = json_object_new_array();
		bc_put(doc, pool, "incomplete", list);
	}
	if (!doc->err && json_object_array_add(list, json_object_new_string(text)))
		doc->err = -ENOMEM;
}

static void bc_put_p95(struct bc_doc *doc, json_object *obj, const char *key,
		       const struct bc_sum *sum)
{
	json_object *p95;

	if (!sum->buckets)
		return;
	p95 = bc_put_member(doc, bc_put_member(doc, obj, "p95"), key);
	if (!p95)
		return;
	bc_put_ms(doc, p95, "amount", sum->p95);
	bc_put_int(doc, p95, "buckets", sum->buckets);
}

static void bc_doc_flows_of(struct bc_doc *doc, json_object *pool, const struct bc_slice *slice,
			    bool own)
{
	const struct bc_flow_info *info;
	const struct bc_sum *sum;
	json_object *obj;
	size_t i;

	for (i = 0; i < BC_FLOW_METRICS && !doc->err; i++) {
		info = &bc_flow_infos[i];
		sum = &slice->flow[i];
		if (!sum->count || (own && !bc_sum_own(slice, sum, info->local)))
			continue;
		obj = bc_put_member(doc, pool, info->object);
		if (!obj)
			return;
		bc_put_wide(doc, obj, info->key, own ? sum->own : sum->sum);
		if (own)
			continue;
		bc_put_p95(doc, obj, info->key, sum);
		if (sum->count < slice->records)
			bc_put_incomplete(doc, pool, info->name, NULL);
	}
}

/* One of the amounts of a resource. */
static void bc_doc_amount(struct bc_doc *doc, json_object *pool, json_object *obj,
			  const struct bc_slice *slice, const char *name, const char *key,
			  const struct bc_held *held, const struct bc_sum *sum, bool own)
{
	if (!sum->count || (own && !bc_sum_own(slice, sum, sum != &held->time)))
		return;
	bc_put_wide(doc, obj, key, own ? sum->own : sum->sum);
	if (!own && sum->count < slice->records)
		bc_put_incomplete(doc, pool, name, key);
}

static void bc_doc_state(struct bc_doc *doc, json_object *obj, const struct bc_held *held)
{
	if (held->known & 1U << BC_F_HELD)
		bc_put_ms(doc, obj, "held", held->held);
	if (held->known & 1U << BC_F_PEAK)
		bc_put_ms(doc, obj, "peak", held->peak);
	if (!(held->known & 1U << BC_F_BARRIER))
		return;
	bc_put_bound(doc, obj, "barrier", held->barrier == BC_ROW_UNLIMITED ? BC_UNLIMITED :
		     (uint64_t)held->barrier);
	bc_put_bound(doc, obj, "limit", held->limit == BC_ROW_UNLIMITED ? BC_UNLIMITED :
		     (uint64_t)held->limit);
	bc_put(doc, obj, "bounds_changed", json_object_new_boolean(held->changed));
}

static bool bc_held_known(const struct bc_held *held)
{
	return held->known || held->time.count || held->failcnt.count || held->failed.count;
}

static void bc_doc_resources(struct bc_doc *doc, json_object *pool, const struct bc_db *db,
			     const struct bc_slice *slice, bool own)
{
	json_object *list, *obj;
	const struct bc_held *held;
	const char *name;
	size_t i;

	for (i = 0; i < db->nres && slice->res && !doc->err; i++) {
		held = &slice->res[i];
		name = db->res[i].name;
		if (!bc_held_known(held))
			continue;
		list = bc_put_member(doc, pool, "resources");
		obj = list ? bc_put_member(doc, list, name) : NULL;
		if (!obj)
			return;
		bc_put_str(doc, obj, "unit", bc_measure_name(db->res[i].measure));
		bc_doc_amount(doc, pool, obj, slice, name, "held_time", held, &held->time,
			      own);
		bc_doc_amount(doc, pool, obj, slice, name, "failcnt", held, &held->failcnt,
			      own);
		bc_doc_amount(doc, pool, obj, slice, name, "failed", held, &held->failed,
			      own);
		if (own)
			continue;
		bc_put_p95(doc, obj, "held_time", &held->time);
		bc_doc_state(doc, obj, held);
	}
}

static void bc_doc_gaps(struct bc_doc *doc, json_object *pool, const struct bc_slice *slice,
			const struct bc_spans *gaps)
{
	int64_t begin, end, sum = bc_spans_within(gaps, slice->begin, slice->end);
	json_object *list, *obj;
	size_t i;

	bc_put_ms(doc, pool, "gap_ms", sum);
	list = json_object_new_array();
	bc_put(doc, pool, "gaps", list);
	for (i = 0; i < gaps->count && !doc->err; i++) {
		begin = gaps->v[i].begin > slice->begin ? gaps->v[i].begin : slice->begin;
		end = gaps->v[i].end < slice->end ? gaps->v[i].end : slice->end;
		obj = begin < end ? bc_put_object(doc, list) : NULL;
		if (!obj)
			continue;
		bc_put_ms(doc, obj, "begin_ms", begin);
		bc_put_ms(doc, obj, "end_ms", end);
		bc_put_str(doc, obj, "reason", gaps->v[i].why);
	}
}

/* Which pool a group of one is, or how many it is made of. */
static void bc_doc_lives(struct bc_doc *doc, json_object *obj, const struct bc_db *db,
			 const struct bc_ask *ask, const struct bc_group *group,
			 const struct bc_slice *slice)
{
	const struct bc_db_pool *pool = &db->pools[group->members[group->count - 1]], *pos;
	uint64_t lives = 0;
	size_t i;

	if (pool->parent >= 0)
		bc_put_str(doc, obj, "parent", db->pools[pool->parent].name);
	else if (json_object_object_add(obj, "parent", NULL))
		doc->err = -ENOMEM;
	if (!ask->lives) {
		for (i = 0; i < group->count; i++) {
			pos = &db->pools[group->members[i]];
			lives += pos->created < slice->end &&
				 (!pos->has_ended || pos->ended > slice->begin);
		}
		bc_put_int(doc, obj, "incarnations", lives);
		return;
	}
	if (*pool->boot)
		bc_put_str(doc, obj, "boot", pool->boot);
	bc_put_int(doc, obj, "incarnation", pool->incarnation);
	bc_put_int(doc, obj, "id", pool->id);
	bc_put_ms(doc, obj, "created_ms", pool->created);
	if (pool->has_ended)
		bc_put_ms(doc, obj, "ended_ms", pool->ended);
	if (pool->cause)
		bc_put_str(doc, obj, "cause", pool->cause);
}

/* The path of a group in a tree is its key, up to where the incarnation begins. */
static void bc_doc_path(struct bc_doc *doc, json_object *obj, const struct bc_group *group)
{
	char path[4096];

	snprintf(path, sizeof(path), "%.*s", (int)strcspn(group->key, "\t"), group->key);
	bc_put_str(doc, obj, "path", path);
}

static void bc_doc_slice(struct bc_doc *doc, const struct bc_db *db, const struct bc_ask *ask,
			 const struct bc_group *group, const struct bc_sums *sums,
			 const struct bc_slice *slice)
{
	json_object *obj = bc_put_object(doc, doc->list), *own;

	if (!obj)
		return;
	bc_put_str(doc, obj, "name", group->name);
	if (ask->tree)
		bc_doc_path(doc, obj, group);
	bc_doc_lives(doc, obj, db, ask, group, slice);
	bc_put_ms(doc, obj, "begin_ms", slice->begin);
	bc_put_ms(doc, obj, "end_ms", slice->end);
	bc_put_int(doc, obj, "records", slice->records);
	if (slice->records)
		bc_put_ms(doc, obj, "longest_ms", slice->longest);
	bc_put_ms(doc, obj, "existed_ms", slice->existed);
	bc_put_ms(doc, obj, "covered_ms", slice->covered);
	if (slice->span.count)
		bc_put_wide(doc, obj, "span_ns", slice->span.sum);
	bc_doc_gaps(doc, obj, slice, &sums->gaps);
	bc_doc_flows_of(doc, obj, slice, false);
	bc_doc_resources(doc, obj, db, slice, false);
	own = ask->tree ? bc_put_member(doc, obj, "own") : NULL;
	if (!own)
		return;
	bc_doc_flows_of(doc, own, slice, true);
	bc_doc_resources(doc, own, db, slice, true);
}

/**
 * bc_doc_usage_group() - add the totals of a group
 * @doc: the document
 * @db: the store
 * @ask: what is asked for
 * @group: the group
 * @sums: its totals
 *
 * A slice in which there was no such pool, and no record of one, is left out.
 */
void bc_doc_usage_group(struct bc_doc *doc, const struct bc_db *db, const struct bc_ask *ask,
			const struct bc_group *group, const struct bc_sums *sums)
{
	const struct bc_slice *slice;

	for (slice = sums->slices; slice < sums->slices + sums->nslices && !doc->err; slice++)
		if (slice->records || slice->existed ||
		    bc_spans_within(&sums->gaps, slice->begin, slice->end))
			bc_doc_slice(doc, db, ask, group, sums, slice);
}
