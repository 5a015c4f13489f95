// SPDX-License-Identifier: GPL-2.0
/*
 * list, vzlist
 *
 * All figures are of one instant: one dump of the module has them.
 */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli.h"
#include "ct.h"
#include "fetch.h"
#include "field.h"
#include "keys.h"

#define CT_COLUMNS_MAX	64

/**
 * struct ct_list - a run of list
 * @run: the run
 * @snap: all pools
 * @row: the containers
 * @count: how many
 * @column: what to show of each
 * @columns: how many
 * @all: also those that do not run
 * @stopped: only those
 * @names: show names in the place of numbers
 * @bare: no line of heads
 * @json: -j
 * @sort: by what to sort; its value is found in @sort of a row
 * @down: from the end
 * @host: pattern of host names, or NULL
 * @name: pattern of names, or NULL
 * @desc: pattern of descriptions, or NULL
 * @missing: a container that was asked for is not there
 */
struct ct_list {
	struct ct_run *run;
	struct bc_snapshot snap;
	struct ct_row *row;
	size_t count;
	struct ct_column column[CT_COLUMNS_MAX];
	size_t columns;
	bool all;
	bool stopped;
	bool names;
	bool bare;
	bool json;
	struct ct_column sort;
	bool down;
	const char *host;
	const char *name;
	const char *desc;
	bool missing;
};

static int ct_parse_columns(struct ct_list *list, const char *text)
{
	size_t len;

	for (list->columns = 0; *text; text += len + (text[len] == ',')) {
		len = strcspn(text, ",");
		if (list->columns == CT_COLUMNS_MAX ||
		    !ct_column_find(text, len, &list->column[list->columns]))
			return ct_fail(list->run, CT_E_SYNTAX, NULL,
				       "unknown field '%.*s'; -L lists them",
				       (int)(len < 64 ? len : 64), text);
		list->columns++;
	}
	return list->columns ? CT_OK : ct_fail(list->run, CT_E_SYNTAX, NULL, "no field is given");
}

static void ct_print_line(const struct ct_list *list, const struct ct_row *row)
{
	char cell[256], line[CT_COLUMNS_MAX * 64];
	size_t used = 0, i;

	for (i = 0; i < list->columns; i++) {
		const struct ct_column *col = &list->column[i];
		bool last = i + 1 == list->columns;
		/* Nothing stands behind the last one that blanks could keep in line. */
		int width = last && col->field.width < 0 ? 0 : col->field.width;

		if (row)
			ct_cell(&list->snap, row, col, cell, sizeof(cell));
		used += snprintf(line + used, sizeof(line) - used, "%s%*.60s", i ? " " : "", width,
				 row ? cell : col->head);
	}
	puts(line);
}

