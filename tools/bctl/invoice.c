// SPDX-License-Identifier: GPL-2.0
/*
 * Invoices: the document of bctl usage --price
 *
 * Quantities, prices and amounts of money are strings, as many programs read a
 * number with a point as floating point.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "doc.h"
#include "invoice.h"
#include "print.h"

static void bc_put_decimal(struct bc_doc *doc, json_object *obj, const char *key, __int128 val,
			   unsigned int digits)
{
	char text[BC_WIDE_MAX];

	bc_decimal_text(text, sizeof(text), val, digits);
	bc_put_str(doc, obj, key, text);
}

static void bc_put_time(struct bc_doc *doc, json_object *obj, const char *key, int64_t ms)
{
	bc_put(doc, obj, key, json_object_new_int64(ms));
}

/**
 * bc_invoice_twice() - would something be paid for twice?
 * @db: the store
 * @groups: the pools that are on the invoice, with all that is below them
 * @lower: receives the name of a pool that is below another
 * @upper: and the name of that
 *
 * Return: 0, or -EEXIST if there are such.
 */
int bc_invoice_twice(const struct bc_db *db, const struct bc_groups *groups, const char **lower,
		     const char **upper)
{
	const struct bc_group *group, *other;
	size_t i;
	int up;

	for (group = groups->v; group < groups->v + groups->count; group++)
		for (i = 0; i < group->count; i++)
			for (up = db->pools[group->members[i]].parent; up >= 0;
			     up = db->pools[up].parent)
				for (other = groups->v; other < groups->v + groups->count; other++)
					if (other != group && bc_group_has(other, up)) {
						*lower = group->name;
						*upper = other->name;
						return -EEXIST;
					}
	return 0;
}

/**
 * bc_doc_invoice() - begin the document
 * @doc: the document, to be ended by bc_doc_end()
 * @inv: the invoice
 */
void bc_doc_invoice(struct bc_doc *doc, const struct bc_invoice *inv)
{
	bc_doc_begin(doc, "bctl.invoice/1", "pools", 0);
	if (doc->err)
		return;
	json_object_object_del(doc->root, "boot_id");
	bc_put_str(doc, doc->root, "node", inv->db->node);
	bc_put_int(doc, doc->root, "page_size", inv->db->page_size);
	bc_put_time(doc, doc->root, "begin_ms", inv->ask->period.begin);
	bc_put_time(doc, doc->root, "end_ms", inv->ask->period.end);
	bc_put_time(doc, doc->root, "reach_ms", inv->db->reach);
	bc_put_str(doc, doc->root, "currency", inv->tariff->currency);
}

static bool bc_paid_sum(const struct bc_sum *sum, const struct bc_slice *slice, bool own,
			bool local, __int128 *base)
{
	*base = own ? sum->own : sum->sum;
	return own ? bc_sum_own(slice, sum, local) : sum->count;
}

static bool bc_paid_p95(const struct bc_sum *sum, bool own, __int128 *base)
{
	*base = sum->p95;
	return !own && sum->buckets;
}

/* The amount that is paid for, in base units; false if it is not known. */
static bool bc_paid(const struct bc_price *price, const struct bc_slice *slice, bool own,
		    __int128 *base)
{
	const struct bc_held *held = slice->res ? &slice->res[price->index] : NULL;

	switch (price->kind) {
	case BC_PAID_FLOW:
		return bc_paid_sum(&slice->flow[price->index], slice, own,
				   bc_flow_infos[price->index].local, base);
	case BC_PAID_FLOW_P95:
		return bc_paid_p95(&slice->flow[price->index], own, base);
	case BC_PAID_HELD_TIME:
		return held && bc_paid_sum(&held->time, slice, own, false, base);
	case BC_PAID_HELD_P95:
		return held && bc_paid_p95(&held->time, own, base);
	case BC_PAID_PEAK:
		*base = held ? held->peak : 0;
		return held && !own && held->known & 1U << BC_F_PEAK;
	case BC_PAID_FAILCNT:
		return held && bc_paid_sum(&held->failcnt, slice, own, true, base);
	case BC_PAID_FAILED:
		return held && bc_paid_sum(&held->failed, slice, own, true, base);
	case BC_PAID_EXISTED:
		*base = slice->existed;
		return true;
	case BC_PAID_COVERED:
		*base = slice->covered;
		return true;
	}
	return false;
}

