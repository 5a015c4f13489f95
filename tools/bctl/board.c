// SPDX-License-Identifier: GPL-2.0
/*
 * Which pools are shown, and in what order
 *
 * Flat or as a tree. In a tree, siblings are sorted; a pool whose parent is not
 * shown begins a tree of its own.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "flow.h"

static const char * const bc_key_names[BC_KEYS] = {
	"cpu", "memory", "io", "failures", "name"
};

/**
 * bc_key_find() - what a word says to sort by
 * @word: the word, or its first letter
 *
 * Return: enum bc_key, or -1.
 */
int bc_key_find(const char *word)
{
	int i;

	for (i = 0; i < BC_KEYS; i++)
		if (!strcmp(word, bc_key_names[i]) ||
		    (word[0] == bc_key_names[i][0] && !word[1]))
			return i;
	return -1;
}

/**
 * bc_key_name() - what a key is called
 * @key: the key
 *
 * Return: its name.
 */
const char *bc_key_name(enum bc_key key)
{
	return bc_key_names[key];
}

/* The figure of a pool that it is sorted by; false if that is not known. */
static bool bc_key_value(const struct bc_flow *flow, enum bc_key key, uint64_t *val)
{
	switch (key) {
	case BC_KEY_CPU:
		*val = flow->diff[BC_N_USAGE];
		return BC_FLOWED(flow, BC_N_USAGE);
	case BC_KEY_MEMORY:
		*val = flow->memory;
		return flow->has_memory;
	case BC_KEY_IO:
		*val = flow->diff[BC_N_READ_BYTES] + flow->diff[BC_N_WRITE_BYTES];
		return BC_FLOWED(flow, BC_N_READ_BYTES) && BC_FLOWED(flow, BC_N_WRITE_BYTES);
	case BC_KEY_FAILURES:
		*val = flow->diff[BC_N_REFUSALS];
		return BC_FLOWED(flow, BC_N_REFUSALS);
	default:
		*val = 0;
		return true;
	}
}

/* What qsort_r() needs to know. */
struct bc_sorting {
	const struct bc_flow *v;
	const struct bc_order *order;
};

static int bc_flow_before(const struct bc_flow *a, const struct bc_flow *b,
			  const struct bc_order *order)
{
	int sign = order->reversed ? -1 : 1, ret;
	uint64_t x, y;
	bool known_x = bc_key_value(a, order->key, &x), known_y = bc_key_value(b, order->key, &y);

	if (known_x != known_y)
		return known_x ? -1 : 1;
	if (known_x && x != y)
		return x > y ? -sign : sign;
	ret = strcmp(a->name, b->name);
	if (order->key == BC_KEY_NAME)
		ret *= sign;
	if (ret)
		return ret;
	return a->incarnation < b->incarnation ? -1 : a->incarnation > b->incarnation;
}

/* In a tree, siblings stand together; the order of the groups does not matter. */
static int bc_index_compare(const void *a, const void *b, void *arg)
{
	const struct bc_sorting *s = arg;
	const struct bc_flow *x = &s->v[*(const int *)a], *y = &s->v[*(const int *)b];

	if (s->order->tree && x->parent != y->parent)
		return x->parent < y->parent ? -1 : 1;
	return bc_flow_before(x, y, s->order);
}

/**
 * struct bc_planting - a tree under way
 * @flows: the pools
 * @board: where they go
 * @sorted: all of them, siblings together
 * @first: where in @sorted the children of a pool begin, -1 if it has none
 */
struct bc_planting {
	const struct bc_flows *flows;
	struct bc_board *board;
	int *sorted;
	int *first;
};

static void bc_plant(struct bc_planting *p, int index, unsigned int depth, bool last,
		     uint32_t trunks)
{
	struct bc_row *row = &p->board->rows[p->board->count++];
	int pos = p->first[index], child, next;
	uint32_t below = trunks;

	*row = (struct bc_row){
		.flow = &p->flows->v[index], .depth = depth, .last = last, .trunks = trunks,
	};
	if (depth && depth < BC_DRAWN_DEPTH && !last)
		below |= 1U << depth;
	while (pos >= 0) {
		child = p->sorted[pos];
		next = pos + 1 < (int)p->flows->count &&
		       p->flows->v[p->sorted[pos + 1]].parent == index ? pos + 1 : -1;
		bc_plant(p, child, depth + 1, next < 0, below);
		pos = next;
	}
}

