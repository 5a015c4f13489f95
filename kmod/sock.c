// SPDX-License-Identifier: GPL-2.0
/*
 * numtcpsock and numothersock, and the records of sockets
 *
 * A socket belongs to the cgroup that the kernel notes in it when it is made,
 * its creator's or its listener's, and stays there when the descriptor or the
 * creator moves. Each charged socket has a record that remembers the pool and
 * every byte charged for it, and gives all of it back when the socket is freed,
 * so that nothing can be left behind.
 *
 * Refused is early: socket() in security_socket_create() with ENOBUFS, an
 * accepted connection in sk_clone_lock(), which drops it as the kernel does
 * when it is short of memory, and whatever else makes a socket, like connect()
 * for the other end of a UNIX stream, in sk_alloc(), mostly with ENOMEM.
 * Charged is late, by force, when the kernel gives the socket its cgroup,
 * because only then nothing can fail any more. Between the two, others may take
 * the room: the limit can be exceeded by as many sockets as are being made at
 * the same instant, which is the number of threads inside sk_alloc() plus one
 * softirq for each CPU. The excess is charged, so the next request is refused.
 *
 * Sockets of the kernel itself (no reference of their network namespace) are
 * left alone: counted to nobody, refused never.
 *
 * A socket without a record that turns up in a cgroup of a pool (made before
 * the pool was bound, or for want of memory) is adopted when it next allocates
 * buffers; those reachable through a member's file table, at once.
 */
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/in.h>
#include <linux/net.h>
#include <linux/slab.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "bind.h"
#include "hook.h"
#include "member.h"
#include "refusal.h"
#include "sock.h"

/* Records examined in one go with charging excluded. */
#define BC_SOCK_BATCH	256

struct bc_ptrmap bc_sock_map __read_mostly;

static bool bc_proto_is_tcp(const struct proto *prot)
{
	return prot->memory_allocated == tcp_prot.memory_allocated;
}

/**
 * bc_sock_is_tcp() - does a socket count as TCP?
 * @sk: socket with its protocol set
 *
 * Return: true for TCP over IPv4 and IPv6, and for MPTCP.
 */
bool bc_sock_is_tcp(const struct sock *sk)
{
	return bc_proto_is_tcp(READ_ONCE(sk->sk_prot));
}

static enum bc_res bc_sock_res(bool tcp)
{
	return tcp ? BC_NUMTCPSOCK : BC_NUMOTHERSOCK;
}

/**
 * bc_sock_send_res() - resource of a protocol's send memory
 * @rec: record
 *
 * Return: resource.
 */
enum bc_res bc_sock_send_res(const struct bc_sock *rec)
{
	return rec->tcp ? BC_TCPSNDBUF : BC_OTHERSOCKBUF;
}

/**
 * bc_sock_recv_res() - resource of a protocol's receive memory
 * @rec: record
 *
 * Return: resource.
 */
enum bc_res bc_sock_recv_res(const struct bc_sock *rec)
{
	return rec->tcp ? BC_TCPRCVBUF : BC_DGRAMRCVBUF;
}

static void bc_sock_move_charge(struct bc_sock_charge *charge, struct bc_pool *from,
				struct bc_pool *to, enum bc_res res)
{
	bc_pool_move(from, to, res, atomic_long_read(&charge->bytes));
	WRITE_ONCE(charge->seen, BC_TICKS());
}

/* Books what a socket has charged from one pool to another; NULL is nowhere. */
static void bc_sock_move_charges(struct bc_sock *rec, struct bc_pool *from, struct bc_pool *to)
{
	bc_pool_move(from, to, bc_sock_res(rec->tcp), 1);
	bc_sock_move_charge(&rec->snd, from, to, bc_sock_send_res(rec));
	bc_sock_move_charge(&rec->rcv, from, to, bc_sock_recv_res(rec));
	bc_sock_move_charge(&rec->wmem, from, to, BC_OTHERSOCKBUF);
	bc_sock_move_charge(&rec->rmem, from, to, BC_DGRAMRCVBUF);
}

