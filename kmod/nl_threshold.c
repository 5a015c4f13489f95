// SPDX-License-Identifier: GPL-2.0
/*
 * Requests about thresholds
 */
#include "bind.h"
#include "hook.h"
#include "netlink.h"
#include "watch.h"

const struct nla_policy bc_threshold_policy[BC_THRESHOLD_A_MAX + 1] = {
	[BC_THRESHOLD_A_RES]	= { .type = NLA_U32 },
	[BC_THRESHOLD_A_RISE]	= { .type = NLA_U32 },
	[BC_THRESHOLD_A_FALL]	= { .type = NLA_U32 },
};

/**
 * struct bc_percents - a wanted threshold
 * @attr: where it is in the request, NULL when it is not wanted
 * @rise: percent of the barrier, 0 for none
 * @fall: percent of the barrier
 */
struct bc_percents {
	const struct nlattr	*attr;
	u32			rise;
	u32			fall;
};

/* Which resource, if it is one that has no threshold in this request yet. */
static int bc_nl_threshold_res(struct nlattr *attr, const struct bc_percents wanted[BC_NR_RES],
			       struct netlink_ext_ack *extack)
{
	int res = bc_resource_find(nla_get_u32(attr));
	const char *reason;

	if (res < 0) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "there is no such resource");
		return -EINVAL;
	}
	if (wanted[res].attr) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "resource is named twice");
		return -EINVAL;
	}
	if (bc_resource_status(res, &reason) == BC_STATUS_UNAVAILABLE) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "this is not counted here, see bctl resources");
		return -EOPNOTSUPP;
	}
	/* No charge passes by, and looking now and then would cost too much, or show nothing. */
	if (bc_readers[res] && !(bc_polled & BIT(res))) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "this cannot be watched: no threshold");
		return -EOPNOTSUPP;
	}
	return res;
}

static int bc_nl_parse_threshold(struct nlattr *attr, struct bc_percents wanted[BC_NR_RES],
				 struct netlink_ext_ack *extack)
{
	struct nlattr *tb[BC_THRESHOLD_A_MAX + 1];
	u32 rise, fall = 0;
	int ret, res;

	ret = nla_parse_nested(tb, BC_THRESHOLD_A_MAX, attr, bc_threshold_policy, extack);
	if (ret)
		return ret;
	if (!tb[BC_THRESHOLD_A_RES] || !tb[BC_THRESHOLD_A_RISE]) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "resource and percent are required");
		return -EINVAL;
	}
	res = bc_nl_threshold_res(tb[BC_THRESHOLD_A_RES], wanted, extack);
	if (res < 0)
		return res;
	rise = nla_get_u32(tb[BC_THRESHOLD_A_RISE]);
	if (!rise == !!tb[BC_THRESHOLD_A_FALL]) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "two percents are required, or one that is 0");
		return -EINVAL;
	}
	if (rise) {
		fall = nla_get_u32(tb[BC_THRESHOLD_A_FALL]);
		ret = bc_threshold_check(rise, fall);
	}
	if (ret == -ERANGE)
		NL_SET_ERR_MSG_ATTR(extack, tb[BC_THRESHOLD_A_RISE], "percent must be 1 to 100");
	else if (ret)
		NL_SET_ERR_MSG_ATTR(extack, tb[BC_THRESHOLD_A_FALL],
				    "second percent must be below the first");
	wanted[res] = (struct bc_percents){ .attr = attr, .rise = rise, .fall = fall };
	return ret ? -EINVAL : 0;
}

/* Returns how many the message has, or an error. */
static int bc_nl_parse_thresholds(struct genl_info *info, struct bc_percents wanted[BC_NR_RES])
{
	struct nlattr *attr;
	int ret, rem, nr = 0;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem) {
		if (nla_type(attr) != BC_A_THRESHOLD)
			continue;
		ret = bc_nl_parse_threshold(attr, wanted, info->extack);
		if (ret)
			return ret;
		nr++;
	}
	return nr;
}

/* Is what the kernel itself counts counted for this pool? */
static int bc_nl_threshold_check(struct bc_pool *pool, enum bc_res res,
				 const struct bc_percents *wanted, struct netlink_ext_ack *extack)
{
	struct bc_record rec;
	bool known;

	if (!bc_readers[res] || !wanted->attr || !wanted->rise)
		return 0;
	rcu_read_lock();
	known = bc_readers[res](pool, res, &rec);
	rcu_read_unlock();
	if (known)
		return 0;
	NL_SET_ERR_MSG_ATTR(extack, wanted->attr,
			    "the memory controller is not enabled for this cgroup");
	return -EOPNOTSUPP;
}

/**
 * bc_nl_threshold_set() - answer BC_CMD_THRESHOLD_SET
 * @skb: request
 * @info: request
 *
 * Return: 0 or an error.
 */
int bc_nl_threshold_set(struct sk_buff *skb, struct genl_info *info)
{
	struct bc_percents wanted[BC_NR_RES] = {};
	struct bc_pool *pool;
	int ret, res;

	ret = bc_nl_begin(skb, info);
	if (ret)
		return ret;
	pool = bc_nl_find(info->attrs, info->extack);
	ret = PTR_ERR_OR_ZERO(pool);
	if (!ret)
		ret = bc_nl_parse_thresholds(info, wanted);
	if (!ret) {
		NL_SET_ERR_MSG_MOD(info->extack, "no threshold is named");
		ret = -EINVAL;
	}
	for (res = 0; ret > 0 && res < BC_NR_RES; res++)
		ret = bc_nl_threshold_check(pool, res, &wanted[res], info->extack) ?: ret;
	for (res = 0; ret > 0 && res < BC_NR_RES; res++)
		if (wanted[res].attr)
			bc_watch_set(pool, res, wanted[res].rise, wanted[res].fall);
	mutex_unlock(&bc_tree.lock);
	return min(ret, 0);
}

static int bc_nl_put_threshold(struct sk_buff *skb, enum bc_res res,
			       const struct bc_threshold *th)
{
	struct nlattr *nest = nla_nest_start(skb, BC_A_THRESHOLD);

	if (!nest ||
	    nla_put_u32(skb, BC_THRESHOLD_A_RES, bc_resources[res].id) ||
	    nla_put_u32(skb, BC_THRESHOLD_A_RISE, th->rise) ||
	    nla_put_u32(skb, BC_THRESHOLD_A_FALL, th->fall) ||
	    nla_put_u32(skb, BC_THRESHOLD_A_ABOVE, th->above))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/**
 * bc_nl_put_thresholds() - tell which thresholds a pool has
 * @skb: message
 * @pool: pool
 *
 * Context: under the tree mutex.
 * Return: 0 or -EMSGSIZE.
 */
int bc_nl_put_thresholds(struct sk_buff *skb, const struct bc_pool *pool)
{
	int res, ret = 0;

	for (res = 0; !ret && pool->thresholds && res < BC_NR_RES; res++)
		if (pool->cnt[res].threshold.rise)
			ret = bc_nl_put_threshold(skb, res, &pool->cnt[res].threshold);
	return ret;
}
