// SPDX-License-Identifier: GPL-2.0
/*
 * The document of bctl explain
 */
#include <stdio.h>

#include "doc.h"
#include "explain.h"
#include "print.h"

/**
 * bc_doc_explain() - say which pool a document explains
 * @doc: the document
 * @pool: the pool
 * @realtime: time of day when the figures were taken, in ns
 */
void bc_doc_explain(struct bc_doc *doc, const struct bcn_pool *pool, uint64_t realtime)
{
	if (doc->err)
		return;
	bc_put_int(doc, doc->root, "realtime_ns", realtime);
	bc_put_str(doc, doc->root, "pool", pool->name);
	bc_put_int(doc, doc->root, "pool_id", pool->id);
	if (BCN_HAS(pool, BC_A_INCARNATION))
		bc_put_int(doc, doc->root, "incarnation", pool->incarnation);
}

static void bc_doc_bound(struct bc_doc *doc, json_object *obj, const struct bcn_notice *n)
{
	if (BCN_HAS(n, BC_A_BOUND))
		bc_put_enum(doc, obj, "bound", n->bound == BC_BOUND_BARRIER ? "barrier" :
			    n->bound == BC_BOUND_LIMIT ? "limit" : NULL, "bound", n->bound);
}

/* The kernel, where it counts by itself, fails at the limit, and tells of nobody. */
static void bc_doc_bound_of_cause(struct bc_doc *doc, json_object *obj,
				  const struct bc_reason *cause)
{
	if (cause->count)
		bc_doc_bound(doc, obj, &cause->culprits[0]);
	else if (bc_is_native(cause->res))
		bc_put_enum(doc, obj, "bound", "limit", "bound", BC_BOUND_LIMIT);
}

static void bc_doc_culprit(struct bc_doc *doc, json_object *list, const struct bc_reason *cause,
			   const struct bcn_notice *n)
{
	json_object *obj = bc_put_object(doc, list);

	if (!obj)
		return;
	/* The text is made of this alone, and amounts need their unit. */
	if (cause->res)
		bc_put_unit(doc, obj, cause->res->unit);
	bc_put_int(doc, obj, "time_ns", n->time);
	bc_put_int(doc, obj, "realtime_ns", n->time + cause->clock);
	bc_put_int(doc, obj, "first_ns", n->first);
	bc_put_int(doc, obj, "count", n->count);
	bc_put_int(doc, obj, "amount", n->amount);
	bc_put_int(doc, obj, "largest", n->largest);
	bc_put_int(doc, obj, "held", n->held);
	bc_put_bound(doc, obj, "barrier", n->barrier);
	bc_put_bound(doc, obj, "limit", n->limit);
	bc_doc_bound(doc, obj, n);
	if (n->origin)
		bc_put_str(doc, obj, "origin", n->origin);
	bc_put_int(doc, obj, "origin_id", n->origin_id);
	if (BCN_HAS(n, BC_A_PID))
		bc_put_int(doc, obj, "pid", n->pid);
	if (n->comm)
		bc_put_str(doc, obj, "comm", n->comm);
}

static void bc_doc_culprits(struct bc_doc *doc, json_object *obj, const struct bc_reason *cause)
{
	json_object *list = json_object_new_array();
	uint64_t known = 0;
	size_t i;

	for (i = 0; i < cause->count; i++)
		known += cause->culprits[i].count;
	bc_put_int(doc, obj, "known", known);
	bc_put(doc, obj, "culprits", list);
	for (i = 0; i < cause->count && !doc->err; i++)
		bc_doc_culprit(doc, list, cause, &cause->culprits[i]);
}

static void bc_doc_proposal(struct bc_doc *doc, json_object *obj, const struct bc_reason *cause,
			    uint64_t page_size)
{
	char command[2 * BC_NAME_MAX + 128];
	struct bc_proposal prop;
	json_object *proposal;

	/* Processes were killed for want of memory: a guarantee gives them no more of it. */
	if (cause->rec.res == BC_RES_OOMGUARPAGES)
		return;
	bc_propose(cause, page_size, &prop);
	bc_put(doc, obj, "fits_now", json_object_new_boolean(prop.fits));
	if (prop.fits || !cause->res || doc->err)
		return;
	proposal = json_object_new_object();
	bc_put(doc, obj, "proposal", proposal);
	if (doc->err)
		return;
	snprintf(command, sizeof(command), "bctl pool set %.*s %.*s=%s", BC_NAME_MAX,
		 cause->level->name, BC_NAME_MAX, prop.word, prop.value);
	bc_put_bound(doc, proposal, "barrier", prop.barrier);
	bc_put_bound(doc, proposal, "limit", prop.limit);
	bc_put_str(doc, proposal, "command", command);
}

/**
 * bc_doc_cause() - add a resource of which something was refused
 * @doc: the document
 * @cause: the resource and all that is known
 * @page_size: bytes in a page
 */
void bc_doc_cause(struct bc_doc *doc, const struct bc_reason *cause, uint64_t page_size)
{
	json_object *obj = bc_put_object(doc, doc->list);
	char name[32];

	if (!obj)
		return;
	snprintf(name, sizeof(name), "resource-%u", cause->rec.res);
	bc_put_str(doc, obj, "resource", cause->res ? cause->res->name : name);
	if (cause->res)
		bc_put_unit(doc, obj, cause->res->unit);
	bc_put_str(doc, obj, "pool", cause->level->name);
	bc_put_int(doc, obj, "pool_id", cause->level->id);
	bc_put_str(doc, obj, "relation", !cause->distance ? "self" :
		   cause->distance == 1 ? "parent" : "ancestor");
	bc_doc_bound_of_cause(doc, obj, cause);
	bc_put_figures(doc, obj, &cause->rec);
	bc_doc_culprits(doc, obj, cause);
	bc_doc_proposal(doc, obj, cause, page_size);
}
