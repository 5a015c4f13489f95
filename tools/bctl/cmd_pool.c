// SPDX-License-Identifier: GPL-2.0
/*
 * bctl pool set, show, list, tree, delete
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "assign.h"
#include "cgroup.h"
#include "cli.h"
#include "enable.h"
#include "fetch.h"
#include "pool.h"
#include "weight.h"

/**
 * bctl_pool_refused() - report that the kernel refused a request about a pool
 * @b: the run
 * @name: the pool
 * @limits: the limits in the request
 * @ret: the error
 *
 * Return: BCTL_FAILED.
 */
int bctl_pool_refused(struct bctl *b, const char *name, const struct bc_limits *limits,
		      int ret)
{
	size_t index;
	int attr = bcn_blamed(b->nl, &index);
	const char *arg = bc_limits_blamed(limits, attr, index);
	char object[BC_NAME_MAX + BC_WORD_MAX + 3];

	if (!arg)
		return bctl_fail_nl(b, name, ret);
	snprintf(object, sizeof(object), "%.*s: %.*s", BC_NAME_MAX, name, BC_WORD_MAX, arg);
	return bctl_fail_nl(b, object, ret);
}

/**
 * bctl_pool_apply() - set limits of a pool
 * @b: the run
 * @name: the pool
 * @limits: the limits; none is fine, too
 *
 * Return: BCTL_OK or BCTL_FAILED.
 */
int bctl_pool_apply(struct bctl *b, const char *name, const struct bc_limits *limits)
{
	struct bcn_change change;
	int ret;

	if (!bc_limits_sent(limits))
		return BCTL_OK;
	ret = bc_limits_change(limits, &change);
	if (!ret)
		ret = bcn_pool_set(b->nl, name, &change);
	bc_change_clear(&change);
	return ret ? bctl_pool_refused(b, name, limits, ret) : BCTL_OK;
}

/**
 * bctl_pool_report() - print one pool as JSON, if JSON is wanted
 * @b: the run
 * @name: the pool
 *
 * Return: BCTL_OK or BCTL_FAILED.
 */
int bctl_pool_report(struct bctl *b, const char *name)
{
	struct bc_snapshot snap = { .detail = true };
	char *names[] = { (char *)name };
	int status;

	if (!b->json)
		return BCTL_OK;
	status = bctl_fetch_named(b, &snap, 1, names);
	if (!status)
		status = bctl_print_pools(b, &snap, BC_VIEW_SHOW);
	bc_snapshot_clear(&snap);
	return status;
}

/* Settings with the controllers that they need, and what bctl sets itself; all or nothing. */
static int bctl_set_enabled(struct bctl *b, const char *name, const struct bc_limits *limits)
{
	struct bc_enables enabled = { .v[0].count = 0 };
	struct bc_weight_change weight = { .dir = -1 };
	struct bcn_list *list = NULL;
	struct bcn_pool pool;
	int status = bctl_find_pool(b, name, &list, &pool), root, dir = -1;

	if (status)
		return status;
	root = bc_cgroup_open_root();
	if (root >= 0 && pool.cgroup && *pool.cgroup)
		dir = bc_cgroup_open(root, pool.cgroup);
	/* Without a cgroup that can be opened the kernel says what is wrong. */
	if (dir >= 0)
		status = bctl_enable(b, name, limits, root, dir, &enabled);
	if (!status)
		status = bctl_weight_set(b, name, limits, dir, &weight);
	if (!status)
		status = bctl_pool_apply(b, name, limits);
	if (!status)
		bc_enables_keep(&enabled);
	else
		bc_weight_undo(&weight);
	bc_enables_undo(&enabled);
	if (dir >= 0)
		close(dir);
	if (root >= 0)
		close(root);
	bcn_list_free(list);
	return status;
}

/**
 * bctl_pool_configure() - set limits of a pool, and enable the controllers for that
 * @b: the run
 * @name: the pool
 * @limits: the limits, resolved; none is fine, too
 *
 * Return: BCTL_OK or BCTL_FAILED.
 */
int bctl_pool_configure(struct bctl *b, const char *name, const struct bc_limits *limits)
{
	if (bc_limits_need(limits, "cpu") || bc_limits_weight(limits))
		return bctl_set_enabled(b, name, limits);
	return bctl_pool_apply(b, name, limits);
}

static int bctl_set(struct bctl *b, const char *name, struct bc_limits *limits)
{
	struct bc_snapshot snap = { 0 };
	int status = bctl_fetch_resources(b, &snap);

	if (!status)
		status = bctl_limits_resolve(b, &snap, limits);
	bc_snapshot_clear(&snap);
	if (!status)
		status = bctl_pool_configure(b, name, limits);
	return status ? status : bctl_pool_report(b, name);
}

