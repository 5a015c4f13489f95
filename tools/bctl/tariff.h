/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What usage costs: bctl-tariff(5)
 */
#ifndef BCTL_TARIFF_H
#define BCTL_TARIFF_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "metric.h"
#include "wide.h"

struct bc_db_res;

#define BC_CURRENCY_MAX	8

/* Which figure is paid for. */
enum bc_priced {
	BC_PAID_FLOW, BC_PAID_FLOW_P95, BC_PAID_HELD_TIME, BC_PAID_HELD_P95, BC_PAID_PEAK,
	BC_PAID_FAILCNT, BC_PAID_FAILED, BC_PAID_EXISTED, BC_PAID_COVERED,
};

/**
 * struct bc_price - a line of a tariff
 * @line: its number
 * @text: what it is called on an invoice
 * @metric: name of the figure
 * @kind: which figure
 * @index: of which flow or resource
 * @unit: name of the unit it is sold in
 * @num: so many base units are one of these, a fraction
 * @den: its denominator
 * @price: for one unit, an integer
 * @digits: how many of the digits of @price stand behind the point
 * @free: so much costs nothing, in units, with as many digits as quantities have
 */
struct bc_price {
	unsigned int line;
	char *text;
	char *metric;
	enum bc_priced kind;
	int index;
	char *unit;
	__int128 num;
	__int128 den;
	__int128 price;
	unsigned int digits;
	__int128 free;
};

/**
 * struct bc_tariff - a tariff
 * @currency: three letters, or empty
 * @quantity_digits: decimals of quantities
 * @quantity_rounding: how these are rounded
 * @amount_digits: decimals of amounts of money
 * @amount_rounding: how these are rounded
 * @v: the prices
 * @count: how many
 */
struct bc_tariff {
	char currency[BC_CURRENCY_MAX];
	unsigned int quantity_digits;
	enum bc_rounding quantity_rounding;
	unsigned int amount_digits;
	enum bc_rounding amount_rounding;
	struct bc_price *v;
	size_t count;
};

/**
 * struct bc_tariff_reader - a tariff that is being read
 * @res: the resources there are
 * @nres: how many
 * @page_size: bytes in a page
 * @line: number of the line
 * @why: what is wrong with it
 */
struct bc_tariff_reader {
	const struct bc_db_res *res;
	size_t nres;
	uint64_t page_size;
	unsigned int line;
	char why[256];
};

int bc_tariff_read(struct bc_tariff *t, struct bc_tariff_reader *r, FILE *file);
int bc_price_quantity(const struct bc_tariff *t, const struct bc_price *price, __int128 base,
		      __int128 *quantity, __int128 *billable, __int128 *amount);
void bc_tariff_clear(struct bc_tariff *t);

#endif /* BCTL_TARIFF_H */
