// SPDX-License-Identifier: GPL-2.0
/*
 * numiptent: packet filter rules of nf_tables, in the network namespaces of pools
 *
 * Nothing is hooked: who asks for details makes the rules be counted. The tables
 * of a namespace are not within reach of a module, but they can be asked for: a
 * socket of the kernel in that namespace asks for a dump, as nft does, and the
 * messages are counted. A dump is in step with commits as far as nft's own is. It
 * is not asked for while the namespace is at the generation of the last count.
 *
 * A namespace belongs to the lowest pool that is above or equal to the pools of
 * all its tasks. Tasks in no pool do not count, so that who enters a container's
 * namespace from outside takes nothing away from it; the initial namespace belongs
 * to nobody.
 *
 * A worker does it, outside the tree mutex, because a container may have many
 * rules. Of one namespace BC_IPTENT_MAX are counted and no more, and none is begun
 * BC_IPTENT_MS after the worker has; it goes on there the next time. A pool with a
 * namespace that was not counted has no figure, nor has any pool above it.
 */
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/nsproxy.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <net/net_namespace.h>
#include <net/netlink.h>

#include "bind.h"
#include "hook.h"
#include "iptent.h"
#include "member.h"
#include "proc.h"

/* Rules of one namespace. Each message of a dump walks over all that came before. */
#define BC_IPTENT_MAX	65536
/* The kernel fills up to so much at a time; it must not be cut off. */
#define BC_IPTENT_BUF	32768
/* When no other namespace is begun, and what containers leave between two counts. */
#define BC_IPTENT_MS	1000
/* The same as a multiple of how long the last count took. */
#define BC_IPTENT_IDLE	10

/**
 * struct bc_iptent - a network namespace, the worker's
 * @net: with a reference, while the worker runs; NULL when no member is in it
 * @pool: whose it is, with a reference, while the worker runs
 * @rules: how many it had
 * @gen: generation of its rules then
 * @seen: how often that generation was counted
 * @known: @rules can be told
 */
struct bc_iptent {
	struct net	*net;
	struct bc_pool	*pool;
	u64		rules;
	u32		gen;
	unsigned int	seen;
	bool		known;
};

static DEFINE_XARRAY(bc_iptents);	/* the worker's, by cookie of the namespace */
static unsigned long bc_iptent_next;	/* the worker's, where to begin */
static bool bc_iptent_missed;		/* the worker's: not all namespaces were noted */
static unsigned long bc_iptent_began, bc_iptent_ended;	/* jiffies */

/* ---- one namespace ---- */

/*
 * With an address: without one the kernel would look at the credentials of the file
 * behind the socket, and a socket of the kernel has none.
 */
static int bc_iptent_ask(struct socket *sock, u8 type, u16 flags)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	struct msghdr msg = { .msg_name = &to, .msg_namelen = sizeof(to) };
	struct {
		struct nlmsghdr		nlh;
		struct nfgenmsg		nfg;
	} req = {
		.nlh = {
			.nlmsg_len = sizeof(req),
			.nlmsg_type = nfnl_msg_type(NFNL_SUBSYS_NFTABLES, type),
			.nlmsg_flags = NLM_F_REQUEST | flags,
		},
		.nfg = { .version = NFNETLINK_V0 },
	};
	struct kvec vec = { .iov_base = &req, .iov_len = sizeof(req) };
	int ret = kernel_sendmsg(sock, &msg, &vec, 1, sizeof(req));

	return min(ret, 0);
}

/* Answers are made while the question is sent, or the last answer is read: no need to wait. */
static int bc_iptent_read(struct socket *sock, void *buf)
{
	struct kvec vec = { .iov_base = buf, .iov_len = BC_IPTENT_BUF };
	struct msghdr msg = {};
	int len = kernel_recvmsg(sock, &msg, &vec, 1, BC_IPTENT_BUF, MSG_DONTWAIT);

	return len > 0 && (msg.msg_flags & MSG_TRUNC) ? -EMSGSIZE : len;
}

/* Also makes the kernel's messages in the dump as long as the buffer. */
static int bc_iptent_generation(struct socket *sock, void *buf, u32 *gen)
{
	struct nlmsghdr *nlh = buf;
	struct nlattr *attr;
	int ret;

	ret = bc_iptent_ask(sock, NFT_MSG_GETGEN, 0);
	if (ret)
		return ret;
	ret = bc_iptent_read(sock, buf);
	if (ret < 0)
		return ret;
	if (!nlmsg_ok(nlh, ret) ||
	    nlh->nlmsg_type != nfnl_msg_type(NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWGEN))
		return -EPROTO;
	attr = nlmsg_find_attr(nlh, sizeof(struct nfgenmsg), NFTA_GEN_ID);
	if (!attr || nla_len(attr) < sizeof(*gen))
		return -EPROTO;
	*gen = ntohl(nla_get_be32(attr));
	return 0;
}

