// SPDX-License-Identifier: GPL-2.0
/*
 * tcpsndbuf, tcprcvbuf, dgramrcvbuf, othersockbuf: buffer memory of sockets
 *
 * TCP and UDP ask the kernel's own memory accounts in pages, once for several
 * packets, in __sk_mem_raise_allocated(). That function is hooked, and nothing
 * on the way back: at each request, and at a recount, what is charged for the
 * socket is corrected to what its own figures say it has (bc_sock_figures()).
 *
 * A refusal has the effect that being out of memory has in the kernel, for that
 * socket alone: a sender waits or gets EAGAIN, a segment is dropped and sent
 * again, a datagram is dropped. The host-wide pressure state of TCP is not
 * entered, as the hooked function does not run.
 *
 * So that no connection starves, the kernel's guaranteed minimum is granted
 * whatever the limit says: a TCP socket with less than tcp_rmem[0] or
 * tcp_wmem[0] in use may have one more allocation. What TCP takes without
 * asking (sk_forced_mem_schedule: FIN, first segment, first skb in an empty
 * receive queue) is charged by force. Hence the bound that is kept:
 *
 *	held <= barrier + TCP sockets * (one allocation, at most 64 KiB and
 *	its overhead)
 *
 * SO_RESERVE_MEM would be a way round this, with pages that are never asked
 * for; sockets of pools get EOPNOTSUPP, as all do without a memory controller.
 *
 * A refused TCP sender gets a smaller sk_sndbuf as the kernel does it under
 * pressure, so that it waits for its peer and poll() stops saying that it is
 * writable. If the application has set SO_SNDBUF, it is lowered all the same,
 * and restored when memory is granted (bc_sock_lower_sndbuf()), or at a recount that finds
 * nothing left to send. A receiver's
 * window is kept small once three quarters of the barrier are held: the peer
 * should wait rather than send what will be dropped.
 *
 * All other sockets are charged for what they send by sk_wmem_alloc, one hook
 * in sock_alloc_send_pskb() and none for the release: what is charged is
 * corrected to the kernel's figure at each call and at a recount. A sender over
 * the barrier waits for room (sockwait.c), or for its own messages to be
 * consumed, whichever comes first. What has next to nothing in flight is
 * granted a small message, or one chunk of a stream. A message that can never
 * fit is refused with ENOBUFS.
 *
 *	held <= barrier + sockets * (one message or chunk)
 *
 * Raw and ping sockets have no memory accounts; their receive queues are
 * charged in __sock_queue_rcv_skb(). Packet and netlink sockets fill their
 * receive queues by themselves: these bytes are not counted (each is bounded by
 * its sk_rcvbuf).
 */
#include <linux/skbuff.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "bind.h"
#include "compat/sockmem.h"
#include "hook.h"
#include "member.h"
#include "refusal.h"
#include "sock.h"

/* Keep a receiver's window small from here on: at three quarters of the barrier. */
static bool bc_tcp_tight(struct bc_sock *rec)
{
	struct bc_counter *cnt;
	u64 barrier;

	for (cnt = &rec->pool->cnt[BC_TCPRCVBUF]; cnt; cnt = cnt->parent) {
		barrier = READ_ONCE(cnt->barrier);
		if (unlikely(barrier != BC_UNLIMITED &&
			     bc_counter_held(cnt) >= barrier - barrier / 4))
			return true;
	}
	return false;
}

/* The socket is locked by whoever is receiving. */
static void bc_tcp_squeeze(struct sock *sk)
{
	struct tcp_sock *tp = tcp_sk(sk);

	if (sk->sk_protocol == IPPROTO_TCP)
		tp->rcv_ssthresh = min(tp->rcv_ssthresh, 4U * tp->advmss);
}

/* Is this the minimum that every TCP socket is guaranteed? */
static bool bc_tcp_guaranteed(struct sock *sk, int kind)
{
	if (kind == SK_MEM_RECV)
		return atomic_read(&sk->sk_rmem_alloc) < sk_get_rmem0(sk, sk->sk_prot);
	return READ_ONCE(sk->sk_wmem_queued) < sk_get_wmem0(sk, sk->sk_prot);
}

