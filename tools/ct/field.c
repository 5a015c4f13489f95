// SPDX-License-Identifier: GPL-2.0
/*
 * Fields of lists of containers
 *
 * One table has them. A figure of a pool that there is not, or that is not counted, is a
 * dash, and null in JSON; a bound that there is not is the word, and null as well.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "disk.h"
#include "field.h"
#include "print.h"

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
	{ "diskspace", "DISKSPACE", 11, CT_FROM_DISK, "space" },
	{ "diskinodes", "DISKINODES", 12, CT_FROM_DISK, "inodes" },
	{ "diskspace.s", "DISKSPACE.S", 11, CT_FROM_SOFT, "DISKSPACE" },
	{ "diskspace.h", "DISKSPACE.H", 11, CT_FROM_HARD, "DISKSPACE" },
	{ "diskinodes.s", "DISKINODES.S", 12, CT_FROM_SOFT, "DISKINODES" },
	{ "diskinodes.h", "DISKINODES.H", 12, CT_FROM_HARD, "DISKINODES" },
	{ "uptime", "UPTIME", 15, CT_FROM_UPTIME, NULL },
	{ "cpumask", "CPUMASK", -10, CT_FROM_KEY, "CPUMASK" },
	{ "nodemask", "NODEMASK", -10, CT_FROM_KEY, "NODEMASK" },
	{ "mount_opts", "MOUNT_OPTS", -15, CT_FROM_KEY, "MOUNT_OPTS" },
	{ "netfilter", "NETFILTER", -10, CT_FROM_KEY, "NETFILTER" },
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

/* Other names of fields. */
static const struct { const char *name, *field; } ct_field_aliases[] = {
	{ "veid", "ctid" }, { "vpsid", "ctid" },
	{ "cpu", "cpulimit" },
};

/**
 * ct_column_find() - which field is this?
 * @name: its name
 * @len: length of that
 * @col: receives it
 *
 * Return: whether there is one of that name.
 */
bool ct_column_find(const char *name, size_t len, struct ct_column *col)
{
	size_t i;

	memset(col, 0, sizeof(*col));
	for (i = 0; i < sizeof(ct_field_aliases) / sizeof(*ct_field_aliases); i++)
		if (strlen(ct_field_aliases[i].name) == len &&
		    !memcmp(ct_field_aliases[i].name, name, len)) {
			name = ct_field_aliases[i].field;
			len = strlen(name);
			break;
		}
	for (i = 0; i < CT_FIELDS; i++)
		if (strlen(ct_fields[i].name) == len && !memcmp(ct_fields[i].name, name, len)) {
			col->field = ct_fields[i];
			snprintf(col->head, sizeof(col->head), "%s", ct_fields[i].head);
			return true;
		}
	return ct_column_ubc(name, len, col);
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
	return row->running ? "running" : row->mounted ? "mounted" :
	       ct_suspended(&row->ct) ? "suspended" : "stopped";
}

static void ct_load_text(const struct ct_row *row, char *out, size_t size)
{
	const __u64 *load = row->pool ? row->pool->cpu.load : NULL;

	snprintf(out, size, "-");
	if (load && row->running && (row->pool->cpu.known & BC_CPU_F_LOAD))
		snprintf(out, size, "%.2f/%.2f/%.2f", load[0] / 1000.0, load[1] / 1000.0,
			 load[2] / 1000.0);
}

/* One side of SOFT:HARD, or the only one. */
static void ct_side_text(const char *value, bool hard, char *out, size_t size)
{
	const char *colon = value ? strchr(value, ':') : NULL;

	if (!value)
		return;
	if (hard)
		snprintf(out, size, "%s", colon ? colon + 1 : value);
	else
		snprintf(out, size, "%.*s", (int)(colon ? colon - value : (int)strlen(value)), value);
}

