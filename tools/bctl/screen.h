/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_SCREEN_H
#define BCTL_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "terminal.h"

struct bc_doc;
struct bc_watch;

/**
 * struct bc_screen - what "top" shows
 * @term: where
 * @watch: the pools
 * @doc: the same, as a document
 * @first: the first row that is shown
 * @rows: how many rows there was room for
 * @help: show what the keys do
 * @raw: print bytes exactly
 * @message: what is wrong, "" if nothing is
 * @interval_ms: what was asked for
 */
struct bc_screen {
	struct bc_terminal *term;
	const struct bc_watch *watch;
	const struct bc_doc *doc;
	size_t first;
	size_t rows;
	bool help;
	bool raw;
	const char *message;
	int interval_ms;
};

void bc_screen_draw(struct bc_screen *s);

#endif /* BCTL_SCREEN_H */
