// SPDX-License-Identifier: GPL-2.0
/*
 * Reading pools and resources
 *
 * All pools come by a dump, which the kernel takes from one recount. Pools
 * asked for by name come one by one, and so do the block devices of each.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup.h"
#include "cli.h"
#include "fetch.h"

/**
 * bc_snapshot_clear() - forget what was read
 * @snap: the snapshot, as good as new afterwards
 */
void bc_snapshot_clear(struct bc_snapshot *snap)
{
	size_t i;

	for (i = 0; snap->device_lists && i < snap->npools; i++) {
		bcn_list_free(snap->device_lists[i].list);
		free(snap->device_lists[i].devices);
	}
	free(snap->device_lists);
	for (i = 0; snap->weights && i < snap->npools; i++)
		bc_weight_clear(&snap->weights[i]);
	free(snap->weights);
	for (i = 0; i < snap->nlists; i++)
		bcn_list_free(snap->pool_lists[i]);
	free(snap->pool_lists);
	bcn_list_free(snap->res_list);
	bcn_list_free(snap->tunable_list);
	free(snap->tunables);
	free(snap->res);
	free(snap->pools);
	memset(snap, 0, sizeof(*snap));
}

/* Report that a list cannot be had; @what it is a list of is told if the kernel sent rubbish. */
static int bctl_fail_list(struct bctl *b, const char *object, const char *what, int ret)
{
	if (ret == -EBADMSG && !*bcn_message(b->nl))
		return bctl_fail(b, object, "the kernel's %s is malformed", what);
	return bctl_fail_nl(b, object, ret);
}

/**
 * bctl_fetch_resources() - read which resources the module has
 * @b: the run
 * @snap: receives them
 *
 * Return: BCTL_OK or BCTL_FAILED.
 */
int bctl_fetch_resources(struct bctl *b, struct bc_snapshot *snap)
{
	int status = bctl_open(b), ret;
	size_t i;

	if (status)
		return status;
	ret = bcn_resources(b->nl, &snap->res_list);
	if (ret)
		return bctl_fail_list(b, NULL, "list of resources", ret);
	snap->res = calloc(bcn_list_count(snap->res_list) + 1, sizeof(*snap->res));
	if (!snap->res)
		return bctl_fail_nl(b, NULL, -ENOMEM);
	snap->nres = bcn_list_count(snap->res_list);
	for (i = 0; i < snap->nres; i++)
		snap->res[i] = *bcn_list_resource(snap->res_list, i);
	return BCTL_OK;
}

/**
 * bctl_fetch_tunables() - read which settings the module has
 * @b: the run, connected
 * @snap: receives them; none from a module that does not know of settings
 *
 * Return: BCTL_OK or BCTL_FAILED.
 */
int bctl_fetch_tunables(struct bctl *b, struct bc_snapshot *snap)
{
	int ret = bcn_settings(b->nl, &snap->tunable_list);
	size_t i;

	if (ret == -EOPNOTSUPP)
		return BCTL_OK;
	if (ret)
		return bctl_fail_list(b, NULL, "list of settings", ret);
	snap->tunables = calloc(bcn_list_count(snap->tunable_list) + 1, sizeof(*snap->tunables));
	if (!snap->tunables)
		return bctl_fail_nl(b, NULL, -ENOMEM);
	snap->ntunables = bcn_list_count(snap->tunable_list);
	for (i = 0; i < snap->ntunables; i++)
		snap->tunables[i] = *bcn_list_setting(snap->tunable_list, i);
	return BCTL_OK;
}

/* A pool that went meanwhile has none. */
static int bctl_fetch_devices(struct bctl *b, const struct bcn_pool *pool,
			      struct bc_device_list *list)
{
	int ret = bcn_devices(b->nl, pool->name, &list->list);
	size_t i;

	if (ret == -EOPNOTSUPP || ret == -ENOENT)
		return BCTL_OK;
	if (ret)
		return bctl_fail_list(b, pool->name, "description of a block device", ret);
	list->devices = calloc(bcn_list_count(list->list) + 1, sizeof(*list->devices));
	if (!list->devices)
		return bctl_fail_nl(b, NULL, -ENOMEM);
	list->count = bcn_list_count(list->list);
	for (i = 0; i < list->count; i++)
		list->devices[i] = *bcn_list_device(list->list, i);
	return BCTL_OK;
}

/* A cgroup that goes meanwhile has no weight. */
static int bc_fetch_weight(int root, const struct bcn_pool *pool, const struct bc_disks *disks,
			   const struct bc_device_list *used, struct bc_weight *weight)
{
	int dir, ret = 0;

	if (pool->state != BC_POOL_LIVE || !pool->cgroup || !*pool->cgroup)
		return 0;
	dir = bc_cgroup_open(root, pool->cgroup);
	if (dir < 0)
		return 0;
	if (!bc_weight_read(dir, weight) && weight->known)
		ret = bc_weight_judge(weight, disks, used);
	close(dir);
	return ret;
}