/*
 * A sender over the barrier is made to wait until its peer has taken half of
 * what is queued. Unlike the kernel we do not grant this last allocation: TCP
 * enlarges the buffer again with every ACK, even one that only answers a window
 * probe, and each time there would be one more last allocation.
 */
static void bc_tcp_hold_sender(struct bc_sock *rec, struct sock *sk)
{
	if (sk->sk_userlocks & SOCK_SNDBUF_LOCK)
		bc_sock_lower_sndbuf(rec, sk,
				     max_t(int, sk->sk_wmem_queued >> 1, SOCK_MIN_SNDBUF));
	else
		sk_stream_moderate_sndbuf(sk);
}

/*
 * Makes the charges say what the socket has, and what it asks for on top of it:
 * what it was granted in any case, what it asks for if there is room.
 */
static bool bc_sock_charge(struct bc_sock *rec, struct sock *sk, long pending, long bytes,
			   int kind, enum bc_severity sev, struct bc_counter **fail)
{
	long snd, rcv;

	rec->ahead_for_send = kind == SK_MEM_SEND;
	bc_sock_figures(rec, sk, -pending, &snd, &rcv);
	if (kind == SK_MEM_SEND)
		return bc_sock_sync(rec, &rec->rcv, bc_sock_recv_res(rec), rcv, BC_FORCE, fail) &&
		       bc_sock_sync(rec, &rec->snd, bc_sock_send_res(rec), snd + bytes, sev, fail);
	return bc_sock_sync(rec, &rec->snd, bc_sock_send_res(rec), snd, BC_FORCE, fail) &&
	       bc_sock_sync(rec, &rec->rcv, bc_sock_recv_res(rec), rcv + bytes, sev, fail);
}

/* What happens to a socket whose request found no room: true to grant it. */
static bool bc_sock_over(struct bc_sock *rec, struct sock *sk, long bytes, int kind,
			 enum bc_res res, struct bc_counter *fail)
{
	if (rec->tcp && kind == SK_MEM_RECV)
		bc_tcp_squeeze(sk);
	if (rec->tcp && bc_tcp_guaranteed(sk, kind))
		return true;
	bc_refused(rec->pool, fail, res, bytes);
	if (rec->tcp && kind == SK_MEM_SEND)
		bc_tcp_hold_sender(rec, sk);
	return false;
}

/* Charges pages for a socket; false to refuse. */
static bool bc_sock_raise(struct bc_sock *rec, struct sock *sk, int size, int amt, int kind)
{
	enum bc_res res = kind == SK_MEM_RECV ? bc_sock_recv_res(rec) : bc_sock_send_res(rec);
	long bytes = (long)amt << PAGE_SHIFT, pending = bc_sock_pending(sk, size, bytes);
	struct bc_counter *fail;

	if (unlikely(!bc_res_active(res)))
		return true;
	if (likely(bc_sock_charge(rec, sk, pending, bytes, kind, BC_HARD, &fail)) ||
	    (bc_sock_may_recount(bc_counter_pool(fail, res), rec) &&
	     bc_sock_charge(rec, sk, pending, bytes, kind, BC_HARD, &fail))) {
		if (rec->tcp && kind == SK_MEM_RECV && unlikely(bc_tcp_tight(rec)))
			bc_tcp_squeeze(sk);
		else if (rec->tcp && kind == SK_MEM_SEND)
			bc_sock_restore_sndbuf(rec, sk);
		return true;
	}
	return bc_sock_over(rec, sk, bytes, kind, res, fail) &&
	       bc_sock_charge(rec, sk, pending, bytes, kind, BC_FORCE, &fail);
}

static noinline void bc_mem_raise(struct sock *sk, struct ftrace_regs *fregs)
{
	struct bc_section sec;
	struct bc_sock *rec;
	bool ok = true;

	bc_enter(&sec);
	rec = bc_sock_lookup(sk);
	if (rec)
		ok = bc_sock_raise(rec, sk, BC_ARG(fregs, 1, int), BC_ARG(fregs, 2, int),
				   BC_ARG(fregs, 3, int));
	bc_leave(&sec);
	if (unlikely(!ok))
		bc_refuse_call(fregs, bc_instead_zero);
}

BC_HANDLER(bc_on_mem_raise)
{
	struct sock *sk = BC_ARG(fregs, 0, struct sock *);

	if (!bc_cgroup_unknown(bc_sock_cgroup(sk)))
		bc_mem_raise(sk, fregs);
}

