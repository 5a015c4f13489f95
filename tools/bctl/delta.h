/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_DELTA_H
#define BCTL_DELTA_H

#include <stdbool.h>
#include <stdint.h>

#include "bctl.h"
#include "print.h"

/* The longest KEY. */
#define BC_KEY_MAX	64

/**
 * struct bc_delta - figures relative to an earlier look at them
 * @key: whose earlier look; NULL if it is kept in memory only
 * @dir: where it is kept
 * @lock: has the lock on it
 * @base: the earlier look, NULL if there was none
 * @first: set by bc_delta_apply(): there was none since the system was started
 */
struct bc_delta {
	const char *key;
	int dir;
	int lock;
	struct json_object *base;
	bool first;
};

int bctl_delta_key(struct bctl *b, const char *option, const char *key);
int bctl_delta_open(struct bctl *b, struct bc_delta *d);
void bc_delta_apply(struct bc_delta *d, struct bc_doc *doc, bool all);
int bctl_delta_save(struct bctl *b, struct bc_delta *d, const struct bc_doc *doc);
void bc_delta_close(struct bc_delta *d);

#endif /* BCTL_DELTA_H */
