// SPDX-License-Identifier: GPL-2.0
/*
 * Requests for the figures of pools
 *
 * Most of what a dump costs is to put messages together, so it is done in one go: room
 * for all of a message is reserved at once.
 */
#include "bind.h"
#include "closing.h"
#include "iptent.h"
#include "netlink.h"
#include "snapshot.h"

static __always_inline char *bc_nl_head(char *at, enum bc_attr type, size_t size)
{
	struct nlattr *nla = (struct nlattr *)at;

	nla->nla_type = type;
	nla->nla_len = nla_attr_size(size);
	return at + NLA_HDRLEN;
}

static __always_inline char *bc_nl_number(char *at, enum bc_attr type, const void *value,
					  size_t size)
{
	memcpy(bc_nl_head(at, type, size), value, size);
	return at + nla_total_size(size);
}

/* The last bytes are what fills up the attribute, and must be 0. */
static char *bc_nl_bytes(char *at, enum bc_attr type, const void *value, size_t size)
{
	at = bc_nl_head(at, type, size);
	if (!size)
		return at;
	*(u32 *)(at + NLA_ALIGN(size) - sizeof(u32)) = 0;
	memcpy(at, value, size);
	return at + NLA_ALIGN(size);
}

static size_t bc_nl_table_size(const struct bc_snap *snap)
{
	return hweight_long(snap->rows) * sizeof(struct bc_record);
}

/* Without gaps. Rows that follow one another are copied at once. */
static char *bc_nl_rows(char *at, const struct bc_snap *snap)
{
	unsigned long rows = snap->rows;
	unsigned int first, nr;
	size_t size;

	while (rows) {
		first = __ffs(rows);
		nr = ffz(rows >> first);
		size = nr * sizeof(struct bc_record);
		memcpy(at, &snap->table[first], size);
		at += size;
		rows &= ~GENMASK(first + nr - 1, first);
	}
	return at;
}

/**
 * bc_nl_put_table() - tell the figures of a pool
 * @skb: message
 * @snap: the figures
 *
 * Return: 0 or -EMSGSIZE.
 */
int bc_nl_put_table(struct sk_buff *skb, const struct bc_snap *snap)
{
	struct nlattr *nla;

	if (nla_put_u32(skb, BC_A_RECORD_SIZE, sizeof(struct bc_record)))
		return -EMSGSIZE;
	nla = nla_reserve(skb, BC_A_TABLE, bc_nl_table_size(snap));
	if (!nla)
		return -EMSGSIZE;
	bc_nl_rows(nla_data(nla), snap);
	return 0;
}

static char *bc_nl_numbers(char *at, const struct bc_snap *snap)
{
	static const u32 record_size = sizeof(struct bc_record);

	at = bc_nl_number(at, BC_A_ID, &snap->id, sizeof(u32));
	at = bc_nl_number(at, BC_A_INCARNATION, &snap->incarnation, sizeof(u64));
	at = bc_nl_number(at, BC_A_STATE, &snap->state, sizeof(u32));
	at = bc_nl_number(at, BC_A_CHILDREN, &snap->children, sizeof(u32));
	at = bc_nl_number(at, BC_A_CREATED, &snap->created, sizeof(u64));
	at = bc_nl_number(at, BC_A_GENERATION, &snap->generation, sizeof(u64));
	at = bc_nl_number(at, BC_A_CHANGED, &snap->changed, sizeof(u64));
	at = bc_nl_number(at, BC_A_TAKEN, &snap->taken, sizeof(u64));
	return bc_nl_number(at, BC_A_RECORD_SIZE, &record_size, sizeof(u32));
}

/* More than enough for all but the path of a cgroup and thresholds. */
#define BC_NL_FIGURES_SIZE	(sizeof(struct bc_snap) + 24 * NLA_HDRLEN)

