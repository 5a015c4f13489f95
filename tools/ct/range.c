// SPDX-License-Identifier: GPL-2.0
/*
 * Who has which ids
 *
 * Each container has 65536 users and groups of the host that nobody else has: not another
 * container, nor a user who got them from /etc/subuid and /etc/subgid. The first of them
 * stands in its configuration. Who has none gets the lowest free ones of LOCAL_IDS, of
 * vz.conf, when it is created or, if it is older than that, before it is mounted.
 *
 * From looking for free ones until they stand in the configuration a lock is held, that
 * of the directory of the configurations. Of a container that is being destroyed they
 * stand in its journal, so that nobody gets them while something of it may live.
 *
 * The default is what systemd's table of ids leaves unused, and what useradd does not hand
 * out: 0x70000000 to 0x7ffdffff, enough for 4094 containers.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "ct.h"
#include "ids.h"
#include "keys.h"
#include "parse.h"

#define CT_POOL		"1879048192:268304384"
/* No file of that kind is longer, in entries. */
#define CT_TAKEN_MAX	100000

/**
 * struct ct_taken - ids that somebody has
 * @start: the first one
 * @count: how many
 * @group: of groups, not of users
 * @who: a container, or 0
 * @name: if not, who
 */
struct ct_taken {
	uint32_t start;
	uint32_t count;
	bool group;
	uint32_t who;
	char name[64];
};

/* All that somebody has but @ct. */
struct ct_table {
	struct ct *ct;
	struct ct_taken *v;
	size_t count;
	size_t room;
};

static int ct_taken_add(struct ct_table *table, const struct ct_taken *taken)
{
	struct ct_taken *v;
	size_t room = table->room ? table->room * 2 : 64;

	if (table->count == CT_TAKEN_MAX)
		return -E2BIG;
	if (table->count == table->room) {
		v = reallocarray(table->v, room, sizeof(*v));
		if (!v)
			return -ENOMEM;
		table->v = v;
		table->room = room;
	}
	table->v[table->count++] = *taken;
	return 0;
}

/* What a configuration, or a journal, says; one that is wrong has none. */
static int ct_taken_conf(struct ct_table *table, const char *path, uint32_t id)
{
	struct ct_taken taken = { .count = CT_IDS_COUNT, .who = id };
	const char *key, *why;
	struct ct_conf conf;
	struct ct_ids ids;
	int ret;

	ret = ct_conf_load(&conf, path);
	if (ret)
		return ret == -ENOENT ? 0 : ret;
	if (!ct_ids_read(&conf, &ids, &key, &why) && ct_ids_mapped(&ids)) {
		taken.start = ids.uid;
		ret = ct_taken_add(table, &taken);
		taken.start = ids.gid;
		taken.group = true;
		if (!ret)
			ret = ct_taken_add(table, &taken);
	}
	ct_conf_clear(&conf);
	return ret;
}

/* All files NUMBER.KIND of a directory, but that of the container itself. */
static int ct_taken_dir(struct ct_table *table, const char *dir, const char *kind)
{
	char name[32], path[PATH_MAX];
	struct dirent *entry;
	DIR *stream = opendir(dir);
	int ret = stream || errno == ENOENT ? 0 : -errno;
	uint32_t id;
	char *dot;

	while (!ret && stream && (entry = readdir(stream))) {
		dot = strchr(entry->d_name, '.');
		if (!dot || strcmp(dot + 1, kind) ||
		    ct_path(name, sizeof(name), "%.*s", (int)(dot - entry->d_name),
			    entry->d_name) ||
		    ct_id_parse(name, &id) || id == table->ct->id)
			continue;
		ret = ct_path(path, sizeof(path), "%s/%s", dir, entry->d_name);
		if (!ret)
			ret = ct_taken_conf(table, path, id);
	}
	if (stream)
		closedir(stream);
	return ret;
}

/* name:first:count */
static bool ct_subid_parse(char *line, struct ct_taken *taken)
{
	char *first = strchr(line, ':'), *count = first ? strchr(first + 1, ':') : NULL;

	if (!count)
		return false;
	*first++ = '\0';
	*count++ = '\0';
	count[strcspn(count, "\n")] = '\0';
	snprintf(taken->name, sizeof(taken->name), "%.63s", line);
	return !bc_u32_parse(first, &taken->start) && !bc_u32_parse(count, &taken->count);
}