/* The figure of one record that a price is about; false if the record does not know it. */
static bool bc_row_paid(const struct bc_price *price, const struct bc_row *row,
			__int128 *amount)
{
	static const enum bc_figure_metric figures[] = {
		[BC_PAID_HELD_TIME] = BC_F_HELD_TIME, [BC_PAID_HELD_P95] = BC_F_HELD_TIME,
		[BC_PAID_PEAK] = BC_F_PEAK, [BC_PAID_FAILCNT] = BC_F_FAILCNT,
		[BC_PAID_FAILED] = BC_F_FAILED,
	};
	size_t i;

	if (row->kind == BC_ROW_GAP)
		return false;
	if (price->kind == BC_PAID_EXISTED || price->kind == BC_PAID_COVERED) {
		*amount = row->end - row->begin;
		return true;
	}
	if (price->kind == BC_PAID_FLOW || price->kind == BC_PAID_FLOW_P95) {
		*amount = row->flow[price->index];
		return row->known & 1U << price->index;
	}
	for (i = 0; i < row->nfig; i++)
		if (row->fig[i].res == (uint32_t)price->index) {
			*amount = row->fig[i].v[figures[price->kind]];
			return row->fig[i].known & 1U << figures[price->kind];
		}
	return false;
}

/* What the records of a line are put into. */
struct bc_explain {
	struct bc_doc *doc;
	json_object *list;
	const struct bc_price *price;
	const struct bc_span *period;
	int sign;
};

static int bc_explain_row(void *arg, const struct bc_db_pool *pool, struct bc_row *row)
{
	struct bc_explain *e = arg;
	bool level = e->price->kind == BC_PAID_PEAK;
	json_object *obj;
	__int128 amount, share;

	bc_row_clock(row);
	if (!bc_row_paid(e->price, row, &amount))
		return 0;
	if (row->end <= e->period->begin || row->begin >= e->period->end)
		return 0;
	share = level ? amount :
		bc_share(amount, row->begin, row->end, e->period->begin, e->period->end);
	obj = bc_put_object(e->doc, e->list);
	if (!obj)
		return e->doc->err;
	bc_put_time(e->doc, obj, "record", row->record);
	bc_put_str(e->doc, obj, "name", pool->name);
	bc_put_str(e->doc, obj, "boot", pool->boot);
	bc_put_int(e->doc, obj, "incarnation", pool->incarnation);
	bc_put_int(e->doc, obj, "id", pool->id);
	bc_put_time(e->doc, obj, "begin_ms", row->begin);
	bc_put_time(e->doc, obj, "end_ms", row->end);
	bc_put_wide(e->doc, obj, "amount", amount);
	bc_put_wide(e->doc, obj, "share", e->sign * share);
	return e->doc->err;
}

/* Is there nothing of the pools below in it? */
static bool bc_paid_alone(const struct bc_price *price)
{
	return price->kind == BC_PAID_EXISTED || price->kind == BC_PAID_COVERED ||
	       price->kind == BC_PAID_FAILCNT || price->kind == BC_PAID_FAILED ||
	       (price->kind == BC_PAID_FLOW && bc_flow_infos[price->index].local);
}

static int bc_explain_line(struct bc_doc *doc, const struct bc_invoice *inv,
			   const struct bc_group *group, const struct bc_price *price,
			   json_object *line)
{
	struct bc_explain e = { doc, json_object_new_array(), price, &inv->ask->period, 1 };
	int ret;

	bc_put(doc, line, "records", e.list);
	if (doc->err)
		return doc->err;
	ret = bc_group_rows(inv->db, group, e.period, bc_explain_row, &e);
	if (ret || !inv->ask->tree || bc_paid_alone(price))
		return ret;
	e.sign = -1;
	return bc_group_rows_below(inv->db, group, e.period, bc_explain_row, &e);
}

