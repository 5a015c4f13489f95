// SPDX-License-Identifier: GPL-2.0
/*
 * Requests about readers of peaks
 */
#include <linux/ktime.h>
#include <linux/timekeeping.h>

#include "bind.h"
#include "netlink.h"
#include "reader.h"

/**
 * bc_nl_reader() - whose peaks does a request take?
 * @attr: name of the reader, or NULL
 * @extack: for messages
 *
 * Context: under the tree mutex.
 * Return: number of the reader; -1 when there is nothing to take, as for a
 * reader that has just been made; -EINVAL or -ENOSPC.
 */
int bc_nl_reader(struct nlattr *attr, struct netlink_ext_ack *extack)
{
	u64 now = ktime_get_boottime_ns();
	int reader;

	if (!attr)
		return -1;
	if (!bc_reader_name_valid(nla_data(attr))) {
		NL_SET_ERR_MSG_ATTR(extack, attr,
				    "name of a reader must be 1 to 15 of A-Z a-z 0-9 _ . : -");
		return -EINVAL;
	}
	reader = bc_reader_find(&bc_tree, nla_data(attr));
	if (reader >= 0) {
		bc_tree.readers[reader].taken = now;
		return reader;
	}
	reader = bc_reader_open(&bc_tree, nla_data(attr), now);
	if (reader < 0) {
		NL_SET_ERR_MSG_ATTR(extack, attr, "there are too many readers, delete one");
		return reader;
	}
	return -1;
}

static int bc_nl_fill_reader(struct sk_buff *skb, unsigned int nr)
{
	const struct bc_reader *reader = &bc_tree.readers[nr];

	if (!reader->name[0])
		return -ENOENT;
	return nla_put_string(skb, BC_A_READER, reader->name) ?:
	       nla_put_u64_64bit(skb, BC_A_TIME, reader->taken, BC_A_PAD);
}

/**
 * bc_nl_reader_dump() - answer BC_CMD_READER_GET
 * @skb: answer
 * @cb: request
 *
 * Return: length of the answer, or an error.
 */
int bc_nl_reader_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	return bc_nl_list(skb, cb, BC_CMD_READER_GET, BC_READERS_MAX, bc_nl_fill_reader);
}

/**
 * bc_nl_reader_del() - answer BC_CMD_READER_DEL
 * @skb: request
 * @info: request
 *
 * Return: 0 or an error.
 */
int bc_nl_reader_del(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *attr = info->attrs[BC_A_READER];
	int ret = bc_nl_begin(skb, info);

	if (ret)
		return ret;
	if (GENL_REQ_ATTR_CHECK(info, BC_A_READER)) {
		NL_SET_ERR_MSG_MOD(info->extack, "the name of a reader is required");
		ret = -EINVAL;
		goto out_unlock;
	}
	ret = bc_reader_find(&bc_tree, nla_data(attr));
	if (ret < 0) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr, "there is no such reader");
		goto out_unlock;
	}
	bc_reader_close(&bc_tree, ret);
	ret = 0;
out_unlock:
	mutex_unlock(&bc_tree.lock);
	return ret;
}
