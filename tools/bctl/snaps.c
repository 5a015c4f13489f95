// SPDX-License-Identifier: GPL-2.0
/*
 * A file for each refusal: the event, and the processes of the pool
 *
 * The pool is the one at the level that refused, with all that lies below it,
 * where the culprit is too. The culprit comes first. Taken when the event is
 * read, which is as soon as bctl gets to run. Whatever goes wrong is told and
 * leaves the events alone.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include "cgroup.h"
#include "cli.h"
#include "fetch.h"
#include "procs.h"
#include "snaps.h"
#include "store.h"

#define BC_SNAPS_PREFIX	"refusal-"
/* No more processes are looked at after so long; events wait meanwhile. */
#define BC_SNAPS_NS	1000000000ULL

/**
 * bctl_snaps_open() - make ready to write
 * @b: the run
 * @s: has the directory's name, if there is to be one
 *
 * Return: BCTL_OK or BCTL_FAILED.
 */
int bctl_snaps_open(struct bctl *b, struct bc_snaps *s)
{
	s->dir = -1;
	if (!s->path)
		return BCTL_OK;
	s->dir = bc_store_open(s->path, 1);
	if (s->dir == -EPERM)
		return bctl_fail(b, s->path, "the directory is another user's");
	if (s->dir < 0)
		return bctl_fail(b, s->path, "%s", strerror(-s->dir));
	return BCTL_OK;
}

/* Open a pool's cgroup if it is still that one. */
static int bc_snaps_cgroup(const struct bcn_pool *pool)
{
	int root = bc_cgroup_open_root(), fd = root;
	uint64_t id;

	if (root < 0)
		return root;
	fd = bc_cgroup_open(root, pool->cgroup);
	close(root);
	if (fd >= 0 && BCN_HAS(pool, BC_A_CGROUP_ID) &&
	    (bc_cgroup_id(fd, &id) || id != pool->cgroup_id)) {
		close(fd);
		return -ENOENT;
	}
	return fd;
}

static int bc_snaps_pool(struct bc_procs *procs, const struct bcn_pool *pool)
{
	int fd = pool->cgroup ? bc_snaps_cgroup(pool) : -ENOENT, ret;

	if (fd < 0)
		return fd;
	ret = bc_procs_tree(procs, fd);
	close(fd);
	return ret;
}

/* The host has no cgroup of its own: it is all pools right below it. */
static int bc_snaps_host(struct bc_snaps *s, struct bc_procs *procs)
{
	struct bc_snapshot snap = { 0 };
	int ret = 0;
	size_t i;

	if (bctl_fetch_pools(s->ask, &snap))
		ret = -EIO;
	for (i = 0; i < snap.npools && !ret; i++)
		if (snap.pools[i].id && !snap.pools[i].parent_id)
			(void)bc_snaps_pool(procs, &snap.pools[i]);
	bc_snapshot_clear(&snap);
	return ret;
}

/* Why the processes of the pool could not be read; NULL if they were. */
static const char *bc_snaps_read(struct bc_snaps *s, const struct bcn_notice *n,
				 struct bc_procs *procs)
{
	struct bcn_list *list = NULL;
	struct bcn_pool pool = { 0 };
	int ret;

	if (BCN_HAS(n, BC_A_PID) && n->pid)
		bc_procs_one(procs, n->pid);
	ret = bctl_open(s->ask) ? -EIO : bc_fetch_pool(s->ask, n->name, &list, &pool);
	if (!ret && pool.incarnation != n->incarnation)
		ret = -ENOENT;
	if (!ret && BCN_HAS(&pool, BC_A_CGROUP_PATH))
		bc_put_str(procs->doc, procs->doc->root, "cgroup", pool.cgroup);
	if (!ret)
		ret = pool.id ? bc_snaps_pool(procs, &pool) : bc_snaps_host(s, procs);
	bcn_list_free(list);
	if (!ret)
		return NULL;
	return ret == -ENOENT ? "the pool or its cgroup is gone" : strerror(-ret);
}