/* Counts the rules in a part of a dump; 1 when it was the last one, or an error. */
static int bc_iptent_tally(const void *buf, int len, struct bc_iptent *ent)
{
	const struct nlmsghdr *nlh = buf;

	for (; nlmsg_ok(nlh, len); nlh = nlmsg_next(nlh, &len)) {
		if (nlh->nlmsg_type == NLMSG_ERROR)
			return -EPROTO;
		if (nlh->nlmsg_type == NLMSG_DONE)
			return 1;
		/* Rules were changed meanwhile: off by those, and to be counted again. */
		if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
			ent->seen = 0;
		if (nlh->nlmsg_type == nfnl_msg_type(NFNL_SUBSYS_NFTABLES, NFT_MSG_NEWRULE))
			ent->rules++;
	}
	return 0;
}

/*
 * A commit raises the generation a moment before the new rules are in force. Who
 * looks just then gets the old rules with the new generation, hence twice.
 */
static int bc_iptent_dump(struct socket *sock, void *buf, struct bc_iptent *ent)
{
	u32 gen;
	int ret;

	ret = bc_iptent_generation(sock, buf, &gen);
	if (ret || (ent->seen > 1 && ent->gen == gen))
		return ret;
	ent->seen = ent->seen && ent->gen == gen ? ent->seen + 1 : 1;
	ent->gen = gen;
	ent->rules = 0;
	ret = bc_iptent_ask(sock, NFT_MSG_GETRULE, NLM_F_DUMP);
	while (!ret && ent->rules < BC_IPTENT_MAX) {
		ret = bc_iptent_read(sock, buf);
		if (ret > 0)
			ret = bc_iptent_tally(buf, ret, ent);
		cond_resched();
	}
	ent->rules = min_t(u64, ent->rules, BC_IPTENT_MAX);
	if (ret < 0)
		ent->seen = 0;
	return min(ret, 0);
}

static void bc_iptent_count(struct bc_iptent *ent, void *buf)
{
	struct socket *sock;

	/* Takes no reference of the namespace, and is charged to nobody. */
	if (sock_create_kern(ent->net, AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER, &sock))
		return;
	ent->known = !bc_iptent_dump(sock, buf, ent);
	sock_release(sock);
}

/* ---- which namespaces there are ---- */

/* NULL for want of memory. */
static struct bc_iptent *bc_iptent_find(struct net *net)
{
	struct bc_iptent *ent = xa_load(&bc_iptents, net->net_cookie);

	if (!ent) {
		ent = kzalloc(sizeof(*ent), GFP_ATOMIC | __GFP_NOWARN);
		if (ent && xa_err(xa_store(&bc_iptents, net->net_cookie, ent,
					   GFP_ATOMIC | __GFP_NOWARN))) {
			kfree(ent);
			ent = NULL;
		}
	}
	if (!ent)
		bc_iptent_missed = true;
	else if (!ent->net)
		ent->net = get_net(net);
	return ent;
}

/* The parent chains are those of this moment; pools may move while others are noted. */
static void bc_iptent_assign(struct bc_iptent *ent, struct task_struct *task)
{
	struct bc_section sec;
	struct bc_pool *pool;

	bc_enter(&sec);
	pool = bc_task_pool(task);
	if (pool && ent->pool)
		pool = bc_pool_common(pool, ent->pool);
	if (pool && pool != ent->pool && bc_pool_tryget(pool)) {
		swap(pool, ent->pool);
		if (pool)
			bc_pool_put(pool);
	}
	bc_leave(&sec);
}

static void bc_iptent_note(struct task_struct *leader, void *data)
{
	struct bc_iptent *ent;
	struct task_struct *task;

	for_each_thread(leader, task) {
		if (bc_cgroup_unknown(bc_task_cgroup(task)))
			continue;
		ent = NULL;
		task_lock(task);
		if (task->nsproxy && task->nsproxy->net_ns != &init_net)
			ent = bc_iptent_find(task->nsproxy->net_ns);
		task_unlock(task);
		if (ent)
			bc_iptent_assign(ent, task);
	}
}

/* ---- the worker ---- */

