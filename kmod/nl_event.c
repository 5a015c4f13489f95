// SPDX-License-Identifier: GPL-2.0
/*
 * Messages to listeners: refusals, crossings, and what happens to pools
 */
#include <linux/ktime.h>

#include "bind.h"
#include "netlink.h"
#include "refusal.h"

static bool bc_nl_live;		/* the family is registered; under the tree mutex */

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

/**
 * bc_nl_events_start() - the family is registered
 */
void bc_nl_events_start(void)
{
	mutex_lock(&bc_tree.lock);
	bc_nl_live = true;
	mutex_unlock(&bc_tree.lock);
	bc_refusal_set_notify(bc_nl_refusal_queued);
}

/**
 * bc_nl_events_stop() - nothing more is told but that it is the end
 *
 * Context: may sleep; the family is still registered.
 */
void bc_nl_events_stop(void)
{
	bc_refusal_set_notify(NULL);
	synchronize_rcu();
	cancel_work_sync(&bc_nl_refusal_work);
	mutex_lock(&bc_tree.lock);
	bc_nl_notify_unload();
	bc_nl_live = false;
	mutex_unlock(&bc_tree.lock);
}
