/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The columns of "stat -w" and "top"
 */
#ifndef BCTL_RATES_H
#define BCTL_RATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json_object;

/**
 * struct bc_rate_column - a column of figures
 * @head: its heading
 * @width: its width, with the blank before it
 * @rank: where there is no room, the column with the highest one goes first
 */
struct bc_rate_column {
	const char *head;
	int width;
	int rank;
};

#define BC_RATE_COLUMNS		10
#define BC_RATE_CELL_MAX	32
/* Room for names where nobody knows how long they are. */
#define BC_RATE_NAME_WIDTH	16

extern const struct bc_rate_column bc_rate_columns[BC_RATE_COLUMNS];

void bc_rate_cell(char *text, size_t size, size_t column, struct json_object *pool,
		  uint64_t interval, bool raw);
void bc_rate_head(FILE *out);

#endif /* BCTL_RATES_H */
