// SPDX-License-Identifier: GPL-2.0
/*
 * Invoices as text and as CSV
 */
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "calendar.h"
#include "grid.h"
#include "print.h"
#include "text.h"

static void bc_time_of(char *text, json_object *obj, const char *key)
{
	bc_time_text(text, BC_CELL_MAX, json_object_get_int64(json_object_object_get(obj, key)));
}

static const char *bc_label(json_object *pool)
{
	const char *path = bc_str(pool, "path");

	return path ? path : bc_str(pool, "name");
}

static void bc_invoice_line(struct bc_grid *g, const char *name, json_object *line)
{
	static const char * const keys[] = {
		"text", "quantity", "unit", "free", "price", "amount",
	};
	char cells[BC_COLS_MAX][BC_CELL_MAX];
	size_t i;

	bc_grid_cell(cells[0], name);
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		bc_grid_cell(cells[i + 1], bc_str(line, keys[i]));
	bc_grid_line(g, cells, i + 1);
}

static void bc_invoice_sum(struct bc_grid *g, const char *name, const char *text,
			   const char *amount)
{
	char cells[BC_COLS_MAX][BC_CELL_MAX];
	size_t i;

	for (i = 0; i < 7; i++)
		*cells[i] = '\0';
	bc_grid_cell(cells[0], name);
	bc_grid_cell(cells[1], text);
	bc_grid_cell(cells[6], amount);
	bc_grid_line(g, cells, 7);
}

static int bc_invoice_table(const struct bc_printer *p, json_object *doc, json_object *pools)
{
	static const char * const heads[] = {
		"<POOL", "<ITEM", "QUANTITY", "<UNIT", "FREE", "PRICE", "AMOUNT", NULL,
	};
	json_object *pool, *lines;
	char total[64];
	struct bc_grid g;
	size_t i, j;

	bc_grid_begin(p, &g, heads);
	for (i = 0; i < json_object_array_length(pools) && !g.err; i++) {
		pool = json_object_array_get_idx(pools, i);
		lines = json_object_object_get(pool, "lines");
		for (j = 0; j < json_object_array_length(lines) && !g.err; j++)
			bc_invoice_line(&g, bc_label(pool), json_object_array_get_idx(lines, j));
		bc_invoice_sum(&g, bc_label(pool), "sum", bc_str(pool, "total"));
	}
	snprintf(total, sizeof(total), "total, %s", bc_str(doc, "currency"));
	bc_invoice_sum(&g, "", total, bc_str(doc, "total"));
	return bc_grid_end(p, &g);
}

/* Of whom something is not known, and so not paid for. */
static void bc_invoice_gaps(const struct bc_printer *p, json_object *pools)
{
	char text[BC_CELL_MAX];
	json_object *pool;
	int64_t ms;
	size_t i;

	for (i = 0; i < json_object_array_length(pools); i++) {
		pool = json_object_array_get_idx(pools, i);
		ms = json_object_get_int64(json_object_object_get(pool, "gap_ms"));
		if (!ms)
			continue;
		snprintf(text, sizeof(text), "%lld.%03lld", (long long)ms / 1000,
			 (long long)ms % 1000);
		bc_safe(p->out, bc_label(pool));
		fprintf(p->out, ": nothing is known of %s s, which are not in the amounts\n", text);
	}
}

/* The records that one line is made of. */
static int bc_invoice_records(const struct bc_printer *p, json_object *pool, json_object *line)
{
	static const char * const heads[] = {
		"RECORD", "<POOL", "<BOOT", "INCARNATION", "<FROM", "<TO", "AMOUNT", "SHARE", NULL,
	};
	static const char * const keys[] = {
		"record", "name", "boot", "incarnation", NULL, NULL, "amount", "share",
	};
	json_object *records = json_object_object_get(line, "records"), *rec;
	char cells[BC_COLS_MAX][BC_CELL_MAX];
	struct bc_grid g;
	size_t i, j;

	if (!records)
		return 0;
	fputc('\n', p->out);
	bc_safe(p->out, bc_label(pool));
	fputs(": ", p->out);
	bc_safe(p->out, bc_str(line, "text"));
	fprintf(p->out, ": %s is %s, one %s is %s of it\n", bc_str(line, "metric"),
		bc_str(line, "base"), bc_str(line, "unit"), bc_str(line, "unit_size"));
	bc_grid_begin(p, &g, heads);
	for (i = 0; i < json_object_array_length(records) && !g.err; i++) {
		rec = json_object_array_get_idx(records, i);
		for (j = 0; j < 8; j++)
			if (keys[j])
				bc_grid_cell(cells[j], bc_str(rec, keys[j]));
		bc_time_of(cells[4], rec, "begin_ms");
		bc_time_of(cells[5], rec, "end_ms");
		bc_grid_line(&g, cells, 8);
	}
	return bc_grid_end(p, &g);
}

/**
 * bc_print_invoice() - print an invoice as a table
 * @p: how
 * @doc: the document
 * @pools: the list in it
 *
 * Return: 0 or a negative errno.
 */
int bc_print_invoice(const struct bc_printer *p, json_object *doc, json_object *pools)
{
	json_object *pool, *lines;
	size_t i, j;
	int ret;

	bc_print_period(p, doc);
	ret = bc_invoice_table(p, doc, pools);
	bc_invoice_gaps(p, pools);
	for (i = 0; i < json_object_array_length(pools) && !ret; i++) {
		pool = json_object_array_get_idx(pools, i);
		lines = json_object_object_get(pool, "lines");
		for (j = 0; j < json_object_array_length(lines) && !ret; j++)
			ret = bc_invoice_records(p, pool, json_object_array_get_idx(lines, j));
	}
	return ret;
}

/**
 * bc_print_invoice_csv() - print the lines of an invoice as comma separated values
 * @p: where to
 * @doc: the document
 * @pools: the list in it
 *
 * Return: 0.
 */
int bc_print_invoice_csv(const struct bc_printer *p, json_object *doc, json_object *pools)
{
	static const char * const keys[] = {
		"text", "metric", "base", "unit_size", "quantity", "unit", "free", "price",
		"amount",
	};
	char begin[BC_CELL_MAX], end[BC_CELL_MAX];
	json_object *pool, *lines;
	size_t i, j, k;

	bc_time_of(begin, doc, "begin_ms");
	bc_time_of(end, doc, "end_ms");
	fputs("node,pool,begin,end,item,metric,base,unit_size,quantity,unit,free,price,amount,currency\n",
	      p->out);
	for (i = 0; i < json_object_array_length(pools); i++) {
		pool = json_object_array_get_idx(pools, i);
		lines = json_object_object_get(pool, "lines");
		for (j = 0; j < json_object_array_length(lines); j++) {
			bc_csv_text(p->out, bc_str(doc, "node"));
			fputc(',', p->out);
			bc_csv_text(p->out, bc_label(pool));
			fprintf(p->out, ",%s,%s,", begin, end);
			for (k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
				bc_csv_text(p->out, bc_str(json_object_array_get_idx(lines, j),
							   keys[k]));
				fputc(',', p->out);
			}
			fprintf(p->out, "%s\n", bc_str(doc, "currency"));
		}
	}
	return 0;
}
