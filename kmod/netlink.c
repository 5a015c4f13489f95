// SPDX-License-Identifier: GPL-2.0
/*
 * The generic netlink family; uapi/linux/beancounter.h is its manual
 *
 * Handlers parse and check, call bind.c, and fill answers from snapshots; no
 * other file knows of messages. Whoever asks must be privileged on the host:
 * capabilities in the initial user namespace, and no container's pid namespace,
 * so that a privileged container cannot change its own limits either.
 */
#include <linux/cgroup.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pid_namespace.h>
#include <net/genetlink.h>

#include "bind.h"
#include "closing.h"
#include "hook.h"
#include "iptent.h"
#include "member.h"
#include "netlink.h"
#include "procfs.h"
#include "refusal.h"
#include "snapshot.h"
#include "version.h"
#include "watch.h"

static bool bc_nl_live;		/* the family is registered; under the tree mutex */
static bool bc_nl_refusing;	/* the module is being unloaded; under the tree mutex */

static const struct nla_policy bc_limit_policy[BC_LIMIT_A_MAX + 1] = {
	[BC_LIMIT_A_RES]	= { .type = NLA_U32 },
	[BC_LIMIT_A_BARRIER]	= { .type = NLA_U64 },
	[BC_LIMIT_A_LIMIT]	= { .type = NLA_U64 },
};

static const struct nla_policy bc_new_policy[BC_A_SETTING + 1] = {
	[BC_A_NAME]		= { .type = NLA_NUL_STRING },
	[BC_A_PARENT]		= { .type = NLA_NUL_STRING },
	[BC_A_ID]		= NLA_POLICY_MIN(NLA_U32, 1),
	[BC_A_CGROUP_FD]	= { .type = NLA_S32 },
	[BC_A_CGROUP_PATH]	= { .type = NLA_NUL_STRING, .len = BC_PATH_MAX },
	[BC_A_LIMIT]		= NLA_POLICY_NESTED(bc_limit_policy),
	[BC_A_SETTING]		= NLA_POLICY_NESTED(bc_setting_policy),
};

static const struct nla_policy bc_set_policy[BC_A_SETTING + 1] = {
	[BC_A_NAME]		= { .type = NLA_NUL_STRING },
	[BC_A_ID]		= { .type = NLA_U32 },
	[BC_A_LIMIT]		= NLA_POLICY_NESTED(bc_limit_policy),
	[BC_A_SETTING]		= NLA_POLICY_NESTED(bc_setting_policy),
};

static const struct nla_policy bc_get_policy[BC_A_READER + 1] = {
	[BC_A_NAME]		= { .type = NLA_NUL_STRING },
	[BC_A_ID]		= { .type = NLA_U32 },
	[BC_A_SINCE]		= { .type = NLA_U64 },
	[BC_A_DETAIL]		= { .type = NLA_FLAG },
	[BC_A_READER]		= { .type = NLA_NUL_STRING },
};

static const struct nla_policy bc_threshold_set_policy[BC_A_THRESHOLD + 1] = {
	[BC_A_NAME]		= { .type = NLA_NUL_STRING },
	[BC_A_ID]		= { .type = NLA_U32 },
	[BC_A_THRESHOLD]	= NLA_POLICY_NESTED(bc_threshold_policy),
};

static const struct nla_policy bc_reader_policy[BC_A_READER + 1] = {
	[BC_A_READER]		= { .type = NLA_NUL_STRING },
};

static const struct nla_policy bc_closed_policy[BC_A_SERIAL + 1] = {
	[BC_A_SERIAL]		= { .type = NLA_U64 },
};

static const struct nla_policy bc_closed_ack_policy[BC_A_SERIAL + 1] = {
	[BC_A_READER]		= { .type = NLA_NUL_STRING },
	[BC_A_SERIAL]		= { .type = NLA_U64 },
};

static const struct nla_policy bc_which_policy[BC_A_NAME + 1] = {
	[BC_A_NAME]		= { .type = NLA_NUL_STRING },
	[BC_A_ID]		= { .type = NLA_U32 },
};

/* Knows no attribute, so that any is refused. */
static const struct nla_policy bc_none_policy[BC_A_PAD + 1];

/**
 * bc_nl_privileged() - may this caller use the family?
 * @skb: request
 * @extack: for messages
 *
 * Return: 0 or -EPERM.
 */
int bc_nl_privileged(struct sk_buff *skb, struct netlink_ext_ack *extack)
{
	if (netlink_capable(skb, CAP_NET_ADMIN) && netlink_capable(skb, CAP_SYS_RESOURCE) &&
	    task_active_pid_ns(current) == &init_pid_ns)
		return 0;
	NL_SET_ERR_MSG_MOD(extack, "only the root of the host may use this");
	return -EPERM;
}

