// SPDX-License-Identifier: GPL-2.0
/*
 * A pool in a document: who it is and what each of its resources has
 */
#include <errno.h>

#include "beancounter.h"
#include "doc.h"
#include "print.h"

static const char * const bc_states[] = { "live", "dying" };

static void bc_doc_threshold(struct bc_doc *doc, json_object *obj,
			     const struct bcn_threshold *th)
{
	json_object *threshold = json_object_new_object();

	bc_put(doc, obj, "threshold", threshold);
	if (doc->err)
		return;
	bc_put_int(doc, threshold, "rise", th->rise);
	bc_put_int(doc, threshold, "fall", th->fall);
	bc_put(doc, threshold, "above", json_object_new_boolean(th->above));
}

/**
 * bc_put_figures() - add the figures of a record; what the kernel does not keep is left out
 * @doc: the document
 * @obj: the object
 * @rec: the record
 */
void bc_put_figures(struct bc_doc *doc, json_object *obj, const struct bc_record *rec)
{
	if (!(rec->flags & BC_RECORD_F_NO_HELD))
		bc_put_int(doc, obj, "held", rec->held);
	if (!(rec->flags & BC_RECORD_F_NO_MAXHELD))
		bc_put_int(doc, obj, "maxheld", rec->maxheld);
	bc_put_bound(doc, obj, "barrier", rec->barrier);
	bc_put_bound(doc, obj, "limit", rec->limit);
	if (!(rec->flags & BC_RECORD_F_NO_FAILCNT))
		bc_put_int(doc, obj, "failcnt", rec->failcnt);
	if (!(rec->flags & BC_RECORD_F_NO_FAILED))
		bc_put_int(doc, obj, "failed", rec->failed);
	if (rec->last_fail)
		bc_put_int(doc, obj, "last_failure_ns", rec->last_fail);
}

static void bc_doc_record(struct bc_doc *doc, json_object *resources,
			  const struct bc_record *rec, const struct bcn_res *res,
			  const struct bcn_threshold *th)
{
	json_object *obj = json_object_new_object();
	char name[32];

	snprintf(name, sizeof(name), "resource-%u", rec->res);
	bc_put(doc, resources, res ? res->name : name, obj);
	if (doc->err)
		return;
	if (res)
		bc_put_unit(doc, obj, res->unit);
	bc_put_figures(doc, obj, rec);
	bc_put(doc, obj, "enforced",
	       json_object_new_boolean(!!(rec->flags & BC_RECORD_F_ENFORCED)));
	if (rec->flags & BC_RECORD_F_INTEGRAL)
		bc_put_int(doc, obj, "held_time", rec->integral);
	if (rec->flags & BC_RECORD_F_PEAK)
		bc_put_int(doc, obj, "peak", rec->peak);
	if (th)
		bc_doc_threshold(doc, obj, th);
}

/**
 * bc_doc_who() - say which pool this is of: its parent is null for one at the top
 * @doc: the document
 * @obj: where to
 * @pool: the pool
 */
void bc_doc_who(struct bc_doc *doc, json_object *obj, const struct bcn_pool *pool)
{
	bc_put_int(doc, obj, "id", pool->id);
	bc_put_str(doc, obj, "name", pool->name);
	if (pool->parent)
		bc_put_str(doc, obj, "parent", pool->parent);
	else if (json_object_object_add(obj, "parent", NULL))
		doc->err = -ENOMEM;
	if (BCN_HAS(pool, BC_A_INCARNATION))
		bc_put_int(doc, obj, "incarnation", pool->incarnation);
}

/* Each kind on its own: page cache is not memory that a program needs. */
static void bc_doc_memory(struct bc_doc *doc, json_object *obj, const struct bc_memory *mem)
{
	json_object *memory = json_object_new_object();

	bc_put(doc, obj, "memory", memory);
	if (doc->err)
		return;
	bc_put_int(doc, memory, "anon", mem->anon);
	bc_put_int(doc, memory, "file", mem->file);
	bc_put_int(doc, memory, "shmem", mem->shmem);
	bc_put_int(doc, memory, "cache", mem->cache);
	bc_put_int(doc, memory, "kernel", mem->kernel);
	bc_put_int(doc, memory, "slab", mem->slab);
	bc_put_int(doc, memory, "sock", mem->sock);
	bc_put_int(doc, memory, "swap", mem->swap);
}

/**
 * bc_doc_pool() - add a pool
 * @doc: the document
 * @pool: the pool
 * @res: the resources of the module
 * @nres: how many there are
 */
void bc_doc_pool(struct bc_doc *doc, const struct bcn_pool *pool,
		 const struct bcn_res *res, size_t nres)
{
	json_object *obj = bc_doc_append(doc), *resources;
	struct bcn_threshold th;
	struct bc_record rec;
	size_t i;

	if (!obj)
		return;
	bc_doc_who(doc, obj, pool);
	if (pool->cgroup || !pool->id)
		bc_put_str(doc, obj, "cgroup", pool->cgroup ? pool->cgroup : "");
	if (BCN_HAS(pool, BC_A_CGROUP_ID))
		bc_put_int(doc, obj, "cgroup_id", pool->cgroup_id);
	if (BCN_HAS(pool, BC_A_STATE))
		bc_put_enum(doc, obj, "state", BC_NAME_OF(bc_states, pool->state),
			    "state", pool->state);
	if (BCN_HAS(pool, BC_A_CREATED))
		bc_put_int(doc, obj, "created_ns", pool->created);
	if (BCN_HAS(pool, BC_A_CHANGED))
		bc_put_int(doc, obj, "changed_ns", pool->changed);
	if (BCN_HAS(pool, BC_A_CHILDREN))
		bc_put_int(doc, obj, "children", pool->children);
	if (BCN_HAS(pool, BC_A_GENERATION))
		bc_put_int(doc, obj, "generation", pool->generation);
	resources = json_object_new_object();
	bc_put(doc, obj, "resources", resources);
	for (i = 0; i < pool->records && !doc->err; i++) {
		bcn_pool_record(pool, i, &rec);
		bc_doc_record(doc, resources, &rec, bc_res_by_id(res, nres, rec.res),
			      bcn_pool_threshold(pool, rec.res, &th) ? &th : NULL);
	}
	if (BCN_HAS(pool, BC_A_MEMORY) && !doc->err)
		bc_doc_memory(doc, obj, &pool->memory);
}
