/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_COMPACT_H
#define BCTL_COMPACT_H

#include <stddef.h>
#include <stdint.h>

struct bc_ledger;

/* How long records are kept that is for ever. */
#define BC_KEEP_FOREVER	INT64_MAX

/**
 * struct bc_keep - how long records are kept
 * @fine: as they were written, ms; then as hours
 * @hours: ms; then as days
 * @days: ms; then no more
 */
struct bc_keep {
	int64_t fine;
	int64_t hours;
	int64_t days;
};

int bc_keep_parse(const char *text, struct bc_keep *keep);
int bc_compact_waits(struct bc_ledger *l, int64_t now_ms, char *words, size_t size);
int bc_compact(struct bc_ledger *l, const struct bc_keep *keep, int64_t now_ms, int budget_ms);

#endif /* BCTL_COMPACT_H */
