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

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "cgroup.h"
#include "cli.h"
#include "decode.h"
#include "fetch.h"

/**
 * bc_snapshot_clear() - forget what was read
 * @snap: the snapshot, as good as new afterwards
 */
void bc_snapshot_clear(struct bc_snapshot *snap)
{
	size_t i;

	for (i = 0; snap->device_lists && i < snap->npools; i++) {
		bc_msgs_clear(&snap->device_lists[i].msgs);
		free(snap->device_lists[i].devices);
	}
	free(snap->device_lists);
	for (i = 0; snap->weights && i < snap->npools; i++)
		bc_weight_clear(&snap->weights[i]);
	free(snap->weights);
	bc_msgs_clear(&snap->res_msgs);
	bc_msgs_clear(&snap->pool_msgs);
	bc_msgs_clear(&snap->tunable_msgs);
	free(snap->tunables);
	free(snap->res);
	free(snap->pools);
	memset(snap, 0, sizeof(*snap));
}

static int bc_put_reader(const struct bctl *b, struct nl_msg *msg)
{
	return b->reader ? nla_put_string(msg, BC_A_READER, b->reader) : 0;
}

/* With what goes with pools: the reader whose peaks are taken, and the details. */
static int bctl_dump_pools(struct bctl *b, bool detail, struct bc_msgs *msgs)
{
	struct nl_msg *msg = bc_nl_new(b->nl, BC_CMD_POOL_GET, NLM_F_DUMP);
	int ret = -ENOMEM;

	if (msg && (!detail || !nla_put_flag(msg, BC_A_DETAIL)) && !bc_put_reader(b, msg))
		ret = bc_nl_call(b->nl, msg, msgs);
	nlmsg_free(msg);
	return ret ? bctl_fail_nl(b, NULL, ret) : BCTL_OK;
}

/**
 * bctl_dump() - read all there is of something
 * @b: the run
 * @cmd: enum bc_cmd
 * @msgs: receives it
 *
 * Return: BCTL_OK or BCTL_FAILED.
 */
int bctl_dump(struct bctl *b, uint8_t cmd, struct bc_msgs *msgs)
{
	struct nl_msg *msg = bc_nl_new(b->nl, cmd, NLM_F_DUMP);
	int ret = -ENOMEM;

	if (msg)
		ret = bc_nl_call(b->nl, msg, msgs);
	nlmsg_free(msg);
	return ret ? bctl_fail_nl(b, NULL, ret) : BCTL_OK;
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
	int status = bctl_open(b);
	size_t i;

	if (!status)
		status = bctl_dump(b, BC_CMD_RES_GET, &snap->res_msgs);
	if (status)
		return status;
	snap->res = calloc(snap->res_msgs.count + 1, sizeof(*snap->res));
	if (!snap->res)
		return bctl_fail_nl(b, NULL, -ENOMEM);
	for (i = 0; i < snap->res_msgs.count; i++)
		if (bc_decode_res(snap->res_msgs.hdr[i], &snap->res[i]))
			return bctl_fail(b, NULL, "the kernel's list of resources is malformed");
	snap->nres = snap->res_msgs.count;
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
	struct nl_msg *msg = bc_nl_new(b->nl, BC_CMD_SETTING_GET, NLM_F_DUMP);
	int ret = msg ? bc_nl_call(b->nl, msg, &snap->tunable_msgs) : -ENOMEM;
	size_t i;

	nlmsg_free(msg);
	if (ret == -EOPNOTSUPP)
		return BCTL_OK;
	if (ret)
		return bctl_fail_nl(b, NULL, ret);
	snap->tunables = calloc(snap->tunable_msgs.count + 1, sizeof(*snap->tunables));
	if (!snap->tunables)
		return bctl_fail_nl(b, NULL, -ENOMEM);
	for (i = 0; i < snap->tunable_msgs.count; i++)
		if (bc_decode_tunable(snap->tunable_msgs.hdr[i], &snap->tunables[i]))
			return bctl_fail(b, NULL, "the kernel's list of settings is malformed");
	snap->ntunables = snap->tunable_msgs.count;
	return BCTL_OK;
}

/* A pool that went meanwhile has none. */
static int bctl_fetch_devices(struct bctl *b, const struct bcn_pool *pool,
			      struct bc_device_list *list)
{
	struct nl_msg *msg = bc_nl_new(b->nl, BC_CMD_IO_GET, NLM_F_DUMP);
	int ret = -ENOMEM;
	size_t i;