/* What the kernel has in the cgroups themselves; nothing without a hierarchy. */
static int bctl_fetch_weights(struct bctl *b, struct bc_snapshot *snap)
{
	struct bc_disks disks = { 0 };
	int root = bc_cgroup_open_root(), ret;
	size_t i;

	if (root < 0)
		return BCTL_OK;
	snap->weights = calloc(snap->npools + 1, sizeof(*snap->weights));
	ret = snap->weights ? bc_disks_read(root, &disks) : -ENOMEM;
	for (i = 0; i < snap->npools && !ret; i++)
		ret = bc_fetch_weight(root, &snap->pools[i], &disks,
				      snap->device_lists ? &snap->device_lists[i] : NULL,
				      &snap->weights[i]);
	bc_disks_clear(&disks);
	close(root);
	return ret ? bctl_fail_nl(b, NULL, ret) : BCTL_OK;
}

/*
 * What belongs to the pools and takes requests of its own. A dying pool is not
 * asked for: a live one may have its name and id.
 */
static int bctl_fetch_more(struct bctl *b, struct bc_snapshot *snap)
{
	int status = bctl_fetch_tunables(b, snap);
	size_t i;

	if (!status && snap->devices) {
		snap->device_lists = calloc(snap->npools + 1, sizeof(*snap->device_lists));
		if (!snap->device_lists)
			return bctl_fail_nl(b, NULL, -ENOMEM);
		for (i = 0; i < snap->npools && !status; i++)
			if (snap->pools[i].io.known && snap->pools[i].state == BC_POOL_LIVE)
				status = bctl_fetch_devices(b, &snap->pools[i],
							    &snap->device_lists[i]);
	}
	return status ? status : bctl_fetch_weights(b, snap);
}

/**
 * bctl_take_pools() - add pools to a snapshot
 * @b: the run
 * @snap: receives them
 * @list: the pools; belongs to @snap from now on, even after an error
 *
 * Return: BCTL_OK or BCTL_FAILED.
 */
int bctl_take_pools(struct bctl *b, struct bc_snapshot *snap, struct bcn_list *list)
{
	size_t count = bcn_list_count(list), i;
	struct bcn_list **lists = realloc(snap->pool_lists, (snap->nlists + 1) * sizeof(*lists));
	struct bcn_pool *pools;

	if (!lists) {
		bcn_list_free(list);
		return bctl_fail_nl(b, NULL, -ENOMEM);
	}
	snap->pool_lists = lists;
	snap->pool_lists[snap->nlists++] = list;
	pools = realloc(snap->pools, (snap->npools + count + 1) * sizeof(*pools));
	if (!pools)
		return bctl_fail_nl(b, NULL, -ENOMEM);
	snap->pools = pools;
	for (i = 0; i < count; i++)
		snap->pools[snap->npools++] = *bcn_list_pool(list, i);
	return BCTL_OK;
}

/* With what goes with pools: the reader whose peaks are taken, and the details. */
static int bctl_dump_pools(struct bctl *b, struct bc_snapshot *snap)
{
	const struct bcn_query query = { .reader = b->reader, .detail = snap->detail };
	struct bcn_list *list;
	int ret = bcn_pools(b->nl, &query, &list);

	return ret ? bctl_fail_list(b, NULL, "description of a pool", ret) :
		     bctl_take_pools(b, snap, list);
}

/**
 * bctl_fetch_pools() - read all pools, and the resources
 * @b: the run
 * @snap: receives them; to be cleared by the caller even after an error
 *
 * Return: BCTL_OK or BCTL_FAILED.
 */
int bctl_fetch_pools(struct bctl *b, struct bc_snapshot *snap)
{
	int status = bctl_fetch_resources(b, snap);

	snap->taken = bc_boottime();
	if (!status)
		status = bctl_dump_pools(b, snap);
	return status ? status : bctl_fetch_more(b, snap);
}

/**
 * bctl_fetch_figures() - read all pools and nothing else, in one dump
 * @b: the run
 * @snap: receives them; to be cleared by the caller even after an error
 *
 * Return: BCTL_OK or BCTL_FAILED.
 */
int bctl_fetch_figures(struct bctl *b, struct bc_snapshot *snap)
{
	int status = bctl_open(b);

	snap->taken = bc_boottime();
	return status ? status : bctl_dump_pools(b, snap);
}

/**
 * bctl_fetch_named() - read some pools, and the resources
 * @b: the run
 * @snap: receives them; to be cleared by the caller even after an error
 * @count: how many names
 * @names: the names; none for all pools
 *
 * Return: BCTL_OK or BCTL_FAILED.
 */
