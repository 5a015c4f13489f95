/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_WATCH_H
#define BCTL_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "bctl.h"
#include "board.h"
#include "flow.h"

struct bc_doc;

/* How often at most one may look, in milliseconds. */
#define BC_WATCH_LEAST_MS	100

/**
 * struct bc_watch - looking at the pools again and again
 * @b: the run
 * @order: which pools, and in what order
 * @then: the last look but one
 * @now: the last look; its "taken" is 0 if it failed
 * @board: its pools
 * @said: why the last look failed
 */
struct bc_watch {
	struct bctl *b;
	struct bc_order order;
	struct bc_flows then;
	struct bc_flows now;
	struct bc_board board;
	char said[BC_SAID_MAX];
};

int bctl_watch_seconds(struct bctl *b, const char *option, const char *text, int *ms);
int bctl_watch_look(struct bc_watch *w);
int bctl_watch_first(struct bc_watch *w);
int bctl_watch_sort(struct bc_watch *w);
uint64_t bc_watch_next(uint64_t next, int ms);
void bc_watch_sleep(uint64_t until);
void bc_watch_clear(struct bc_watch *w);

#endif /* BCTL_WATCH_H */
