// SPDX-License-Identifier: GPL-2.0
/*
 * node, node split: the machine as a whole
 *
 * Also what vzmemcheck, vzcpucheck, vzoversell and vzsplit were for, under those names. They printed
 * percent, of sums in which a container without limits counted as 2^63; here that sum is
 * not known, and says so.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "cli.h"
#include "ct.h"
#include "node.h"
#include "parse.h"
#include "print.h"

static const struct {
	const char *key;
	const char *head;
} ct_node_columns[] = {
	{ "machine", "MACHINE" }, { "held", "HELD" }, { "promised", "PROMISED" },
	{ "limits", "LIMITS" }, { "left", "LEFT" },
};

#define CT_NODE_COLUMNS	(sizeof(ct_node_columns) / sizeof(*ct_node_columns))

static void ct_node_cell(struct json_object *row, const char *key, bool bytes)
{
	struct json_object *value;
	char text[32] = "n/a";

	if (json_object_object_get_ex(row, key, &value)) {
		if (!value)
			snprintf(text, sizeof(text), "unlimited");
		else if (bytes)
			bc_human(text, sizeof(text), json_object_get_int64(value));
		else
			snprintf(text, sizeof(text), "%" PRId64, json_object_get_int64(value));
	}
	printf(" %10s", text);
}

/* The same document, for eyes. */
static void ct_node_text(struct json_object *doc)
{
	struct json_object *rows, *row, *field;
	bool bytes;
	size_t i, j;

	json_object_object_get_ex(doc, "containers", &field);
	printf("%d containers", json_object_get_int(field));
	json_object_object_get_ex(doc, "cpus", &field);
	printf(", %d processors\n%-12s", json_object_get_int(field), "");
	for (j = 0; j < CT_NODE_COLUMNS; j++)
		printf(" %10s", ct_node_columns[j].head);
	putchar('\n');
	json_object_object_get_ex(doc, "rows", &rows);
	for (i = 0; i < json_object_array_length(rows); i++) {
		row = json_object_array_get_idx(rows, i);
		json_object_object_get_ex(row, "unit", &field);
		bytes = !strcmp(json_object_get_string(field), "bytes");
		json_object_object_get_ex(row, "name", &field);
		printf("%-12s", json_object_get_string(field));
		for (j = 0; j < CT_NODE_COLUMNS; j++)
			ct_node_cell(row, ct_node_columns[j].key, bytes);
		putchar('\n');
	}
}

static int ct_node_show(struct ct_run *run, bool json)
{
	struct ct_machine_size size;
	struct bc_snapshot snap = { 0 };
	struct json_object *doc;
	int status = CT_OK;

	run->b.said = run->said;
	ct_machine_measure(&size);
	/* The resources have the units. */
	if (bctl_fetch_resources(&run->b, &snap) || bctl_fetch_figures(&run->b, &snap)) {
		status = ct_fail(run, CT_E_MODULE, NULL, "%s", run->said);
	} else {
		doc = ct_node_doc(&size, &snap);
		if (json)
			puts(json_object_to_json_string_ext(doc, JSON_C_TO_STRING_PLAIN |
							    JSON_C_TO_STRING_NOSLASHESCAPE));
		else
			ct_node_text(doc);
		json_object_put(doc);
	}
	bc_snapshot_clear(&snap);
	return status;
}

/* Into a file that is not there yet, as a whole or not at all. */
static int ct_node_save(struct ct_run *run, const struct ct_machine_size *size, uint32_t parts,
			const char *name)
{
	char path[PATH_MAX];
	FILE *f;
	int ret = ct_run_open(run);

	if (ret)
		return ret;
	if (!*name || strchr(name, '/') ||
	    ct_path(path, sizeof(path), "%s/conf/ve-%s.conf-sample", run->etc, name))
		return ct_fail(run, CT_E_VALUE, name, "not the name of a sample");
	f = fopen(path, "wxe");
	if (!f)
		return ct_fail(run, CT_E_SAVE, path, "%s", strerror(errno));
	ret = ct_node_split(size, parts, f);
	if (!ret && (fflush(f) || fsync(fileno(f))))
		ret = -errno;
	if (fclose(f) && !ret)
		ret = -errno;
	if (!ret)
		return CT_OK;
	(void)unlink(path);
	return ct_fail(run, CT_E_SAVE, path, "%s", ret == -ENOSPC ?
		       "the parts are too small for containers" : strerror(-ret));
}

static int ct_node_parts(struct ct_run *run, const char *text, const char *name)
{
	struct ct_machine_size size;
	uint32_t parts;

	if (bc_u32_parse(text, &parts) || !parts)
		return ct_fail(run, CT_E_VALUE, text, "not a number of containers");
	ct_machine_measure(&size);
	if (name)
		return ct_node_save(run, &size, parts, name);
	return ct_node_split(&size, parts, stdout) ?
	       ct_fail(run, CT_E_VALUE, text, "the parts are too small for containers") : CT_OK;
}

/**
 * ct_cmd_node() - node
 * @run: the run
 * @argc: number of arguments, the name of the command included
 * @argv: the arguments
 *
 * Return: the exit status of vzctl.
 */
int ct_cmd_node(struct ct_run *run, int argc, char **argv)
{
	const char *name = NULL, *parts = NULL;
	bool json = false, old = false;
	const struct bc_opt opts[] = {
		{ "json", 'j', &json, NULL }, { "save", 'f', NULL, &name },
		{ "verbose", 'v', &old, NULL }, { "absolute", 'A', &old, NULL },
		{ "number", 'n', NULL, &parts }, BC_OPT_END
	};
	int status;

	argc--;
	argv++;
	status = bctl_args(&run->b, &argc, argv, opts);
	if (status >= 0)
		return status ? ct_fail(run, CT_E_SYNTAX, NULL, "%s", run->said) : CT_OK;
	if (parts && !argc)
		return ct_node_parts(run, parts, name);
	if (argc == 2 && !strcmp(argv[0], "split"))
		return ct_node_parts(run, argv[1], name);
	if (argc)
		return ct_fail(run, CT_E_SYNTAX, NULL, "nothing, or split and a number");
	return ct_node_show(run, json);
}
