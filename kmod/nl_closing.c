// SPDX-License-Identifier: GPL-2.0
/*
 * Requests and messages about closing records
 */
#include <linux/ktime.h>
#include <linux/timekeeping.h>

#include "bind.h"
#include "closing.h"
#include "netlink.h"
#include "reader.h"

/* The host has neither a parent nor a cgroup. */
static int bc_nl_put_place(struct sk_buff *skb, const struct bc_closing *closing)
{
	if (!closing->snap->parent_len)
		return 0;
	return nla_put_u32(skb, BC_A_PARENT_ID, closing->snap->parent_id) ?:
	       nla_put_string(skb, BC_A_PARENT, closing->snap->parent) ?:
	       nla_put_u64_64bit(skb, BC_A_PARENT_INCARNATION, closing->parent_incarnation,
				 BC_A_PAD) ?:
	       nla_put_string(skb, BC_A_CGROUP_PATH, closing->path) ?:
	       nla_put_u64_64bit(skb, BC_A_CGROUP_ID, closing->cgroup_id, BC_A_PAD);
}

static int bc_nl_fill_closing(struct sk_buff *skb, const struct bc_closing *closing)
{
	const struct bc_snap *snap = closing->snap;

	return nla_put_u64_64bit(skb, BC_A_SERIAL, closing->serial, BC_A_PAD) ?:
	       nla_put_u64_64bit(skb, BC_A_CLOSED, closing->closed, BC_A_PAD) ?:
	       nla_put_u64_64bit(skb, BC_A_DIED, closing->died, BC_A_PAD) ?:
	       nla_put_u32(skb, BC_A_CAUSE, closing->cause) ?:
	       bc_nl_put_pool(skb, snap->id, snap->name, snap->incarnation) ?:
	       bc_nl_put_place(skb, closing) ?:
	       nla_put_u64_64bit(skb, BC_A_CREATED, snap->created, BC_A_PAD) ?:
	       bc_nl_put_table(skb, snap) ?:
	       bc_nl_put_flows(skb, snap);
}

static int bc_nl_dump_closing(struct sk_buff *skb, struct netlink_callback *cb,
			      const struct bc_closing *closing)
{
	void *hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				&bc_genl_family, NLM_F_MULTI, BC_CMD_CLOSED_GET);

	if (!hdr)
		return -EMSGSIZE;
	if (bc_nl_fill_closing(skb, closing)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

/**
 * struct bc_closed_dump - where a dump is, in the callback's context
 * @begun: the request was looked at
 * @serial: of the last record that was told
 */
struct bc_closed_dump {
	bool	begun;
	u64	serial;
};

/**
 * bc_nl_closed_dump() - answer BC_CMD_CLOSED_GET
 * @skb: answer
 * @cb: request
 *
 * Records may come and go between two messages; each is told once.
 *
 * Return: length of the answer, or an error.
 */
int bc_nl_closed_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct bc_closed_dump *dump = (struct bc_closed_dump *)cb->ctx;
	struct nlattr *serial = genl_info_dump(cb)->attrs[BC_A_SERIAL];
	struct bc_closing *closing;
	int ret = bc_nl_privileged(cb->skb, cb->extack);

	if (ret)
		return ret;
	if (!dump->begun) {
		dump->serial = serial ? nla_get_u64(serial) : 0;
		dump->begun = true;
		bc_bind_settle();
	}
	if (mutex_lock_interruptible(&bc_tree.lock))
		return -EINTR;
	closing = bc_closing_next(&bc_tree.closed, dump->serial);
	for (; closing && !list_entry_is_head(closing, &bc_tree.closed.list, link);
	     closing = list_next_entry(closing, link)) {
		ret = bc_nl_dump_closing(skb, cb, closing);
		if (ret)
			break;
		dump->serial = closing->serial;
	}
	mutex_unlock(&bc_tree.lock);
	return ret && !skb->len ? ret : skb->len;
}

/**
 * bc_nl_closed_ack() - answer BC_CMD_CLOSED_ACK
 * @skb: request
 * @info: request
 *
 * Return: 0 or an error.
 */
int bc_nl_closed_ack(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *name = info->attrs[BC_A_READER], *serial = info->attrs[BC_A_SERIAL];
	int ret = bc_nl_begin(skb, info);

	if (ret)
		return ret;
	ret = -EINVAL;
	if (GENL_REQ_ATTR_CHECK(info, BC_A_READER) || GENL_REQ_ATTR_CHECK(info, BC_A_SERIAL)) {
		NL_SET_ERR_MSG_MOD(info->extack, "a reader and a serial are required");
		goto out_unlock;
	}
	if (nla_get_u64(serial) > bc_tree.closed.serial) {
		NL_SET_ERR_MSG_ATTR(info->extack, serial, "no record has had this serial yet");
		goto out_unlock;
	}
	ret = bc_nl_reader(name, info->extack);
	if (ret < -1)
		goto out_unlock;
	bc_closing_ack(&bc_tree, bc_reader_find(&bc_tree, nla_data(name)), nla_get_u64(serial));
	ret = 0;
out_unlock:
	mutex_unlock(&bc_tree.lock);
	return ret;
}

/**
 * bc_nl_notify_closing() - tell listeners of a closing record
 * @closing: record
 *
 * Context: under the tree mutex; may sleep.
 */
void bc_nl_notify_closing(const struct bc_closing *closing)
{
	struct sk_buff *skb;
	void *hdr = NULL;
	int ret = -EMSGSIZE;

	skb = bc_nl_event_new(BC_MCGRP_I_USAGE, BC_CMD_CLOSED_GET, &hdr);
	if (!skb)
		return;
	if (hdr)
		ret = bc_nl_fill_closing(skb, closing);
	bc_nl_event_send(skb, hdr, BC_MCGRP_I_USAGE, ret);
}

/**
 * bc_nl_notify_unload() - tell listeners that there will be nothing any more
 *
 * Context: under the tree mutex; may sleep.
 */
void bc_nl_notify_unload(void)
{
	struct sk_buff *skb;
	void *hdr = NULL;
	int ret = -EMSGSIZE;

	skb = bc_nl_event_new(BC_MCGRP_I_USAGE, BC_CMD_EVENT, &hdr);
	if (!skb)
		return;
	if (hdr)
		ret = nla_put_u32(skb, BC_A_EVENT, BC_EVENT_UNLOAD) ?:
		      nla_put_u64_64bit(skb, BC_A_TIME, ktime_get_boottime_ns(), BC_A_PAD) ?:
		      nla_put_u64_64bit(skb, BC_A_SERIAL, bc_tree.closed.serial, BC_A_PAD);
	bc_nl_event_send(skb, hdr, BC_MCGRP_I_USAGE, ret);
}