/* What shadow has given to users; root is who makes containers. */
static int ct_taken_subids(struct ct_table *table, const char *path, bool group)
{
	char *line = NULL;
	struct ct_taken taken;
	size_t room = 0;
	int ret = 0;
	FILE *f = fopen(path, "re");

	if (!f)
		return errno == ENOENT ? 0 : -errno;
	while (!ret && getline(&line, &room, f) > 0) {
		taken = (struct ct_taken) { .group = group };
		if (ct_subid_parse(line, &taken) && strcmp(taken.name, "root") &&
		    strcmp(taken.name, "0"))
			ret = ct_taken_add(table, &taken);
	}
	free(line);
	fclose(f);
	return ret;
}

static int ct_table_fill(struct ct_table *table)
{
	const char *state = ct_global(table->ct->run, "STATEDIR", "/var/lib/beancounter/ct");
	char dir[PATH_MAX];
	int ret = ct_path(dir, sizeof(dir), "%s/conf", table->ct->run->etc);

	if (!ret)
		ret = ct_taken_dir(table, dir, "conf");
	if (!ret)
		ret = ct_taken_dir(table, state, "step");
	if (!ret)
		ret = ct_taken_subids(table, "/etc/subuid", false);
	if (!ret)
		ret = ct_taken_subids(table, "/etc/subgid", true);
	return ret;
}

static const struct ct_taken *ct_taken_find(const struct ct_table *table, uint32_t start,
					    bool group)
{
	size_t i;

	for (i = 0; i < table->count; i++)
		if (table->v[i].group == group &&
		    ct_ids_overlap(table->v[i].start, table->v[i].count, start))
			return &table->v[i];
	return NULL;
}

/* Are these nobody else's? */
static int ct_ids_check(struct ct *ct, const struct ct_table *table, const struct ct_ids *ids)
{
	const struct ct_taken *taken = ct_taken_find(table, ids->uid, false);

	if (!taken)
		taken = ct_taken_find(table, ids->gid, true);
	if (!taken)
		return CT_OK;
	if (taken->who)
		return ct_fail(ct->run, CT_E_VALUE, ct->text,
			       "LOCAL_%s=\"%u\": %u has ids from %u on, which overlaps",
			       taken->group ? "GID" : "UID", taken->group ? ids->gid : ids->uid,
			       taken->who, taken->start);
	return ct_fail(ct->run, CT_E_VALUE, ct->text,
		       "LOCAL_%s=\"%u\": the user %s has ids from %u on, by /etc/sub%s",
		       taken->group ? "GID" : "UID", taken->group ? ids->gid : ids->uid,
		       taken->name, taken->start, taken->group ? "gid" : "uid");
}

/* The lowest free ones. */
static int ct_ids_pick(struct ct *ct, const struct ct_table *table, struct ct_ids *ids)
{
	const char *text = ct_global(ct->run, "LOCAL_IDS", CT_POOL);
	struct ct_taken pool;
	uint64_t start, end;
	char line[64];

	if (ct_path(line, sizeof(line), "x:%s", text) || !ct_subid_parse(line, &pool) ||
	    pool.start < CT_IDS_FIRST || (uint64_t)pool.start + pool.count > 0x80000000U)
		return ct_fail(ct->run, CT_E_VALUE, ct->text,
			       "vz.conf: LOCAL_IDS=\"%.64s\": not FIRST:COUNT with FIRST at least %u and the last below 2147483648",
			       text, CT_IDS_FIRST);
	end = (uint64_t)pool.start + pool.count;
	for (start = pool.start; start + CT_IDS_COUNT <= end; start += CT_IDS_COUNT)
		if (!ct_taken_find(table, start, false) && !ct_taken_find(table, start, true)) {
			*ids = (struct ct_ids) { start, start, true };
			return CT_OK;
		}
	return ct_fail(ct->run, CT_E_RESOURCES, ct->text,
		       "no %u ids are free of LOCAL_IDS=\"%.64s\", %zu of which are taken",
		       CT_IDS_COUNT, text, table->count);
}