	if (msg && !nla_put_string(msg, BC_A_NAME, pool->name))
		ret = bc_nl_call(b->nl, msg, &list->msgs);
	nlmsg_free(msg);
	if (ret == -EOPNOTSUPP || ret == -ENOENT)
		return BCTL_OK;
	if (ret)
		return bctl_fail_nl(b, pool->name, ret);
	list->devices = calloc(list->msgs.count + 1, sizeof(*list->devices));
	if (!list->devices)
		return bctl_fail_nl(b, NULL, -ENOMEM);
	for (i = 0; i < list->msgs.count; i++)
		if (bc_decode_device(list->msgs.hdr[i], &list->devices[i]))
			return bctl_fail(b, pool->name,
					 "the kernel's description of a block device is malformed");
	list->count = list->msgs.count;
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
 * bctl_take_pools() - take the descriptions of pools apart
 * @b: the run
 * @snap: has their messages, receives the pools
 *
 * Return: BCTL_OK or BCTL_FAILED.
 */
int bctl_take_pools(struct bctl *b, struct bc_snapshot *snap)
{
	size_t i;

	snap->pools = calloc(snap->pool_msgs.count + 1, sizeof(*snap->pools));
	if (!snap->pools)
		return bctl_fail_nl(b, NULL, -ENOMEM);
	for (i = 0; i < snap->pool_msgs.count; i++)
		if (bc_decode_pool(snap->pool_msgs.hdr[i], &snap->pools[i]))
			return bctl_fail(b, NULL,
					 "the kernel's description of a pool is malformed");
	snap->npools = snap->pool_msgs.count;
	return BCTL_OK;
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
		status = bctl_dump_pools(b, snap->detail, &snap->pool_msgs);
	if (!status)
		status = bctl_take_pools(b, snap);
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
	if (!status)
		status = bctl_dump_pools(b, false, &snap->pool_msgs);
	return status ? status : bctl_take_pools(b, snap);
}

static int bc_get_pool(struct bctl *b, const char *name, bool detail, struct bc_msgs *msgs)
{
	struct nl_msg *msg = bc_nl_new(b->nl, BC_CMD_POOL_GET, 0);
	int ret = -ENOMEM;

	if (msg && !nla_put_string(msg, BC_A_NAME, name) && !bc_put_reader(b, msg) &&
	    (!detail || !nla_put_flag(msg, BC_A_DETAIL)))
		ret = bc_nl_call(b->nl, msg, msgs);
	nlmsg_free(msg);
	if (!ret && msgs->count != 1)
		ret = -EBADMSG;
	return ret;
}

/* Move the messages of @from to the end of @to. */
static int bc_msgs_move(struct bc_msgs *to, struct bc_msgs *from)
{
	size_t count = to->count + from->count;
	struct nlmsghdr **list = realloc(to->hdr, count * sizeof(*list));

	if (!list)
		return -ENOMEM;
	memcpy(list + to->count, from->hdr, from->count * sizeof(*list));
	to->hdr = list;
	to->count = count;
	to->room = count;
	from->count = 0;
	return 0;
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
	struct bc_msgs one = { 0 };
	int status, ret = 0, i;

	if (!count)
		return bctl_fetch_pools(b, snap);
	status = bctl_fetch_resources(b, snap);
	if (status)
		return status;
	snap->taken = bc_boottime();
	for (i = 0; i < count && !ret; i++) {
		ret = bc_get_pool(b, names[i], snap->detail, &one);
		if (ret)
			status = bctl_fail_nl(b, names[i], ret);
		else
			ret = bc_msgs_move(&snap->pool_msgs, &one);
		bc_msgs_clear(&one);
	}
	if (ret)
		return status ? status : bctl_fail_nl(b, NULL, ret);
	status = bctl_take_pools(b, snap);
	return status ? status : bctl_fetch_more(b, snap);
}

/**
 * bc_fetch_pool() - read one pool
 * @b: the run
 * @name: its name
 * @msgs: receives the message behind @pool; to be cleared by the caller even
 *	after an error
 * @pool: receives the pool
 *
 * Return: 0 or a negative errno.
 */
int bc_fetch_pool(struct bctl *b, const char *name, struct bc_msgs *msgs,
		  struct bcn_pool *pool)
{
	int ret = bc_get_pool(b, name, false, msgs);

	return ret ? ret : bc_decode_pool(msgs->hdr[0], pool);
}

/**
 * bctl_find_pool() - read one pool that has to be there
 * @b: the run
 * @name: its name
 * @msgs: receives the message behind @pool; to be cleared by the caller even
 *	after an error
 * @pool: receives the pool, which has a cgroup
 *
 * Return: BCTL_OK or BCTL_FAILED.
 */
int bctl_find_pool(struct bctl *b, const char *name, struct bc_msgs *msgs,
		   struct bcn_pool *pool)
{
	int status = bctl_open(b);
	int ret;

	if (status)
		return status;
	ret = bc_fetch_pool(b, name, msgs, pool);
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