/* Uncharges and frees a record that was taken out of the map. */
static void bc_sock_release(struct bc_sock *rec)
{
	struct bc_pool *pool = rec->pool;
	unsigned long flags;

	bc_sock_forget(rec);
	spin_lock_irqsave(&pool->sk_lock, flags);
	list_del_init(&rec->link);
	spin_unlock_irqrestore(&pool->sk_lock, flags);
	bc_sock_move_charges(rec, pool, NULL);
	bc_pool_put(pool);
	kfree_rcu(rec, rcu);
}

/* Makes a record and charges the socket itself by force. */
static struct bc_sock *bc_sock_new(struct sock *sk, struct bc_pool *pool)
{
	struct bc_ptrmap_node *node;
	struct bc_sock *rec;
	unsigned long flags;

	rec = kzalloc(sizeof(*rec), BC_GFP_HOOK);
	if (!rec)
		goto err_untracked;
	if (!bc_pool_tryget(pool))
		goto err_free;
	rec->pool = pool;
	rec->tcp = bc_sock_is_tcp(sk);
	INIT_LIST_HEAD(&rec->link);
	INIT_LIST_HEAD(&rec->wait_link);

	spin_lock_irqsave(&pool->sk_lock, flags);
	node = bc_ptrmap_insert(&bc_sock_map, &rec->node, sk);
	if (node == &rec->node) {
		list_add_tail(&rec->link, &pool->socks);
		bc_counter_charge(&pool->cnt[bc_sock_res(rec->tcp)], NULL, 1);
	}
	spin_unlock_irqrestore(&pool->sk_lock, flags);
	if (node == &rec->node)
		return rec;
	bc_pool_put(pool);
	kfree(rec);
	return container_of(node, struct bc_sock, node);

err_free:
	kfree(rec);
err_untracked:
	bc_note_untracked();
	return NULL;
}

/**
 * bc_sock_sync() - charge up or down to what a socket has
 * @rec: record
 * @charge: what is charged so far
 * @res: resource it is charged to
 * @want: what is to be charged
 * @sev: severity of an increase
 * @fail: the counter that refused
 *
 * Context: inside a charge section; several CPUs may do it at once.
 * Return: false when an increase was refused; nothing has changed then.
 */
bool bc_sock_sync(struct bc_sock *rec, struct bc_sock_charge *charge, enum bc_res res, long want,
		  enum bc_severity sev, struct bc_counter **fail)
{
	struct bc_counter *cnt = &rec->pool->cnt[res];
	long old = atomic_long_read(&charge->bytes);

	while (want != old) {
		if (want > old && !bc_counter_try_charge(cnt, want - old, sev, fail))
			return false;
		if (atomic_long_cmpxchg(&charge->bytes, old, want) == old) {
			if (want < old)
				bc_counter_correct(cnt, old, want, READ_ONCE(charge->seen));
			break;
		}
		if (want > old)
			bc_counter_uncharge(cnt, NULL, want - old);
		old = atomic_long_read(&charge->bytes);
	}
	WRITE_ONCE(charge->seen, BC_TICKS());
	return true;
}

/**
 * bc_sock_figures() - what a socket has of its protocol's memory
 * @rec: record
 * @sk: socket
 * @more: bytes to be added to what the socket's own figures say
 * @snd: bytes for sending
 * @rcv: bytes for receiving
 *
 * The kernel takes whole pages and keeps that the pages taken are the sum of
 * what is queued in either direction and of what is taken ahead. Exact for a
 * socket that is locked or at rest; else off by what it moves meanwhile.
 */
void bc_sock_figures(const struct bc_sock *rec, struct sock *sk, long more, long *snd, long *rcv)
{
	long queued = rec->tcp ? READ_ONCE(sk->sk_wmem_queued) : 0;
	long unread = atomic_read(&sk->sk_rmem_alloc);
	long total = queued + unread + READ_ONCE(sk->sk_forward_alloc) + more;

	total = PAGE_ALIGN(max(total, 0L));
	if (rec->ahead_for_send) {
		*rcv = min_t(long, total, PAGE_ALIGN(unread));
		*snd = total - *rcv;
	} else {
		*snd = min_t(long, total, PAGE_ALIGN(queued));
		*rcv = total - *snd;
	}
}