/**
 * bc_nl_begin() - begin a request: the caller is checked and the tree mutex taken
 * @skb: request
 * @info: request
 *
 * Return: 0, with the mutex held; -EPERM, -EINTR or -ESHUTDOWN.
 */
int bc_nl_begin(struct sk_buff *skb, struct genl_info *info)
{
	int ret = bc_nl_privileged(skb, info->extack);

	if (ret)
		return ret;
	bc_bind_settle();
	ret = mutex_lock_interruptible(&bc_tree.lock);
	if (ret || !bc_nl_refusing)
		return ret;
	mutex_unlock(&bc_tree.lock);
	NL_SET_ERR_MSG_MOD(info->extack, "the module is being unloaded");
	return -ESHUTDOWN;
}

/**
 * bc_nl_find() - the pool that a request names
 * @attrs: attributes of the request
 * @extack: for messages
 *
 * Context: under the tree mutex.
 * Return: pool, or an error pointer.
 */
struct bc_pool *bc_nl_find(struct nlattr **attrs, struct netlink_ext_ack *extack)
{
	struct nlattr *name = attrs[BC_A_NAME], *id = attrs[BC_A_ID];
	struct bc_pool *pool;

	if (!name == !id) {
		NL_SET_ERR_MSG_MOD(extack, "name the pool by name or by id");
		return ERR_PTR(-EINVAL);
	}
	pool = name ? bc_tree_find(&bc_tree, nla_data(name)) :
		      bc_tree_find_id(&bc_tree, nla_get_u32(id));
	if (pool)
		return pool;
	NL_SET_ERR_MSG_ATTR(extack, name ?: id, "there is no such pool");
	return ERR_PTR(-ENOENT);
}

static struct bc_pool *bc_nl_pool(struct genl_info *info)
{
	return bc_nl_find(info->attrs, info->extack);
}

/**
 * bc_nl_put_pool() - say which pool something is about
 * @skb: message
 * @id: number
 * @name: name
 * @incarnation: incarnation
 *
 * Return: 0 or -EMSGSIZE.
 */
int bc_nl_put_pool(struct sk_buff *skb, u32 id, const char *name, u64 incarnation)
{
	return nla_put_u32(skb, BC_A_ID, id) ?:
	       nla_put_string(skb, BC_A_NAME, name) ?:
	       nla_put_u64_64bit(skb, BC_A_INCARNATION, incarnation, BC_A_PAD);
}

/**
 * bc_nl_put_res() - say which resource something is about
 * @skb: message
 * @res: resource
 *
 * Return: 0 or -EMSGSIZE.
 */
int bc_nl_put_res(struct sk_buff *skb, enum bc_res res)
{
	return nla_put_u32(skb, BC_A_RES, bc_resources[res].id) ?:
	       nla_put_string(skb, BC_A_RES_NAME, bc_resources[res].name);
}

static int bc_nl_parse_limit(struct nlattr *attr, struct bc_bounds bounds[BC_NR_RES],
			     struct netlink_ext_ack *extack)
{
	struct nlattr *tb[BC_LIMIT_A_MAX + 1];
	u64 barrier, limit;
	int ret, res;

	ret = nla_parse_nested(tb, BC_LIMIT_A_MAX, attr, bc_limit_policy, extack);
	if (ret)
		return ret;
	if (!tb[BC_LIMIT_A_RES] || !tb[BC_LIMIT_A_BARRIER] || !tb[BC_LIMIT_A_LIMIT]) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "resource, barrier and limit are required");
		return -EINVAL;
	}
	res = bc_resource_find(nla_get_u32(tb[BC_LIMIT_A_RES]));
	if (res < 0) {
		NL_SET_ERR_MSG_ATTR(extack, tb[BC_LIMIT_A_RES], "there is no such resource");
		return -EINVAL;
	}
	if (bounds[res].set) {
		NL_SET_ERR_MSG_ATTR(extack, tb[BC_LIMIT_A_RES], "resource is named twice");
		return -EINVAL;
	}
	barrier = nla_get_u64(tb[BC_LIMIT_A_BARRIER]);
	limit = nla_get_u64(tb[BC_LIMIT_A_LIMIT]);
	ret = bc_counter_check_bounds(barrier, limit);
	/* What the kernel sets by itself may be without a barrier and with a limit. */
	if (ret == -EINVAL && barrier == BC_UNLIMITED && bc_resources[res].kind == BC_KIND_NATIVE)
		ret = 0;
	if (ret == -ERANGE)
		NL_SET_ERR_MSG_ATTR(extack, attr, "barrier or limit is too large");
	else if (ret)
		NL_SET_ERR_MSG_ATTR(extack, tb[BC_LIMIT_A_BARRIER], "barrier is above the limit");
	bounds[res] = (struct bc_bounds){
		.set = true, .attr = attr, .barrier = barrier, .limit = limit,
	};
	return ret ? -EINVAL : 0;
}

