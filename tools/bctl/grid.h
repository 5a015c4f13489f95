/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tables of cells that are text already; for print_*.c only
 */
#ifndef BCTL_GRID_H
#define BCTL_GRID_H

#include <stddef.h>

#define BC_COLS_MAX	16
#define BC_CELL_MAX	256

struct bc_printer;
struct libscols_table;

/**
 * struct bc_grid - a table under way
 * @table: the table
 * @err: set once something could not be added
 */
struct bc_grid {
	struct libscols_table *table;
	int err;
};

void bc_grid_begin(const struct bc_printer *p, struct bc_grid *g, const char * const *heads);
void bc_grid_line(struct bc_grid *g, char cells[][BC_CELL_MAX], size_t count);
int bc_grid_end(const struct bc_printer *p, struct bc_grid *g);
void bc_grid_cell(char cell[BC_CELL_MAX], const char *text);

#endif /* BCTL_GRID_H */
