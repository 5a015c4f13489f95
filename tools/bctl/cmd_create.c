// SPDX-License-Identifier: GPL-2.0
/*
 * bctl pool create
 *
 * Three things have to come about together: the directory, the pool, its
 * limits. The kernel takes the latter two in one request; the directory is
 * removed again when it refuses. If a limit needs a controller of the kernel, that
 * is switched on above the directory, and off again likewise. Signals wait meanwhile,
 * so that Ctrl-C leaves either all of it or nothing.
 */
#include <errno.h>
#include <signal.h>
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
 * struct bc_create - what is to be created
 * @name: NAME
 * @parent: --parent, or NULL
 * @cgroup: --cgroup, or NULL
 * @id: --id
 * @has_id: @id counts
 * @exist_ok: --exist-ok
 * @limits: RES=VALUE...
 * @base: directory to make the cgroup in
 * @root: root of the cgroup hierarchy
 */
struct bc_create {
	const char *name;
	const char *parent;
	const char *cgroup;
	uint32_t id;
	bool has_id;
	bool exist_ok;
	struct bc_limits limits;
	char base[PATH_MAX];
	int root;
};

static void bc_hold_signals(sigset_t *old)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigprocmask(SIG_BLOCK, &set, old);
}

/* Open the directory that --cgroup names. */
static int bctl_open_given(struct bctl *b, const struct bc_create *c)
{
	const char *why;
	int fd, ret;

	fd = bc_cgroup_open(c->root, c->cgroup);
	if (fd < 0) {
		bctl_fail(b, c->cgroup, "cannot open this cgroup: %s", strerror(-fd));
		return -1;
	}
	ret = bc_cgroup_check(fd, &why);
	if (ret) {
		bctl_fail(b, c->cgroup, "%s", ret == -EINVAL ? why : strerror(-ret));
		close(fd);
		return -1;
	}
	return fd;
}

/* A name that is to be a directory must not lead elsewhere. */
static int bctl_check_dirname(struct bctl *b, const char *name)
{
	if (!strchr(name, '/') && strcmp(name, ".") && strcmp(name, ".."))
		return BCTL_OK;
	return bctl_usage(b, "'%.*s' cannot be the name of a cgroup directory",
			  BC_WORD_MAX, name);
}

/* Find the directory to make the cgroup in: the parent's, or the common one. */
static int bctl_find_base(struct bctl *b, struct bc_create *c)
{
	struct bcn_list *list = NULL;
	struct bcn_pool pool;
	int status = BCTL_OK;

	strcpy(c->base, BC_CGROUP_BASE);
	if (!c->parent || c->cgroup)
		return BCTL_OK;
	status = bctl_find_pool(b, c->parent, &list, &pool);
	if (!status && *pool.cgroup &&
	    (size_t)snprintf(c->base, sizeof(c->base), "%s", pool.cgroup) >= sizeof(c->base))
		status = bctl_fail(b, c->parent, "%s", strerror(ENAMETOOLONG));
	bcn_list_free(list);
	return status;
}

/* Send the request. *@exists tells that the name may be taken. */
static int bctl_bind(struct bctl *b, const struct bc_create *c, int fd, bool *exists)
{
	struct bcn_new what = {
		.name = c->name, .parent = c->parent, .cgroup_fd = fd,
		.has_id = c->has_id, .id = c->id,
	};
	int ret = bc_limits_change(&c->limits, &what.change);

	if (!ret)
		ret = bcn_pool_new(b->nl, &what, NULL);
	bc_change_clear(&what.change);
	*exists = ret == -EEXIST;
	if (ret && !(*exists && c->exist_ok))
		return bctl_pool_refused(b, c->name, &c->limits, ret);
	return BCTL_OK;
}

/* Directory and pool, or neither. */
static int bctl_create_new(struct bctl *b, const struct bc_create *c, bool *exists)
{
	struct bc_enables enabled = { .v[0].count = 0 };
	struct bc_weight_change weight = { .dir = -1 };
	struct bc_made made = { .count = 0 };
	int fd, status = BCTL_FAILED;
	sigset_t old;

	bc_hold_signals(&old);
	if (c->cgroup)
		fd = bctl_open_given(b, c);
	else
		fd = bc_cgroup_make(c->root, c->base, c->name, &made);
	if (fd >= 0)
		status = bctl_enable(b, c->name, &c->limits, c->root, fd, &enabled);
	if (fd >= 0 && !status)
		status = bctl_weight_set(b, c->name, &c->limits, fd, &weight);
	if (fd >= 0 && !status)
		status = bctl_bind(b, c, fd, exists);
	else if (fd < 0 && !c->cgroup)
		bctl_fail(b, c->name, "cannot make the cgroup %s/%s: %s", c->base, c->name,
			  strerror(-fd));
	if (!status && !*exists) {
		bc_enables_keep(&enabled);
	} else {
		bc_weight_undo(&weight);
		bc_cgroup_unmake(c->root, &made);
	}
	/* Only without the cgroups below it. */
	bc_enables_undo(&enabled);
	if (fd >= 0)
		close(fd);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return status;
}

