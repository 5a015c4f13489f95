// SPDX-License-Identifier: GPL-2.0
/*
 * Requests about settings
 */
#include "bind.h"
#include "hook.h"
#include "netlink.h"
#include "snapshot.h"

const struct nla_policy bc_setting_policy[BC_SETTING_A_MAX + 1] = {
	[BC_SETTING_A_ID]	= { .type = NLA_U32 },
	[BC_SETTING_A_VALUE]	= { .type = NLA_U64 },
};

static int bc_nl_parse_setting(struct nlattr *attr, struct bc_wish wishes[BC_NR_SETTINGS],
			       struct netlink_ext_ack *extack)
{
	struct nlattr *tb[BC_SETTING_A_MAX + 1];
	u64 value;
	u32 id;
	int ret;

	ret = nla_parse_nested(tb, BC_SETTING_A_MAX, attr, bc_setting_policy, extack);
	if (ret)
		return ret;
	if (!tb[BC_SETTING_A_ID] || !tb[BC_SETTING_A_VALUE]) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "setting and value are required");
		return -EINVAL;
	}
	id = nla_get_u32(tb[BC_SETTING_A_ID]);
	value = nla_get_u64(tb[BC_SETTING_A_VALUE]);
	if (id >= BC_NR_SETTINGS) {
		NL_SET_ERR_MSG_ATTR(extack, tb[BC_SETTING_A_ID], "there is no such setting");
		return -EINVAL;
	}
	if (wishes[id].set) {
		NL_SET_ERR_MSG_ATTR(extack, tb[BC_SETTING_A_ID], "setting is named twice");
		return -EINVAL;
	}
	if (!bc_setting_in_range(id, value)) {
		NL_SET_ERR_MSG_ATTR(extack, tb[BC_SETTING_A_VALUE],
				    "value is out of range, see bctl resources");
		return -ERANGE;
	}
	wishes[id] = (struct bc_wish){ .set = true, .attr = attr, .value = value };
	return 0;
}

/**
 * bc_nl_parse_settings() - what settings a request wants
 * @info: request
 * @wishes: to be filled
 *
 * Return: how many it has, or an error.
 */
int bc_nl_parse_settings(struct genl_info *info, struct bc_wish wishes[BC_NR_SETTINGS])
{
	struct nlattr *attr;
	int ret, rem, nr = 0;

	memset(wishes, 0, sizeof(*wishes) * BC_NR_SETTINGS);
	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem) {
		if (nla_type(attr) != BC_A_SETTING)
			continue;
		ret = bc_nl_parse_setting(attr, wishes, info->extack);
		if (ret)
			return ret;
		nr++;
	}
	return nr;
}

static int bc_nl_put_setting_type(struct sk_buff *skb, enum bc_setting_id id)
{
	const struct bc_setting_type *type = &bc_setting_types[id];
	struct nlattr *nest = nla_nest_start(skb, BC_A_SETTING);

	if (!nest ||
	    nla_put_u32(skb, BC_SETTING_A_ID, id) ||
	    nla_put_string(skb, BC_SETTING_A_NAME, type->name) ||
	    nla_put_u32(skb, BC_SETTING_A_UNIT, type->unit) ||
	    nla_put_u64_64bit(skb, BC_SETTING_A_LOWEST, type->min, BC_SETTING_A_PAD) ||
	    nla_put_u64_64bit(skb, BC_SETTING_A_HIGHEST, type->max, BC_SETTING_A_PAD) ||
	    nla_put_u32(skb, BC_SETTING_A_UNLIMITED, type->unlimited) ||
	    nla_put_u64_64bit(skb, BC_SETTING_A_VALUE, type->initial, BC_SETTING_A_PAD))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int bc_nl_fill_setting(struct sk_buff *skb, unsigned int id)
{
	const char *reason;
	enum bc_status status = bc_setting_status(id, &reason);

	return bc_nl_put_setting_type(skb, id) ?:
	       nla_put_u32(skb, BC_A_RES_STATUS, status) ?:
	       nla_put_string(skb, BC_A_DESC, bc_setting_types[id].desc) ?:
	       (reason ? nla_put_string(skb, BC_A_REASON, reason) : 0);
}

/**
 * bc_nl_setting_dump() - answer BC_CMD_SETTING_GET
 * @skb: answer
 * @cb: request
 *
 * Return: length of the answer, or an error.
 */
int bc_nl_setting_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	return bc_nl_list(skb, cb, BC_CMD_SETTING_GET, BC_NR_SETTINGS, bc_nl_fill_setting);
}

/**
 * bc_nl_put_flows() - tell the settings, CPU time and block I/O of a pool
 * @skb: message
 * @snap: the pool
 *
 * Return: 0 or -EMSGSIZE.
 */
int bc_nl_put_flows(struct sk_buff *skb, const struct bc_snap *snap)
{
	if (snap->nr_settings && nla_put(skb, BC_A_SETTINGS,
					 snap->nr_settings * sizeof(snap->settings[0]),
					 snap->settings))
		return -EMSGSIZE;
	if (snap->cpu.known && nla_put(skb, BC_A_CPU, sizeof(snap->cpu), &snap->cpu))
		return -EMSGSIZE;
	if (snap->io.known && nla_put(skb, BC_A_IO, sizeof(snap->io), &snap->io))
		return -EMSGSIZE;
	return 0;
}
