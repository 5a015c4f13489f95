// SPDX-License-Identifier: GPL-2.0
/*
 * Requests about the module itself, and about resources
 */
#include <linux/mm.h>

#include "bind.h"
#include "hook.h"
#include "member.h"
#include "netlink.h"
#include "refusal.h"
#include "version.h"

static int bc_nl_fill_resource(struct sk_buff *skb, unsigned int res)
{
	const struct bc_resource *desc = &bc_resources[res];
	const char *reason;
	enum bc_status status = bc_resource_status(res, &reason);

	return nla_put_u32(skb, BC_A_RES, desc->id) ?:
	       nla_put_string(skb, BC_A_RES_NAME, desc->name) ?:
	       nla_put_u32(skb, BC_A_RES_UNIT, desc->unit) ?:
	       nla_put_u32(skb, BC_A_RES_KIND, desc->kind) ?:
	       nla_put_u32(skb, BC_A_RES_STATUS, status) ?:
	       nla_put_string(skb, BC_A_DESC, desc->desc) ?:
	       (reason ? nla_put_string(skb, BC_A_REASON, reason) : 0);
}

/**
 * bc_nl_res_dump() - answer BC_CMD_RES_GET
 * @skb: answer
 * @cb: request
 *
 * Return: length of the answer, or an error.
 */
int bc_nl_res_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	return bc_nl_list(skb, cb, BC_CMD_RES_GET, BC_NR_RES, bc_nl_fill_resource);
}

/**
 * bc_nl_info_get() - answer BC_CMD_INFO_GET
 * @skb: request
 * @info: request
 *
 * Return: 0 or an error.
 */
int bc_nl_info_get(struct sk_buff *skb, struct genl_info *info)
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
