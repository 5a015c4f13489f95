// SPDX-License-Identifier: GPL-2.0
/*
 * The socket
 *
 * libnl opens and binds it. Receiving is done by hand: nl_recv() turns
 * ENOBUFS, by which the kernel says that events were lost, into the error for
 * want of memory.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "sock.h"

/* Room for a burst of events, and for a dump of a thousand pools. */
#define BC_SOCK_RCVBUF	(4 << 20)

/**
 * struct bc_sock - a generic netlink socket
 * @nl: the socket
 * @buf: what was received last
 * @size: room in @buf
 */
struct bc_sock {
	struct nl_sock *nl;
	void *buf;
	size_t size;
};

/**
 * bc_sock_open() - open a generic netlink socket
 * @sockp: receives it
 *
 * Return: 0 or a negative errno.
 */
int bc_sock_open(struct bc_sock **sockp)
{
	struct bc_sock *sock = calloc(1, sizeof(*sock));
	int one = 1, size = BC_SOCK_RCVBUF, fd, ret;

	if (!sock)
		return -ENOMEM;
	sock->nl = nl_socket_alloc();
	if (!sock->nl) {
		free(sock);
		return -ENOMEM;
	}
	ret = nl_connect(sock->nl, NETLINK_GENERIC);
	if (ret < 0) {
		bc_sock_close(sock);
		return ret == -NLE_NOMEM ? -ENOMEM : -EPROTONOSUPPORT;
	}
	fd = nl_socket_get_fd(sock->nl);
	/* Without these three bctl works, only with poorer words. */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	*sockp = sock;
	return 0;
}

/**
 * bc_sock_close() - close a socket
 * @sock: the socket, or NULL
 */
void bc_sock_close(struct bc_sock *sock)
{
	if (!sock)
		return;
	nl_socket_free(sock->nl);
	free(sock->buf);
	free(sock);
}

/**
 * bc_sock_send() - send one message to the kernel
 * @sock: the socket
 * @buf: the message
 * @len: its length
 *
 * Return: 0 or a negative errno.
 */
int bc_sock_send(struct bc_sock *sock, const void *buf, size_t len)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t ret;

	do {
		ret = sendto(nl_socket_get_fd(sock->nl), buf, len, 0,
			     (struct sockaddr *)&kernel, sizeof(kernel));
	} while (ret < 0 && errno == EINTR);
	if (ret < 0)
		return -errno;
	return (size_t)ret == len ? 0 : -EIO;
}

static ssize_t bc_sock_read(struct bc_sock *sock)
{
	int fd = nl_socket_get_fd(sock->nl);
	struct sockaddr_nl from = { 0 };
	socklen_t fromlen = sizeof(from);
	ssize_t len;
	void *buf;

	len = recv(fd, NULL, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
	if (len < 0)
		return -errno;
	if ((size_t)len > sock->size) {
		buf = realloc(sock->buf, len);
		if (!buf)
			return -ENOMEM;
		sock->buf = buf;
		sock->size = len;
	}
	len = recvfrom(fd, sock->buf, sock->size, MSG_TRUNC | MSG_DONTWAIT,
		       (struct sockaddr *)&from, &fromlen);
	if (len < 0)
		return -errno;
	/* Another process can write to this socket, too: not the kernel, no word. */
	if (from.nl_pid)
		return -EAGAIN;
	return (size_t)len > sock->size ? -EMSGSIZE : len;
}

/**
 * bc_sock_recv() - receive what the kernel sent
 * @sock: the socket
 * @buf: receives the address of the datagram; it is good until the next call
 * @timeout_ms: how long to wait, -1 for ever
 *
 * Return: the length, -ETIMEDOUT, -EINTR after a signal, -ENOBUFS when
 * messages were lost, or another negative errno.
 */
ssize_t bc_sock_recv(struct bc_sock *sock, void **buf, int timeout_ms)
{
	struct pollfd pfd = { .fd = nl_socket_get_fd(sock->nl), .events = POLLIN };
	ssize_t len;
	int ret;

	do {
		ret = poll(&pfd, 1, timeout_ms);
		if (ret < 0)
			return -errno;
		if (!ret)
			return -ETIMEDOUT;
		len = bc_sock_read(sock);
	} while (len == -EAGAIN);
	*buf = sock->buf;
	return len;
}

/**
 * bc_sock_wait() - wait until there is something to receive, or to read
 * @sock: the socket
 * @fd: another descriptor
 * @timeout_ms: how long to wait, -1 for ever
 *
 * Return: 0, -ETIMEDOUT, -EINTR after a signal, or another negative errno.
 */
int bc_sock_wait(struct bc_sock *sock, int fd, int timeout_ms)
{
	struct pollfd pfd[] = {
		{ .fd = nl_socket_get_fd(sock->nl), .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
	};
	int ret = poll(pfd, 2, timeout_ms);

	if (ret < 0)
		return -errno;
	return ret ? 0 : -ETIMEDOUT;
}

/**
 * bc_sock_join() - receive the messages of a multicast group
 * @sock: the socket
 * @group: number of the group
 *
 * Return: 0 or a negative errno.
 */
int bc_sock_join(struct bc_sock *sock, uint32_t group)
{
	int num = group;

	if (setsockopt(nl_socket_get_fd(sock->nl), SOL_NETLINK,
		       NETLINK_ADD_MEMBERSHIP, &num, sizeof(num)))
		return -errno;
	return 0;
}

/**
 * bc_sock_fd() - descriptor of a socket
 * @sock: the socket
 *
 * Return: the descriptor, which stays the socket's.
 */
int bc_sock_fd(struct bc_sock *sock)
{
	return nl_socket_get_fd(sock->nl);
}
