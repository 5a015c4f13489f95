// SPDX-License-Identifier: GPL-2.0
/*
 * What pools do, as text: a line for each, in columns of fixed width
 *
 * CPU time, waiting and throttling are percent of one CPU: 100 is one CPU, or one
 * task that waits all the time. Bytes and requests are per second. Memory and
 * tasks are what is held now, refusals how many there were in the interval.
 * A dash is what is not known.
 */
#include <inttypes.h>
#include <string.h>

#include <json-c/json.h>

#include "flow.h"
#include "print.h"
#include "rates.h"
#include "text.h"

enum bc_rate_style { BC_RATE_PERCENT, BC_RATE_BYTES, BC_RATE_NUMBER, BC_HELD_BYTES, BC_HELD };

/* Same order as the columns. Two keys are added up. */
static const struct {
	enum bc_rate_style style;
	const char *object;
	const char *keys[2];
} bc_rate_sources[BC_RATE_COLUMNS] = {
	{ BC_RATE_PERCENT, "cpu", { "usage_ns" } },
	{ BC_RATE_PERCENT, "cpu", { "wait_ns" } },
	{ BC_RATE_PERCENT, "cpu", { "throttled_ns" } },
	{ BC_HELD_BYTES, NULL, { "memory_bytes" } },
	{ BC_RATE_BYTES, "io", { "read_bytes" } },
	{ BC_RATE_BYTES, "io", { "write_bytes" } },
	{ BC_RATE_NUMBER, "io", { "read_ios", "write_ios" } },
	{ BC_RATE_PERCENT, "io", { "throttled_ns" } },
	{ BC_HELD, NULL, { "tasks" } },
	{ BC_HELD, NULL, { "refusals" } },
};

const struct bc_rate_column bc_rate_columns[BC_RATE_COLUMNS] = {
	{ "CPU%", 7, 0 },
	{ "WAIT%", 7, 3 },
	{ "THR%", 6, 7 },
	{ "MEM", 7, 1 },
	{ "READ/s", 8, 4 },
	{ "WRITE/s", 8, 5 },
	{ "IO/s", 7, 8 },
	{ "IOTHR%", 7, 9 },
	{ "TASKS", 6, 6 },
	{ "FAIL", 6, 2 },
};

/* The sum of a column's keys; false if one of them is not known. */
static bool bc_rate_value(size_t column, json_object *pool, uint64_t *sum)
{
	const char * const *key = bc_rate_sources[column].keys;
	json_object *obj = pool, *val;
	size_t i;

	*sum = 0;
	if (bc_rate_sources[column].object &&
	    !json_object_object_get_ex(pool, bc_rate_sources[column].object, &obj))
		return false;
	for (i = 0; i < 2 && key[i]; i++) {
		if (!json_object_object_get_ex(obj, key[i], &val))
			return false;
		*sum += json_object_get_uint64(val);
	}
	return true;
}

/* With one decimal where that is not lost in the figure. */
static void bc_tenths(char *text, size_t size, uint64_t tenths, uint64_t most)
{
	if (tenths < most)
		snprintf(text, size, "%" PRIu64 ".%u", tenths / 10, (unsigned int)(tenths % 10));
	else
		snprintf(text, size, "%" PRIu64, tenths / 10 + (tenths % 10 >= 5));
}

/**
 * bc_rate_cell() - write one figure of a pool
 * @text: receives it
 * @size: room there
 * @column: which figure, index of bc_rate_columns
 * @pool: the pool
 * @interval: nanoseconds, more than 0
 * @raw: write bytes exactly
 */
void bc_rate_cell(char *text, size_t size, size_t column, json_object *pool, uint64_t interval,
		  bool raw)
{
	uint64_t val;

	if (!bc_rate_value(column, pool, &val)) {
		snprintf(text, size, "-");
		return;
	}
	switch (bc_rate_sources[column].style) {
	case BC_RATE_PERCENT:
		/* ns per second is 10^7 percent */
		bc_tenths(text, size, (bc_flow_rate(val, interval, 1) + 500000) / 1000000, 10000);
		return;
	case BC_RATE_NUMBER:
		bc_tenths(text, size, bc_flow_rate(val, interval, 10), 100);
		return;
	case BC_RATE_BYTES:
		val = bc_flow_rate(val, interval, 1);
		break;
	case BC_HELD_BYTES:
		break;
	case BC_HELD:
		raw = true;
		break;
	}
	if (raw)
		snprintf(text, size, "%" PRIu64, val);
	else
		bc_human(text, size, val);
}

/**
 * bc_rate_head() - write the line of headings
 * @out: the file
 */
void bc_rate_head(FILE *out)
{
	size_t i;

	fprintf(out, "%-*s", BC_RATE_NAME_WIDTH, "POOL");
	for (i = 0; i < BC_RATE_COLUMNS; i++)
		fprintf(out, "%*s", bc_rate_columns[i].width, bc_rate_columns[i].head);
	fputc('\n', out);
}

/**
 * bc_print_rates() - print a line for each pool
 * @p: how
 * @doc: has the interval
 * @pools: the pools
 *
 * Return: 0.
 */
int bc_print_rates(const struct bc_printer *p, json_object *doc, json_object *pools)
{
	uint64_t interval = bc_num(doc, "interval_ns");
	char text[BC_RATE_CELL_MAX];
	json_object *pool;
	const char *name;
	size_t i, j;
	int pad;

	for (i = 0; i < json_object_array_length(pools); i++) {
		pool = json_object_array_get_idx(pools, i);
		name = bc_str(pool, "name");
		bc_safe(p->out, name);
		pad = name && strlen(name) < BC_RATE_NAME_WIDTH ?
		      BC_RATE_NAME_WIDTH - strlen(name) : 0;
		fprintf(p->out, "%*s", pad, "");
		for (j = 0; j < BC_RATE_COLUMNS; j++) {
			bc_rate_cell(text, sizeof(text), j, pool, interval, p->raw);
			fprintf(p->out, " %*s", bc_rate_columns[j].width - 1, text);
		}
		fputc('\n', p->out);
	}
	return 0;
}