/* For a cgroup that was removed the path is where it was. */
static char *bc_nl_figures(char *at, const struct bc_snap *snap, const struct bc_closing *cgroup)
{
	at = bc_nl_numbers(at, snap);
	at = bc_nl_bytes(at, BC_A_NAME, snap->name, snap->name_len + 1);
	at = bc_nl_rows(bc_nl_head(at, BC_A_TABLE, bc_nl_table_size(snap)), snap);
	if (snap->detailed)
		at = bc_nl_number(at, BC_A_MEMORY, &snap->memory, sizeof(snap->memory));
	if (snap->parent_len) {
		at = bc_nl_number(at, BC_A_PARENT_ID, &snap->parent_id, sizeof(u32));
		at = bc_nl_bytes(at, BC_A_PARENT, snap->parent, snap->parent_len + 1);
	}
	if (cgroup) {
		at = bc_nl_number(at, BC_A_CGROUP_ID, &cgroup->cgroup_id, sizeof(u64));
		if (cgroup->path[0])
			at = bc_nl_bytes(at, BC_A_CGROUP_PATH, cgroup->path,
					 cgroup->path_len + 1);
	}
	if (snap->nr_settings)
		at = bc_nl_bytes(at, BC_A_SETTINGS, snap->settings,
				 snap->nr_settings * sizeof(snap->settings[0]));
	if (snap->cpu.known)
		at = bc_nl_number(at, BC_A_CPU, &snap->cpu, sizeof(snap->cpu));
	if (snap->io.known)
		at = bc_nl_number(at, BC_A_IO, &snap->io, sizeof(snap->io));
	return at;
}

/* @pool is NULL when it went away after the snapshot. */
static int bc_nl_fill_pool(struct sk_buff *skb, const struct bc_snap *snap, struct bc_pool *pool)
{
	const struct bc_closing *cgroup = pool ? pool->closing : NULL;
	size_t size = BC_NL_FIGURES_SIZE;
	char *at = skb_tail_pointer(skb);

	/* It may end before, but not be shorter than what is written. */
	if (cgroup)
		size += cgroup->path_len;
	if (skb_tailroom(skb) < size)
		return -EMSGSIZE;
	skb_put(skb, bc_nl_figures(at, snap, cgroup) - at);
	return pool ? bc_nl_put_thresholds(skb, pool) : 0;
}

/**
 * bc_nl_reply_pool() - answer a request with the figures of one pool
 * @skb: from bc_nl_new_reply(), consumed
 * @info: request
 * @pool: pool
 * @detail: also what takes its time
 * @reader: reader that takes its peaks, or -1
 *
 * Context: under the tree mutex; may sleep.
 * Return: 0 or an error.
 */
int bc_nl_reply_pool(struct sk_buff *skb, struct genl_info *info, struct bc_pool *pool,
		     bool detail, int reader)
{
	/* Of a pool that is made just now there is nothing to be told yet. */
	bool flows = info->genlhdr->cmd != BC_CMD_POOL_NEW;
	struct bc_snap *snap = bc_snap_take(pool, detail, reader, flows);
	int ret = -ENOMEM;
	void *hdr;

	if (!snap)
		goto err_skb;
	ret = -EMSGSIZE;
	hdr = genlmsg_put_reply(skb, info, &bc_genl_family, 0, info->genlhdr->cmd);
	if (hdr)
		ret = bc_nl_fill_pool(skb, snap, pool);
	bc_snap_put(snap);
	if (ret)
		goto err_skb;
	genlmsg_end(skb, hdr);
	return genlmsg_reply(skb, info);

err_skb:
	nlmsg_free(skb);
	return ret;
}

/**
 * bc_nl_pool_get() - answer BC_CMD_POOL_GET for one pool
 * @skb: request
 * @info: request
 *
 * Return: 0 or an error.
 */
int bc_nl_pool_get(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *reply;
	struct bc_pool *pool;
	int ret, reader;

	if (info->attrs[BC_A_DETAIL] && !bc_nl_privileged(skb, NULL))
		bc_iptent_refresh();
	ret = bc_nl_begin(skb, info);
	if (ret)
		return ret;
	pool = bc_nl_find(info->attrs, info->extack);
	ret = PTR_ERR_OR_ZERO(pool);
	if (ret)
		goto out_unlock;
	reader = bc_nl_reader(info->attrs[BC_A_READER], info->extack);
	ret = reader < -1 ? reader : 0;
	if (ret)
		goto out_unlock;
	reply = bc_nl_new_reply();
	ret = reply ? bc_nl_reply_pool(reply, info, pool, info->attrs[BC_A_DETAIL], reader) :
		      -ENOMEM;
out_unlock:
	mutex_unlock(&bc_tree.lock);
	return ret;
}

/**
 * struct bc_dump - state of a dump of pools
 * @all: the instant that is shown
 * @next: next entry of it
 * @since: show only what changed after this generation
 * @taken: a reader's peaks are in it, which cannot be asked for again
 */
struct bc_dump {
	struct bc_snapshot	*all;
	unsigned int		next;
	u64			since;
	bool			taken;
};