static int ct_ids_set(struct ct *ct, const struct ct_ids *ids)
{
	char uid[16], gid[16];
	int ret;

	snprintf(uid, sizeof(uid), "%u", ids->uid);
	snprintf(gid, sizeof(gid), "%u", ids->gid);
	ret = ct_conf_set(&ct->conf, "LOCAL_UID", uid);
	if (!ret)
		ret = ct_conf_set(&ct->conf, "LOCAL_GID", gid);
	return ret ? ct_fail(ct->run, CT_E_SYSTEM, ct->text, "%s", strerror(-ret)) : CT_OK;
}

static int ct_ids_lock(struct ct *ct)
{
	char dir[PATH_MAX];
	int fd = -1, ret = ct_path(dir, sizeof(dir), "%s/conf", ct->run->etc);

	if (!ret)
		fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	while (!ret && (fd < 0 || flock(fd, LOCK_EX)))
		ret = errno == EINTR && fd >= 0 ? 0 : -errno;
	if (!ret)
		return fd;
	ct_fail(ct->run, CT_E_LOCK_DIR, dir, "%s", strerror(-ret));
	if (fd >= 0)
		close(fd);
	return -1;
}

static int ct_ids_parse(struct ct *ct, const struct ct_conf *conf, struct ct_ids *ids)
{
	const char *key, *why;

	if (ct_ids_read(conf, ids, &key, &why))
		return ct_fail(ct->run, CT_E_VALUE, ct->text, "%s=\"%.32s\": %s", key,
			       ct_get(conf, key) ? ct_get(conf, key) : "", why);
	return CT_OK;
}

static int ct_table_open(struct ct_table *table)
{
	int ret = ct_table_fill(table);

	return ret ? ct_fail(table->ct->run, CT_E_SYSTEM, table->ct->text,
			     "cannot find out who has which ids: %s", strerror(-ret)) : CT_OK;
}

/**
 * ct_ids_try() - could a container have the ids that a configuration says?
 * @ct: the container
 * @conf: the configuration
 *
 * Return: CT_OK, also if it says nothing, or CT_E_VALUE.
 */
int ct_ids_try(struct ct *ct, const struct ct_conf *conf)
{
	struct ct_table table = { .ct = ct };
	struct ct_ids ids;
	int status = ct_ids_parse(ct, conf, &ids);

	if (!status && ct_ids_mapped(&ids)) {
		status = ct_table_open(&table);
		if (!status)
			status = ct_ids_check(ct, &table, &ids);
		free(table.v);
	}
	return status;
}

/**
 * ct_ids_claim() - have ids in a container's configuration that are its own, and save it
 * @ct: the container, locked
 * @save: writes the configuration
 *
 * Return: CT_OK, what @save returned, or CT_E_VALUE if somebody else has them.
 */
int ct_ids_claim(struct ct *ct, int (*save)(struct ct *ct))
{
	struct ct_table table = { .ct = ct };
	struct ct_ids ids;
	int status = ct_ids_parse(ct, &ct->conf, &ids), lock;

	if (status)
		return status;
	lock = ct_ids_lock(ct);
	if (lock < 0)
		return CT_E_LOCK_DIR;
	status = ct_table_open(&table);
	if (!status && !ids.given)
		status = ct_ids_pick(ct, &table, &ids);
	else if (!status && ct_ids_mapped(&ids))
		status = ct_ids_check(ct, &table, &ids);
	if (!status)
		status = ct_ids_set(ct, &ids);
	if (!status)
		status = save(ct);
	close(lock);
	free(table.v);
	return status;
}

static int ct_ids_save(struct ct *ct)
{
	int ret = ct_conf_save(&ct->conf, ct->conf_path);

	return ret ? ct_fail(ct->run, CT_E_SAVE, ct->conf_path, "%s", strerror(-ret)) : CT_OK;
}

/**
 * ct_ids_own() - which ids has a container, now that it is needed?
 * @ct: the container, locked, which exists; one that has none yet gets some
 * @ids: receives them
 *
 * Return: CT_OK, or an error.
 */
int ct_ids_own(struct ct *ct, struct ct_ids *ids)
{
	int status = ct_ids_parse(ct, &ct->conf, ids);

	if (status)
		return status;
	/* Somebody may have written into the files. */
	if (ids->given)
		return ct_ids_try(ct, &ct->conf);
	status = ct_ids_claim(ct, ct_ids_save);
	return status ? status : ct_ids_parse(ct, &ct->conf, ids);
}
