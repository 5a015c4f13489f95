// SPDX-License-Identifier: GPL-2.0
/*
 * Requests that make, change and unmake pools
 */
#include <linux/cgroup.h>

#include "bind.h"
#include "hook.h"
#include "netlink.h"
#include "procfs.h"
#include "snapshot.h"

const struct nla_policy bc_limit_policy[BC_LIMIT_A_MAX + 1] = {
	[BC_LIMIT_A_RES]	= { .type = NLA_U32 },
	[BC_LIMIT_A_BARRIER]	= { .type = NLA_U64 },
	[BC_LIMIT_A_LIMIT]	= { .type = NLA_U64 },
};

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

/**
 * bc_nl_pool_new() - answer BC_CMD_POOL_NEW
 * @skb: request
 * @info: request
 *
 * Return: 0 or an error.
 */
int bc_nl_pool_new(struct sk_buff *skb, struct genl_info *info)
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

/**
 * bc_nl_pool_set() - answer BC_CMD_POOL_SET
 * @skb: request
 * @info: request
 *
 * Return: 0 or an error.
 */
int bc_nl_pool_set(struct sk_buff *skb, struct genl_info *info)
{
	struct bc_wish wishes[BC_NR_SETTINGS];
	struct bc_bounds bounds[BC_NR_RES];
	struct bc_pool *pool;
	int ret, limits;

	ret = bc_nl_begin(skb, info);
	if (ret)
		return ret;
	pool = bc_nl_find(info->attrs, info->extack);
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
	bc_sources_want(pool);
	/* In case the cgroup goes before it is looked at again. */
	if (pool->depth && pool->state == BC_POOL_LIVE)
		bc_snap_look(pool);
	bc_nl_notify_pool(pool, BC_EVENT_POOL_SET);
out_unlock:
	mutex_unlock(&bc_tree.lock);
	return ret;
}

/**
 * bc_nl_pool_del() - answer BC_CMD_POOL_DEL
 * @skb: request
 * @info: request
 *
 * Return: 0 or an error.
 */
int bc_nl_pool_del(struct sk_buff *skb, struct genl_info *info)
{
	struct bc_pool *pool;
	int ret;

	ret = bc_nl_begin(skb, info);
	if (ret)
		return ret;
	pool = bc_nl_find(info->attrs, info->extack);
	ret = IS_ERR(pool) ? PTR_ERR(pool) : bc_pool_delete(pool, info->extack);
	mutex_unlock(&bc_tree.lock);
	bc_procfs_settle();
	return ret;
}
