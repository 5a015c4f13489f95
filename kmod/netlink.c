// SPDX-License-Identifier: GPL-2.0
/*
 * The generic netlink family; uapi/linux/beancounter.h is its manual
 *
 * Handlers, in nl_*.c, parse and check, call bind.c, and fill answers from snapshots;
 * no other file knows of messages. Whoever asks must be privileged on the host:
 * capabilities in the initial user namespace, and no container's pid namespace,
 * so that a privileged container cannot change its own limits either.
 */
#include <linux/module.h>
#include <linux/pid_namespace.h>
#include <net/genetlink.h>

#include "bind.h"
#include "netlink.h"
#include "watch.h"

static bool bc_nl_refusing;	/* the module is being unloaded; under the tree mutex */

static const struct nla_policy bc_new_policy[BC_A_SETTING + 1] = {
	[BC_A_NAME]		= { .type = NLA_NUL_STRING },
	[BC_A_PARENT]		= { .type = NLA_NUL_STRING },
	[BC_A_ID]		= NLA_POLICY_MIN(NLA_U32, 1),
	[BC_A_CGROUP_FD]	= { .type = NLA_S32 },
	[BC_A_CGROUP_PATH]	= { .type = NLA_NUL_STRING, .len = BC_PATH_MAX },
	[BC_A_LIMIT]		= NLA_POLICY_NESTED(bc_limit_policy),
	[BC_A_SETTING]		= NLA_POLICY_NESTED(bc_setting_policy),
};

static const struct nla_policy bc_set_policy[BC_A_SETTING + 1] = {
	[BC_A_NAME]		= { .type = NLA_NUL_STRING },
	[BC_A_ID]		= { .type = NLA_U32 },
	[BC_A_LIMIT]		= NLA_POLICY_NESTED(bc_limit_policy),
	[BC_A_SETTING]		= NLA_POLICY_NESTED(bc_setting_policy),
};

static const struct nla_policy bc_get_policy[BC_A_READER + 1] = {
	[BC_A_NAME]		= { .type = NLA_NUL_STRING },
	[BC_A_ID]		= { .type = NLA_U32 },
	[BC_A_SINCE]		= { .type = NLA_U64 },
	[BC_A_DETAIL]		= { .type = NLA_FLAG },
	[BC_A_READER]		= { .type = NLA_NUL_STRING },
};

static const struct nla_policy bc_threshold_set_policy[BC_A_THRESHOLD + 1] = {
	[BC_A_NAME]		= { .type = NLA_NUL_STRING },
	[BC_A_ID]		= { .type = NLA_U32 },
	[BC_A_THRESHOLD]	= NLA_POLICY_NESTED(bc_threshold_policy),
};

static const struct nla_policy bc_reader_policy[BC_A_READER + 1] = {
	[BC_A_READER]		= { .type = NLA_NUL_STRING },
};

static const struct nla_policy bc_closed_policy[BC_A_SERIAL + 1] = {
	[BC_A_SERIAL]		= { .type = NLA_U64 },
};

static const struct nla_policy bc_closed_ack_policy[BC_A_SERIAL + 1] = {
	[BC_A_READER]		= { .type = NLA_NUL_STRING },
	[BC_A_SERIAL]		= { .type = NLA_U64 },
};

static const struct nla_policy bc_which_policy[BC_A_NAME + 1] = {
	[BC_A_NAME]		= { .type = NLA_NUL_STRING },
	[BC_A_ID]		= { .type = NLA_U32 },
};

/* Knows no attribute, so that any is refused. */
static const struct nla_policy bc_none_policy[BC_A_PAD + 1];

/**
 * bc_nl_privileged() - may this caller use the family?
 * @skb: request
 * @extack: for messages
 *
 * Return: 0 or -EPERM.
 */
int bc_nl_privileged(struct sk_buff *skb, struct netlink_ext_ack *extack)
{
	if (netlink_capable(skb, CAP_NET_ADMIN) && netlink_capable(skb, CAP_SYS_RESOURCE) &&
	    task_active_pid_ns(current) == &init_pid_ns)
		return 0;
	NL_SET_ERR_MSG_MOD(extack, "only the root of the host may use this");
	return -EPERM;
}

/**
 * bc_nl_begin() - begin a request: the caller is checked and the tree mutex taken
 * @skb: request
 * @info: request
 *
 * Return: 0, with the mutex held; -EPERM, -EINTR or -ESHUTDOWN.
 */
int bc_nl_begin(struct sk_buff *skb, struct genl_info *info)
{
	int ret = bc_nl_privileged(skb, info->extack);

	if (ret)
		return ret;
	bc_bind_settle();
	ret = mutex_lock_interruptible(&bc_tree.lock);
	if (ret || !bc_nl_refusing)
		return ret;
	mutex_unlock(&bc_tree.lock);
	NL_SET_ERR_MSG_MOD(info->extack, "the module is being unloaded");
	return -ESHUTDOWN;
}

