/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_REPORT_H
#define BCTL_REPORT_H

#include <stdio.h>

#include "usage.h"

int bc_report_html(struct bc_db *db, const struct bc_groups *groups, const struct bc_ask *ask,
		   FILE *out);

#endif /* BCTL_REPORT_H */
