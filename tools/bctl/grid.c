// SPDX-License-Identifier: GPL-2.0
/*
 * Tables of cells that are text already
 */
#include <errno.h>
#include <stdio.h>

#include <libsmartcols/libsmartcols.h>

#include "grid.h"
#include "print.h"

/**
 * bc_grid_begin() - begin a table
 * @p: how to print it
 * @g: the table, to be ended by bc_grid_end()
 * @heads: the headings, ended by NULL; one that begins with '<' is that of a column of words
 */
void bc_grid_begin(const struct bc_printer *p, struct bc_grid *g, const char * const *heads)
{
	g->err = 0;
	g->table = scols_new_table();
	if (!g->table) {
		g->err = -ENOMEM;
		return;
	}
	scols_table_set_stream(g->table, p->out);
	for (; *heads && !g->err; heads++)
		if (!scols_table_new_column(g->table, *heads + (**heads == '<'), 0,
					    **heads == '<' ? 0 : SCOLS_FL_RIGHT))
			g->err = -ENOMEM;
}

/**
 * bc_grid_line() - add a line
 * @g: the table
 * @cells: what stands in it
 * @count: how many cells
 */
void bc_grid_line(struct bc_grid *g, char cells[][BC_CELL_MAX], size_t count)
{
	struct libscols_line *line = g->err ? NULL : scols_table_new_line(g->table, NULL);
	size_t i;

	for (i = 0; i < count && line && !g->err; i++)
		if (scols_line_set_data(line, i, cells[i]))
			g->err = -ENOMEM;
	if (!line)
		g->err = -ENOMEM;
}

/**
 * bc_grid_end() - print a table with an empty line before it, unless it has no line
 * @p: how
 * @g: the table
 *
 * Return: 0 or a negative errno.
 */
int bc_grid_end(const struct bc_printer *p, struct bc_grid *g)
{
	if (!g->err && scols_table_get_nlines(g->table)) {
		fputc('\n', p->out);
		if (scols_print_table(g->table))
			g->err = -EIO;
	}
	scols_unref_table(g->table);
	return g->err;
}

/**
 * bc_grid_cell() - fill a cell
 * @cell: the cell
 * @text: what stands in it; NULL is a dash
 */
void bc_grid_cell(char cell[BC_CELL_MAX], const char *text)
{
	snprintf(cell, BC_CELL_MAX, "%s", text ? text : "-");
}