/**
 * cmd_pool_set() - bctl pool set
 * @b: the run
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status.
 */
int cmd_pool_set(struct bctl *b, int argc, char **argv)
{
	const struct bc_opt opts[] = { BC_OPT_JSON(b), BC_OPT_RAW(b), BC_OPT_END };
	struct bc_limits limits;
	int status = bctl_args(b, &argc, argv, opts);

	if (status >= 0)
		return status;
	if (argc < 2)
		return bctl_usage(b, argc ? "nothing to set" : "the name of a pool is missing");
	status = bctl_check_name(b, argv[0]);
	if (status)
		return status;
	status = bctl_limits_parse(b, argc - 1, argv + 1, &limits);
	if (!status)
		status = bctl_set(b, argv[0], &limits);
	bc_limits_clear(&limits);
	return status;
}

/* What show, list, tree and stat have in common. */
static int bctl_view(struct bctl *b, int argc, char **argv, enum bc_view view, bool devices)
{
	struct bc_snapshot snap = {
		.detail = view == BC_VIEW_SHOW || view == BC_VIEW_STAT,
		.devices = devices,
	};
	int status = BCTL_OK, i;

	for (i = 0; i < argc && !status; i++)
		status = bctl_check_name(b, argv[i]);
	if (!status)
		status = bctl_fetch_named(b, &snap, argc, argv);
	if (!status)
		status = bctl_print_pools(b, &snap, view);
	bc_snapshot_clear(&snap);
	return status;
}

/**
 * cmd_pool_show() - bctl pool show
 * @b: the run
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status.
 */
int cmd_pool_show(struct bctl *b, int argc, char **argv)
{
	const struct bc_opt opts[] = { BC_OPT_JSON(b), BC_OPT_RAW(b), BC_OPT_END };
	int status = bctl_args(b, &argc, argv, opts);

	return status >= 0 ? status : bctl_view(b, argc, argv, BC_VIEW_SHOW, true);
}

/**
 * cmd_pool_list() - bctl pool list
 * @b: the run
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status.
 */
int cmd_pool_list(struct bctl *b, int argc, char **argv)
{
	bool quiet = false;
	const struct bc_opt opts[] = {
		BC_OPT_JSON(b), BC_OPT_RAW(b), { "quiet", 'q', &quiet, NULL }, BC_OPT_END
	};
	int status = bctl_args(b, &argc, argv, opts);

	if (status >= 0)
		return status;
	return bctl_view(b, argc, argv, quiet ? BC_VIEW_NAMES : BC_VIEW_LIST, false);
}

/**
 * cmd_stat() - bctl stat
 * @b: the run
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status.
 */
int cmd_stat(struct bctl *b, int argc, char **argv)
{
	const char *key = NULL, *interval = NULL, *count = NULL, *seconds = NULL;
	bool delta = false, io = false, watch = false;
	const struct bc_opt opts[] = {
		{ "delta", 0, &delta, &key },
		{ "interval", 0, NULL, &interval },
		{ "watch", 'w', &watch, &seconds },
		{ "count", 'n', NULL, &count },
		{ "peak", 0, NULL, &b->reader },
		{ "io", 0, &io, NULL },
		BC_OPT_JSON(b), BC_OPT_RAW(b), BC_OPT_END
	};
	int status = bctl_args(b, &argc, argv, opts);

	if (status >= 0)
		return status;
	if (delta && interval)
		return bctl_usage(b, "--delta and --interval exclude each other");
	if (watch && (delta || interval || b->reader || io))
		return bctl_usage(b, "-w excludes --delta, --interval, --peak and --io");
	if (count && !interval && !watch)
		return bctl_usage(b, "--count needs --interval or -w");
	if (b->reader && (delta || interval))
		return bctl_usage(b, "--peak excludes --delta and --interval");
	if (b->reader && (!*b->reader || strlen(b->reader) > BC_READER_NAME_MAX))
		return bctl_usage(b, "--peak %.*s: the name of a reader has 1 to %d bytes",
				  BC_WORD_MAX, b->reader, BC_READER_NAME_MAX);
	if (io && (delta || interval))
		return bctl_usage(b, "--io excludes --delta and --interval");
	if (delta)
		return bctl_stat_delta(b, argc, argv, key);
	if (watch)
		return bctl_stat_watch(b, argc, argv, seconds, count);
	if (interval)
		return bctl_stat_interval(b, argc, argv, interval, count);
	return bctl_view(b, argc, argv, BC_VIEW_STAT, io);
}

