/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_SOCK_H
#define _BC_SOCK_H

#include <net/sock.h>

#include "member.h"
#include "ptrmap.h"
#include "tree.h"

struct files_struct;
struct task_struct;

/**
 * struct bc_sock_charge - one resource of one socket
 * @bytes: A: bytes charged
 * @seen: WO: when they were last made what they should be, ticks
 */
struct bc_sock_charge {
	atomic_long_t	bytes;
	u64		seen;
};

/**
 * struct bc_sock - record of a charged socket
 * @node: key is the struct sock, alive while the record is on @link
 * @pool: what it is charged to, with a reference. Changed only with charge
 *	sections excluded
 * @tcp: a TCP socket: one of numtcpsock, else of numothersock
 * @ahead_for_send: the protocol's pages that no packet uses yet were asked for
 *	to send; written by the socket's owner, a wrong guess shifts them between
 *	the two accounts
 * @snd: the protocol's send memory
 * @rcv: the protocol's receive memory
 * @wmem: sk_wmem_alloc, of sockets other than TCP
 * @rmem: sk_rmem_alloc, of protocols without memory accounts
 * @sndbuf_was: sk_sndbuf before it was lowered, 0 when it is not lowered;
 *	under the pool's sk_lock
 * @sndbuf_low: what it was lowered to
 * @link: in @pool->socks, under its sk_lock
 * @wait_link: among the senders that wait for room (sockwait.c)
 * @wait_need: bytes that it waits for
 * @rcu: for the free
 */
struct bc_sock {
	struct bc_ptrmap_node	node;
	struct bc_pool		*pool;
	bool			tcp;
	bool			ahead_for_send;
	struct bc_sock_charge	snd;
	struct bc_sock_charge	rcv;
	struct bc_sock_charge	wmem;
	struct bc_sock_charge	rmem;
	int			sndbuf_was;
	int			sndbuf_low;
	struct list_head	link;
	struct list_head	wait_link;
	long			wait_need;
	struct rcu_head		rcu;
};

/* The cgroup that a socket was made in, for as long as it lives. */
static __always_inline struct cgroup *bc_sock_cgroup(struct sock *sk)
{
	return sock_cgroup_ptr(&sk->sk_cgrp_data);
}

extern struct bc_ptrmap bc_sock_map;

/**
 * bc_sock_find() - the record of a socket
 * @sk: socket
 *
 * Context: inside a charge section.
 * Return: record or NULL.
 */
static __always_inline struct bc_sock *bc_sock_find(const struct sock *sk)
{
	struct bc_ptrmap_node *node = bc_ptrmap_find(&bc_sock_map, sk);

	return node ? container_of(node, struct bc_sock, node) : NULL;
}

struct bc_sock *bc_sock_lookup(struct sock *sk);
void bc_sock_adopt_files(struct task_struct *task, const struct files_struct **last);
void bc_sock_rehome(struct bc_pool *pool);
bool bc_sock_may_recount(struct bc_pool *root, const struct bc_sock *asks);
enum bc_res bc_sock_send_res(const struct bc_sock *rec);
enum bc_res bc_sock_recv_res(const struct bc_sock *rec);
bool bc_sock_is_tcp(const struct sock *sk);
void bc_sock_lower_sndbuf(struct bc_sock *rec, struct sock *sk, int to);
void bc_sock_restore_sndbuf(struct bc_sock *rec, struct sock *sk);
void bc_sock_restore_idle(struct bc_sock *rec, struct sock *sk);
void bc_sock_hold(struct bc_sock *rec, struct sock *sk, long need, int to);
void bc_sock_forget(struct bc_sock *rec);
void bc_sock_let_go(struct bc_sock *rec, struct sock *sk);
void bc_sock_wait_exit(void);
bool bc_sock_sync(struct bc_sock *rec, struct bc_sock_charge *charge, enum bc_res res, long want,
		  enum bc_severity sev, struct bc_counter **fail);
void bc_sock_figures(const struct bc_sock *rec, struct sock *sk, long more, long *snd, long *rcv);

#endif /* _BC_SOCK_H */