/* Returns how many limits the message has, or an error. */
static int bc_nl_parse_limits(struct genl_info *info, struct bc_bounds bounds[BC_NR_RES])
{
	struct nlattr *attr;
	int ret, rem, nr = 0;

	memset(bounds, 0, sizeof(*bounds) * BC_NR_RES);
	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem) {
		if (nla_type(attr) != BC_A_LIMIT)
			continue;
		ret = bc_nl_parse_limit(attr, bounds, info->extack);
		if (ret)
			return ret;
		nr++;
	}
	return nr;
}

/* For a cgroup that was removed this is where it was. */
static int bc_nl_put_cgroup(struct sk_buff *skb, const struct bc_closing *closing)
{
	int ret = nla_put_u64_64bit(skb, BC_A_CGROUP_ID, closing->cgroup_id, BC_A_PAD);

	if (!ret && closing->path[0])
		ret = nla_put_string(skb, BC_A_CGROUP_PATH, closing->path);
	return ret;
}

static __always_inline char *bc_nl_number(char *at, enum bc_attr type, const void *value,
					  size_t size)
{
	struct nlattr *nla = (struct nlattr *)at;

	nla->nla_type = type;
	nla->nla_len = nla_attr_size(size);
	memcpy(nla_data(nla), value, size);
	return at + nla_total_size(size);
}

/* In one go: one by one they would be a third of the cost of a dump's message. */
static int bc_nl_put_numbers(struct sk_buff *skb, const struct bc_snap *snap)
{
	const size_t size = 4 * nla_total_size(sizeof(u32)) + 5 * nla_total_size(sizeof(u64));
	static const u32 record_size = sizeof(struct bc_record);
	char *at;

	if (skb_tailroom(skb) < size)
		return -EMSGSIZE;
	at = skb_put(skb, size);
	at = bc_nl_number(at, BC_A_ID, &snap->id, sizeof(u32));
	at = bc_nl_number(at, BC_A_INCARNATION, &snap->incarnation, sizeof(u64));
	at = bc_nl_number(at, BC_A_STATE, &snap->state, sizeof(u32));
	at = bc_nl_number(at, BC_A_CHILDREN, &snap->children, sizeof(u32));
	at = bc_nl_number(at, BC_A_CREATED, &snap->created, sizeof(u64));
	at = bc_nl_number(at, BC_A_GENERATION, &snap->generation, sizeof(u64));
	at = bc_nl_number(at, BC_A_CHANGED, &snap->changed, sizeof(u64));
	at = bc_nl_number(at, BC_A_TAKEN, &snap->taken, sizeof(u64));
	bc_nl_number(at, BC_A_RECORD_SIZE, &record_size, sizeof(u32));
	return 0;
}

/* @pool is NULL when it went away after the snapshot. */
static int bc_nl_fill_pool(struct sk_buff *skb, const struct bc_snap *snap, struct bc_pool *pool)
{
	if (bc_nl_put_numbers(skb, snap) ||
	    nla_put_string(skb, BC_A_NAME, snap->name) ||
	    nla_put(skb, BC_A_TABLE, snap->nr * sizeof(struct bc_record), snap->table) ||
	    (snap->detailed && nla_put(skb, BC_A_MEMORY, sizeof(snap->memory), &snap->memory)))
		return -EMSGSIZE;
	if (snap->parent[0] &&
	    (nla_put_u32(skb, BC_A_PARENT_ID, snap->parent_id) ||
	     nla_put_string(skb, BC_A_PARENT, snap->parent)))
		return -EMSGSIZE;
	if (pool && pool->closing && bc_nl_put_cgroup(skb, pool->closing))
		return -EMSGSIZE;
	if (bc_nl_put_flows(skb, snap))
		return -EMSGSIZE;
	return pool ? bc_nl_put_thresholds(skb, pool) : 0;
}

static struct sk_buff *bc_nl_new_reply(void)
{
	return nlmsg_new(NLMSG_GOODSIZE + BC_PATH_MAX, GFP_KERNEL);
}

