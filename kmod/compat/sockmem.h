/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What of a socket's figures belongs to a request that is being asked for when
 * __sk_mem_raise_allocated() is called? Drop with 6.1.
 */
#ifndef _BC_COMPAT_SOCKMEM_H
#define _BC_COMPAT_SOCKMEM_H

#include <linux/in.h>
#include <linux/version.h>
#include <net/sock.h>

/**
 * bc_sock_pending() - bytes in a socket's figures that it was not granted yet
 * @sk: socket that asks
 * @size: bytes it needs
 * @bytes: the same in whole pages, which is what it asks for
 *
 * __sk_mem_schedule() adds the pages to sk_forward_alloc before it asks. UDP has
 * the datagram itself in sk_rmem_alloc by then; up to 6.6 it asks by itself, for
 * the pages of the whole datagram, and adds them afterwards. MPTCP has accounts
 * of its own.
 *
 * Return: bytes, up to a page too much for UDP on 6.1: round up what is left.
 */
static inline long bc_sock_pending(const struct sock *sk, int size, long bytes)
{
	if (sk->sk_protocol == IPPROTO_MPTCP)
		return 0;
	if (sk->sk_protocol != IPPROTO_UDP && sk->sk_protocol != IPPROTO_UDPLITE)
		return bytes;
	if (LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0))
		return bytes;
	return size + READ_ONCE(sk->sk_forward_alloc);
}

#endif /* _BC_COMPAT_SOCKMEM_H */