static void bc_snaps_fill(struct bc_snaps *s, const struct bcn_notice *n,
			  json_object *event, struct bc_doc *doc)
{
	struct bc_procs procs = { .doc = doc, .deadline = bc_boottime() + BC_SNAPS_NS };
	const char *why;

	bc_doc_begin(doc, "bctl.snapshot/1", "processes", bc_boottime());
	if (doc->err)
		return;
	bc_put(doc, doc->root, "event", json_object_get(event));
	why = bc_snaps_read(s, n, &procs);
	if (why)
		bc_put_str(doc, doc->root, "error", why);
	bc_put_int(doc, doc->root, "listed", procs.listed);
	bc_put_int(doc, doc->root, "vanished", procs.vanished);
	bc_put_int(doc, doc->root, "left_out", procs.left_out);
	bc_put_int(doc, doc->root, "skipped", s->skipped);
}

/* Sorted by time, readable, and never the same twice. */
static void bc_snaps_name(struct bc_snaps *s, const struct bcn_notice *n, char *name, size_t size)
{
	struct timespec now;
	struct tm tm;
	char stamp[32];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%S", &tm);
	snprintf(name, size, BC_SNAPS_PREFIX "%s.%06ldZ-%d-%llu-%s.json", stamp,
		 now.tv_nsec / 1000, (int)getpid(), (unsigned long long)s->serial, n->name);
	for (; *name; name++)
		if (*name == '/')
			*name = '_';
}

static void bc_snaps_skip(struct bc_snaps *s)
{
	s->skipped++;
	s->skipped_total++;
}

/**
 * bc_snaps_event() - write a file for an event, if it is a refusal
 * @b: the run
 * @s: the files; without a directory nothing is done
 * @n: the event
 * @event: its document, which is told the path of the file
 */
void bc_snaps_event(struct bctl *b, struct bc_snaps *s, const struct bcn_notice *n,
		    json_object *event)
{
	char name[NAME_MAX + 1], path[PATH_MAX];
	json_object *told;
	struct bc_doc doc;
	const char *text;
	int ret = -ENOMEM;

	if (!s->path || n->event != BC_EVENT_REFUSAL || !n->name)
		return;
	if (!bc_rate_take(&s->rate, bc_boottime())) {
		bc_snaps_skip(s);
		return;
	}
	s->serial++;
	bc_snaps_name(s, n, name, sizeof(name));
	bc_snaps_fill(s, n, event, &doc);
	text = doc.err ? NULL : json_object_to_json_string_ext(doc.root, JSON_C_TO_STRING_PLAIN |
							       JSON_C_TO_STRING_NOSLASHESCAPE);
	if (text)
		ret = bc_store_write(s->dir, name, text);
	bc_doc_end(&doc);
	if (ret) {
		/* once is enough; bc_snaps_report() has the number */
		if (!s->failed++)
			bctl_note(b, s->path, "cannot write a snapshot: %s", strerror(-ret));
		bc_snaps_skip(s);
	} else {
		s->skipped = 0;
		snprintf(path, sizeof(path), "%s/%s", s->path, name);
		told = bc_new_str(path);
		if (told)
			json_object_object_add(event, "snapshot", told);
	}
	ret = bc_store_prune(s->dir, BC_SNAPS_PREFIX, s->keep);
	if (ret)
		bctl_note(b, s->path, "cannot remove old snapshots: %s", strerror(-ret));
}

/**
 * bc_snaps_report() - tell what was left out
 * @b: the run
 * @s: the files
 */
void bc_snaps_report(struct bctl *b, const struct bc_snaps *s)
{
	if (s->skipped_total)
		bctl_note(b, s->path, "no snapshot of %llu refusals, %llu of them for an error",
			  (unsigned long long)s->skipped_total, (unsigned long long)s->failed);
}

/**
 * bc_snaps_clear() - close the directory
 * @s: the files
 */
void bc_snaps_clear(struct bc_snaps *s)
{
	if (s->path && s->dir >= 0)
		close(s->dir);
	bc_rate_clear(&s->rate);
}