/* Answers a request with one pool, whose peaks go to @reader or -1; consumes @skb. */
static int bc_nl_reply_pool(struct sk_buff *skb, struct genl_info *info, struct bc_pool *pool,
			    bool detail, int reader)
{
	struct bc_snap *snap = kmalloc(sizeof(*snap), GFP_KERNEL);
	int ret = -ENOMEM;
	void *hdr;

	if (!snap)
		goto err_skb;
	bc_snap_recount(pool);
	bc_snap_take(snap, pool, detail, reader);
	bc_snap_cpu(snap);
	ret = -EMSGSIZE;
	hdr = genlmsg_put_reply(skb, info, &bc_genl_family, 0, info->genlhdr->cmd);
	if (!hdr)
		goto err_snap;
	ret = bc_nl_fill_pool(skb, snap, pool);
	if (ret)
		goto err_snap;
	kfree(snap);
	genlmsg_end(skb, hdr);
	return genlmsg_reply(skb, info);

err_snap:
	kfree(snap);
err_skb:
	nlmsg_free(skb);
	return ret;
}

static struct cgroup *bc_nl_cgroup(struct genl_info *info)
{
	struct nlattr *fd = info->attrs[BC_A_CGROUP_FD], *path = info->attrs[BC_A_CGROUP_PATH];
	struct cgroup *cgrp;

	if (!fd == !path) {
		NL_SET_ERR_MSG_MOD(info->extack, "name the cgroup by descriptor or by path");
		return ERR_PTR(-EINVAL);
	}
	cgrp = fd ? cgroup_get_from_fd(nla_get_s32(fd)) : cgroup_get_from_path(nla_data(path));
	if (IS_ERR(cgrp))
		NL_SET_ERR_MSG_ATTR(info->extack, fd ?: path, "this is no cgroup v2 directory");
	return cgrp;
}

static int bc_nl_pool_new_locked(struct genl_info *info, struct cgroup *cgrp,
				 const struct bc_bounds bounds[BC_NR_RES],
				 const struct bc_wish wishes[BC_NR_SETTINGS])
{
	struct nlattr *id = info->attrs[BC_A_ID], *parent = info->attrs[BC_A_PARENT];
	struct sk_buff *reply = bc_nl_new_reply();
	struct bc_pool *pool;

	if (!reply)
		return -ENOMEM;
	pool = bc_pool_create(nla_data(info->attrs[BC_A_NAME]), id ? nla_get_u32(id) : 0,
			      parent ? nla_data(parent) : NULL, cgrp, bounds, wishes,
			      info->extack);
	if (IS_ERR(pool)) {
		nlmsg_free(reply);
		return PTR_ERR(pool);
	}
	/* The pool exists now; an answer that cannot be built does not undo it. */
	bc_nl_reply_pool(reply, info, pool, false, -1);
	return 0;
}

static int bc_nl_pool_new(struct sk_buff *skb, struct genl_info *info)
{
	struct bc_wish wishes[BC_NR_SETTINGS];
	struct bc_bounds bounds[BC_NR_RES];
	struct cgroup *cgrp;
	int ret;

	ret = bc_nl_begin(skb, info);
	if (ret)
		return ret;
	if (GENL_REQ_ATTR_CHECK(info, BC_A_NAME)) {
		NL_SET_ERR_MSG_MOD(info->extack, "a name is required");
		ret = -EINVAL;
		goto out_unlock;
	}
	if (!bc_pool_name_valid(nla_data(info->attrs[BC_A_NAME]))) {
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[BC_A_NAME],
				    "name must be 1 to 63 of A-Z a-z 0-9 _ . : -");
		ret = -EINVAL;
		goto out_unlock;
	}
	ret = bc_nl_parse_limits(info, bounds);
	if (ret >= 0)
		ret = bc_nl_parse_settings(info, wishes);
	if (ret < 0)
		goto out_unlock;
	cgrp = bc_nl_cgroup(info);
	ret = PTR_ERR_OR_ZERO(cgrp);
	if (ret)
		goto out_unlock;
	ret = bc_nl_pool_new_locked(info, cgrp, bounds, wishes);
	cgroup_put(cgrp);
out_unlock:
	mutex_unlock(&bc_tree.lock);
	bc_procfs_settle();
	return ret;
}

static int bc_nl_pool_set(struct sk_buff *skb, struct genl_info *info)
{
	struct bc_wish wishes[BC_NR_SETTINGS];
	struct bc_bounds bounds[BC_NR_RES];
	struct bc_pool *pool;
	int ret, limits;

	ret = bc_nl_begin(skb, info);
	if (ret)
		return ret;
	pool = bc_nl_pool(info);
	ret = PTR_ERR_OR_ZERO(pool);
	if (ret)
		goto out_unlock;
	limits = bc_nl_parse_limits(info, bounds);
	ret = limits < 0 ? limits : bc_nl_parse_settings(info, wishes);
	if (ret < 0)
		goto out_unlock;
	if (!limits && !ret) {
		NL_SET_ERR_MSG_MOD(info->extack, "no limit or setting is named");
		ret = -EINVAL;
		goto out_unlock;
	}
	ret = bc_check_bounds(pool, pool->parent, bounds, info->extack) ?:
	      bc_settings_check(pool, pool->parent, wishes, info->extack) ?:
	      bc_settings_apply(pool, pool->parent, wishes, info->extack);
	if (ret)
		goto out_unlock;
	bc_pool_set_bounds(pool, bounds);
	/* bctl enables controllers before it asks for what needs them. */
	bc_sources_want();
	/* In case the cgroup goes before it is looked at again. */
	if (pool->depth && pool->state == BC_POOL_LIVE)
		bc_snap_look(pool);
	bc_nl_notify_pool(pool, BC_EVENT_POOL_SET);
out_unlock:
	mutex_unlock(&bc_tree.lock);
	return ret;
}

