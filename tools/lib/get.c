// SPDX-License-Identifier: GPL-2.0
/*
 * Asking the module
 */
#include <errno.h>

#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "list.h"

/*
 * Send a request, whose message may be NULL for want of memory, and make a list of the answer.
 * A malformed part is an error, or, if that is not @strict, an entry that is nothing.
 */
static int bc_get_list(struct bcn *bcn, struct nl_msg *msg, bool strict, struct bcn_list **listp)
{
	struct bc_msgs answer = { 0 };
	int ret = msg ? bc_nl_call(bcn, msg, &answer) : -ENOMEM;

	*listp = NULL;
	if (!ret)
		ret = bc_list_take(&answer, strict, listp);
	bc_msgs_clear(&answer);
	nlmsg_free(msg);
	return ret;
}

static int bc_get(struct bcn *bcn, struct nl_msg *msg, struct bcn_list **listp)
{
	return bc_get_list(bcn, msg, true, listp);
}

/* A message to which something could not be added. */
static struct nl_msg *bc_unless(struct nl_msg *msg, int failed)
{
	if (!failed)
		return msg;
	nlmsg_free(msg);
	return NULL;
}

static int bc_get_of(struct bcn *bcn, uint8_t cmd, const char *name, struct bcn_list **listp)
{
	struct nl_msg *msg = bc_nl_new(bcn, cmd, NLM_F_DUMP);

	if (msg)
		msg = bc_unless(msg, nla_put_string(msg, BC_A_NAME, name));
	return bc_get(bcn, msg, listp);
}

static int bc_query_put(struct nl_msg *msg, const struct bcn_query *q)
{
	return (q->name && nla_put_string(msg, BC_A_NAME, q->name)) ||
	       (q->reader && nla_put_string(msg, BC_A_READER, q->reader)) ||
	       (q->since && nla_put_u64(msg, BC_A_SINCE, q->since)) ||
	       (q->detail && nla_put_flag(msg, BC_A_DETAIL));
}

/**
 * bcn_pools() - list pools and their figures
 * @bcn: the connection
 * @query: which; NULL for all
 * @listp: receives the pools, parents before children; NULL after an error
 *
 * All pools are as they were at one instant, unless @query has a name. What a reader took is
 * gone even if the answer could not be used; such a list is not asked for again.
 *
 * Return: 0; -ENOENT if there is no pool of that name; -EINVAL for a bad name of a reader;
 * -ENOSPC if there are too many readers; or another negative errno.
 */
int bcn_pools(struct bcn *bcn, const struct bcn_query *query, struct bcn_list **listp)
{
	static const struct bcn_query all;
	const struct bcn_query *q = query ? query : &all;
	struct nl_msg *msg = bc_nl_new(bcn, BC_CMD_POOL_GET, q->name ? 0 : NLM_F_DUMP);
	int ret;

	if (msg)
		msg = bc_unless(msg, bc_query_put(msg, q));
	ret = bc_get(bcn, msg, listp);
	if (!ret && q->name && bcn_list_count(*listp) != 1) {
		bcn_list_free(*listp);
		*listp = NULL;
		ret = -EBADMSG;
	}
	return ret;
}

/**
 * bcn_resources() - list the resources of the loaded module
 * @bcn: the connection
 * @listp: receives them; NULL after an error
 *
 * Return: 0 or a negative errno.
 */
int bcn_resources(struct bcn *bcn, struct bcn_list **listp)
{
	return bc_get(bcn, bc_nl_new(bcn, BC_CMD_RES_GET, NLM_F_DUMP), listp);
}

/**
 * bcn_settings() - list what can be set besides barriers and limits
 * @bcn: the connection
 * @listp: receives it; NULL after an error
 *
 * Return: 0; -EOPNOTSUPP from a module that does not know of settings; or another negative
 * errno.
 */
int bcn_settings(struct bcn *bcn, struct bcn_list **listp)
{
	return bc_get(bcn, bc_nl_new(bcn, BC_CMD_SETTING_GET, NLM_F_DUMP), listp);
}

/**
 * bcn_devices() - list the block I/O of a pool by device
 * @bcn: the connection
 * @name: the pool
 * @listp: receives the devices, the first one all of them together; NULL after an error
 *
 * Return: 0; -ENOENT if there is no such pool; -EOPNOTSUPP from a module that does not count
 * block I/O; or another negative errno.
 */
int bcn_devices(struct bcn *bcn, const char *name, struct bcn_list **listp)
{
	return bc_get_of(bcn, BC_CMD_IO_GET, name, listp);
}

/**
 * bcn_refusals() - list the last refusals by a pool
 * @bcn: the connection
 * @name: the pool
 * @listp: receives them, the newest first; NULL after an error
 *
 * Return: 0; -ENOENT if there is no such pool; or another negative errno.
 */
int bcn_refusals(struct bcn *bcn, const char *name, struct bcn_list **listp)
{
	return bc_get_of(bcn, BC_CMD_REFUSAL_GET, name, listp);
}

/**
 * bcn_readers() - list the readers of peaks and of closing records
 * @bcn: the connection
 * @listp: receives them; NULL after an error
 *
 * Return: 0 or a negative errno.
 */
int bcn_readers(struct bcn *bcn, struct bcn_list **listp)
{
	return bc_get(bcn, bc_nl_new(bcn, BC_CMD_READER_GET, NLM_F_DUMP), listp);
}

/**
 * bcn_module() - ask for the state of the module
 * @bcn: the connection
 * @listp: receives one entry, for bcn_list_info(); NULL after an error
 *
 * Return: 0 or a negative errno.
 */
int bcn_module(struct bcn *bcn, struct bcn_list **listp)
{
	int ret = bc_get(bcn, bc_nl_new(bcn, BC_CMD_INFO_GET, 0), listp);

	if (!ret && !bcn_list_info(*listp)) {
		bcn_list_free(*listp);
		*listp = NULL;
		ret = -EBADMSG;
	}
	return ret;
}

/**
 * bcn_closed() - list the closing records of pools that are gone
 * @bcn: the connection
 * @after: just those after the one with this serial; 0 for all
 * @listp: receives them, the oldest first; an entry is nothing, as bcn_list_closed() tells, if
 *	that record was malformed, which keeps nobody from the others. NULL after an error
 *
 * They stay until bcn_acknowledge(). Serials ascend; one that is missing was lost, because
 * more were kept than there is room for: see bcn_info.closed_lost.
 *
 * Return: 0; -EOPNOTSUPP from a module that has none; or another negative errno.
 */
int bcn_closed(struct bcn *bcn, uint64_t after, struct bcn_list **listp)
{
	struct nl_msg *msg = bc_nl_new(bcn, BC_CMD_CLOSED_GET, NLM_F_DUMP);

	if (msg && after)
		msg = bc_unless(msg, nla_put_u64(msg, BC_A_SERIAL, after));
	return bc_get_list(bcn, msg, false, listp);
}
