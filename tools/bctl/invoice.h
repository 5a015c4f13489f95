/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Invoices
 */
#ifndef BCTL_INVOICE_H
#define BCTL_INVOICE_H

#include <stdbool.h>

#include "tariff.h"
#include "usage.h"

struct bc_doc;

/**
 * struct bc_invoice - an invoice in the making
 * @db: the store
 * @ask: the period, and which pools
 * @tariff: the prices
 * @explain: tell which records each line is made of
 * @total: what all of it costs
 */
struct bc_invoice {
	struct bc_db *db;
	const struct bc_ask *ask;
	const struct bc_tariff *tariff;
	bool explain;
	__int128 total;
};

int bc_invoice_twice(const struct bc_db *db, const struct bc_groups *groups, const char **lower,
		     const char **upper);
void bc_doc_invoice(struct bc_doc *doc, const struct bc_invoice *inv);
int bc_doc_invoice_group(struct bc_doc *doc, struct bc_invoice *inv,
			 const struct bc_group *group, const struct bc_sums *sums);
void bc_doc_invoice_total(struct bc_doc *doc, const struct bc_invoice *inv);

#endif /* BCTL_INVOICE_H */