static int bc_nl_pool_get(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *reply;
	struct bc_pool *pool;
	int ret, reader;

	if (info->attrs[BC_A_DETAIL] && !bc_nl_privileged(skb, NULL))
		bc_iptent_refresh();
	ret = bc_nl_begin(skb, info);
	if (ret)
		return ret;
	pool = bc_nl_pool(info);
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

static int bc_nl_pool_del(struct sk_buff *skb, struct genl_info *info)
{
	struct bc_pool *pool;
	int ret;

	ret = bc_nl_begin(skb, info);
	if (ret)
		return ret;
	pool = bc_nl_pool(info);
	ret = IS_ERR(pool) ? PTR_ERR(pool) : bc_pool_delete(pool, info->extack);
	mutex_unlock(&bc_tree.lock);
	bc_procfs_settle();
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

static int bc_nl_dump_start(struct netlink_callback *cb)
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

static int bc_nl_dump_done(struct netlink_callback *cb)
{
	kvfree(bc_dump_ctx(cb)->all);
	return 0;
}

static int bc_nl_dump_one(struct sk_buff *skb, struct netlink_callback *cb,
			  const struct bc_snap *snap)
{
	struct bc_pool *pool = bc_tree_find_id(&bc_tree, snap->id);
	void *hdr;

	if (pool && pool->incarnation != snap->incarnation)
		pool = NULL;
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

static int bc_nl_pool_dump(struct sk_buff *skb, struct netlink_callback *cb)
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
		snap = &dump->all->snaps[dump->next];
		if (snap->generation > dump->since)
			ret = bc_nl_dump_one(skb, cb, snap);
	}
	mutex_unlock(&bc_tree.lock);
	return ret && !skb->len ? ret : skb->len;
}

static int bc_nl_fill_resource(struct sk_buff *skb, struct netlink_callback *cb, enum bc_res res)
{
	const struct bc_resource *desc = &bc_resources[res];
	const char *reason;
	enum bc_status status = bc_resource_status(res, &reason);
	void *hdr;

	hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq, &bc_genl_family,
			  NLM_F_MULTI, BC_CMD_RES_GET);
	if (!hdr)
		return -EMSGSIZE;
	if (nla_put_u32(skb, BC_A_RES, desc->id) ||
	    nla_put_string(skb, BC_A_RES_NAME, desc->name) ||
	    nla_put_u32(skb, BC_A_RES_UNIT, desc->unit) ||
	    nla_put_u32(skb, BC_A_RES_KIND, desc->kind) ||
	    nla_put_u32(skb, BC_A_RES_STATUS, status) ||
	    nla_put_string(skb, BC_A_DESC, desc->desc) ||
	    (reason && nla_put_string(skb, BC_A_REASON, reason))) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

static int bc_nl_res_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	unsigned long *next = (unsigned long *)cb->ctx;
	int ret = bc_nl_privileged(cb->skb, cb->extack);

	if (ret)
		return ret;
	if (mutex_lock_interruptible(&bc_tree.lock))
		return -EINTR;
	for (; !ret && *next < BC_NR_RES; *next += !ret)
		ret = bc_nl_fill_resource(skb, cb, *next);
	mutex_unlock(&bc_tree.lock);
	return skb->len;
}

