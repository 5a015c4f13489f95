// SPDX-License-Identifier: GPL-2.0
/*
 * list, vzlist
 *
 * One table has the fields. A figure of a pool that there is not, or that is not counted,
 * is a dash, and null in JSON; a bound that there is not is the word, and null as well.
 * All figures are of one instant: one dump of the module has them.
 */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli.h"
#include "ct.h"
#include "fetch.h"
#include "keys.h"

#define CT_TEXT_MAX	64
#define CT_COLUMNS_MAX	64

/**
 * enum ct_source - where a field comes from
 * @CT_FROM_ID: the number
 * @CT_FROM_STATUS: running, mounted or stopped
 * @CT_FROM_ROOT: VE_ROOT
 * @CT_FROM_PRIVATE: VE_PRIVATE
 * @CT_FROM_KEY: a key of the configuration
 * @CT_FROM_NAME: the name, or the number
 * @CT_FROM_VSWAP: whether physpages has a limit
 * @CT_FROM_LOAD: load averages
 * @CT_FROM_UBC: the table of the pool
 */
enum ct_source { CT_FROM_ID, CT_FROM_STATUS, CT_FROM_ROOT, CT_FROM_PRIVATE, CT_FROM_KEY,
		 CT_FROM_NAME, CT_FROM_VSWAP, CT_FROM_LOAD, CT_FROM_UBC };

struct ct_field {
	const char *name;
	const char *head;
	int width;		/* negative: to the left */
	enum ct_source from;
	const char *key;
};

static const struct ct_field ct_fields[] = {
	{ "ctid", "CTID", 10, CT_FROM_ID, NULL },
	{ "private", "PRIVATE", -32, CT_FROM_PRIVATE, NULL },
	{ "root", "ROOT", -32, CT_FROM_ROOT, NULL },
	{ "origin_sample", "ORIGIN_SAMPLE", -15, CT_FROM_KEY, "ORIGIN_SAMPLE" },
	{ "hostname", "HOSTNAME", -32, CT_FROM_KEY, "HOSTNAME" },
	{ "name", "NAME", -32, CT_FROM_KEY, "NAME" },
	{ "smart_name", "SMARTNAME", -10, CT_FROM_NAME, NULL },
	{ "description", "DESCRIPTION", -32, CT_FROM_KEY, "DESCRIPTION" },
	{ "ostemplate", "OSTEMPLATE", -32, CT_FROM_KEY, "OSTEMPLATE" },
	{ "ip", "IP_ADDR", -15, CT_FROM_KEY, "IP_ADDRESS" },
	{ "nameserver", "NAMESERVER", -15, CT_FROM_KEY, "NAMESERVER" },
	{ "searchdomain", "SEARCHDOMAIN", -15, CT_FROM_KEY, "SEARCHDOMAIN" },
	{ "status", "STATUS", -9, CT_FROM_STATUS, NULL },
	{ "laverage", "LAVERAGE", -14, CT_FROM_LOAD, NULL },
	{ "cpulimit", "CPULIM", 7, CT_FROM_KEY, "CPULIMIT" },
	{ "cpuunits", "CPUUNI", 7, CT_FROM_KEY, "CPUUNITS" },
	{ "cpus", "CPUS", 5, CT_FROM_KEY, "CPUS" },
	{ "ioprio", "IOP", 3, CT_FROM_KEY, "IOPRIO" },
	{ "iolimit", "IOLIMIT", 10, CT_FROM_KEY, "IOLIMIT" },
	{ "iopslimit", "IOPSLIMIT", 10, CT_FROM_KEY, "IOPSLIMIT" },
	{ "onboot", "ONBOOT", -6, CT_FROM_KEY, "ONBOOT" },
	{ "bootorder", "BOOTORDER", 10, CT_FROM_KEY, "BOOTORDER" },
	{ "layout", "LAYOUT", -6, CT_FROM_KEY, "VE_LAYOUT" },
	{ "features", "FEATURES", -15, CT_FROM_KEY, "FEATURES" },
	{ "vswap", "VSWAP", -5, CT_FROM_VSWAP, NULL },
	{ "disabled", "DISABL", -6, CT_FROM_KEY, "DISABLED" },
	{ "vm_overcommit", "VM_OVERCOMMIT", 13, CT_FROM_KEY, "VM_OVERCOMMIT" },
	{ "capability", "CAPABILITY", -15, CT_FROM_KEY, "CAPABILITY" },
};

