// SPDX-License-Identifier: GPL-2.0
/*
 * Which pools of a store are told of, and what is summed up for each
 *
 * A customer knows a pool by its name, but a name has many lives: each reboot, each
 * load of the module and each "pool create" makes a new one. They are one group,
 * unless each incarnation is asked for. In a tree it is the path of names that
 * counts, as the same name may have been at different places.
 *
 * What a pool used is in the figures of those above it, too. If of two pools of one
 * group one is above the other, which a name can only be while the old one is
 * dying, the lower one is left out of the sum.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "usage.h"

/* A pool on the way to its group. */
struct bc_keyed {
	char *key;
	int pool;
	bool host;
};

static char *bc_path(const struct bc_db *db, int pool)
{
	char *above, *path;

	if (db->pools[pool].parent < 0)
		return strdup(db->pools[pool].name);
	above = bc_path(db, db->pools[pool].parent);
	if (!above || asprintf(&path, "%s/%s", above, db->pools[pool].name) < 0)
		path = NULL;
	free(above);
	return path;
}

static char *bc_group_key(const struct bc_db *db, const struct bc_ask *ask, int pool)
{
	char *path = ask->tree ? bc_path(db, pool) : strdup(db->pools[pool].name), *key;

	if (!path || !ask->lives)
		return path;
	/* in the order in which they were made */
	if (asprintf(&key, "%s\t%020lld", path, (long long)db->pools[pool].key) < 0)
		key = NULL;
	free(path);
	return key;
}

/* Like strcmp(), but what is below a pool comes before what is beside it. */
static int bc_key_compare(const char *a, const char *b)
{
	int x, y;

	while (*a && *a == *b) {
		a++;
		b++;
	}
	x = *a == '/' ? 2 : *a == '\t' ? 1 : (unsigned char)*a;
	y = *b == '/' ? 2 : *b == '\t' ? 1 : (unsigned char)*b;
	return x - y;
}

static int bc_keyed_compare(const void *a, const void *b)
{
	const struct bc_keyed *x = a, *y = b;
	int diff;

	if (x->host != y->host)
		return x->host ? -1 : 1;
	diff = bc_key_compare(x->key, y->key);
	return diff ? diff : x->pool - y->pool;
}

/* Is a pool asked for, by its name or, in a tree, by that of one above it? */
static bool bc_asked(const struct bc_db *db, const struct bc_ask *ask, int pool)
{
	size_t i;

	if (ask->top)
		return db->pools[pool].parent >= 0 &&
		       db->pools[db->pools[pool].parent].parent < 0;
	if (!ask->names || !*ask->names)
		return true;
	for (; pool >= 0; pool = ask->tree ? db->pools[pool].parent : -1)
		for (i = 0; ask->names[i]; i++)
			if (!strcmp(db->pools[pool].name, ask->names[i]))
				return true;
	return false;
}

static bool bc_name_known(const struct bc_db *db, const char *name)
{
	size_t i;

	for (i = 0; i < db->npools; i++)
		if (!strcmp(db->pools[i].name, name))
			return true;
	return false;
}

static int bc_groups_add(struct bc_groups *groups, const struct bc_db *db,
			 struct bc_keyed *keyed)
{
	struct bc_group *group = groups->count ? &groups->v[groups->count - 1] : NULL;
	int *members;

	if (!group || strcmp(group->key, keyed->key)) {
		group = &groups->v[groups->count++];
		group->key = keyed->key;
		group->name = db->pools[keyed->pool].name;
		keyed->key = NULL;
	}
	members = reallocarray(group->members, group->count + 1, sizeof(*members));
	if (!members)
		return -ENOMEM;
	group->members = members;
	group->members[group->count++] = keyed->pool;
	return 0;
}

static int bc_keys_make(const struct bc_db *db, const struct bc_ask *ask,
			struct bc_keyed *keyed, size_t *count)
{
	size_t i;

	for (i = 0; i < db->npools; i++) {
		if (!bc_asked(db, ask, i))
			continue;
		keyed[*count].pool = i;
		keyed[*count].host = db->pools[i].parent < 0 && !ask->tree;
		keyed[*count].key = bc_group_key(db, ask, i);
		if (!keyed[(*count)++].key)
			return -ENOMEM;
	}
	return 0;
}

/**
 * bc_groups_make() - find the pools that are asked for
 * @groups: they, to be ended by bc_groups_clear()
 * @db: the store
 * @ask: what is asked for
 * @unknown: receives a name that no pool of the store has
 *
 * Return: 0, -ENOMEM, or -ENOENT with @unknown set.
 */
