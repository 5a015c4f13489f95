/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_BOARD_H
#define BCTL_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bc_flow;
struct bc_flows;

enum bc_key { BC_KEY_CPU, BC_KEY_MEMORY, BC_KEY_IO, BC_KEY_FAILURES, BC_KEY_NAME, BC_KEYS };

/**
 * struct bc_order - which pools are shown, and in what order
 * @key: what they are sorted by: the largest first, names from A to Z
 * @reversed: the other way round; what is not known stays at the end
 * @tree: children stand below their parents, siblings are sorted
 * @root: show this pool and what is below it; NULL for all
 */
struct bc_order {
	enum bc_key key;
	bool reversed;
	bool tree;
	const char *root;
};

/* Deeper levels are drawn like this one. */
#define BC_DRAWN_DEPTH	24

/**
 * struct bc_row - a pool on the board
 * @flow: the pool
 * @depth: how deep below the first level
 * @last: it is the last child of its parent
 * @trunks: bit N: a line goes past it at level N, to later children there
 */
struct bc_row {
	const struct bc_flow *flow;
	unsigned int depth;
	bool last;
	uint32_t trunks;
};

/**
 * struct bc_board - the pools that are shown, in their order
 * @rows: they
 * @count: how many
 */
struct bc_board {
	struct bc_row *rows;
	size_t count;
};

int bc_board_fill(struct bc_board *board, const struct bc_flows *flows,
		  const struct bc_order *order);
int bc_key_find(const char *word);
const char *bc_key_name(enum bc_key key);
void bc_row_branch(const struct bc_row *row, bool utf8, char *text, size_t size);
void bc_board_clear(struct bc_board *board);

#endif /* BCTL_BOARD_H */