BC_HANDLER(bc_on_setsockopt)
{
	struct socket *sock = BC_ARG(fregs, 0, struct socket *);
	struct bc_section sec;
	struct bc_pool *pool;

	if (likely(BC_ARG(fregs, 2, int) != SO_RESERVE_MEM) ||
	    BC_ARG(fregs, 1, int) != SOL_SOCKET)
		return;
	bc_enter(&sec);
	pool = bc_cgroup_pool(sock_cgroup_ptr(&sock->sk->sk_cgrp_data));
	bc_leave(&sec);
	if (pool)
		bc_refuse_call(fregs, bc_instead_eopnotsupp);
}

static struct bc_hook bc_tcpmem_hooks[] = {
	{ .func = "security_socket_setsockopt", .handler = bc_on_setsockopt, .refuses = true },
	{ .func = "__sk_mem_raise_allocated", .handler = bc_on_mem_raise, .refuses = true },
	{}
};

struct bc_source bc_source_tcpmem = {
	.name = "tcpsndbuf, tcprcvbuf",
	.resources = BIT(BC_TCPSNDBUF) | BIT(BC_TCPRCVBUF),
	.needs = &bc_source_sock,
	.hooks = bc_tcpmem_hooks,
};

/* Receive queues of protocols without memory accounts; in a soft interrupt. */
BC_HANDLER(bc_on_queue_rcv)
{
	struct sock *sk = BC_ARG(fregs, 0, struct sock *);
	struct sk_buff *skb = BC_ARG(fregs, 1, struct sk_buff *);
	struct bc_counter *fail;
	struct bc_section sec;
	struct bc_sock *rec;
	bool ok = true;
	long want;

	if (bc_cgroup_unknown(bc_sock_cgroup(sk)) || sk->sk_prot->memory_allocated)
		return;
	bc_enter(&sec);
	rec = bc_sock_lookup(sk);
	if (rec) {
		want = atomic_read(&sk->sk_rmem_alloc) + (long)skb->truesize;
		ok = bc_sock_sync(rec, &rec->rmem, BC_DGRAMRCVBUF, want, BC_HARD, &fail);
		if (!ok && bc_sock_may_recount(bc_counter_pool(fail, BC_DGRAMRCVBUF), rec))
			ok = bc_sock_sync(rec, &rec->rmem, BC_DGRAMRCVBUF, want, BC_HARD, &fail);
		if (!ok) {
			bc_refused(rec->pool, fail, BC_DGRAMRCVBUF, skb->truesize);
			atomic_inc(&sk->sk_drops);
		}
	}
	bc_leave(&sec);
	if (unlikely(!ok))
		bc_refuse_call(fregs, bc_instead_enobufs);
}

static struct bc_hook bc_dgram_hooks[] = {
	{ .func = "__sock_queue_rcv_skb", .handler = bc_on_queue_rcv, .refuses = true },
	{}
};

/* UDP is charged by the hooks of TCP. */
struct bc_source bc_source_dgram = {
	.name = "dgramrcvbuf",
	.resources = BIT(BC_DGRAMRCVBUF),
	.needs = &bc_source_tcpmem,
	.hooks = bc_dgram_hooks,
};

/* Is a message larger than any barrier on its way up allows at all? */
static bool bc_never_fits(const struct bc_sock *rec, long need)
{
	const struct bc_counter *cnt;

	for (cnt = &rec->pool->cnt[BC_OTHERSOCKBUF]; cnt; cnt = cnt->parent)
		if (need > READ_ONCE(cnt->barrier))
			return true;
	return false;
}

/*
 * Charges a message of @need bytes; returns 0 to go on or the error to refuse with.
 *
 * Streams cut chunks of half their send buffer, which therefore is not lowered
 * below the least that the kernel allows.
 */
