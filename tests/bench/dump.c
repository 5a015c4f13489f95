// SPDX-License-Identifier: GPL-2.0
/*
 * Cost of reading all accounts, for tests/bench/run
 *
 * Usage: dump ROUNDS DIR NR; there are pools for the cgroups DIR/0 .. DIR/NR-1. Prints
 * "NAME NS" for each way of reading, NS being the time for one pool or cgroup, in the
 * quickest round: on the instruction-counting machine instructions, of kernel and
 * program together.
 *
 *	dump	all pools over netlink, every record looked at
 *	since	the same, asking for what has changed since the last one
 *	files	eight files of cgroupfs of each cgroup, opened, read and closed
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../../uapi/linux/beancounter.h"

#define NLA_NEXT(nla) ((const struct nlattr *)((const char *)(nla) + NLA_ALIGN((nla)->nla_len)))

static const char *const files[] = {
	"memory.current", "memory.stat", "memory.events", "memory.swap.current", "memory.peak",
	"cpu.stat", "io.stat", "pids.current",
};

static char buf[32768];
static uint64_t generation, pools, records, sum;

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* Sends a request with one attribute, or none. */
static void request(int fd, int type, int cmd, int flags, int attr, const void *data, int size)
{
	struct {
		struct nlmsghdr nlh;
		struct genlmsghdr genl;
		struct nlattr nla;
		char data[64];
	} req = {
		.nlh = { .nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN), .nlmsg_type = type,
			 .nlmsg_flags = NLM_F_REQUEST | flags },
		.genl = { .cmd = cmd, .version = 1 },
		.nla = { .nla_len = NLA_HDRLEN + size, .nla_type = attr },
	};

	if (size) {
		memcpy(req.data, data, size);
		req.nlh.nlmsg_len += NLA_HDRLEN + NLA_ALIGN(size);
	}
	if (send(fd, &req, req.nlh.nlmsg_len, 0) < 0)
		err(1, "send");
}

static int find_family(int fd)
{
	const struct nlmsghdr *nlh = (struct nlmsghdr *)buf;
	const struct nlattr *nla, *end;

	request(fd, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0, CTRL_ATTR_FAMILY_NAME, BC_GENL_NAME,
		sizeof(BC_GENL_NAME));
	if (recv(fd, buf, sizeof(buf), 0) < 0 || nlh->nlmsg_type == NLMSG_ERROR)
		errx(1, "no family " BC_GENL_NAME);
	nla = (const struct nlattr *)(buf + NLMSG_LENGTH(GENL_HDRLEN));
	end = (const struct nlattr *)(buf + nlh->nlmsg_len);
	for (; nla < end; nla = NLA_NEXT(nla))
		if (nla->nla_type == CTRL_ATTR_FAMILY_ID)
			return *(const uint16_t *)(nla + 1);
	errx(1, "no number of the family");
}

static void look_at_table(const struct nlattr *nla)
{
	const struct bc_record *rec = (const struct bc_record *)(nla + 1);
	const struct bc_record *end = rec + (nla->nla_len - NLA_HDRLEN) / sizeof(*rec);

	for (; rec < end; rec++, records++)
		sum += rec->held;
}

static void look_at(const struct nlmsghdr *nlh)
{
	const struct nlattr *nla = (const struct nlattr *)((const char *)nlh +
							   NLMSG_LENGTH(GENL_HDRLEN));
	const struct nlattr *end = (const struct nlattr *)((const char *)nlh + nlh->nlmsg_len);
	uint64_t gen;

	pools++;
	for (; nla < end; nla = NLA_NEXT(nla)) {
		if (nla->nla_type == BC_A_TABLE)
			look_at_table(nla);
		if (nla->nla_type != BC_A_GENERATION)
			continue;
		memcpy(&gen, nla + 1, sizeof(gen));
		if (gen > generation)
			generation = gen;
	}
}

static void dump_pools(int fd, int type, const uint64_t *since)
{
	struct nlmsghdr *nlh;
	ssize_t len;

	pools = 0;
	request(fd, type, BC_CMD_POOL_GET, NLM_F_DUMP, BC_A_SINCE, since,
		since ? sizeof(*since) : 0);
	for (;;) {
		len = recv(fd, buf, sizeof(buf), 0);
		if (len < 0)
			err(1, "recv");
		for (nlh = (struct nlmsghdr *)buf; NLMSG_OK(nlh, len); nlh = NLMSG_NEXT(nlh, len)) {
			if (nlh->nlmsg_type == NLMSG_DONE)
				return;
			if (nlh->nlmsg_type == NLMSG_ERROR)
				errx(1, "the dump was refused");
			look_at(nlh);
		}
	}
}

static void read_files(const char *dir, int nr)
{
	char path[256];
	unsigned int f;
	int i, fd;

	for (i = 0; i < nr; i++) {
		for (f = 0; f < sizeof(files) / sizeof(files[0]); f++) {
			snprintf(path, sizeof(path), "%s/%d/%s", dir, i, files[f]);
			fd = open(path, O_RDONLY);
			/* A kernel need not have all of them. */
			if (fd < 0)
				continue;
			if (read(fd, buf, sizeof(buf)) < 0)
				err(1, "%s", path);
			close(fd);
		}
	}
}

int main(int argc, char **argv)
{
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC), type, rounds, nr, way;
	uint64_t best[3] = { UINT64_MAX, UINT64_MAX, UINT64_MAX }, t, since;

	if (argc != 4 || fd < 0)
		errx(1, "usage: dump ROUNDS DIR NR");
	rounds = atoi(argv[1]);
	nr = atoi(argv[3]);
	type = find_family(fd);
	while (rounds--) {
		for (way = 0; way < 3; way++) {
			since = generation;
			t = now();
			if (way < 2)
				dump_pools(fd, type, way ? &since : NULL);
			else
				read_files(argv[2], nr);
			t = now() - t;
			best[way] = t < best[way] ? t : best[way];
			if (way == 0 && (int)pools < nr)
				errx(1, "%d pools are missing", nr - (int)pools);
		}
	}
	printf("dump %.0f\nsince %.0f\nfiles %.0f\n", (double)best[0] / nr, (double)best[1] / nr,
	       (double)best[2] / nr);
	fprintf(stderr, "%llu pools changed, %llu records, %llu held\n",
		(unsigned long long)pools, (unsigned long long)records, (unsigned long long)sum);
	return 0;
}