/*
 * Keep @name and what lies below it. One pass does, as parents come first; a
 * pool is kept when its parent has been.
 */
static bool bc_keep_subtree(struct bc_snapshot *snap, const char *name)
{
	size_t i, j, kept = 0;

	for (i = 0; i < snap->npools; i++) {
		struct bcn_pool *pool = &snap->pools[i];
		bool keep = !strcmp(pool->name, name);

		for (j = 0; j < kept && !keep; j++)
			keep = pool->parent && !strcmp(pool->parent, snap->pools[j].name);
		if (keep)
			snap->pools[kept++] = *pool;
	}
	snap->npools = kept;
	return kept;
}

/**
 * cmd_pool_tree() - bctl pool tree
 * @b: the run
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status.
 */
int cmd_pool_tree(struct bctl *b, int argc, char **argv)
{
	const struct bc_opt opts[] = { BC_OPT_JSON(b), BC_OPT_RAW(b), BC_OPT_END };
	struct bc_snapshot snap = { 0 };
	int status = bctl_args(b, &argc, argv, opts);

	if (status >= 0)
		return status;
	if (argc > 1)
		return bctl_usage(b, "a tree has one root");
	status = argc ? bctl_check_name(b, argv[0]) : BCTL_OK;
	if (!status)
		status = bctl_fetch_pools(b, &snap);
	if (!status && argc && !bc_keep_subtree(&snap, argv[0]))
		status = bctl_fail(b, argv[0], "no such pool (%s)", strerror(ENOENT));
	if (!status)
		status = bctl_print_pools(b, &snap, BC_VIEW_TREE);
	bc_snapshot_clear(&snap);
	return status;
}

/* The cgroup of a pool that is gone gets back the weight that it had, wherever it is. */
static void bctl_restore_weight(int root, const char *path)
{
	int dir = *path ? bc_cgroup_open(root, path) : -1;

	if (dir < 0)
		return;
	bc_weight_restore(dir);
	close(dir);
}

/* Remove the cgroup that "pool create" made. Others are none of our business. */
static void bctl_remove_cgroup(struct bctl *b, const char *name, const char *path)
{
	int root, ret;

	if (!path)
		return;
	root = bc_cgroup_open_root();
	if (root >= 0)
		bctl_restore_weight(root, path);
	if (!bc_cgroup_is_ours(path)) {
		if (root >= 0)
			close(root);
		return;
	}
	ret = root < 0 ? root : bc_cgroup_remove(root, path);
	if (ret == -EBUSY)
		bctl_note(b, name, "the pool is deleted; its cgroup %s is not empty and stays",
			  path);
	else if (ret)
		bctl_note(b, name, "the pool is deleted; its cgroup %s stays: %s", path,
			  strerror(-ret));
	if (root >= 0)
		close(root);
}

static int bctl_delete(struct bctl *b, const char *name, bool if_exists,
		       struct bc_snapshot *snap)
{
	struct bcn_list *list;
	struct bcn_pool pool;
	int status, ret;

	status = b->json ? bctl_fetch_resources(b, snap) : bctl_open(b);
	if (status)
		return status;
	snap->taken = bc_boottime();
	ret = bc_fetch_pool(b, name, &list, &pool);
	if (!ret)
		ret = bcn_pool_delete(b->nl, name);
	if (ret) {
		bcn_list_free(list);
		return ret == -ENOENT && if_exists ? BCTL_OK : bctl_fail_nl(b, name, ret);
	}
	bctl_remove_cgroup(b, name, pool.cgroup);
	return bctl_take_pools(b, snap, list);
}

/**
 * cmd_pool_delete() - bctl pool delete
 * @b: the run
 * @argc: number of arguments
 * @argv: the arguments
 *
 * With -j the pool is printed as it was last seen.
 *
 * Return: the exit status.
 */
int cmd_pool_delete(struct bctl *b, int argc, char **argv)
{
	bool if_exists = false;
	const struct bc_opt opts[] = {
		{ "if-exists", 0, &if_exists, NULL }, BC_OPT_JSON(b), BC_OPT_RAW(b), BC_OPT_END
	};
	struct bc_snapshot snap = { 0 };
	int status = bctl_args(b, &argc, argv, opts);

	if (status >= 0)
		return status;
	if (argc != 1)
		return bctl_usage(b, argc ? "one pool at a time" : "the name of a pool is missing");
	status = bctl_check_name(b, argv[0]);
	if (!status)
		status = bctl_delete(b, argv[0], if_exists, &snap);
	if (!status && b->json)
		status = bctl_print_pools(b, &snap, BC_VIEW_SHOW);
	bc_snapshot_clear(&snap);
	return status;
}