static int bc_othersock_send(struct bc_sock *rec, struct sock *sk, long need)
{
	bool stream = sk->sk_type == SOCK_STREAM;
	struct bc_counter *fail;
	long have = sk_wmem_alloc_get(sk);

	if (likely(bc_sock_sync(rec, &rec->wmem, BC_OTHERSOCKBUF, have + need, BC_HARD, &fail)) ||
	    (bc_sock_may_recount(bc_counter_pool(fail, BC_OTHERSOCKBUF), rec) &&
	     bc_sock_sync(rec, &rec->wmem, BC_OTHERSOCKBUF, have + need, BC_HARD, &fail))) {
		bc_sock_restore_sndbuf(rec, sk);
		return 0;
	}
	if (stream ? have >= SOCK_MIN_SNDBUF : have + need > SOCK_MIN_SNDBUF) {
		bc_refused(rec->pool, fail, BC_OTHERSOCKBUF, need);
		if (!stream && bc_never_fits(rec, need))
			return -ENOBUFS;
		bc_sock_hold(rec, sk, need, stream ? SOCK_MIN_SNDBUF : have);
		return 0;
	}
	/* The guaranteed minimum. */
	if (!bc_sock_sync(rec, &rec->wmem, BC_OTHERSOCKBUF, have + need, BC_FORCE, &fail))
		return -ENOBUFS;
	if (stream)
		bc_sock_hold(rec, sk, need, SOCK_MIN_SNDBUF);
	return 0;
}

/* What a message will be charged for: its data, and its head as skbs are made. */
static __always_inline long bc_message_size(struct ftrace_regs *fregs)
{
	return SKB_TRUESIZE(BC_ARG(fregs, 1, unsigned long)) + BC_ARG(fregs, 2, unsigned long);
}

/* Has the socket just this much charged already, and no lowered buffer? */
static __always_inline bool bc_send_unchanged(struct sock *sk, long need)
{
	struct bc_sock *rec;
	bool same = false;

	if (bc_fast_enter()) {
		rec = bc_sock_find(sk);
		same = rec && !READ_ONCE(rec->sndbuf_was) &&
		       sk_wmem_alloc_get(sk) + need == atomic_long_read(&rec->wmem.bytes);
	}
	bc_fast_leave();
	return same;
}

static noinline void bc_alloc_send(struct sock *sk, struct ftrace_regs *fregs)
{
	struct bc_section sec;
	struct bc_sock *rec;
	int err = 0;

	bc_enter(&sec);
	rec = bc_sock_lookup(sk);
	if (rec && !rec->tcp)
		err = bc_othersock_send(rec, sk, bc_message_size(fregs));
	bc_leave(&sec);
	if (unlikely(err)) {
		*BC_ARG(fregs, 4, int *) = err;
		bc_refuse_call(fregs, bc_instead_zero);
	}
}

BC_HANDLER(bc_on_alloc_send)
{
	struct sock *sk = BC_ARG(fregs, 0, struct sock *);

	if (bc_cgroup_unknown(bc_sock_cgroup(sk)) ||
	    bc_send_unchanged(sk, bc_message_size(fregs)))
		return;
	bc_alloc_send(sk, fregs);
}

static __always_inline bool bc_sndbuf_is_low(const struct sock *sk)
{
	struct bc_sock *rec;
	bool low = true;

	if (bc_fast_enter()) {
		rec = bc_sock_find(sk);
		low = rec && READ_ONCE(rec->sndbuf_was);
	}
	bc_fast_leave();
	return low;
}

/*
 * UNIX messages that are larger than the send buffer are refused with EMSGSIZE,
 * before memory is asked for: show the buffer that the application has set.
 */
BC_HANDLER(bc_on_unix_sendmsg)
{
	struct sock *sk = BC_ARG(fregs, 0, struct socket *)->sk;
	struct bc_section sec;
	struct bc_sock *rec;

	if (bc_cgroup_unknown(bc_sock_cgroup(sk)) || likely(!bc_sndbuf_is_low(sk)))
		return;
	bc_enter(&sec);
	rec = bc_sock_find(sk);
	if (rec)
		bc_sock_restore_sndbuf(rec, sk);
	bc_leave(&sec);
}

static struct bc_hook bc_othersock_hooks[] = {
	{ .func = "unix_dgram_sendmsg", .handler = bc_on_unix_sendmsg },
	{ .func = "sock_alloc_send_pskb", .handler = bc_on_alloc_send, .refuses = true },
	{}
};

struct bc_source bc_source_othersock = {
	.name = "othersockbuf",
	.resources = BIT(BC_OTHERSOCKBUF),
	.needs = &bc_source_sock,
	.hooks = bc_othersock_hooks,
};