static int bc_nl_info_get(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *reply;
	void *hdr;
	int ret;

	ret = bc_nl_begin(skb, info);
	if (ret)
		return ret;
	ret = -ENOMEM;
	reply = bc_nl_new_reply();
	if (!reply)
		goto out_unlock;
	hdr = genlmsg_put_reply(reply, info, &bc_genl_family, 0, BC_CMD_INFO_GET);
	if (!hdr ||
	    nla_put_string(reply, BC_A_VERSION, BC_VERSION) ||
	    nla_put_u32(reply, BC_A_POOLS, bc_tree.nr_live) ||
	    nla_put_u32(reply, BC_A_POOLS_MAX, bc_tree.max_live) ||
	    nla_put_u32(reply, BC_A_DYING, bc_tree.nr_dying) ||
	    nla_put_u64_64bit(reply, BC_A_GENERATION, bc_tree.generation, BC_A_PAD) ||
	    nla_put_u32(reply, BC_A_HOOKED, bc_hooks_attached()) ||
	    nla_put_u64_64bit(reply, BC_A_SUPPRESSED, bc_refusals_suppressed(), BC_A_PAD) ||
	    nla_put_u64_64bit(reply, BC_A_UNBALANCED, bc_unbalanced(), BC_A_PAD) ||
	    nla_put_u64_64bit(reply, BC_A_UNTRACKED, bc_untracked(), BC_A_PAD) ||
	    nla_put_u32(reply, BC_A_PAGE_SIZE, PAGE_SIZE) ||
	    nla_put_u64_64bit(reply, BC_A_INSTANCE, bc_tree.loaded, BC_A_PAD) ||
	    nla_put_u64_64bit(reply, BC_A_SERIAL, bc_tree.closed.serial, BC_A_PAD) ||
	    nla_put_u32(reply, BC_A_CLOSED_KEPT, bc_tree.closed.nr) ||
	    nla_put_u32(reply, BC_A_CLOSED_MAX, bc_tree.closed.max) ||
	    nla_put_u64_64bit(reply, BC_A_CLOSED_LOST, bc_tree.closed.lost, BC_A_PAD)) {
		nlmsg_free(reply);
		ret = -EMSGSIZE;
		goto out_unlock;
	}
	genlmsg_end(reply, hdr);
	ret = genlmsg_reply(reply, info);
out_unlock:
	mutex_unlock(&bc_tree.lock);
	return ret;
}

static int bc_nl_fill_refusal(struct sk_buff *skb, const struct bc_refusal *ref)
{
	if (nla_put_u32(skb, BC_A_EVENT, BC_EVENT_REFUSAL) ||
	    nla_put_u64_64bit(skb, BC_A_TIME, ref->time, BC_A_PAD) ||
	    bc_nl_put_pool(skb, ref->id, ref->name, ref->incarnation) ||
	    bc_nl_put_res(skb, ref->res) ||
	    nla_put_u64_64bit(skb, BC_A_AMOUNT, ref->amount, BC_A_PAD) ||
	    nla_put_u64_64bit(skb, BC_A_HELD, ref->held, BC_A_PAD) ||
	    nla_put_u64_64bit(skb, BC_A_BARRIER, ref->barrier, BC_A_PAD) ||
	    nla_put_u64_64bit(skb, BC_A_LIMIT_VALUE, ref->limit, BC_A_PAD) ||
	    nla_put_u32(skb, BC_A_ORIGIN_ID, ref->origin_id) ||
	    nla_put_string(skb, BC_A_ORIGIN_NAME, ref->origin) ||
	    nla_put_u64_64bit(skb, BC_A_SUPPRESSED, ref->suppressed, BC_A_PAD))
		return -EMSGSIZE;
	if (ref->pid &&
	    (nla_put_u32(skb, BC_A_PID, ref->pid) || nla_put_string(skb, BC_A_COMM, ref->comm)))
		return -EMSGSIZE;
	return 0;
}

/**
 * bc_nl_event_new() - begin a message to listeners
 * @group: who gets it
 * @cmd: its command
 * @hdr: set to its header, NULL if that cannot be made
 *
 * Context: may sleep; while the family is registered.
 * Return: NULL when nobody listens or there is no memory.
 */
struct sk_buff *bc_nl_event_new(enum bc_mcgrp group, enum bc_cmd cmd, void **hdr)
{
	struct sk_buff *skb;

	if (!genl_has_listeners(&bc_genl_family, &init_net, group))
		return NULL;
	skb = cmd == BC_CMD_EVENT ? nlmsg_new(NLMSG_DEFAULT_SIZE, GFP_KERNEL) : bc_nl_new_reply();
	if (!skb)
		return NULL;
	*hdr = genlmsg_put(skb, 0, 0, &bc_genl_family, 0, cmd);
	return skb;
}

/**
 * bc_nl_event_send() - send it
 * @skb: message
 * @hdr: from bc_nl_event_new()
 * @group: who gets it
 * @ret: not 0 if it could not be filled: then it is not sent
 */
void bc_nl_event_send(struct sk_buff *skb, void *hdr, enum bc_mcgrp group, int ret)
{
	if (!hdr || ret) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, hdr);
	genlmsg_multicast(&bc_genl_family, skb, 0, group, GFP_KERNEL);
}

static void bc_nl_refusals(struct work_struct *work)
{
	struct bc_refusal ref;
	struct sk_buff *skb;
	void *hdr = NULL;

	while (bc_refusal_next(&ref)) {
		skb = bc_nl_event_new(BC_MCGRP_I_REFUSAL, BC_CMD_EVENT, &hdr);
		if (skb)
			bc_nl_event_send(skb, hdr, BC_MCGRP_I_REFUSAL,
					 hdr ? bc_nl_fill_refusal(skb, &ref) : -EMSGSIZE);
	}
}

