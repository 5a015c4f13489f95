/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_REPORT_PART_H
#define BCTL_REPORT_PART_H

#include <stddef.h>
#include <stdio.h>

#include "usage.h"

/**
 * struct bc_report - a page in the making
 * @db: the store
 * @groups: the pools
 * @ask: the period
 * @out: the file
 * @mem: index of the resource that is memory, or a negative number
 */
struct bc_report {
	struct bc_db *db;
	const struct bc_groups *groups;
	const struct bc_ask *ask;
	FILE *out;
	int mem;
};

const struct bc_held *bc_report_memory(const struct bc_report *r, const struct bc_slice *slice);
double bc_report_unit(const struct bc_report *r, size_t res);
struct bc_sum bc_report_failures(const struct bc_report *r, const struct bc_slice *slice);
int bc_report_plots(const struct bc_report *r, const struct bc_sums *sums);

#endif /* BCTL_REPORT_PART_H */