int bctl_fetch_named(struct bctl *b, struct bc_snapshot *snap, int count, char **names)
{
	struct bcn_query query = { .reader = b->reader, .detail = snap->detail };
	struct bcn_list *list;
	int status, ret, i;

	if (!count)
		return bctl_fetch_pools(b, snap);
	status = bctl_fetch_resources(b, snap);
	snap->taken = bc_boottime();
	for (i = 0; i < count && !status; i++) {
		query.name = names[i];
		ret = bcn_pools(b->nl, &query, &list);
		if (ret)
			status = bctl_fail_list(b, names[i], "description of a pool", ret);
		else
			status = bctl_take_pools(b, snap, list);
	}
	return status ? status : bctl_fetch_more(b, snap);
}

/**
 * bc_fetch_pool() - read one pool
 * @b: the run
 * @name: its name
 * @listp: receives what @pool points to, to be freed by the caller; NULL after an error
 * @pool: receives the pool
 *
 * Return: 0 or a negative errno.
 */
int bc_fetch_pool(struct bctl *b, const char *name, struct bcn_list **listp,
		  struct bcn_pool *pool)
{
	const struct bcn_query query = { .name = name, .reader = b->reader };
	int ret = bcn_pools(b->nl, &query, listp);

	if (!ret)
		*pool = *bcn_list_pool(*listp, 0);
	return ret;
}

/**
 * bctl_find_pool() - read one pool that has to be there
 * @b: the run
 * @name: its name
 * @listp: receives what @pool points to, to be freed by the caller even after an error
 * @pool: receives the pool, which has a cgroup
 *
 * Return: BCTL_OK or BCTL_FAILED.
 */
int bctl_find_pool(struct bctl *b, const char *name, struct bcn_list **listp,
		   struct bcn_pool *pool)
{
	int status = bctl_open(b);
	int ret;

	if (status)
		return status;
	ret = bc_fetch_pool(b, name, listp, pool);
	if (ret)
		return bctl_fail_nl(b, name, ret);
	if (!pool->id)
		pool->cgroup = "";
	if (!pool->cgroup)
		return bctl_fail(b, name, "the pool has no cgroup any more");
	return BCTL_OK;
}

/**
 * bc_find_res() - look a resource up
 * @snap: has the resources
 * @name: the name
 *
 * Return: the resource, or NULL.
 */
const struct bcn_res *bc_find_res(const struct bc_snapshot *snap, const char *name)
{
	size_t i;

	for (i = 0; i < snap->nres; i++)
		if (!strcmp(snap->res[i].name, name))
			return &snap->res[i];
	return NULL;
}

/**
 * bctl_printer() - how to print in this run
 * @b: the run
 *
 * Return: a printer to stdout.
 */
struct bc_printer bctl_printer(const struct bctl *b)
{
	return (struct bc_printer) {
		.out = stdout,
		.json = b->json,
		.raw = b->raw,
		.page_size = bc_page_size(),
	};
}

/* A reader's first taking brings none. */
static bool bc_no_peaks(const struct bc_snapshot *snap)
{
	struct bc_record rec;

	if (!snap->npools || !snap->pools[0].records)
		return false;
	bcn_pool_record(&snap->pools[0], 0, &rec);
	return !(rec.flags & BC_RECORD_F_PEAK);
}

/**
 * bc_pools_doc() - make a document of the pools that were read
 * @snap: the pools
 * @doc: the document, to be ended by bc_doc_end()
 */
void bc_pools_doc(const struct bc_snapshot *snap, struct bc_doc *doc)
{
	size_t i;

	bc_doc_begin(doc, "bctl.pools/1", "pools", snap->taken);
	bc_doc_page_size(doc, bc_page_size());
	for (i = 0; i < snap->npools; i++) {
		bc_doc_pool(doc, &snap->pools[i], snap->res, snap->nres);
		bc_doc_flows(doc, &snap->pools[i], snap->tunables, snap->ntunables,
			     snap->device_lists ? &snap->device_lists[i] : NULL);
		if (snap->weights)
			bc_doc_weight(doc, &snap->weights[i]);
	}
}

/**
 * bctl_print_pools() - print the pools that were read
 * @b: the run
 * @snap: the pools
 * @view: how the text looks
 *
 * Return: BCTL_OK or BCTL_FAILED.
 */
int bctl_print_pools(struct bctl *b, const struct bc_snapshot *snap, enum bc_view view)
{
	struct bc_printer p = bctl_printer(b);
	struct bc_doc doc;
	int ret;

	bc_pools_doc(snap, &doc);
	if (b->reader)
		bc_doc_reader(&doc, b->reader);
	ret = bc_print(&p, &doc, view);
	bc_doc_end(&doc);
	if (b->reader && bc_no_peaks(snap))
		bctl_note(b, b->reader, "a new reader: its first interval begins now");
	return ret ? bctl_fail_nl(b, NULL, ret) : BCTL_OK;
}
