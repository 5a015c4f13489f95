// SPDX-License-Identifier: GPL-2.0
/*
 * Requests about block I/O by device
 */
#include <linux/types.h>
#include <linux/kdev_t.h>

#include "bind.h"
#include "io.h"
#include "netlink.h"

/**
 * struct bc_io_dump - where a dump is, in the callback's context
 * @incarnation: of the pool; 0 before the first message
 * @id: its number
 * @dev: device that was told last; 0 after the sum
 * @summed: the sum over all devices was told
 */
struct bc_io_dump {
	u64	incarnation;
	u32	id;
	u32	dev;
	bool	summed;
};

/* Too large for the stack; under the tree mutex. */
static struct bc_io_times bc_nl_io_times;

static int bc_nl_fill_io(struct sk_buff *skb, struct netlink_callback *cb, u32 dev,
			 const struct bc_io *io)
{
	char name[24];
	void *hdr;

	hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq, &bc_genl_family,
			  NLM_F_MULTI, BC_CMD_IO_GET);
	if (!hdr)
		return -EMSGSIZE;
	snprintf(name, sizeof(name), "%u:%u", MAJOR(dev), MINOR(dev));
	if ((dev && nla_put_string(skb, BC_A_DEVICE, name)) ||
	    nla_put(skb, BC_A_IO, sizeof(*io), io) ||
	    ((io->known & BC_IO_F_TIMES) &&
	     nla_put(skb, BC_A_IO_TIMES, sizeof(bc_nl_io_times), &bc_nl_io_times))) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

/* The pool may go between two messages; then the dump is over. */
static struct bc_pool *bc_nl_io_pool(struct netlink_callback *cb, struct bc_io_dump *dump)
{
	struct bc_pool *pool;

	if (dump->incarnation) {
		pool = bc_tree_find_id(&bc_tree, dump->id);
		return pool && pool->incarnation == dump->incarnation ? pool : NULL;
	}
	pool = bc_nl_find(genl_info_dump(cb)->attrs, cb->extack);
	if (!IS_ERR(pool)) {
		dump->id = pool->id;
		dump->incarnation = pool->incarnation;
	}
	return pool;
}

static int bc_nl_io_devices(struct sk_buff *skb, struct netlink_callback *cb,
			    struct bc_pool *pool, struct bc_io_dump *dump)
{
	u32 dev = dump->dev;
	struct bc_io io;
	int ret;

	if (!dump->summed) {
		bc_io_read(pool, &io, &bc_nl_io_times);
		ret = io.known ? bc_nl_fill_io(skb, cb, 0, &io) : 0;
		if (ret)
			return ret;
		dump->summed = true;
	}
	for (; bc_io_next_device(pool, &dev); dump->dev = dev) {
		if (!bc_io_read_device(pool, dev, &io, &bc_nl_io_times))
			return 0;
		ret = bc_nl_fill_io(skb, cb, dev, &io);
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * bc_nl_io_dump() - answer BC_CMD_IO_GET
 * @skb: answer
 * @cb: request
 *
 * Return: length of the answer, or an error.
 */
int bc_nl_io_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct bc_io_dump *dump = (struct bc_io_dump *)cb->ctx;
	int ret = bc_nl_privileged(cb->skb, cb->extack);
	struct bc_pool *pool;

	BUILD_BUG_ON(sizeof(*dump) > sizeof(cb->ctx));
	if (ret)
		return ret;
	if (mutex_lock_interruptible(&bc_tree.lock))
		return -EINTR;
	pool = bc_nl_io_pool(cb, dump);
	if (IS_ERR(pool)) {
		mutex_unlock(&bc_tree.lock);
		return PTR_ERR(pool);
	}
	if (pool)
		bc_nl_io_devices(skb, cb, pool, dump);
	mutex_unlock(&bc_tree.lock);
	return skb->len;
}