static DECLARE_WORK(bc_nl_refusal_work, bc_nl_refusals);

static void bc_nl_refusal_queued(void)
{
	queue_work(bc_wq, &bc_nl_refusal_work);
}

/**
 * bc_nl_notify_crossing() - tell listeners that a threshold was crossed
 * @pool: pool
 * @res: resource
 * @x: the crossing
 * @suppressed: crossings in this pool that were not told since the last one
 *
 * Context: under the tree mutex; may sleep.
 */
void bc_nl_notify_crossing(struct bc_pool *pool, enum bc_res res, const struct bc_crossing *x,
			   u64 suppressed)
{
	struct sk_buff *skb;
	void *hdr = NULL;
	int ret = -EMSGSIZE;

	lockdep_assert_held(&bc_tree.lock);
	if (!bc_nl_live)
		return;
	skb = bc_nl_event_new(BC_MCGRP_I_THRESHOLD, BC_CMD_EVENT, &hdr);
	if (!skb)
		return;
	if (hdr)
		ret = nla_put_u32(skb, BC_A_EVENT, BC_EVENT_THRESHOLD) ?:
		      nla_put_u64_64bit(skb, BC_A_TIME, x->time, BC_A_PAD) ?:
		      bc_nl_put_pool(skb, pool->id, pool->name, pool->incarnation) ?:
		      bc_nl_put_res(skb, res) ?:
		      nla_put_u64_64bit(skb, BC_A_HELD, x->held, BC_A_PAD) ?:
		      nla_put_u64_64bit(skb, BC_A_BARRIER, x->barrier, BC_A_PAD) ?:
		      nla_put_u32(skb, BC_A_PERCENT, x->percent) ?:
		      nla_put_u32(skb, BC_A_DIRECTION, x->direction) ?:
		      nla_put_u64_64bit(skb, BC_A_SUPPRESSED, suppressed, BC_A_PAD);
	bc_nl_event_send(skb, hdr, BC_MCGRP_I_THRESHOLD, ret);
}

/**
 * bc_nl_notify_pool() - tell listeners what happened to a pool
 * @pool: pool
 * @event: what
 *
 * Context: under the tree mutex; may sleep.
 */
void bc_nl_notify_pool(struct bc_pool *pool, enum bc_event event)
{
	struct sk_buff *skb;
	void *hdr = NULL;
	int ret = -EMSGSIZE;

	lockdep_assert_held(&bc_tree.lock);
	if (!bc_nl_live)
		return;
	skb = bc_nl_event_new(BC_MCGRP_I_POOL, BC_CMD_EVENT, &hdr);
	if (!skb)
		return;
	if (hdr)
		ret = nla_put_u32(skb, BC_A_EVENT, event) ?:
		      nla_put_u64_64bit(skb, BC_A_TIME, ktime_get_boottime_ns(), BC_A_PAD) ?:
		      bc_nl_put_pool(skb, pool->id, pool->name, pool->incarnation);
	bc_nl_event_send(skb, hdr, BC_MCGRP_I_POOL, ret);
}