/*
 * UDP changes its figures under the lock of the receive queue. If that is taken
 * they are in motion: false, also for a socket that is not complete yet and has
 * no queue. TCP's are under the socket lock, which takes longer.
 */
static bool bc_sock_peek(const struct bc_sock *rec, struct sock *sk, long *snd, long *rcv)
{
	struct sk_buff_head *queue = &sk->sk_receive_queue;

	if (rec->tcp) {
		bc_sock_figures(rec, sk, 0, snd, rcv);
		return true;
	}
	/* The lock is initialised before the list. */
	if (!smp_load_acquire(&queue->next) || !spin_trylock(&queue->lock))
		return false;
	bc_sock_figures(rec, sk, 0, snd, rcv);
	spin_unlock(&queue->lock);
	return true;
}

/* Corrects what is charged for a socket to what it has, by force. */
static void bc_sock_recount_one(struct bc_sock *rec)
{
	struct sock *sk = (struct sock *)rec->node.key;
	struct bc_counter *fail;
	long snd, rcv;
	bool ok = true;

	if (sk->sk_prot->memory_allocated) {
		if (bc_sock_peek(rec, sk, &snd, &rcv)) {
			ok &= bc_sock_sync(rec, &rec->snd, bc_sock_send_res(rec), snd, BC_FORCE,
					   &fail);
			ok &= bc_sock_sync(rec, &rec->rcv, bc_sock_recv_res(rec), rcv, BC_FORCE,
					   &fail);
		}
	} else {
		rcv = atomic_read(&sk->sk_rmem_alloc);
		if (rcv < atomic_long_read(&rec->rmem.bytes))
			ok &= bc_sock_sync(rec, &rec->rmem, BC_DGRAMRCVBUF, rcv, BC_FORCE, &fail);
	}
	if (!rec->tcp) {
		/* It is one less while the socket waits to be freed. */
		snd = max(sk_wmem_alloc_get(sk), 0);
		ok &= bc_sock_sync(rec, &rec->wmem, BC_OTHERSOCKBUF, snd, BC_FORCE, &fail);
	}
	bc_sock_restore_idle(rec, sk);
	WARN_ON_ONCE(!ok);
}

static struct bc_sock *bc_sock_adopt(struct sock *sk, struct bc_pool *pool)
{
	struct bc_sock *rec;

	/* Not one of the kernel's own, and not one that is being freed. */
	if (!sk->sk_net_refcnt || !refcount_read(&sk->sk_wmem_alloc))
		return NULL;
	rec = bc_sock_new(sk, pool);
	if (rec)
		bc_sock_recount_one(rec);
	return rec;
}

/**
 * bc_sock_lookup() - the record of a socket that allocates memory now
 * @sk: full socket, used by its protocol or by a system call
 *
 * Hooks ask bc_cgroup_unknown() first, to make this cheap for sockets outside.
 *
 * Context: inside a charge section.
 * Return: record, adopted if need be; NULL when it belongs to no pool.
 */
struct bc_sock *bc_sock_lookup(struct sock *sk)
{
	struct bc_sock *rec = bc_sock_find(sk);
	struct bc_pool *pool;

	if (likely(rec))
		return rec;
	pool = bc_cgroup_pool(bc_sock_cgroup(sk));
	return pool ? bc_sock_adopt(sk, pool) : NULL;
}

static void bc_sock_recount_others(struct bc_pool *pool, const struct bc_sock *asks)
{
	struct bc_sock *rec;

	if (list_empty(&pool->socks))
		return;
	spin_lock(&pool->sk_lock);
	list_for_each_entry(rec, &pool->socks, link)
		if (rec != asks)
			bc_sock_recount_one(rec);
	spin_unlock(&pool->sk_lock);
}