/* Is the pool that exists bound to the cgroup that is asked for? */
static int bctl_same_cgroup(struct bctl *b, const struct bc_create *c,
			    const struct bcn_pool *pool)
{
	char path[PATH_MAX + BC_NAME_MAX + 2];
	const char *have = pool->cgroup ? pool->cgroup : "";
	bool same = false;
	uint64_t id;
	int fd;

	if (c->cgroup) {
		fd = bctl_open_given(b, c);
		if (fd < 0)
			return BCTL_FAILED;
		same = !bc_cgroup_id(fd, &id) && id == pool->cgroup_id;
		close(fd);
	} else {
		snprintf(path, sizeof(path), "%s/%s", c->base, c->name);
		same = !strcmp(path, have);
	}
	if (same)
		return BCTL_OK;
	return bctl_fail(b, c->name, "the pool exists, but with the cgroup /%s", have);
}

/* The pool exists: does it suit? */
static int bctl_create_exists(struct bctl *b, const struct bc_create *c,
			      const struct bcn_pool *pool)
{
	if (c->has_id && c->id != pool->id)
		return bctl_fail(b, c->name, "the pool exists, but with the id %u", pool->id);
	if (c->parent && (!pool->parent || strcmp(c->parent, pool->parent)))
		return bctl_fail(b, c->name, "the pool exists, but with the parent %s",
				 pool->parent ? pool->parent : "(none)");
	return bctl_same_cgroup(b, c, pool);
}

/*
 * --exist-ok: look first, create if there is none, and look again if somebody
 * was quicker.
 */
static int bctl_create_or_find(struct bctl *b, const struct bc_create *c)
{
	struct bcn_list *list = NULL;
	bool exists = false;
	struct bcn_pool pool;
	int tries = 2, status, ret;

	do {
		ret = bc_fetch_pool(b, c->name, &list, &pool);
		if (!ret)
			status = bctl_create_exists(b, c, &pool);
		else if (ret == -ENOENT)
			status = bctl_create_new(b, c, &exists);
		else
			status = bctl_fail_nl(b, c->name, ret);
		bcn_list_free(list);
	} while (!status && ret && exists && --tries > 0);
	if (!status && ret && exists)
		status = bctl_fail(b, c->name, "the id or the cgroup belongs to another pool (%s)",
				   strerror(EEXIST));
	if (!status && !ret)
		status = bctl_pool_configure(b, c->name, &c->limits);
	return status;
}

static int bctl_create(struct bctl *b, struct bc_create *c)
{
	struct bc_snapshot snap = { 0 };
	bool exists = false;
	int status = c->limits.count ? bctl_fetch_resources(b, &snap) : bctl_open(b);

	if (!status)
		status = bctl_limits_resolve(b, &snap, &c->limits);
	bc_snapshot_clear(&snap);
	if (!status)
		status = bctl_find_base(b, c);
	if (status)
		return status;
	c->root = bc_cgroup_open_root();
	if (c->root == -ENOENT)
		return bctl_fail(b, c->name, "no cgroup v2 hierarchy is mounted");
	if (c->root < 0)
		return bctl_fail(b, c->name, "cannot open the cgroup v2 hierarchy: %s",
				 strerror(-c->root));
	if (c->exist_ok)
		status = bctl_create_or_find(b, c);
	else
		status = bctl_create_new(b, c, &exists);
	close(c->root);
	return status ? status : bctl_pool_report(b, c->name);
}

static int bctl_create_check(struct bctl *b, struct bc_create *c, int argc, char **argv,
			     const char *id)
{
	int status;

	if (!argc)
		return bctl_usage(b, "the name of a pool is missing");
	c->name = argv[0];
	status = bctl_check_name(b, c->name);
	if (!status && !c->cgroup)
		status = bctl_check_dirname(b, c->name);
	if (!status && c->parent)
		status = bctl_check_name(b, c->parent);
	if (status)
		return status;
	if (c->cgroup && !*c->cgroup)
		return bctl_usage(b, "the path of a cgroup must not be empty");
	if (id && bc_u32_parse(id, &c->id))
		return bctl_usage(b, "--id %.*s: not a number from 0 to 4294967295",
				  BC_WORD_MAX, id);
	c->has_id = id;
	return bctl_limits_parse(b, argc - 1, argv + 1, &c->limits);
}

/**
 * cmd_pool_create() - bctl pool create
 * @b: the run
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status.
 */
int cmd_pool_create(struct bctl *b, int argc, char **argv)
{
	struct bc_create c = { 0 };
	const char *id = NULL;
	const struct bc_opt opts[] = {
		{ "parent", 0, NULL, &c.parent },
		{ "cgroup", 0, NULL, &c.cgroup },
		{ "id", 0, NULL, &id },
		{ "exist-ok", 0, &c.exist_ok, NULL },
		BC_OPT_JSON(b), BC_OPT_RAW(b), BC_OPT_END
	};
	int status = bctl_args(b, &argc, argv, opts);

	if (status >= 0)
		return status;
	status = bctl_create_check(b, &c, argc, argv, id);
	if (!status)
		status = bctl_create(b, &c);
	bc_limits_clear(&c.limits);
	return status;
}
