// SPDX-License-Identifier: GPL-2.0
/*
 * An event as a document
 */
#include "beancounter.h"
#include "doc.h"
#include "print.h"

static const char * const bc_events[] = {
	NULL, "refusal", "pool-new", "pool-set", "pool-dying", "pool-gone", "threshold",
};
static const char * const bc_directions[] = { "up", "down" };

/**
 * bc_event_name() - what an event is called
 * @event: enum bc_event
 *
 * Return: the name; NULL for a number that has none here; "" behind the last.
 */
const char *bc_event_name(uint32_t event)
{
	return event < sizeof(bc_events) / sizeof(bc_events[0]) ? bc_events[event] : "";
}

static void bc_notice_resource(struct bc_doc *doc, const struct bcn_notice *n,
			       const struct bcn_res *res)
{
	json_object *obj = doc->root;

	if (n->res_name || res)
		bc_put_str(doc, obj, "resource", n->res_name ? n->res_name : res->name);
	if (res)
		bc_put_unit(doc, obj, res->unit);
	if (BCN_HAS(n, BC_A_AMOUNT))
		bc_put_int(doc, obj, "amount", n->amount);
	if (BCN_HAS(n, BC_A_HELD))
		bc_put_int(doc, obj, "held", n->held);
	if (BCN_HAS(n, BC_A_BARRIER))
		bc_put_bound(doc, obj, "barrier", n->barrier);
	if (BCN_HAS(n, BC_A_LIMIT_VALUE))
		bc_put_bound(doc, obj, "limit", n->limit);
	if (BCN_HAS(n, BC_A_DIRECTION))
		bc_put_enum(doc, obj, "direction", BC_NAME_OF(bc_directions, n->direction),
			    "direction", n->direction);
	if (BCN_HAS(n, BC_A_PERCENT))
		bc_put_int(doc, obj, "percent", n->percent);
}

/**
 * bc_doc_notice() - fill a document with an event
 * @doc: the document
 * @n: the event
 * @res: the resources of the module
 * @nres: how many there are
 */
void bc_doc_notice(struct bc_doc *doc, const struct bcn_notice *n,
		   const struct bcn_res *res, size_t nres)
{
	json_object *obj = doc->root;

	if (doc->err)
		return;
	bc_put_enum(doc, obj, "event", BC_NAME_OF(bc_events, n->event), "event", n->event);
	if (BCN_HAS(n, BC_A_TIME))
		bc_put_int(doc, obj, "time_ns", n->time);
	if (n->name)
		bc_put_str(doc, obj, "pool", n->name);
	if (BCN_HAS(n, BC_A_ID))
		bc_put_int(doc, obj, "pool_id", n->id);
	if (BCN_HAS(n, BC_A_INCARNATION))
		bc_put_int(doc, obj, "incarnation", n->incarnation);
	if (BCN_HAS(n, BC_A_RES))
		bc_notice_resource(doc, n, bc_res_by_id(res, nres, n->res));
	if (n->origin)
		bc_put_str(doc, obj, "origin", n->origin);
	if (BCN_HAS(n, BC_A_ORIGIN_ID))
		bc_put_int(doc, obj, "origin_id", n->origin_id);
	if (BCN_HAS(n, BC_A_PID))
		bc_put_int(doc, obj, "pid", n->pid);
	if (n->comm)
		bc_put_str(doc, obj, "comm", n->comm);
	if (BCN_HAS(n, BC_A_SUPPRESSED))
		bc_put_int(doc, obj, "suppressed", n->suppressed);
}

/**
 * bc_doc_lost() - fill a document with the event that events were lost
 * @doc: the document
 * @now: when that was noticed
 */
void bc_doc_lost(struct bc_doc *doc, uint64_t now)
{
	if (doc->err)
		return;
	bc_put_str(doc, doc->root, "event", "lost");
	bc_put_int(doc, doc->root, "time_ns", now);
}