/**
 * bc_nl_find() - the pool that a request names
 * @attrs: attributes of the request
 * @extack: for messages
 *
 * Context: under the tree mutex.
 * Return: pool, or an error pointer.
 */
struct bc_pool *bc_nl_find(struct nlattr **attrs, struct netlink_ext_ack *extack)
{
	struct nlattr *name = attrs[BC_A_NAME], *id = attrs[BC_A_ID];
	struct bc_pool *pool;

	if (!name == !id) {
		NL_SET_ERR_MSG_MOD(extack, "name the pool by name or by id");
		return ERR_PTR(-EINVAL);
	}
	pool = name ? bc_tree_find(&bc_tree, nla_data(name)) :
		      bc_tree_find_id(&bc_tree, nla_get_u32(id));
	if (pool)
		return pool;
	NL_SET_ERR_MSG_ATTR(extack, name ?: id, "there is no such pool");
	return ERR_PTR(-ENOENT);
}

/**
 * bc_nl_put_pool() - say which pool something is about
 * @skb: message
 * @id: number
 * @name: name
 * @incarnation: incarnation
 *
 * Return: 0 or -EMSGSIZE.
 */
int bc_nl_put_pool(struct sk_buff *skb, u32 id, const char *name, u64 incarnation)
{
	return nla_put_u32(skb, BC_A_ID, id) ?:
	       nla_put_string(skb, BC_A_NAME, name) ?:
	       nla_put_u64_64bit(skb, BC_A_INCARNATION, incarnation, BC_A_PAD);
}

/**
 * bc_nl_put_res() - say which resource something is about
 * @skb: message
 * @res: resource
 *
 * Return: 0 or -EMSGSIZE.
 */
int bc_nl_put_res(struct sk_buff *skb, enum bc_res res)
{
	return nla_put_u32(skb, BC_A_RES, bc_resources[res].id) ?:
	       nla_put_string(skb, BC_A_RES_NAME, bc_resources[res].name);
}

static int bc_nl_list_one(struct sk_buff *skb, struct netlink_callback *cb, enum bc_cmd cmd,
			  unsigned int i, int (*fill)(struct sk_buff *skb, unsigned int i))
{
	void *hdr = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				&bc_genl_family, NLM_F_MULTI, cmd);
	int ret;

	if (!hdr)
		return -EMSGSIZE;
	ret = fill(skb, i);
	if (ret) {
		genlmsg_cancel(skb, hdr);
		return ret == -ENOENT ? 0 : ret;
	}
	genlmsg_end(skb, hdr);
	return 0;
}

/**
 * bc_nl_list() - answer a request for all entries of a small table
 * @skb: answer
 * @cb: request
 * @cmd: what the messages are
 * @nr: number of entries
 * @fill: tells one of them, under the tree mutex; -EMSGSIZE when there is no room, -ENOENT
 *	when there is nothing to be told
 *
 * Return: length of the answer, or an error.
 */
int bc_nl_list(struct sk_buff *skb, struct netlink_callback *cb, enum bc_cmd cmd, unsigned int nr,
	       int (*fill)(struct sk_buff *skb, unsigned int i))
{
	unsigned long *next = (unsigned long *)cb->ctx;
	int ret = bc_nl_privileged(cb->skb, cb->extack);

	if (ret)
		return ret;
	if (mutex_lock_interruptible(&bc_tree.lock))
		return -EINTR;
	for (; !ret && *next < nr; *next += !ret)
		ret = bc_nl_list_one(skb, cb, cmd, *next, fill);
	mutex_unlock(&bc_tree.lock);
	return skb->len;
}

/**
 * bc_nl_new_reply() - make room for a message about one pool
 *
 * Return: message, or NULL.
 */
struct sk_buff *bc_nl_new_reply(void)
{
	return nlmsg_new(NLMSG_GOODSIZE + BC_PATH_MAX, GFP_KERNEL);
}