/* Where the pool stands that is the root, -1 if there is none; a dying one does not count. */
static int bc_board_root(const struct bc_flows *flows, const char *name)
{
	size_t i;

	for (i = 0; i < flows->count; i++)
		if (!strcmp(flows->v[i].name, name) && flows->v[i].state == BC_POOL_LIVE)
			return i;
	return -1;
}

static void bc_board_tree(struct bc_planting *p, int root)
{
	size_t i, count = p->flows->count;
	int parent;

	for (i = 0; i < count; i++)
		p->first[i] = -1;
	for (i = count; i-- > 0;) {
		parent = p->flows->v[p->sorted[i]].parent;
		if (parent >= 0)
			p->first[parent] = i;
	}
	if (root >= 0) {
		bc_plant(p, root, 0, true, 0);
		return;
	}
	for (i = 0; i < count; i++)
		if (p->flows->v[p->sorted[i]].parent < 0)
			bc_plant(p, p->sorted[i], 0, true, 0);
}

/* Is @index the root or below it? */
static bool bc_is_below(const struct bc_flows *flows, int index, int root)
{
	while (index >= 0 && index != root)
		index = flows->v[index].parent;
	return root < 0 || index == root;
}

static void bc_board_flat(struct bc_planting *p, int root)
{
	size_t i;

	for (i = 0; i < p->flows->count; i++)
		if (bc_is_below(p->flows, p->sorted[i], root))
			p->board->rows[p->board->count++] = (struct bc_row){
				.flow = &p->flows->v[p->sorted[i]],
			};
}

/**
 * bc_board_fill() - put the pools in order
 * @board: receives them; points to @flows afterwards
 * @flows: the pools
 * @order: which, and how
 *
 * Return: 0, -ENOENT if the root is not there, or -ENOMEM.
 */
int bc_board_fill(struct bc_board *board, const struct bc_flows *flows,
		  const struct bc_order *order)
{
	struct bc_sorting sorting = { .v = flows->v, .order = order };
	struct bc_planting p = { .flows = flows, .board = board };
	int root = order->root ? bc_board_root(flows, order->root) : -1;
	int ret = -ENOMEM;
	size_t i;

	bc_board_clear(board);
	if (order->root && root < 0)
		return -ENOENT;
	board->rows = calloc(flows->count + 1, sizeof(*board->rows));
	p.sorted = calloc(flows->count + 1, sizeof(*p.sorted));
	p.first = calloc(flows->count + 1, sizeof(*p.first));
	if (board->rows && p.sorted && p.first) {
		for (i = 0; i < flows->count; i++)
			p.sorted[i] = i;
		qsort_r(p.sorted, flows->count, sizeof(*p.sorted), bc_index_compare, &sorting);
		if (order->tree)
			bc_board_tree(&p, root);
		else
			bc_board_flat(&p, root);
		ret = 0;
	}
	free(p.sorted);
	free(p.first);
	if (ret)
		bc_board_clear(board);
	return ret;
}

/**
 * bc_row_branch() - draw what stands in a tree before a pool's name
 * @row: the pool
 * @utf8: lines can be drawn
 * @text: receives it: two columns for each level
 * @size: room there
 */
void bc_row_branch(const struct bc_row *row, bool utf8, char *text, size_t size)
{
	unsigned int depth = row->depth < BC_DRAWN_DEPTH ? row->depth : BC_DRAWN_DEPTH, i;
	size_t len = 0;

	*text = '\0';
	for (i = 1; i < depth && len < size; i++)
		len += snprintf(text + len, size - len, "%s", !(row->trunks & (1U << i)) ? "  " :
				utf8 ? "\u2502 " : "| ");
	if (depth && len < size)
		snprintf(text + len, size - len, "%s", row->last ? (utf8 ? "\u2514\u2500" : "`-") :
			 (utf8 ? "\u251c\u2500" : "|-"));
}

/**
 * bc_board_clear() - forget the rows
 * @board: as good as new afterwards
 */
void bc_board_clear(struct bc_board *board)
{
	free(board->rows);
	memset(board, 0, sizeof(*board));
}
