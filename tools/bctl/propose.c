// SPDX-License-Identifier: GPL-2.0
/*
 * From refusals to a barrier that would have granted them
 *
 * A proposal and no more: the most that was held, and on top of it what each
 * culprit asked for at most at once, since they may ask at the same time. A
 * quarter is added, and the sum is rounded up to a figure that people would
 * choose: items to two digits, bytes to an eighth of a power of two. The room
 * between barrier and limit is kept; where there is a limit and no barrier, as memory
 * mostly has it, there is none after that either.
 */
#include <inttypes.h>
#include <stdio.h>

#include "assign.h"
#include "explain.h"

typedef unsigned __int128 bc_wide;

static bc_wide bc_round_items(bc_wide num)
{
	bc_wide step = 5;

	if (num < 20)
		return num;
	if (num >= 100)
		for (step = 1; num / step >= 100; step *= 10)
			;
	return (num + step - 1) / step * step;
}

static bc_wide bc_round_bytes(bc_wide num)
{
	bc_wide step = 1;

	while (step * 8 < num)
		step *= 2;
	return (num + step - 1) / step * step;
}

/* Round up what is in the unit of the resource, and stay in it. */
static uint64_t bc_round(bc_wide num, uint32_t unit, uint64_t page_size)
{
	if (unit == BC_UNIT_PAGES)
		num = (bc_round_bytes(num * page_size) + page_size - 1) / page_size;
	else if (unit == BC_UNIT_BYTES)
		num = bc_round_bytes(num);
	else
		num = bc_round_items(num);
	return num > BC_AMOUNT_MAX ? BC_UNLIMITED : (uint64_t)num;
}

/* As a value of "bctl pool set", in the largest suffix without a remainder. */
static int bc_value_write(char *text, size_t size, uint64_t num, uint32_t unit,
			  uint64_t page_size)
{
	static const char suffixes[] = "KMGT";
	bc_wide bytes = num;
	int i = 0;

	if (num == BC_UNLIMITED)
		return snprintf(text, size, "unlimited");
	if (unit == BC_UNIT_PAGES)
		bytes *= page_size;
	if ((unit != BC_UNIT_PAGES && unit != BC_UNIT_BYTES) || bytes % 1024 || !bytes)
		return snprintf(text, size, "%" PRIu64, num);
	for (bytes /= 1024; bytes % 1024 == 0 && suffixes[i + 1]; i++)
		bytes /= 1024;
	return snprintf(text, size, "%" PRIu64 "%c", (uint64_t)bytes, suffixes[i]);
}

/**
 * bc_is_native() - does the kernel count a resource, and fail, by itself?
 * @res: the resource, or NULL
 *
 * Return: whether that is known.
 */
bool bc_is_native(const struct bcn_res *res)
{
	return res && BCN_HAS(res, BC_A_RES_KIND) && res->kind == BC_KIND_NATIVE;
}

/* What all that was refused would have needed, and at which of the bounds. */
static bc_wide bc_needed(const struct bc_reason *cause, bool *at_barrier, bool *at_limit)
{
	bc_wide base = cause->rec.maxheld, asked = 0;
	const struct bcn_notice *n;

	*at_limit = false;
	*at_barrier = !cause->count;
	for (n = cause->culprits; n < cause->culprits + cause->count; n++) {
		if (n->held > base)
			base = n->held;
		asked += n->largest > n->amount ? n->largest : n->amount;
		if (BCN_HAS(n, BC_A_BOUND) && n->bound == BC_BOUND_LIMIT)
			*at_limit = true;
		else
			*at_barrier = true;
	}
	return base + asked;
}

/* Behind the =, unless it is a limit only. */
static void bc_propose_value(struct bc_proposal *prop, uint32_t unit, uint64_t page_size)
{
	char *text = prop->value;
	size_t size = sizeof(prop->value);
	int len = 0;

	if (!prop->limit_only) {
		len = bc_value_write(text, size, prop->barrier, unit, page_size);
		if (prop->limit == prop->barrier)
			return;
		text[len++] = ':';
	}
	bc_value_write(text + len, size - len, prop->limit, unit, page_size);
}

/**
 * bc_propose() - propose a barrier and a limit
 * @cause: what was refused
 * @page_size: bytes in a page
 * @prop: the result
 */
void bc_propose(const struct bc_reason *cause, uint64_t page_size, struct bc_proposal *prop)
{
	uint32_t unit = cause->res ? cause->res->unit : BC_UNIT_ITEMS;
	const struct bc_record *rec = &cause->rec;
	bool at_barrier, at_limit;
	bc_wide need = bc_needed(cause, &at_barrier, &at_limit);
	uint64_t want = bc_round(need + need / 4, unit, page_size);
	bc_wide room = rec->limit - rec->barrier;

	if (bc_is_native(cause->res)) {
		/* The kernel fails at the limit, and tells neither who nor how much. */
		at_barrier = false;
		at_limit = true;
		need++;
	}
	prop->fits = (!at_barrier || need <= rec->barrier) && (!at_limit || need <= rec->limit);
	prop->barrier = at_barrier && want > rec->barrier ? want : rec->barrier;
	prop->limit = at_limit && want > rec->limit ? want : rec->limit;
	prop->limit_only = rec->barrier == BC_UNLIMITED && rec->limit != BC_UNLIMITED;
	if (prop->barrier != BC_UNLIMITED && rec->limit != BC_UNLIMITED &&
	    prop->limit < prop->barrier + room)
		prop->limit = prop->barrier + room > BC_AMOUNT_MAX ? BC_UNLIMITED :
			      prop->barrier + room;
	if (prop->limit < prop->barrier && !prop->limit_only)
		prop->limit = prop->barrier;
	prop->word = !cause->res ? "" : prop->limit_only ? bc_limit_word(cause->res->name) :
		     cause->res->name;
	bc_propose_value(prop, unit, page_size);
}
