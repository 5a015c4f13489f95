// SPDX-License-Identifier: GPL-2.0
/*
 * template: list, info, remove, and the way to build and import
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "keys.h"
#include "template.h"

#define CT_TMPL_SCHEMA	"bctl.templates/1"

/* The name of a template that a file in the cache is, or false. */
static bool ct_tmpl_file_name(const char *file, char *name)
{
	const char *tar = strstr(file, ".tar"), *next;
	size_t len;

	while (tar && (next = strstr(tar + 1, ".tar")))
		tar = next;
	len = tar ? (size_t)(tar - file) : 0;
	if (!len || len > CT_TMPL_NAME_MAX || (tar[4] && tar[4] != '.'))
		return false;
	memcpy(name, file, len);
	name[len] = '\0';
	return ct_tmpl_name_ok(name);
}

static int ct_tmpl_compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* The names of all templates, sorted, each once; to be freed. */
static size_t ct_tmpl_names(struct ct_run *run, char (**names)[CT_TMPL_NAME_MAX + 1])
{
	const char *base = ct_global(run, "TEMPLATE", "");
	char dir[PATH_MAX], name[CT_TMPL_NAME_MAX + 1];
	size_t count = 0, i;
	struct dirent *entry;
	DIR *stream;
	void *more;

	*names = NULL;
	stream = ct_path(dir, sizeof(dir), "%s/cache", base) ? NULL : opendir(dir);
	while (stream && (entry = readdir(stream))) {
		if (!ct_tmpl_file_name(entry->d_name, name))
			continue;
		for (i = 0; i < count && strcmp((*names)[i], name); i++)
			;
		more = i < count ? NULL : realloc(*names, (count + 1) * sizeof(**names));
		if (!more)
			continue;
		*names = more;
		strcpy((*names)[count++], name);
	}
	if (stream)
		closedir(stream);
	if (count)
		qsort(*names, count, sizeof(**names), ct_tmpl_compare);
	return count;
}

/* Containers on top of the tree of the archive that is there. */
static size_t ct_tmpl_on_top(struct ct_tmpl *tmpl, char *users, size_t size, bool *unpacked)
{
	char path[PATH_MAX];

	*users = '\0';
	*unpacked = tmpl->known && !ct_tmpl_tree(tmpl, path) && !access(path, F_OK);
	return *unpacked ? ct_tmpl_users(tmpl, strrchr(path, '/') + 1, users, size) : 0;
}

static struct json_object *ct_tmpl_json(struct ct_tmpl *tmpl)
{
	struct json_object *obj = json_object_new_object();
	const char *created = ct_get(&tmpl->info, "CREATED");
	char users[1024];
	bool unpacked;
	size_t count = ct_tmpl_on_top(tmpl, users, sizeof(users), &unpacked);

	json_object_object_add(obj, "name", json_object_new_string(tmpl->name));
	json_object_object_add(obj, "archive", json_object_new_string(tmpl->archive));
	json_object_object_add(obj, "size", json_object_new_int64(tmpl->size));
	if (tmpl->known) {
		json_object_object_add(obj, "sha256", json_object_new_string(tmpl->digest));
		json_object_object_add(obj, "unpacked_size", json_object_new_int64(tmpl->bytes));
		json_object_object_add(obj, "inodes", json_object_new_int64(tmpl->inodes));
	}
	if (created)
		json_object_object_add(obj, "created", json_object_new_string(created));
	if (tmpl->source)
		json_object_object_add(obj, "source", json_object_new_string(tmpl->source));
	json_object_object_add(obj, "unpacked", json_object_new_boolean(unpacked));
	json_object_object_add(obj, "containers", json_object_new_int64(count));
	return obj;
}