static void bc_line_unit(struct bc_doc *doc, json_object *line, const struct bc_price *price)
{
	char size[2 * BC_WIDE_MAX], den[BC_WIDE_MAX];

	bc_wide_text(size, BC_WIDE_MAX, price->num);
	bc_wide_text(den, sizeof(den), price->den);
	if (price->den != 1) {
		strcat(size, "/");
		strcat(size, den);
	}
	bc_put_str(doc, line, "text", price->text);
	bc_put_str(doc, line, "metric", price->metric);
	bc_put_str(doc, line, "unit", price->unit);
	bc_put_str(doc, line, "unit_size", size);
	bc_put_decimal(doc, line, "price", price->price, price->digits);
}

static int bc_line(struct bc_doc *doc, struct bc_invoice *inv, const struct bc_group *group,
		   const struct bc_slice *slice, const struct bc_price *price, json_object *list,
		   __int128 *total)
{
	const struct bc_tariff *t = inv->tariff;
	__int128 base, quantity, billable, amount;
	json_object *line = bc_put_object(doc, list);
	int ret;

	if (!line)
		return doc->err;
	bc_line_unit(doc, line, price);
	if (price->free)
		bc_put_decimal(doc, line, "free", price->free, t->quantity_digits);
	/* What is not known is not paid for, but the line is there. */
	if (!bc_paid(price, slice, inv->ask->tree, &base))
		return doc->err;
	ret = bc_price_quantity(t, price, base, &quantity, &billable, &amount);
	if (ret)
		return ret;
	bc_put_decimal(doc, line, "base", base, 0);
	bc_put_decimal(doc, line, "quantity", quantity, t->quantity_digits);
	bc_put_decimal(doc, line, "billable", billable, t->quantity_digits);
	bc_put_decimal(doc, line, "amount", amount, t->amount_digits);
	if (__builtin_add_overflow(*total, amount, total))
		return -ERANGE;
	return inv->explain ? bc_explain_line(doc, inv, group, price, line) : doc->err;
}

/**
 * bc_doc_invoice_group() - add what a group has to pay
 * @doc: the document
 * @inv: the invoice
 * @group: the group
 * @sums: its totals
 *
 * Return: 0, or a negative errno: -ERANGE for an amount that does not fit.
 */
int bc_doc_invoice_group(struct bc_doc *doc, struct bc_invoice *inv,
			 const struct bc_group *group, const struct bc_sums *sums)
{
	const struct bc_slice *slice = sums->slices;
	int64_t gap = bc_spans_within(&sums->gaps, slice->begin, slice->end);
	json_object *obj, *lines;
	__int128 total = 0;
	int ret = 0;
	size_t i;

	if (!slice->records && !slice->existed && !gap)
		return 0;
	obj = bc_put_object(doc, doc->list);
	lines = obj ? json_object_new_array() : NULL;
	if (!obj)
		return doc->err;
	bc_put_str(doc, obj, "name", group->name);
	if (inv->ask->tree)
		bc_put_str(doc, obj, "path", group->key);
	bc_put_time(doc, obj, "existed_ms", slice->existed);
	bc_put_time(doc, obj, "covered_ms", slice->covered);
	bc_put_time(doc, obj, "gap_ms", gap);
	bc_put(doc, obj, "lines", lines);
	for (i = 0; i < inv->tariff->count && !ret && !doc->err; i++)
		ret = bc_line(doc, inv, group, slice, &inv->tariff->v[i], lines, &total);
	bc_put_decimal(doc, obj, "total", total, inv->tariff->amount_digits);
	if (!ret && __builtin_add_overflow(inv->total, total, &inv->total))
		ret = -ERANGE;
	return ret ? ret : doc->err;
}

/**
 * bc_doc_invoice_total() - end the document
 * @doc: the document
 * @inv: the invoice
 */
void bc_doc_invoice_total(struct bc_doc *doc, const struct bc_invoice *inv)
{
	bc_put_decimal(doc, doc->root, "total", inv->total, inv->tariff->amount_digits);
}
