// SPDX-License-Identifier: GPL-2.0
/*
 * The documents of "stat -w" and "top": what pools did in an interval
 *
 * The figures are what came in the interval, exact; who wants a rate divides by
 * interval_ns, as print_rates.c does.
 */
#include <errno.h>

#include "board.h"
#include "doc.h"
#include "flow.h"
#include "print.h"

/* A difference and the member it goes to. */
static const struct {
	enum bc_counter counter;
	const char *object;
	const char *key;
} bc_rate_members[] = {
	{ BC_N_USAGE, "cpu", "usage_ns" },
	{ BC_N_USER, "cpu", "user_ns" },
	{ BC_N_SYSTEM, "cpu", "system_ns" },
	{ BC_N_WAIT, "cpu", "wait_ns" },
	{ BC_N_SWITCHES, "cpu", "switches" },
	{ BC_N_PREEMPTIONS, "cpu", "preemptions" },
	{ BC_N_CPU_THROTTLED, "cpu", "throttled_ns" },
	{ BC_N_READ_BYTES, "io", "read_bytes" },
	{ BC_N_WRITE_BYTES, "io", "write_bytes" },
	{ BC_N_READ_IOS, "io", "read_ios" },
	{ BC_N_WRITE_IOS, "io", "write_ios" },
	{ BC_N_IO_THROTTLED, "io", "throttled_ns" },
	{ BC_N_REFUSALS, NULL, "refusals" },
};

static json_object *bc_rate_object(struct bc_doc *doc, json_object *pool, const char *key)
{
	json_object *obj;

	if (!key || json_object_object_get_ex(pool, key, &obj))
		return key ? obj : pool;
	obj = json_object_new_object();
	bc_put(doc, pool, key, obj);
	return doc->err ? NULL : obj;
}

static void bc_doc_flow(struct bc_doc *doc, const struct bc_flows *flows,
			const struct bc_flow *flow)
{
	json_object *pool = bc_put_object(doc, doc->list), *obj;
	size_t i;

	if (!pool)
		return;
	bc_put_int(doc, pool, "id", flow->id);
	bc_put_str(doc, pool, "name", flow->name);
	if (flow->parent >= 0)
		bc_put_str(doc, pool, "parent", flows->v[flow->parent].name);
	else if (json_object_object_add(pool, "parent", NULL))
		doc->err = -ENOMEM;
	bc_put_int(doc, pool, "incarnation", flow->incarnation);
	if (flow->has_memory)
		bc_put_int(doc, pool, "memory_bytes", flow->memory);
	if (flow->has_tasks)
		bc_put_int(doc, pool, "tasks", flow->tasks);
	for (i = 0; i < sizeof(bc_rate_members) / sizeof(bc_rate_members[0]); i++) {
		if (!BC_FLOWED(flow, bc_rate_members[i].counter))
			continue;
		obj = bc_rate_object(doc, pool, bc_rate_members[i].object);
		if (!obj)
			return;
		bc_put_int(doc, obj, bc_rate_members[i].key,
			   flow->diff[bc_rate_members[i].counter]);
	}
}

/**
 * bc_doc_rates() - make a document of what pools did in an interval
 * @doc: the document, to be ended by bc_doc_end()
 * @flows: the pools
 * @board: which of them, and in what order
 */
void bc_doc_rates(struct bc_doc *doc, const struct bc_flows *flows, const struct bc_board *board)
{
	size_t i;

	bc_doc_begin(doc, "bctl.rates/1", "pools", flows->taken);
	if (doc->err)
		return;
	bc_put_int(doc, doc->root, "interval_ns", flows->interval);
	for (i = 0; i < board->count && !doc->err; i++)
		bc_doc_flow(doc, flows, board->rows[i].flow);
}