/*
 * Makes the figures of one pool's sockets exact; inside a charge section.
 *
 * A message that is being built at this instant may be charged but not yet be
 * in the socket's figure: it is then uncounted until the next recount. What is
 * being asked for at this instant may be in the figure but not yet be granted:
 * it is then charged until its socket asks again, or until the next recount, at
 * most one request for each CPU.
 */
static void bc_sock_recount_pool(struct bc_pool *pool)
{
	bc_sock_recount_others(pool, NULL);
}

/**
 * bc_sock_may_recount() - recount unless that was done only just now
 * @root: pool
 * @asks: record of the socket that asks for more, left alone: what it asks for is
 *	in its figures already
 *
 * For hooks; see bc_recount_begin().
 *
 * Context: inside a charge section.
 * Return: true when it was recounted.
 */
bool bc_sock_may_recount(struct bc_pool *root, const struct bc_sock *asks)
{
	struct bc_pool *pos;
	u64 start;

	if (!bc_recount_begin(&root->sk_next, &start))
		return false;
	for (pos = root; pos; pos = bc_pool_next_pre(pos, root))
		bc_sock_recount_others(pos, asks);
	bc_recount_end(&root->sk_next, start);
	return true;
}

/* Moves or forgets one record, with charging excluded. */
static void bc_sock_rehome_one(struct bc_sock *rec, struct bc_pool *to)
{
	struct sock *sk = (struct sock *)rec->node.key;
	struct bc_pool *from = rec->pool;

	if (!to) {
		if (!bc_ptrmap_remove_node(&bc_sock_map, &rec->node))
			return;
		bc_sock_let_go(rec, sk);
		bc_sock_release(rec);
		return;
	}
	if (!bc_pool_tryget(to))
		return;
	spin_lock(&from->sk_lock);
	list_del(&rec->link);
	spin_unlock(&from->sk_lock);
	bc_sock_move_charges(rec, from, to);
	rec->pool = to;
	spin_lock(&to->sk_lock);
	list_add_tail(&rec->link, &to->socks);
	spin_unlock(&to->sk_lock);
	bc_pool_put(from);
}

/*
 * Examines a batch from the head of the list; what stays goes to its tail.
 * No record can go meanwhile, because a socket is freed inside a section.
 */
static unsigned int bc_sock_rehome_batch(struct bc_pool *pool, unsigned int left)
{
	struct bc_pool *to;
	struct bc_sock *rec;
	unsigned int n;

	for (n = min_t(unsigned int, left, BC_SOCK_BATCH); n; n--, left--) {
		rec = list_first_entry_or_null(&pool->socks, struct bc_sock, link);
		if (!rec)
			return 0;
		to = bc_cgroup_pool(bc_sock_cgroup((struct sock *)rec->node.key));
		if (to != pool)
			bc_sock_rehome_one(rec, to);
		else
			list_move_tail(&rec->link, &pool->socks);
	}
	return left;
}

/**
 * bc_sock_rehome() - send the sockets of a pool to where their cgroups belong
 * @pool: pool, after the cgroups were mapped anew
 *
 * Context: under the tree mutex; may sleep.
 */
void bc_sock_rehome(struct bc_pool *pool)
{
	unsigned int left = 0;
	unsigned long flags;
	struct list_head *pos;

	if (list_empty(&pool->socks))
		return;
	bc_topo_begin();
	bc_topo_lock(&flags);
	list_for_each(pos, &pool->socks)
		left++;
	bc_topo_unlock(flags);
	while (left) {
		bc_topo_lock(&flags);
		left = bc_sock_rehome_batch(pool, left);
		bc_topo_unlock(flags);
		cond_resched();
	}
	bc_topo_end();
}

/*
 * A socket that somebody is using at this instant is left for its next
 * allocation, because its figures are in motion.
 */
