// SPDX-License-Identifier: GPL-2.0
/*
 * Changing what the module has
 */
#include <errno.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "list.h"

/* Send a request that is acknowledged and nothing else; @failed is why it cannot be sent. */
static int bc_set(struct bcn *bcn, struct nl_msg *msg, int failed)
{
	int ret = !msg ? -ENOMEM : failed ? -EMSGSIZE : bc_nl_call(bcn, msg, NULL);

	nlmsg_free(msg);
	return ret;
}

static int bc_limit_put(struct nl_msg *msg, const struct bcn_limit *limit)
{
	struct nlattr *nest = nla_nest_start(msg, BC_A_LIMIT | NLA_F_NESTED);

	if (!nest || nla_put_u32(msg, BC_LIMIT_A_RES, limit->res) ||
	    nla_put_u64(msg, BC_LIMIT_A_BARRIER, limit->barrier) ||
	    nla_put_u64(msg, BC_LIMIT_A_LIMIT, limit->limit))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

static int bc_value_put(struct nl_msg *msg, const struct bcn_value *value)
{
	struct nlattr *nest = nla_nest_start(msg, BC_A_SETTING | NLA_F_NESTED);

	if (!nest || nla_put_u32(msg, BC_SETTING_A_ID, value->setting) ||
	    nla_put_u64(msg, BC_SETTING_A_VALUE, value->value))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

static int bc_mark_put(struct nl_msg *msg, const struct bcn_mark *mark)
{
	struct nlattr *nest = nla_nest_start(msg, BC_A_THRESHOLD | NLA_F_NESTED);

	if (!nest || nla_put_u32(msg, BC_THRESHOLD_A_RES, mark->res) ||
	    nla_put_u32(msg, BC_THRESHOLD_A_RISE, mark->rise) ||
	    (mark->rise && nla_put_u32(msg, BC_THRESHOLD_A_FALL, mark->fall)))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

static int bc_change_put(struct nl_msg *msg, const struct bcn_change *change)
{
	int ret = 0;
	size_t i;

	for (i = 0; i < change->nlimits && !ret; i++)
		ret = bc_limit_put(msg, &change->limits[i]);
	for (i = 0; i < change->nvalues && !ret; i++)
		ret = bc_value_put(msg, &change->values[i]);
	return ret;
}

static int bc_new_put(struct nl_msg *msg, const struct bcn_new *what)
{
	if (nla_put_string(msg, BC_A_NAME, what->name) ||
	    (what->cgroup ? nla_put_string(msg, BC_A_CGROUP_PATH, what->cgroup) :
			    nla_put_s32(msg, BC_A_CGROUP_FD, what->cgroup_fd)) ||
	    (what->has_id && nla_put_u32(msg, BC_A_ID, what->id)) ||
	    (what->parent && nla_put_string(msg, BC_A_PARENT, what->parent)))
		return -EMSGSIZE;
	return bc_change_put(msg, &what->change);
}

/**
 * bcn_pool_new() - make a pool of a cgroup
 * @bcn: the connection
 * @what: the pool
 * @listp: receives the pool as it is now; NULL after an error. May be NULL
 *
 * Return: 0; -EEXIST if name, id or cgroup is taken; -EINVAL, -ENOENT, -EBADF, -ENOSPC,
 * -EOPNOTSUPP, -ERANGE, -EBUSY as BC_CMD_POOL_NEW and BC_CMD_POOL_SET; or another negative
 * errno.
 */
int bcn_pool_new(struct bcn *bcn, const struct bcn_new *what, struct bcn_list **listp)
{
	struct nl_msg *msg = bc_nl_new(bcn, BC_CMD_POOL_NEW, 0);
	struct bc_msgs answer = { 0 };
	int ret = -ENOMEM;

	if (listp)
		*listp = NULL;
	if (msg)
		ret = bc_new_put(msg, what);
	if (!ret)
		ret = bc_nl_call(bcn, msg, &answer);
	/* It is made, whatever came with the news. */
	if (!ret && listp)
		(void)bc_list_take(&answer, true, listp);
	bc_msgs_clear(&answer);
	nlmsg_free(msg);
	return ret;
}

/**
 * bcn_pool_set() - set barriers, limits and settings of a pool
 * @bcn: the connection
 * @name: the pool
 * @change: what is to be set; at least one limit or setting
 *
 * All of it is set, or none. bcn_blamed() tells which one was refused.
 *
 * Return: 0; -ENOENT if there is no such pool; -EINVAL, -ERANGE, -EOPNOTSUPP, -ENOSPC, -EBUSY
 * as BC_CMD_POOL_SET; or another negative errno.
 */
int bcn_pool_set(struct bcn *bcn, const char *name, const struct bcn_change *change)
{
	struct nl_msg *msg = bc_nl_new(bcn, BC_CMD_POOL_SET, 0);

	return bc_set(bcn, msg, msg && (nla_put_string(msg, BC_A_NAME, name) ||
					bc_change_put(msg, change)));
}

/**
 * bcn_pool_delete() - delete a pool; its cgroup stays
 * @bcn: the connection
 * @name: the pool
 *
 * Return: 0; -ENOENT if there is no such pool; -EBUSY if it has pools below; -EINVAL if it is
 * the host; or another negative errno.
 */
int bcn_pool_delete(struct bcn *bcn, const char *name)
{
	struct nl_msg *msg = bc_nl_new(bcn, BC_CMD_POOL_DEL, 0);

	return bc_set(bcn, msg, msg && nla_put_string(msg, BC_A_NAME, name));
}

/**
 * bcn_thresholds() - set thresholds of a pool, all of them or none
 * @bcn: the connection
 * @name: the pool
 * @marks: the thresholds; a resource may be named once
 * @count: how many, at least one
 *
 * Return: 0; -ENOENT if there is no such pool; -EINVAL, -EOPNOTSUPP as BC_CMD_THRESHOLD_SET;
 * or another negative errno.
 */
int bcn_thresholds(struct bcn *bcn, const char *name, const struct bcn_mark *marks, size_t count)
{
	struct nl_msg *msg = bc_nl_new(bcn, BC_CMD_THRESHOLD_SET, 0);
	int failed = msg && nla_put_string(msg, BC_A_NAME, name);
	size_t i;

	for (i = 0; i < count && msg && !failed; i++)
		failed = bc_mark_put(msg, &marks[i]);
	return bc_set(bcn, msg, failed);
}

/**
 * bcn_reader_delete() - forget a reader of peaks and of closing records
 * @bcn: the connection
 * @reader: its name
 *
 * Return: 0; -ENOENT if there is none; or another negative errno.
 */
int bcn_reader_delete(struct bcn *bcn, const char *reader)
{
	struct nl_msg *msg = bc_nl_new(bcn, BC_CMD_READER_DEL, 0);

	return bc_set(bcn, msg, msg && nla_put_string(msg, BC_A_READER, reader));
}

/**
 * bcn_acknowledge() - tell that closing records are stored
 * @bcn: the connection
 * @reader: who has stored them, 1..BC_READER_NAME_MAX of the characters of a pool's name
 * @serial: all up to this one; 0 for none yet, so that they are kept for the reader from now on
 *
 * To be called after they are safe on the disk: the module forgets them when all readers have
 * acknowledged them.
 *
 * Return: 0; -EINVAL for a bad name, or a serial that no record has had yet; -ENOSPC if there
 * are too many readers; -EOPNOTSUPP from a module that has no such records; or another
 * negative errno.
 */
int bcn_acknowledge(struct bcn *bcn, const char *reader, uint64_t serial)
{
	struct nl_msg *msg = bc_nl_new(bcn, BC_CMD_CLOSED_ACK, 0);

	return bc_set(bcn, msg, msg && (nla_put_string(msg, BC_A_READER, reader) ||
					nla_put_u64(msg, BC_A_SERIAL, serial)));
}