static struct bc_dump *bc_dump_ctx(struct netlink_callback *cb)
{
	BUILD_BUG_ON(sizeof(struct bc_dump) > sizeof(cb->ctx));
	return (struct bc_dump *)cb->ctx;
}

/**
 * bc_nl_dump_start() - begin a dump of messages that may have paths
 * @cb: request
 *
 * Return: 0.
 */
int bc_nl_dump_start(struct netlink_callback *cb)
{
	/* One pool with a long path must fit, however small the reader's buffer. */
	cb->min_dump_alloc = NLMSG_GOODSIZE + BC_PATH_MAX;
	return 0;
}

/* Not in the start handler: 6.1 takes no words from there, only from the dump itself. */
static int bc_nl_dump_begin(struct netlink_callback *cb)
{
	struct nlattr **attrs = genl_info_dump(cb)->attrs, *since = attrs[BC_A_SINCE];
	struct bc_dump *dump = bc_dump_ctx(cb);
	int ret = bc_nl_privileged(cb->skb, cb->extack), reader;

	if (ret)
		return ret;
	if (since && attrs[BC_A_READER]) {
		NL_SET_ERR_MSG_ATTR(cb->extack, since, "a reader takes the peaks of all pools");
		return -EINVAL;
	}
	if (attrs[BC_A_DETAIL])
		bc_iptent_refresh();
	bc_bind_settle();
	if (mutex_lock_interruptible(&bc_tree.lock))
		return -EINTR;
	reader = bc_nl_reader(attrs[BC_A_READER], cb->extack);
	ret = reader < -1 ? reader : 0;
	if (!ret) {
		dump->since = since ? nla_get_u64(since) : 0;
		dump->taken = attrs[BC_A_READER];
		dump->all = bc_snapshot_take(attrs[BC_A_DETAIL], reader, dump->since);
		ret = dump->all ? 0 : -ENOMEM;
	}
	mutex_unlock(&bc_tree.lock);
	return ret;
}

/**
 * bc_nl_pool_dump_done() - a dump of pools is over, or is given up
 * @cb: request
 *
 * Return: 0.
 */
int bc_nl_pool_dump_done(struct netlink_callback *cb)
{
	bc_snapshot_free(bc_dump_ctx(cb)->all);
	return 0;
}

/* The pool that is shown, or NULL when it is gone. */
static struct bc_pool *bc_nl_dump_pool(const struct bc_snapshot *all, const struct bc_snap *snap)
{
	struct bc_pool *pool;

	if (likely(all->shape == bc_tree.shape))
		return snap->pool;
	pool = bc_tree_find_id(&bc_tree, snap->id);
	return pool && pool->incarnation == snap->incarnation ? pool : NULL;
}

static int bc_nl_dump_one(struct sk_buff *skb, struct netlink_callback *cb,
			  const struct bc_snap *snap)
{
	struct bc_pool *pool = bc_nl_dump_pool(bc_dump_ctx(cb)->all, snap);
	void *hdr;

	hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq, &bc_genl_family,
			  NLM_F_MULTI, BC_CMD_POOL_GET);
	if (!hdr)
		return -EMSGSIZE;
	if (!bc_dump_ctx(cb)->taken)
		genl_dump_check_consistent(cb, hdr);
	if (bc_nl_fill_pool(skb, snap, pool)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

/**
 * bc_nl_pool_dump() - answer BC_CMD_POOL_GET for all pools
 * @skb: answer
 * @cb: request
 *
 * Return: length of the answer, or an error.
 */
int bc_nl_pool_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct bc_dump *dump = bc_dump_ctx(cb);
	const struct bc_snap *snap;
	int ret = dump->all ? 0 : bc_nl_dump_begin(cb);

	if (ret)
		return ret;
	if (mutex_lock_interruptible(&bc_tree.lock))
		return -EINTR;
	/* Compared with the last call's: a change marks the dump as interrupted. */
	cb->seq = (unsigned int)bc_tree.shape << 1 | 1;
	if (!cb->prev_seq)
		cb->prev_seq = (unsigned int)dump->all->shape << 1 | 1;
	for (; !ret && dump->next < dump->all->nr; dump->next += !ret) {
		snap = dump->all->snaps[dump->next];
		if (snap->generation > dump->since)
			ret = bc_nl_dump_one(skb, cb, snap);
	}
	mutex_unlock(&bc_tree.lock);
	return ret && !skb->len ? ret : skb->len;
}