static int bc_sock_adopt_file(const void *data, struct file *file, unsigned int fd)
{
	struct socket *sock = sock_from_file(file);
	struct sock *sk = sock ? sock->sk : NULL;
	struct bc_section sec;

	if (!sk)
		return 0;
	spin_lock_bh(&sk->sk_lock.slock);
	if (!sock_owned_by_user_nocheck(sk)) {
		bc_enter(&sec);
		bc_sock_lookup(sk);
		bc_leave(&sec);
	}
	spin_unlock_bh(&sk->sk_lock.slock);
	return 0;
}

/**
 * bc_sock_adopt_files() - make records for the sockets a task has open
 * @task: task that cannot be freed meanwhile
 * @last: the file table seen before this one in the same walk, NULL at its start
 *
 * Context: under the tree mutex.
 */
void bc_sock_adopt_files(struct task_struct *task, const struct files_struct **last)
{
	if (!bc_res_active(BC_NUMOTHERSOCK))
		return;
	task_lock(task);
	/* Processes that share a table stand together in the list of processes. */
	if (task->files && (task->files != *last || atomic_read(&task->files->count) == 1))
		iterate_fd(task->files, 0, bc_sock_adopt_file, NULL);
	*last = task->files;
	task_unlock(task);
}

static bool bc_sock_creates_tcp(int family, int type, int protocol)
{
	if (family != AF_INET && family != AF_INET6)
		return false;
	return type == SOCK_STREAM && (protocol == IPPROTO_IP || protocol == IPPROTO_TCP ||
				       protocol == IPPROTO_MPTCP);
}

/* Is there room for one more socket? Counts the refusal if not. */
static bool bc_sock_has_room(struct bc_pool *pool, bool tcp)
{
	enum bc_res res = bc_sock_res(tcp);
	struct bc_counter *fail;

	if (likely(bc_counter_has_room(&pool->cnt[res], 1, BC_HARD, &fail)))
		return true;
	bc_refused(pool, fail, res, 1);
	return false;
}

BC_HANDLER(bc_on_socket_create)
{
	int family = BC_ARG(fregs, 0, int), type = BC_ARG(fregs, 1, int);
	int protocol = BC_ARG(fregs, 2, int), kern = BC_ARG(fregs, 3, int);
	struct bc_section sec;
	struct bc_pool *pool;
	bool ok = true;

	if (kern || bc_current_unknown())
		return;
	bc_enter(&sec);
	pool = bc_task_pool(current);
	if (pool)
		ok = bc_sock_has_room(pool, bc_sock_creates_tcp(family, type, protocol));
	bc_leave(&sec);
	if (unlikely(!ok))
		bc_refuse_call(fregs, bc_instead_enobufs);
}

/* A new socket is about to note its creator's cgroup. */
BC_HANDLER(bc_on_sk_alloc)
{
	struct sock *sk = container_of(BC_ARG(fregs, 0, struct sock_cgroup_data *),
				       struct sock, sk_cgrp_data);
	struct bc_section sec;
	struct bc_pool *pool;

	if (bc_current_unknown() || !sk->sk_net_refcnt || in_interrupt())
		return;
	bc_enter(&sec);
	pool = bc_task_pool(current);
	if (pool)
		bc_sock_new(sk, pool);
	bc_leave(&sec);
}

/* An accepted socket has inherited the cgroup of its listener. */
BC_HANDLER(bc_on_sk_clone)
{
	struct sock *sk = container_of(BC_ARG(fregs, 0, struct sock_cgroup_data *),
				       struct sock, sk_cgrp_data);
	struct bc_section sec;
	struct bc_pool *pool;

	if (bc_cgroup_unknown(bc_sock_cgroup(sk)) || !sk->sk_net_refcnt)
		return;
	bc_enter(&sec);
	pool = bc_cgroup_pool(bc_sock_cgroup(sk));
	if (pool)
		bc_sock_new(sk, pool);
	bc_leave(&sec);
}

