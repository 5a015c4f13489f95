/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_SNAPS_H
#define BCTL_SNAPS_H

#include <stddef.h>
#include <stdint.h>

#include "bctl.h"
#include "rate.h"

struct json_object;
struct bcn_notice;

/**
 * struct bc_snaps - keeps who was there when something was refused
 * @path: the directory, NULL if there is to be none
 * @dir: it, open
 * @keep: how many files may be in it
 * @rate: how many in a minute
 * @ask: a connection to ask for pools
 * @serial: of the last file
 * @skipped: refusals without a file since the last one
 * @skipped_total: since the beginning
 * @failed: files that could not be written
 */
struct bc_snaps {
	const char *path;
	int dir;
	uint32_t keep;
	struct bc_rate rate;
	struct bctl *ask;
	uint64_t serial;
	uint64_t skipped;
	uint64_t skipped_total;
	uint64_t failed;
};

int bctl_snaps_open(struct bctl *b, struct bc_snaps *s);
void bc_snaps_event(struct bctl *b, struct bc_snaps *s, const struct bcn_notice *n,
		    struct json_object *event);
void bc_snaps_report(struct bctl *b, const struct bc_snaps *s);
void bc_snaps_clear(struct bc_snaps *s);

#endif /* BCTL_SNAPS_H */