int bc_groups_make(struct bc_groups *groups, const struct bc_db *db, const struct bc_ask *ask,
		   const char **unknown)
{
	struct bc_keyed *keyed = calloc(db->npools + 1, sizeof(*keyed));
	size_t count = 0, i;
	int ret;

	groups->count = 0;
	groups->v = calloc(db->npools + 1, sizeof(*groups->v));
	ret = keyed && groups->v ? bc_keys_make(db, ask, keyed, &count) : -ENOMEM;
	if (!ret)
		qsort(keyed, count, sizeof(*keyed), bc_keyed_compare);
	for (i = 0; i < count; i++) {
		if (!ret)
			ret = bc_groups_add(groups, db, &keyed[i]);
		free(keyed[i].key);
	}
	free(keyed);
	for (i = 0; !ret && ask->names && ask->names[i]; i++)
		if (!bc_name_known(db, ask->names[i])) {
			*unknown = ask->names[i];
			ret = -ENOENT;
		}
	return ret;
}

/**
 * bc_group_has() - is a pool in a group?
 * @group: the group
 * @pool: index of the pool
 *
 * Return: true if it is.
 */
bool bc_group_has(const struct bc_group *group, int pool)
{
	size_t i;

	for (i = 0; i < group->count; i++)
		if (group->members[i] == pool)
			return true;
	return false;
}

/* Is one of the pools above @pool in the group? */
static bool bc_group_above(const struct bc_db *db, const struct bc_group *group, int pool)
{
	for (pool = db->pools[pool].parent; pool >= 0; pool = db->pools[pool].parent)
		if (bc_group_has(group, pool))
			return true;
	return false;
}

/**
 * bc_group_rows() - read the records that a group is made of
 * @db: the store
 * @group: the group
 * @period: the time
 * @fn: called for each record
 * @arg: for @fn
 *
 * Return: 0, what @fn returned, or a negative errno.
 */
int bc_group_rows(struct bc_db *db, const struct bc_group *group, const struct bc_span *period,
		  bc_db_row_fn fn, void *arg)
{
	int ret = 0;
	size_t i;

	for (i = 0; i < group->count && !ret; i++)
		if (!bc_group_above(db, group, group->members[i]))
			ret = bc_db_rows(db, &db->pools[group->members[i]], period->begin,
					 period->end, fn, arg);
	return ret;
}

static int bc_add_row(void *arg, const struct bc_db_pool *pool, struct bc_row *row)
{
	(void)pool;
	return bc_sums_add(arg, row);
}

static int bc_less_row(void *arg, const struct bc_db_pool *pool, struct bc_row *row)
{
	(void)pool;
	return bc_sums_less(arg, row);
}

static int bc_group_alive(const struct bc_db *db, const struct bc_group *group,
			  struct bc_sums *sums)
{
	const struct bc_db_pool *pool;
	int ret = 0;
	size_t i;

	for (i = 0; i < group->count && !ret; i++) {
		pool = &db->pools[group->members[i]];
		ret = bc_sums_alive(sums, pool->created, pool->has_ended ? pool->ended : db->reach);
	}
	return ret;
}

/**
 * bc_group_rows_below() - read the records of the pools directly below a group
 * @db: the store
 * @group: the group
 * @period: the time
 * @fn: called for each record
 * @arg: for @fn
 *
 * Return: 0, what @fn returned, or a negative errno.
 */
int bc_group_rows_below(struct bc_db *db, const struct bc_group *group,
			const struct bc_span *period, bc_db_row_fn fn, void *arg)
{
	int ret = 0;
	size_t i;

	for (i = 0; i < db->npools && !ret; i++)
		if (db->pools[i].parent >= 0 && bc_group_has(group, db->pools[i].parent) &&
		    !bc_group_has(group, i))
			ret = bc_db_rows(db, &db->pools[i], period->begin, period->end, fn, arg);
	return ret;
}

/**
 * bc_group_sums() - add up what a group used
 * @db: the store
 * @group: the group
 * @ask: the time, and how it is cut
 * @sums: the totals, to be ended by bc_sums_clear() in any case
 *
 * Return: 0 or a negative errno; @db->why may tell more.
 */
int bc_group_sums(struct bc_db *db, const struct bc_group *group, const struct bc_ask *ask,
		  struct bc_sums *sums)
{
	int ret = bc_sums_begin(sums, &ask->period, ask->step, &db->data, db->nres);

	if (!ret)
		ret = bc_group_alive(db, group, sums);
	if (!ret)
		ret = bc_group_rows(db, group, &ask->period, bc_add_row, sums);
	if (!ret && ask->tree)
		ret = bc_group_rows_below(db, group, &ask->period, bc_less_row, sums);
	return ret ? ret : bc_sums_end(sums);
}

/**
 * bc_groups_clear() - free groups
 * @groups: the groups
 */
void bc_groups_clear(struct bc_groups *groups)
{
	size_t i;

	for (i = 0; i < groups->count; i++) {
		free(groups->v[i].key);
		free(groups->v[i].members);
	}
	free(groups->v);
	groups->v = NULL;
	groups->count = 0;
}