/* How long its init has been there: days, hours, minutes, seconds. */
static void ct_uptime_text(const struct ct_row *row, char *out, size_t size)
{
	unsigned long long ticks, up;
	char path[64], text[1024];
	ssize_t got = -1;
	const char *pos;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)ct_init_pid(&row->ct));
	fd = row->running ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd >= 0) {
		got = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	text[got > 0 ? got : 0] = '\0';
	/* The name, in brackets, may be anything; the 20th number behind it is the start. */
	pos = strrchr(text, ')');
	if (!pos || sscanf(pos + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d"
			   " %*d %*d %*d %*d %llu", &ticks) != 1)
		return;
	up = bc_boottime() / 1000000000ULL - ticks / sysconf(_SC_CLK_TCK);
	snprintf(out, size, "%llud%02lluh:%02llum:%02llus", up / 86400, up / 3600 % 24,
		 up / 60 % 60, up % 60);
}

/**
 * ct_cell() - a field as text
 * @snap: all pools
 * @row: the container
 * @col: the field
 * @out: receives it, or a dash for what is not known
 * @size: room there
 */
void ct_cell(const struct bc_snapshot *snap, const struct ct_row *row,
	     const struct ct_column *col, char *out, size_t size)
{
	char what[16];
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
	case CT_FROM_SOFT:
	case CT_FROM_HARD:
		snprintf(what, sizeof(what), "%s.%c",
			 strcmp(col->field.key, "DISKSPACE") ? "inodes" : "space",
			 col->field.from == CT_FROM_HARD ? 'h' : 's');
		ct_quota_cell(&row->ct, what, out, size);
		if (strcmp(out, "-"))
			return;
		ct_side_text(ct_get(&row->ct.conf, col->field.key),
			     col->field.from == CT_FROM_HARD, out, size);
		return;
	case CT_FROM_DISK:
		ct_quota_cell(&row->ct, col->field.key, out, size);
		return;
	case CT_FROM_UPTIME:
		ct_uptime_text(row, out, size);
		return;
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
		    !ct_record(row, col->res->word, snap, &rec) ||
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

static struct json_object *ct_json_number(bool known, uint64_t num)
{
	return known && num != BC_UNLIMITED ? json_object_new_int64(num) : NULL;
}

static struct json_object *ct_json_ubc(const struct bc_snapshot *snap, const struct ct_row *row,
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

	if (!ct_record(row, word, snap, &rec))
		return NULL;
	obj = json_object_new_object();
	for (i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		known = ct_figure(&rec, parts[i].part, &num);
		json_object_object_add(obj, parts[i].name, ct_json_number(known, num));
	}
	return obj;
}

/**
 * ct_json_row() - all fields of a container
 * @snap: all pools
 * @row: the container
 *
 * Return: the object.
 */
struct json_object *ct_json_row(const struct bc_snapshot *snap, const struct ct_row *row)
{
	struct json_object *obj = json_object_new_object(), *value;
	struct ct_column col;
	char cell[256];
	size_t i;

	for (i = 0; i < CT_FIELDS; i++) {
		col = (struct ct_column) { .field = ct_fields[i] };
		ct_cell(snap, row, &col, cell, sizeof(cell));
		if (col.field.from == CT_FROM_ID)
			value = json_object_new_int64(row->ct.id);
		else if (col.field.from == CT_FROM_VSWAP)
			value = json_object_new_boolean(!strcmp(cell, "yes"));
		else if (col.field.width > 0 && *cell && !cell[strspn(cell, "0123456789")])
			value = json_object_new_int64(strtoll(cell, NULL, 10));
		else
			value = strcmp(cell, "-") && strcmp(cell, "unlimited") ?
				json_object_new_string(cell) : NULL;
		json_object_object_add(obj, col.field.name, value);
	}
	for (i = 0; i < CT_UBC_COUNT; i++)
		json_object_object_add(obj, ct_keys[i].word,
				       ct_json_ubc(snap, row, ct_keys[i].word));
	return obj;
}

/** ct_print_fields() - print which fields there are */
void ct_print_fields(void)
{
	size_t i;

	for (i = 0; i < CT_FIELDS; i++)
		printf("%-15s %s\n", ct_fields[i].name, ct_fields[i].head);
	for (i = 0; i < CT_UBC_COUNT; i++)
		printf("%-15s %s; also with .m .b .l .f\n", ct_keys[i].word, ct_keys[i].key);
}