#define CT_FIELDS	(sizeof(ct_fields) / sizeof(*ct_fields))

/**
 * struct ct_column - a column of the list
 * @field: a field; for a resource one made of its name
 * @res: the resource
 * @part: h held, m maxheld, b barrier, l limit, f failcnt
 * @head: what stands above it
 */
struct ct_column {
	struct ct_field field;
	const struct ct_key *res;
	char part;
	char head[24];
};

/**
 * struct ct_row - a container in the list
 * @ct: the container
 * @running: it runs
 * @mounted: it is mounted
 * @pool: its pool, or NULL
 * @sort: the text that it is sorted by
 */
struct ct_row {
	struct ct ct;
	bool running;
	bool mounted;
	const struct bcn_pool *pool;
	char sort[256];
};

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

static bool ct_column_ubc(const char *name, size_t len, struct ct_column *col)
{
	const char *dot = memchr(name, '.', len);
	size_t word = dot ? (size_t)(dot - name) : len, i;

	col->part = dot ? dot[1] : 'h';
	if (dot && (name + len - dot != 2 || !strchr("mblf", dot[1])))
		return false;
	for (i = 0; i < CT_UBC_COUNT; i++)
		if (strlen(ct_keys[i].word) == word && !memcmp(ct_keys[i].word, name, word))
			break;
	if (i == CT_UBC_COUNT)
		return false;
	col->res = &ct_keys[i];
	col->field = (struct ct_field) { ct_keys[i].word, NULL, 10, CT_FROM_UBC, NULL };
	if (!dot && !strcmp(ct_keys[i].word, "numproc"))
		snprintf(col->head, sizeof(col->head), "NPROC");
	else
		snprintf(col->head, sizeof(col->head), "%.12s%s%c", ct_keys[i].key,
			 dot ? "." : "", dot ? dot[1] - 'a' + 'A' : '\0');
	if (strlen(col->head) > 10)
		col->field.width = strlen(col->head);
	return true;
}

static bool ct_column_find(const char *name, size_t len, struct ct_column *col)
{
	size_t i;

	memset(col, 0, sizeof(*col));
	if ((len == 4 && !memcmp(name, "veid", 4)) || (len == 5 && !memcmp(name, "vpsid", 5))) {
		name = "ctid";
		len = 4;
	}
	for (i = 0; i < CT_FIELDS; i++)
		if (strlen(ct_fields[i].name) == len && !memcmp(ct_fields[i].name, name, len)) {
			col->field = ct_fields[i];
			snprintf(col->head, sizeof(col->head), "%s", ct_fields[i].head);
			return true;
		}
	return ct_column_ubc(name, len, col);
}

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

static bool ct_record(const struct ct_row *row, const char *word, const struct bc_snapshot *snap,
		      struct bc_record *rec)
{
	const struct bcn_res *res = bc_find_res(snap, word);
	size_t i;

	for (i = 0; res && row->pool && i < row->pool->records; i++) {
		bcn_pool_record(row->pool, i, rec);
		if (rec->res == res->id)
			return true;
	}
	return false;
}

/* A figure of a record; false if it is not known. */
static bool ct_figure(const struct bc_record *rec, char part, uint64_t *num)
{
	uint32_t unknown = part == 'h' ? BC_RECORD_F_NO_HELD :
			   part == 'm' ? BC_RECORD_F_NO_MAXHELD :
			   part == 'f' ? BC_RECORD_F_NO_FAILCNT : 0;

	*num = part == 'h' ? rec->held : part == 'm' ? rec->maxheld :
	       part == 'b' ? rec->barrier : part == 'l' ? rec->limit : rec->failcnt;
	return !(rec->flags & unknown);
}

static const char *ct_status_word(const struct ct_row *row)
{
	return row->running ? "running" : row->mounted ? "mounted" : "stopped";
}

static void ct_load_text(const struct ct_row *row, char *out, size_t size)
{
	const __u64 *load = row->pool ? row->pool->cpu.load : NULL;

	snprintf(out, size, "-");
	if (load && row->running && (row->pool->cpu.known & BC_CPU_F_LOAD))
		snprintf(out, size, "%.2f/%.2f/%.2f", load[0] / 1000.0, load[1] / 1000.0,
			 load[2] / 1000.0);
}