static int ct_print(struct ct_list *list)
{
	struct json_object *array;
	size_t i;

	if (!list->json) {
		if (!list->bare && list->count)
			ct_print_line(list, NULL);
		for (i = 0; i < list->count; i++)
			ct_print_line(list, &list->row[i]);
		return CT_OK;
	}
	array = json_object_new_array();
	for (i = 0; i < list->count; i++)
		json_object_array_add(array, ct_json_row(&list->snap, &list->row[i]));
	puts(json_object_to_json_string_ext(array, JSON_C_TO_STRING_PRETTY |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(array);
	return CT_OK;
}

static bool ct_matches(const struct ct_row *row, const char *pattern, const char *key)
{
	const char *value = ct_get(&row->ct.conf, key);

	return !pattern || !fnmatch(pattern, value ? value : "", 0);
}

static bool ct_wanted(const struct ct_list *list, const struct ct_row *row, bool asked)
{
	if (!asked && ((list->stopped && row->running) ||
		       (!list->stopped && !list->all && !row->running)))
		return false;
	return ct_matches(row, list->host, "HOSTNAME") && ct_matches(row, list->name, "NAME") &&
	       ct_matches(row, list->desc, "DESCRIPTION");
}

static const struct bcn_pool *ct_find_pool(const struct ct_list *list, const char *name)
{
	size_t i;

	for (i = 0; i < list->snap.npools; i++)
		if (list->snap.pools[i].state == BC_POOL_LIVE &&
		    !strcmp(list->snap.pools[i].name, name))
			return &list->snap.pools[i];
	return NULL;
}

static int ct_add(struct ct_list *list, const char *arg, bool asked)
{
	struct ct_row *grown = realloc(list->row, (list->count + 1) * sizeof(*grown)), *row;
	int status;

	if (!grown)
		return ct_fail(list->run, CT_E_RESOURCES, NULL, "%s", strerror(ENOMEM));
	list->row = grown;
	row = &list->row[list->count];
	memset(row, 0, sizeof(*row));
	status = ct_open(list->run, arg, &row->ct);
	if (!status && row->ct.exists && !ct_places(&row->ct)) {
		row->running = ct_running(&row->ct);
		row->mounted = ct_mounted(&row->ct);
		row->pool = ct_find_pool(list, row->ct.text);
		ct_cell(&list->snap, row, &list->sort, row->sort, sizeof(row->sort));
	}
	if (asked && (status || !row->ct.exists))
		list->missing = true;
	if (!status && row->ct.exists && ct_wanted(list, row, asked))
		list->count++;
	else
		ct_close(&row->ct);
	return CT_OK;
}

static int ct_add_all(struct ct_list *list)
{
	char dir[PATH_MAX], id[16];
	struct dirent *entry;
	int status = CT_OK;
	uint32_t num;
	char *dot;
	DIR *stream;

	if (ct_path(dir, sizeof(dir), "%s/conf", list->run->etc))
		return CT_E_SYSTEM;
	stream = opendir(dir);
	while (stream && !status && (entry = readdir(stream))) {
		dot = strchr(entry->d_name, '.');
		if (!dot || strcmp(dot, ".conf") || dot - entry->d_name > 10)
			continue;
		snprintf(id, sizeof(id), "%.*s", (int)(dot - entry->d_name), entry->d_name);
		if (!ct_id_parse(id, &num))
			status = ct_add(list, id, false);
	}
	if (stream)
		closedir(stream);
	return status;
}

static int ct_compare(const void *one, const void *other, void *data)
{
	const struct ct_row *a = one, *b = other;
	const struct ct_list *list = data;
	unsigned long long num_a, num_b;
	char *end_a, *end_b;
	int ret;

	num_a = strtoull(a->sort, &end_a, 10);
	num_b = strtoull(b->sort, &end_b, 10);
	if (!*end_a && !*end_b && *a->sort && *b->sort)
		ret = num_a < num_b ? -1 : num_a > num_b;
	else
		ret = strcmp(a->sort, b->sort);
	if (!ret)
		return a->ct.id < b->ct.id ? -1 : a->ct.id > b->ct.id;
	return list->down ? -ret : ret;
}

static int ct_list_sort(struct ct_list *list, const char *field)
{
	list->down = *field == '-';
	field += list->down;
	if (ct_column_find(field, strlen(field), &list->sort))
		return CT_OK;
	return ct_fail(list->run, CT_E_SYNTAX, NULL, "unknown field '%.64s'; -L lists them", field);
}

static int ct_list_option(struct ct_list *list, int letter, const char **fields)
{
	switch (letter) {
	case 'a':
		list->all = true;
		return CT_OK;
	case 'S':
		list->stopped = true;
		return CT_OK;
	case 'n':
		list->names = true;
		return CT_OK;
	case 'H':
		list->bare = true;
		return CT_OK;
	case 't':
		return CT_OK;
	case 'j':
		list->json = true;
		return CT_OK;
	case '1':
		list->bare = true;
		*fields = "ctid";
		return CT_OK;
	case 'o':
		*fields = optarg;
		return CT_OK;
	case 's':
		return ct_list_sort(list, optarg);
	case 'h':
		list->host = optarg;
		return CT_OK;
	case 'N':
		list->name = optarg;
		return CT_OK;
	case 'd':
		list->desc = optarg;
		return CT_OK;
	default:
		return ct_fail(list->run, CT_E_SYNTAX, NULL,
			       "usage: list [-aSnHj1L] [-o FIELD,...] [-s [-]FIELD] [-h PATTERN] [-N PATTERN] [-d PATTERN] [CTID]...");
	}
}

static int ct_list_parse(struct ct_list *list, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "all", no_argument, NULL, 'a' }, { "stopped", no_argument, NULL, 'S' },
		{ "name", no_argument, NULL, 'n' }, { "no-header", no_argument, NULL, 'H' },
		{ "json", no_argument, NULL, 'j' }, { "output", required_argument, NULL, 'o' },
		{ "sort", required_argument, NULL, 's' }, { "list", no_argument, NULL, 'L' },
		{ "hostname", required_argument, NULL, 'h' },
		{ "name_filter", required_argument, NULL, 'N' },
		{ "description", required_argument, NULL, 'd' }, { NULL, 0, NULL, 0 },
	};
	const char *fields = "ctid,numproc,status,ip,hostname";
	int letter, status = CT_OK;

	ct_column_find("ctid", 4, &list->sort);
	opterr = 0;
	while (!status &&
	       (letter = getopt_long(argc, argv, "aSnHtj1o:s:h:N:d:L", longs, NULL)) != -1) {
		if (letter == 'L') {
			ct_print_fields();
			return -1;
		}
		status = ct_list_option(list, letter, &fields);
	}
	if (!status)
		status = ct_parse_columns(list, fields);
	if (!status && list->names && list->column[0].field.from == CT_FROM_ID)
		ct_column_find("smart_name", 10, &list->column[0]);
	return status;
}

static int ct_list_fill(struct ct_list *list, int argc, char **argv)
{
	int status = CT_OK, i;

	/* Without the module there are containers all the same, only without figures. */
	list->run->b.said = list->run->said;
	if (bctl_fetch_pools(&list->run->b, &list->snap))
		ct_note(list->run, NULL, "%s", list->run->said);
	if (optind >= argc)
		status = ct_add_all(list);
	for (i = optind; i < argc && !status; i++)
		status = ct_add(list, argv[i], true);
	if (list->missing)
		ct_fail(list->run, 1, NULL, "Container(s) not found");
	return status;
}

/**
 * ct_cmd_list() - list, vzlist
 * @run: the run
 * @argc: number of arguments, the name of the command included
 * @argv: the arguments
 *
 * Return: the exit status of vzlist.
 */
int ct_cmd_list(struct ct_run *run, int argc, char **argv)
{
	struct ct_list *list = calloc(1, sizeof(*list));
	int status;
	size_t i;

	if (!list)
		return ct_fail(run, CT_E_RESOURCES, NULL, "%s", strerror(ENOMEM));
	list->run = run;
	status = ct_list_parse(list, argc, argv);
	if (!status)
		status = ct_list_fill(list, argc, argv);
	if (!status) {
		qsort_r(list->row, list->count, sizeof(*list->row), ct_compare, list);
		status = ct_print(list);
		if (list->missing)
			status = 1;
	}
	for (i = 0; i < list->count; i++)
		ct_close(&list->row[i].ct);
	bc_snapshot_clear(&list->snap);
	free(list->row);
	free(list);
	return status < 0 ? CT_OK : status;
}
