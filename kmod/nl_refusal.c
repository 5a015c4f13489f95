// SPDX-License-Identifier: GPL-2.0
/*
 * The last refusals of a pool, as a dump
 */
#include <linux/slab.h>

#include "bind.h"
#include "netlink.h"

/**
 * struct bc_refusal_dump - what is sent, as it was when it was asked for
 * @id: number of the pool
 * @name: its name
 * @incarnation: its incarnation
 * @nr: how many there are
 * @next: the next one
 * @slots: they
 */
struct bc_refusal_dump {
	u32			id;
	char			name[BC_NAME_MAX + 1];
	u64			incarnation;
	unsigned int		nr;
	unsigned int		next;
	struct bc_culprit	slots[BC_REFLOG_SLOTS];
};

static struct bc_refusal_dump **bc_nl_refusal_ctx(struct netlink_callback *cb)
{
	return (struct bc_refusal_dump **)cb->ctx;
}

static int bc_nl_fill_culprit(struct sk_buff *skb, const struct bc_culprit *slot)
{
	return bc_nl_put_res(skb, slot->res) ?:
	       nla_put_u64_64bit(skb, BC_A_COUNT, slot->count, BC_A_PAD) ?:
	       nla_put_u64_64bit(skb, BC_A_FIRST, slot->first, BC_A_PAD) ?:
	       nla_put_u64_64bit(skb, BC_A_TIME, slot->time, BC_A_PAD) ?:
	       nla_put_u64_64bit(skb, BC_A_AMOUNT, slot->amount, BC_A_PAD) ?:
	       nla_put_u64_64bit(skb, BC_A_LARGEST, slot->largest, BC_A_PAD) ?:
	       nla_put_u64_64bit(skb, BC_A_HELD, slot->held, BC_A_PAD) ?:
	       nla_put_u64_64bit(skb, BC_A_BARRIER, slot->barrier, BC_A_PAD) ?:
	       nla_put_u64_64bit(skb, BC_A_LIMIT_VALUE, slot->limit, BC_A_PAD) ?:
	       nla_put_u32(skb, BC_A_BOUND, slot->bound) ?:
	       nla_put_u32(skb, BC_A_ORIGIN_ID, slot->origin_id) ?:
	       nla_put_string(skb, BC_A_ORIGIN_NAME, slot->origin) ?:
	       nla_put_u64_64bit(skb, BC_A_ORIGIN_INCARNATION, slot->origin_incarnation,
				 BC_A_PAD) ?:
	       (slot->pid ? nla_put_u32(skb, BC_A_PID, slot->pid) ?:
			    nla_put_string(skb, BC_A_COMM, slot->comm) : 0);
}

static int bc_nl_refusal_one(struct sk_buff *skb, struct netlink_callback *cb,
			     const struct bc_refusal_dump *dump)
{
	void *hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				&bc_genl_family, NLM_F_MULTI, BC_CMD_REFUSAL_GET);

	if (!hdr)
		return -EMSGSIZE;
	if (bc_nl_put_pool(skb, dump->id, dump->name, dump->incarnation) ||
	    bc_nl_fill_culprit(skb, &dump->slots[dump->next])) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

static int bc_nl_refusal_begin(struct netlink_callback *cb)
{
	struct bc_refusal_dump *dump;
	struct bc_pool *pool;
	int ret = bc_nl_privileged(cb->skb, cb->extack);

	if (ret)
		return ret;
	dump = kzalloc(sizeof(*dump), GFP_KERNEL_ACCOUNT);
	if (!dump)
		return -ENOMEM;
	bc_bind_settle();
	if (mutex_lock_interruptible(&bc_tree.lock)) {
		kfree(dump);
		return -EINTR;
	}
	pool = bc_nl_find(genl_info_dump(cb)->attrs, cb->extack);
	if (!IS_ERR(pool)) {
		dump->id = pool->id;
		dump->incarnation = pool->incarnation;
		memcpy(dump->name, pool->name, sizeof(dump->name));
		dump->nr = bc_reflog_copy(pool->reflog, dump->slots);
	}
	mutex_unlock(&bc_tree.lock);
	if (IS_ERR(pool)) {
		kfree(dump);
		return PTR_ERR(pool);
	}
	*bc_nl_refusal_ctx(cb) = dump;
	return 0;
}

/**
 * bc_nl_refusal_dump() - answer BC_CMD_REFUSAL_GET
 * @skb: answer
 * @cb: request
 *
 * Return: length of the answer, or an error.
 */
int bc_nl_refusal_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct bc_refusal_dump *dump;
	int ret = *bc_nl_refusal_ctx(cb) ? 0 : bc_nl_refusal_begin(cb);

	if (ret)
		return ret;
	dump = *bc_nl_refusal_ctx(cb);
	for (; !ret && dump->next < dump->nr; dump->next += !ret)
		ret = bc_nl_refusal_one(skb, cb, dump);
	return skb->len;
}

/**
 * bc_nl_refusal_done() - the dump is over
 * @cb: request
 *
 * Return: 0.
 */
int bc_nl_refusal_done(struct netlink_callback *cb)
{
	kfree(*bc_nl_refusal_ctx(cb));
	return 0;
}