/* A field as text; a dash for what is not known. */
static void ct_cell(const struct ct_list *list, const struct ct_row *row,
		    const struct ct_column *col, char *out, size_t size)
{
	const char *text = NULL;
	struct bc_record rec;
	struct ct_ubc ubc;
	const char *key, *why;
	uint64_t num;

	snprintf(out, size, "-");
	switch (col->field.from) {
	case CT_FROM_ID:
		text = row->ct.text;
		break;
	case CT_FROM_STATUS:
		text = ct_status_word(row);
		break;
	case CT_FROM_ROOT:
		text = row->ct.root;
		break;
	case CT_FROM_PRIVATE:
		text = row->ct.private;
		break;
	case CT_FROM_KEY:
		text = ct_get(&row->ct.conf, col->field.key);
		break;
	case CT_FROM_NAME:
		text = ct_get(&row->ct.conf, "NAME");
		text = text ? text : row->ct.text;
		break;
	case CT_FROM_VSWAP:
		text = !ct_ubc_read(&row->ct.conf, bc_page_size(), &ubc, &key, &why) &&
		       ct_ubc_vswap(&ubc) ? "yes" : "no";
		break;
	case CT_FROM_LOAD:
		ct_load_text(row, out, size);
		return;
	case CT_FROM_UBC:
		/* A container that does not run holds nothing that would mean anything. */
		if ((col->part == 'h' && !row->running) ||
		    !ct_record(row, col->res->word, &list->snap, &rec) ||
		    !ct_figure(&rec, col->part, &num))
			return;
		if (num == BC_UNLIMITED)
			text = "unlimited";
		else
			snprintf(out, size, "%" PRIu64, num);
		break;
	}
	if (text && *text)
		snprintf(out, size, "%.250s", text);
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
			ct_cell(list, row, col, cell, sizeof(cell));
		used += snprintf(line + used, sizeof(line) - used, "%s%*.60s", i ? " " : "", width,
				 row ? cell : col->head);
	}
	puts(line);
}

static struct json_object *ct_json_number(bool known, uint64_t num)
{
	return known && num != BC_UNLIMITED ? json_object_new_int64(num) : NULL;
}

static struct json_object *ct_json_ubc(const struct ct_list *list, const struct ct_row *row,
				       const char *word)
{
	static const struct { char part; const char *name; } parts[] = {
		{ 'h', "held" }, { 'm', "maxheld" }, { 'b', "barrier" }, { 'l', "limit" },
		{ 'f', "failcnt" },
	};
	struct json_object *obj;
	struct bc_record rec;
	uint64_t num;
	bool known;
	size_t i;

	if (!ct_record(row, word, &list->snap, &rec))
		return NULL;
	obj = json_object_new_object();
	for (i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		known = ct_figure(&rec, parts[i].part, &num);
		json_object_object_add(obj, parts[i].name, ct_json_number(known, num));
	}
	return obj;
}

static struct json_object *ct_json_row(const struct ct_list *list, const struct ct_row *row)
{
	struct json_object *obj = json_object_new_object(), *value;
	struct ct_column col;
	char cell[256];
	size_t i;

	for (i = 0; i < CT_FIELDS; i++) {
		col = (struct ct_column) { .field = ct_fields[i] };
		ct_cell(list, row, &col, cell, sizeof(cell));
		if (col.field.from == CT_FROM_ID)
			value = json_object_new_int64(row->ct.id);
		else if (col.field.from == CT_FROM_VSWAP)
			value = json_object_new_boolean(!strcmp(cell, "yes"));
		else if (col.field.width > 0 && *cell && !cell[strspn(cell, "0123456789")])
			value = json_object_new_int64(strtoll(cell, NULL, 10));
		else
			value = strcmp(cell, "-") ? json_object_new_string(cell) : NULL;
		json_object_object_add(obj, col.field.name, value);
	}
	for (i = 0; i < CT_UBC_COUNT; i++)
		json_object_object_add(obj, ct_keys[i].word,
				       ct_json_ubc(list, row, ct_keys[i].word));
	return obj;
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
		json_object_array_add(array, ct_json_row(list, &list->row[i]));
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
		ct_cell(list, row, &list->sort, row->sort, sizeof(row->sort));
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

static void ct_print_fields(void)
{
	size_t i;

	for (i = 0; i < CT_FIELDS; i++)
		printf("%-15s %s\n", ct_fields[i].name, ct_fields[i].head);
	for (i = 0; i < CT_UBC_COUNT; i++)
		printf("%-15s %s; also with .m .b .l .f\n", ct_keys[i].word, ct_keys[i].key);
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