/* From where the last one has stopped, as long as there is time. */
static void bc_iptent_count_all(void *buf)
{
	unsigned long last = jiffies + msecs_to_jiffies(BC_IPTENT_MS);
	unsigned long id, first = bc_iptent_next;
	struct bc_iptent *ent;
	int round;

	for (round = 0; round < 2; round++) {
		xa_for_each_range(&bc_iptents, id, ent, round ? 0 : first,
				  round ? first - 1 : ULONG_MAX) {
			bc_iptent_next = id;
			if (time_after(jiffies, last))
				return;
			if (ent->pool)
				bc_iptent_count(ent, buf);
		}
		if (!first)
			break;
	}
	bc_iptent_next = 0;
}

/* Without nf_tables there are no rules, and nothing here makes it be loaded. */
static void bc_iptent_look(void)
{
	void *buf = kvmalloc(BC_IPTENT_BUF, GFP_KERNEL);
	struct bc_iptent *ent;
	unsigned long id;

	if (!buf)
		return;
	if (__symbol_get("nft_register_expr")) {
		bc_iptent_count_all(buf);
		__symbol_put("nft_register_expr");
	} else {
		xa_for_each(&bc_iptents, id, ent) {
			ent->rules = 0;
			ent->seen = 0;
			ent->known = true;
		}
	}
	kvfree(buf);
}

static void bc_iptent_publish(void)
{
	struct bc_iptent *ent;
	struct bc_pool *pool;
	unsigned long id;

	mutex_lock(&bc_tree.lock);
	for (pool = bc_tree.host; pool; pool = bc_pool_next_pre(pool, bc_tree.host)) {
		pool->iptents = 0;
		pool->iptents_known = !bc_iptent_missed;
	}
	xa_for_each(&bc_iptents, id, ent) {
		for (pool = ent->pool; pool; pool = pool->parent) {
			pool->iptents += ent->rules;
			pool->iptents_known &= ent->known;
		}
	}
	mutex_unlock(&bc_tree.lock);
}

/* What nobody is in any more is forgotten, the others for now. */
static void bc_iptent_put_all(void)
{
	struct bc_iptent *ent;
	unsigned long id;

	xa_for_each(&bc_iptents, id, ent) {
		if (ent->pool)
			bc_pool_put(ent->pool);
		ent->pool = NULL;
		ent->known = false;
		if (ent->net) {
			put_net(ent->net);
			ent->net = NULL;
		} else {
			xa_erase(&bc_iptents, id);
			kfree(ent);
		}
	}
}

static void bc_iptent_work_fn(struct work_struct *work)
{
	WRITE_ONCE(bc_iptent_began, jiffies);
	bc_iptent_missed = false;
	bc_proc_walk(bc_iptent_note, NULL);
	bc_iptent_look();
	bc_iptent_publish();
	bc_iptent_put_all();
	WRITE_ONCE(bc_iptent_ended, jiffies);
}

/* Not on bc_wq, which every request flushes. */
static DECLARE_WORK(bc_iptent_work, bc_iptent_work_fn);

/**
 * bc_iptent_refresh() - count the rules of all pools' namespaces
 *
 * For who may see all pools. Takes about a second at most, apart from the last
 * namespace that is begun.
 *
 * Context: may sleep; not under the tree mutex.
 */
void bc_iptent_refresh(void)
{
	if (!bc_res_active(BC_NUMIPTENT))
		return;
	queue_work(system_unbound_wq, &bc_iptent_work);
	flush_work(&bc_iptent_work);
}

/**
 * bc_iptent_refresh_seldom() - the same, if it was not done lately
 *
 * For containers. However many of them ask, and how often, the worker is busy for
 * an eleventh of the time at most because of them; figures may be as old as that.
 *
 * Context: may sleep; not under the tree mutex.
 */
void bc_iptent_refresh_seldom(void)
{
	unsigned long ended = READ_ONCE(bc_iptent_ended);
	unsigned long took = max_t(long, ended - READ_ONCE(bc_iptent_began), 0);

	if (!ended || time_after(jiffies, ended + max(took * BC_IPTENT_IDLE,
						      msecs_to_jiffies(BC_IPTENT_MS))))
		bc_iptent_refresh();
}

/* Figures are read from the pool, see snapshot.c. */
static bool bc_iptent_read_record(struct bc_pool *pool, enum bc_res res, struct bc_record *rec)
{
	return false;
}

static void bc_iptent_exit(void)
{
	cancel_work_sync(&bc_iptent_work);
	bc_iptent_put_all();
	bc_iptent_put_all();
	xa_destroy(&bc_iptents);
}

struct bc_source bc_source_iptent = {
	.name = "numiptent",
	.resources = BIT(BC_NUMIPTENT),
	.needs = &bc_source_member,
	.exit = bc_iptent_exit,
	.counted = BIT(BC_NUMIPTENT),
	.why_counted = "only rules of nf_tables, for who asks for details; there is no limit",
	.read = bc_iptent_read_record,
};