static const struct genl_ops bc_genl_ops[] = {
	{
		.cmd = BC_CMD_POOL_NEW,
		.doit = bc_nl_pool_new,
		.policy = bc_new_policy,
		.maxattr = ARRAY_SIZE(bc_new_policy) - 1,
	}, {
		.cmd = BC_CMD_POOL_SET,
		.doit = bc_nl_pool_set,
		.policy = bc_set_policy,
		.maxattr = ARRAY_SIZE(bc_set_policy) - 1,
	}, {
		.cmd = BC_CMD_POOL_GET,
		.doit = bc_nl_pool_get,
		.start = bc_nl_dump_start,
		.dumpit = bc_nl_pool_dump,
		.done = bc_nl_dump_done,
		.policy = bc_get_policy,
		.maxattr = ARRAY_SIZE(bc_get_policy) - 1,
	}, {
		.cmd = BC_CMD_POOL_DEL,
		.doit = bc_nl_pool_del,
		.policy = bc_which_policy,
		.maxattr = ARRAY_SIZE(bc_which_policy) - 1,
	}, {
		.cmd = BC_CMD_RES_GET,
		.dumpit = bc_nl_res_dump,
		.policy = bc_none_policy,
		.maxattr = ARRAY_SIZE(bc_none_policy) - 1,
	}, {
		.cmd = BC_CMD_INFO_GET,
		.doit = bc_nl_info_get,
		.policy = bc_none_policy,
		.maxattr = ARRAY_SIZE(bc_none_policy) - 1,
	}, {
		.cmd = BC_CMD_REFUSAL_GET,
		.dumpit = bc_nl_refusal_dump,
		.done = bc_nl_refusal_done,
		.policy = bc_which_policy,
		.maxattr = ARRAY_SIZE(bc_which_policy) - 1,
	}, {
		.cmd = BC_CMD_THRESHOLD_SET,
		.doit = bc_nl_threshold_set,
		.policy = bc_threshold_set_policy,
		.maxattr = ARRAY_SIZE(bc_threshold_set_policy) - 1,
	}, {
		.cmd = BC_CMD_READER_GET,
		.dumpit = bc_nl_reader_dump,
		.policy = bc_none_policy,
		.maxattr = ARRAY_SIZE(bc_none_policy) - 1,
	}, {
		.cmd = BC_CMD_SETTING_GET,
		.dumpit = bc_nl_setting_dump,
		.policy = bc_none_policy,
		.maxattr = ARRAY_SIZE(bc_none_policy) - 1,
	}, {
		.cmd = BC_CMD_IO_GET,
		.dumpit = bc_nl_io_dump,
		.policy = bc_which_policy,
		.maxattr = ARRAY_SIZE(bc_which_policy) - 1,
	}, {
		.cmd = BC_CMD_READER_DEL,
		.doit = bc_nl_reader_del,
		.policy = bc_reader_policy,
		.maxattr = ARRAY_SIZE(bc_reader_policy) - 1,
	}, {
		.cmd = BC_CMD_CLOSED_GET,
		.start = bc_nl_dump_start,
		.dumpit = bc_nl_closed_dump,
		.policy = bc_closed_policy,
		.maxattr = ARRAY_SIZE(bc_closed_policy) - 1,
	}, {
		.cmd = BC_CMD_CLOSED_ACK,
		.doit = bc_nl_closed_ack,
		.policy = bc_closed_ack_policy,
		.maxattr = ARRAY_SIZE(bc_closed_ack_policy) - 1,
	},
};

/*
 * Only who has CAP_SYS_ADMIN in the initial user namespace may listen. The kernel
 * does not ask for the pid namespace here: a container that shares the host's
 * network and user namespaces can.
 */
static const struct genl_multicast_group bc_genl_groups[] = {
	[BC_MCGRP_I_REFUSAL]	= { .name = BC_MCGRP_REFUSAL, .flags = GENL_MCAST_CAP_SYS_ADMIN },
	[BC_MCGRP_I_POOL]	= { .name = BC_MCGRP_POOL, .flags = GENL_MCAST_CAP_SYS_ADMIN },
	[BC_MCGRP_I_THRESHOLD]	= { .name = BC_MCGRP_THRESHOLD, .flags = GENL_MCAST_CAP_SYS_ADMIN },
	[BC_MCGRP_I_USAGE]	= { .name = BC_MCGRP_USAGE, .flags = GENL_MCAST_CAP_SYS_ADMIN },
};

struct genl_family bc_genl_family __ro_after_init = {
	.name		= BC_GENL_NAME,
	.version	= BC_GENL_VERSION,
	.module		= THIS_MODULE,
	.ops		= bc_genl_ops,
	.n_ops		= ARRAY_SIZE(bc_genl_ops),
	.mcgrps		= bc_genl_groups,
	.n_mcgrps	= ARRAY_SIZE(bc_genl_groups),
	.parallel_ops	= true,
};

/**
 * bc_nl_init() - register the family
 *
 * Return: 0 or an error.
 */
int bc_nl_init(void)
{
	int ret = genl_register_family(&bc_genl_family);

	if (ret)
		return ret;
	mutex_lock(&bc_tree.lock);
	bc_nl_live = true;
	mutex_unlock(&bc_tree.lock);
	bc_refusal_set_notify(bc_nl_refusal_queued);
	bc_watch_start();
	return 0;
}

/**
 * bc_nl_refuse() - answer no request any more, but go on telling listeners
 *
 * No dump runs, because dumps keep the module.
 */
void bc_nl_refuse(void)
{
	mutex_lock(&bc_tree.lock);
	bc_nl_refusing = true;
	mutex_unlock(&bc_tree.lock);
	bc_watch_stop();
}

/**
 * bc_nl_exit() - unregister the family, when all closing records were sent
 */
void bc_nl_exit(void)
{
	bc_refusal_set_notify(NULL);
	synchronize_rcu();
	cancel_work_sync(&bc_nl_refusal_work);
	mutex_lock(&bc_tree.lock);
	bc_nl_notify_unload();
	bc_nl_live = false;
	mutex_unlock(&bc_tree.lock);
	genl_unregister_family(&bc_genl_family);
}