static const struct genl_ops bc_genl_ops[] = {
	{
		.cmd = BC_CMD_POOL_NEW,
		.doit = bc_nl_pool_new,
		.policy = bc_new_policy,
		.maxattr = ARRAY_SIZE(bc_new_policy) - 1,
	}, {
		.cmd = BC_CMD_POOL_SET,
		.doit = bc_nl_pool_set,
		.policy = bc_set_policy,
		.maxattr = ARRAY_SIZE(bc_set_policy) - 1,
	}, {
		.cmd = BC_CMD_POOL_GET,
		.doit = bc_nl_pool_get,
		.start = bc_nl_dump_start,
		.dumpit = bc_nl_pool_dump,
		.done = bc_nl_pool_dump_done,
		.policy = bc_get_policy,
		.maxattr = ARRAY_SIZE(bc_get_policy) - 1,
	}, {
		.cmd = BC_CMD_POOL_DEL,
		.doit = bc_nl_pool_del,
		.policy = bc_which_policy,
		.maxattr = ARRAY_SIZE(bc_which_policy) - 1,
	}, {
		.cmd = BC_CMD_RES_GET,
		.dumpit = bc_nl_res_dump,
		.policy = bc_none_policy,
		.maxattr = ARRAY_SIZE(bc_none_policy) - 1,
	}, {
		.cmd = BC_CMD_INFO_GET,
		.doit = bc_nl_info_get,
		.policy = bc_none_policy,
		.maxattr = ARRAY_SIZE(bc_none_policy) - 1,
	}, {
		.cmd = BC_CMD_REFUSAL_GET,
		.dumpit = bc_nl_refusal_dump,
		.done = bc_nl_refusal_done,
		.policy = bc_which_policy,
		.maxattr = ARRAY_SIZE(bc_which_policy) - 1,
	}, {
		.cmd = BC_CMD_THRESHOLD_SET,
		.doit = bc_nl_threshold_set,
		.policy = bc_threshold_set_policy,
		.maxattr = ARRAY_SIZE(bc_threshold_set_policy) - 1,
	}, {
		.cmd = BC_CMD_READER_GET,
		.dumpit = bc_nl_reader_dump,
		.policy = bc_none_policy,
		.maxattr = ARRAY_SIZE(bc_none_policy) - 1,
	}, {
		.cmd = BC_CMD_SETTING_GET,
		.dumpit = bc_nl_setting_dump,
		.policy = bc_none_policy,
		.maxattr = ARRAY_SIZE(bc_none_policy) - 1,
	}, {
		.cmd = BC_CMD_IO_GET,
		.dumpit = bc_nl_io_dump,
		.policy = bc_which_policy,
		.maxattr = ARRAY_SIZE(bc_which_policy) - 1,
	}, {
		.cmd = BC_CMD_READER_DEL,
		.doit = bc_nl_reader_del,
		.policy = bc_reader_policy,
		.maxattr = ARRAY_SIZE(bc_reader_policy) - 1,
	}, {
		.cmd = BC_CMD_CLOSED_GET,
		.start = bc_nl_dump_start,
		.dumpit = bc_nl_closed_dump,
		.policy = bc_closed_policy,
		.maxattr = ARRAY_SIZE(bc_closed_policy) - 1,
	}, {
		.cmd = BC_CMD_CLOSED_ACK,
		.doit = bc_nl_closed_ack,
		.policy = bc_closed_ack_policy,
		.maxattr = ARRAY_SIZE(bc_closed_ack_policy) - 1,
	},
};

/*
 * Only who has CAP_SYS_ADMIN in the initial user namespace may listen. The kernel
 * does not ask for the pid namespace here: a container that shares the host's
 * network and user namespaces can.
 */
static const struct genl_multicast_group bc_genl_groups[] = {
	[BC_MCGRP_I_REFUSAL]	= { .name = BC_MCGRP_REFUSAL, .flags = GENL_MCAST_CAP_SYS_ADMIN },
	[BC_MCGRP_I_POOL]	= { .name = BC_MCGRP_POOL, .flags = GENL_MCAST_CAP_SYS_ADMIN },
	[BC_MCGRP_I_THRESHOLD]	= { .name = BC_MCGRP_THRESHOLD, .flags = GENL_MCAST_CAP_SYS_ADMIN },
	[BC_MCGRP_I_USAGE]	= { .name = BC_MCGRP_USAGE, .flags = GENL_MCAST_CAP_SYS_ADMIN },
};

struct genl_family bc_genl_family __ro_after_init = {
	.name		= BC_GENL_NAME,
	.version	= BC_GENL_VERSION,
	.module		= THIS_MODULE,
	.ops		= bc_genl_ops,
	.n_ops		= ARRAY_SIZE(bc_genl_ops),
	.mcgrps		= bc_genl_groups,
	.n_mcgrps	= ARRAY_SIZE(bc_genl_groups),
	.parallel_ops	= true,
};

/**
 * bc_nl_init() - register the family
 *
 * Return: 0 or an error.
 */
int bc_nl_init(void)
{
	int ret = genl_register_family(&bc_genl_family);

	if (ret)
		return ret;
	bc_nl_events_start();
	bc_watch_start();
	return 0;
}

/**
 * bc_nl_refuse() - answer no request any more, but go on telling listeners
 *
 * No dump runs, because dumps keep the module.
 */
void bc_nl_refuse(void)
{
	mutex_lock(&bc_tree.lock);
	bc_nl_refusing = true;
	mutex_unlock(&bc_tree.lock);
	bc_watch_stop();
}

/**
 * bc_nl_exit() - unregister the family, when all closing records were sent
 */
void bc_nl_exit(void)
{
	bc_nl_events_stop();
	genl_unregister_family(&bc_genl_family);
}