/* May a listener have one more accepted socket? */
BC_HANDLER(bc_on_sk_clone_lock)
{
	struct sock *sk = BC_ARG(fregs, 0, struct sock *);
	struct bc_section sec;
	struct bc_pool *pool;
	bool ok = true;

	if (bc_cgroup_unknown(bc_sock_cgroup(sk)))
		return;
	bc_enter(&sec);
	pool = bc_cgroup_pool(bc_sock_cgroup(sk));
	if (pool && sk->sk_net_refcnt)
		ok = bc_sock_has_room(pool, bc_sock_is_tcp(sk));
	bc_leave(&sec);
	if (unlikely(!ok))
		bc_refuse_call(fregs, bc_instead_zero);
}

BC_HANDLER(bc_on_sk_free)
{
	struct sock *sk = container_of(BC_ARG(fregs, 0, struct sock_cgroup_data *),
				       struct sock, sk_cgrp_data);
	struct bc_ptrmap_node *node;
	struct bc_section sec;

	if (bc_ptrmap_unknown(&bc_sock_map, sk))
		return;
	bc_enter(&sec);
	node = bc_ptrmap_remove(&bc_sock_map, sk);
	if (node)
		bc_sock_release(container_of(node, struct bc_sock, node));
	bc_leave(&sec);
}

/* The sockets may be gone by now: the keys are not to be followed. */
static void bc_sock_purge(void)
{
	struct bc_ptrmap_node *node;
	struct hlist_node *next;
	unsigned long i;

	for (i = 0; i < 1UL << bc_sock_map.bits; i++)
		hlist_for_each_entry_safe(node, next, &bc_sock_map.buckets[i], link)
			if (bc_ptrmap_remove_node(&bc_sock_map, node))
				bc_sock_release(container_of(node, struct bc_sock, node));
}

/*
 * Whatever else makes a socket for a task: connect() for the other end of a
 * UNIX stream, accept() on a crypto socket. What became of socket() gets here
 * again, and is refused only if somebody was faster.
 */
BC_HANDLER(bc_on_sk_alloc_ask)
{
	const struct proto *prot = BC_ARG(fregs, 3, const struct proto *);
	int kern = BC_ARG(fregs, 4, int);
	struct bc_section sec;
	struct bc_pool *pool;
	bool ok = true;

	if (kern || bc_current_unknown() || in_interrupt())
		return;
	bc_enter(&sec);
	pool = bc_task_pool(current);
	if (pool)
		ok = bc_sock_has_room(pool, bc_proto_is_tcp(prot));
	bc_leave(&sec);
	if (unlikely(!ok))
		bc_refuse_call(fregs, bc_instead_zero);
}

static struct bc_hook bc_sock_hooks[] = {
	{ .func = "cgroup_sk_free", .handler = bc_on_sk_free },
	{ .func = "cgroup_sk_alloc", .handler = bc_on_sk_alloc },
	{ .func = "cgroup_sk_clone", .handler = bc_on_sk_clone },
	{ .func = "sk_clone_lock", .handler = bc_on_sk_clone_lock, .refuses = true },
	{ .func = "sk_alloc", .handler = bc_on_sk_alloc_ask, .refuses = true },
	{ .func = "security_socket_create", .handler = bc_on_socket_create, .refuses = true },
	{}
};

static void bc_sock_leave(struct bc_pool *pool, struct bc_pool *to)
{
	bc_sock_rehome(pool);
}

static int bc_sock_init(unsigned int bits)
{
	return bc_ptrmap_init(&bc_sock_map, bits);
}

static void bc_sock_exit(void)
{
	bc_sock_wait_exit();
	bc_ptrmap_destroy(&bc_sock_map);
}

struct bc_source bc_source_sock = {
	.name = "sockets",
	.resources = BIT(BC_NUMTCPSOCK) | BIT(BC_NUMOTHERSOCK),
	.needs = &bc_source_member,
	.hooks = bc_sock_hooks,
	.init = bc_sock_init,
	.exit = bc_sock_exit,
	.recount = bc_sock_recount_pool,
	.leave = bc_sock_leave,
	.purge = bc_sock_purge,
};