/* Prints the array of templates, and frees it. */
static void ct_tmpl_print_json(struct json_object *array)
{
	struct json_object *doc = json_object_new_object();

	json_object_object_add(doc, "schema", json_object_new_string(CT_TMPL_SCHEMA));
	json_object_object_add(doc, "templates", array);
	puts(json_object_to_json_string_ext(doc, JSON_C_TO_STRING_PRETTY |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(doc);
}

static void ct_tmpl_row(struct ct_tmpl *tmpl)
{
	const char *created = ct_get(&tmpl->info, "CREATED");
	char users[16], room[24] = "-";
	bool unpacked;
	size_t count = ct_tmpl_on_top(tmpl, users, sizeof(users), &unpacked);

	if (tmpl->known)
		snprintf(room, sizeof(room), "%" PRIu64, tmpl->bytes >> 20);
	printf("%-24s %8" PRIu64 " %8s %-8s %10zu %s\n", tmpl->name, tmpl->size >> 20, room,
	       unpacked ? "yes" : "no", count, created ? created : "-");
}

static int ct_tmpl_list(struct ct_run *run, int argc, char **argv)
{
	bool quiet = false;
	const struct bc_opt opts[] = {
		{ "quiet", 'q', &quiet, NULL }, BC_OPT_JSON(&run->b), BC_OPT_END
	};
	struct json_object *array;
	char (*names)[CT_TMPL_NAME_MAX + 1];
	int status = bctl_args(&run->b, &argc, argv, opts);
	struct ct_tmpl tmpl;
	size_t count, i;

	if (status >= 0)
		return status ? ct_fail(run, CT_E_SYNTAX, NULL, "%s", run->said) : CT_OK;
	if (argc)
		return ct_fail(run, CT_E_SYNTAX, NULL, "'%.96s' is not an option", argv[0]);
	count = ct_tmpl_names(run, &names);
	array = json_object_new_array();
	if (!run->b.json && !quiet && count)
		printf("%-24s %8s %8s %-8s %10s %s\n", "NAME", "MIB", "UNPACKED", "TREE",
		       "CONTAINERS", "CREATED");
	for (i = 0; i < count; i++) {
		if (ct_tmpl_base(run, names[i], &tmpl) || !ct_tmpl_find(&tmpl))
			continue;
		if (run->b.json)
			json_object_array_add(array, ct_tmpl_json(&tmpl));
		else if (quiet)
			puts(tmpl.name);
		else
			ct_tmpl_row(&tmpl);
		ct_tmpl_close(&tmpl);
	}
	free(names);
	if (run->b.json)
		ct_tmpl_print_json(array);
	else
		json_object_put(array);
	return CT_OK;
}

static void ct_tmpl_print(struct ct_tmpl *tmpl)
{
	const char *created = ct_get(&tmpl->info, "CREATED");
	char users[1024], path[PATH_MAX] = "";
	bool unpacked;
	size_t count = ct_tmpl_on_top(tmpl, users, sizeof(users), &unpacked);

	printf("name        %s\narchive     %s\nsize        %" PRIu64 "\nsha256      %s\n", tmpl->name,
	       tmpl->archive, tmpl->size, tmpl->digest);
	printf("unpacked    %" PRIu64 " bytes in %" PRIu64 " files\n", tmpl->bytes, tmpl->inodes);
	printf("source      %s\ncreated     %s\ninit        %s\n", tmpl->source ? tmpl->source : "-",
	       created ? created : "-", tmpl->init ? "yes" : "no");
	if (unpacked && !ct_tmpl_tree(tmpl, path))
		printf("tree        %s\n", path);
	printf("containers  %zu%s%s\n", count, count ? ": " : "", users);
}

static int ct_tmpl_info(struct ct_run *run, int argc, char **argv)
{
	const struct bc_opt opts[] = { BC_OPT_JSON(&run->b), BC_OPT_END };
	int status = bctl_args(&run->b, &argc, argv, opts);
	struct json_object *array;
	struct ct_tmpl tmpl;

	if (status >= 0)
		return status ? ct_fail(run, CT_E_SYNTAX, NULL, "%s", run->said) : CT_OK;
	if (argc != 1)
		return ct_fail(run, CT_E_FEW, NULL, "info: the name of a template");
	status = ct_tmpl_open(run, NULL, argv[0], &tmpl);
	if (!status)
		status = ct_tmpl_measure(&tmpl);
	if (!status)
		tmpl.source = ct_get(&tmpl.info, "SOURCE");
	if (!status && run->b.json) {
		array = json_object_new_array();
		json_object_array_add(array, ct_tmpl_json(&tmpl));
		ct_tmpl_print_json(array);
	} else if (!status) {
		ct_tmpl_print(&tmpl);
	}
	ct_tmpl_close(&tmpl);
	return status;
}

static int ct_tmpl_remove(struct ct_run *run, int argc, char **argv)
{
	static const struct bc_opt opts[] = { BC_OPT_END };
	int status = bctl_args(&run->b, &argc, argv, opts);
	struct ct_tmpl tmpl;
	char path[PATH_MAX];

	if (status >= 0)
		return status ? ct_fail(run, CT_E_SYNTAX, NULL, "%s", run->said) : CT_OK;
	if (argc != 1)
		return ct_fail(run, CT_E_FEW, NULL, "remove: the name of a template");
	status = ct_tmpl_open(run, NULL, argv[0], &tmpl);
	if (!status)
		status = ct_tmpl_work(&tmpl);
	if (!status)
		status = ct_tmpl_lock(&tmpl, false);
	if (!status)
		status = ct_tmpl_trees_remove(&tmpl, true);
	/* What is left of it in other compressions would become the template. */
	while (!status && ct_tmpl_find(&tmpl))
		if (unlink(tmpl.archive))
			status = ct_fail(run, CT_E_DELETE, tmpl.archive, "%s", strerror(errno));
	if (!status && !ct_path(path, sizeof(path), "%s/cache/%s.info", tmpl.base, tmpl.name))
		(void)unlink(path);
	if (!status)
		ct_note(run, tmpl.name, "the template was removed");
	ct_tmpl_close(&tmpl);
	return status;
}

/**
 * ct_cmd_template() - template
 * @run: the run
 * @argc: number of arguments, "template" included
 * @argv: the arguments
 *
 * Return: an exit status of vzctl.
 */
int ct_cmd_template(struct ct_run *run, int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(struct ct_run *run, int argc, char **argv);
	} verbs[] = {
		{ "list", ct_tmpl_list }, { "info", ct_tmpl_info }, { "build", ct_tmpl_build },
		{ "import", ct_tmpl_import }, { "remove", ct_tmpl_remove },
	};
	const char *verb = argc > 1 ? argv[1] : "list";
	size_t i;

	run->progress |= isatty(2) && !run->quiet;
	for (i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (!strcmp(verbs[i].name, verb))
			return verbs[i].run(run, argc > 1 ? argc - 2 : 0,
					    argv + (argc > 1 ? 2 : 1));
	return ct_fail(run, CT_E_SYNTAX, NULL, "'%.64s' is none of list, info, build, import, remove",
		       verb);
}
