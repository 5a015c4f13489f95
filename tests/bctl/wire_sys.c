// SPDX-License-Identifier: GPL-2.0
/*
 * A made-up kernel in another process: the place of sock.c and host.c
 *
 * Messages go over a socket of tests/bctl/wire.py, which outlives whatever happens to this
 * process. The clocks are those of that kernel, too. The environment tells where it is:
 *
 *	BCTL_WIRE	path of the socket; beside it are PATH.clock, with "speed, origin on
 *			CLOCK_MONOTONIC in ns, CLOCK_BOOTTIME in ns, UTC in ms", and PATH.boot
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <linux/netlink.h>

#include "host.h"
#include "sock.h"

/* Types of messages that no kernel has. */
#define WIRE_JOIN	0xfff0
#define WIRE_OVERRUN	0xfff1
#define WIRE_ROOM	(1 << 18)

struct bc_sock {
	int fd;
	char buf[WIRE_ROOM];
};

static const char *wire_path(const char *suffix)
{
	static char path[256];
	const char *wire = getenv("BCTL_WIRE");

	snprintf(path, sizeof(path), "%s%s", wire ? wire : "", suffix);
	return path;
}

struct wire_clock {
	double speed;
	long long origin_ns, boot_ns, utc_ms;
};

static void wire_clock(struct wire_clock *c)
{
	FILE *f = fopen(wire_path(".clock"), "re");

	if (!f || fscanf(f, "%lf %lld %lld %lld", &c->speed, &c->origin_ns, &c->boot_ns,
			 &c->utc_ms) != 4)
		abort();
	fclose(f);
}

/* Never in a hurry: a short sleep stays one. */
static int wire_timeout(int timeout_ms)
{
	struct wire_clock c;

	if (timeout_ms <= 0)
		return timeout_ms;
	wire_clock(&c);
	return timeout_ms / c.speed < 1 ? 1 : (int)(timeout_ms / c.speed);
}

void bc_clock_now(struct bc_now *now)
{
	struct wire_clock c;
	struct timespec ts;
	double passed;

	wire_clock(&c);
	clock_gettime(CLOCK_MONOTONIC, &ts);
	passed = (ts.tv_sec * 1000000000LL + ts.tv_nsec - c.origin_ns) * c.speed;
	now->boot_ns = c.boot_ns + (long long)passed;
	now->utc_ms = c.utc_ms + (long long)(passed / 1000000);
}

int bc_clock_boot_id(char *id)
{
	FILE *f = fopen(wire_path(".boot"), "re");
	int got = f ? fscanf(f, "%39s", id) : 0;

	if (f)
		fclose(f);
	return got == 1 ? 0 : -ENOENT;
}

int bc_host_claim(const char *reader)
{
	char suffix[64];
	int fd;

	snprintf(suffix, sizeof(suffix), ".reader-%s", reader);
	fd = open(wire_path(suffix), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (!flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	close(fd);
	return -EADDRINUSE;
}

int bc_host_wait(int fd, int timeout_ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, wire_timeout(timeout_ms)) < 0 ? -errno : 0;
}

int bc_sock_open(struct bc_sock **sockp)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct bc_sock *sock = calloc(1, sizeof(*sock));

	if (!sock)
		return -ENOMEM;
	if (strlen(wire_path("")) < sizeof(to.sun_path))
		strcpy(to.sun_path, wire_path(""));
	sock->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (sock->fd < 0 || connect(sock->fd, (struct sockaddr *)&to, sizeof(to))) {
		bc_sock_close(sock);
		return -EPROTONOSUPPORT;
	}
	*sockp = sock;
	return 0;
}

void bc_sock_close(struct bc_sock *sock)
{
	if (!sock)
		return;
	close(sock->fd);
	free(sock);
}

int bc_sock_fd(struct bc_sock *sock)
{
	return sock->fd;
}

int bc_sock_send(struct bc_sock *sock, const void *buf, size_t len)
{
	return send(sock->fd, buf, len, MSG_NOSIGNAL) == (ssize_t)len ? 0 : -EIO;
}

ssize_t bc_sock_recv(struct bc_sock *sock, void **buf, int timeout_ms)
{
	struct pollfd pfd = { .fd = sock->fd, .events = POLLIN };
	const struct nlmsghdr *hdr = (void *)sock->buf;
	ssize_t len;
	int ret;

	/* The other process may have to wait for a CPU for longer than a kernel would. */
	ret = poll(&pfd, 1, timeout_ms);
	if (ret < 0)
		return -errno;
	if (!ret)
		return -ETIMEDOUT;
	len = recv(sock->fd, sock->buf, sizeof(sock->buf), 0);
	if (len <= 0)
		return len ? -errno : -EIO;
	if (len >= (ssize_t)sizeof(*hdr) && hdr->nlmsg_type == WIRE_OVERRUN)
		return -ENOBUFS;
	*buf = sock->buf;
	return len;
}

int bc_sock_wait(struct bc_sock *sock, int fd, int timeout_ms)
{
	struct pollfd pfd[] = {
		{ .fd = sock->fd, .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
	};
	int ret = poll(pfd, 2, wire_timeout(timeout_ms));

	if (ret < 0)
		return -errno;
	return ret ? 0 : -ETIMEDOUT;
}

int bc_sock_join(struct bc_sock *sock, uint32_t group)
{
	struct {
		struct nlmsghdr hdr;
		uint32_t group;
	} msg = { .hdr = { .nlmsg_len = sizeof(msg), .nlmsg_type = WIRE_JOIN }, .group = group };

	return bc_sock_send(sock, &msg, sizeof(msg));
}
