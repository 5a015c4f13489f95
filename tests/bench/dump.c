// SPDX-License-Identifier: GPL-2.0
/*
 * Cost of reading all accounts, for tests/bench/run
 *
 * Usage: dump ROUNDS DIR NR [NAME...]; makes cgroups DIR/0 .. DIR/NR-1 with a pool for each. Prints
 * "NAME NS" for each thing, NS being the time for one pool or cgroup: on the
 * instruction-counting machine instructions, of kernel and program together. Of several
 * rounds it is the quickest.
 *
 *	new_first	a pool is made, CPU time only, median of the first 100
 *	new_last	the same of the last 100
 *	get		one pool over netlink
 *	dump		all pools over netlink, every record looked at
 *	since		the same, asking for what has changed since the last one
 *	files		eight files of cgroupfs of each cgroup, opened, read and closed
 *
 * The last four are done twice: idle_, while there has never been anybody in the cgroups,
 * and busy_, when each has a process with 64 KiB of file pages and some of its own, which
 * has run and taken a page more just before each round, except for busy_since.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../../uapi/linux/beancounter.h"

#define NLA_NEXT(nla) ((const struct nlattr *)((const char *)(nla) + NLA_ALIGN((nla)->nla_len)))
#define PAGE 4096
#define WINDOW 100

static const char *const files[] = {
	"memory.current", "memory.stat", "memory.events", "memory.swap.current", "memory.peak",
	"cpu.stat", "io.stat", "pids.current",
};

static char buf[32768];
static uint64_t generation, pools, records, sum;
static int sock, family, nr;
static const char *dir;
static pid_t *members;
static volatile unsigned int *stirred;	/* shared: how often a member has done something */

static uint64_t now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* Sends a request with one attribute and maybe a second one. */
static void request2(int type, int cmd, int flags, int attr, const void *data, int size,
		     int attr2, const void *data2, int size2)
{
	struct {
		struct nlmsghdr nlh;
		struct genlmsghdr genl;
		char data[512];
	} req = {
		.nlh = { .nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN), .nlmsg_type = type,
			 .nlmsg_flags = NLM_F_REQUEST | flags },
		.genl = { .cmd = cmd, .version = 1 },
	};
	struct nlattr *nla = (struct nlattr *)req.data;

	if (size) {
		*nla = (struct nlattr){ .nla_len = NLA_HDRLEN + size, .nla_type = attr };
		memcpy(nla + 1, data, size);
		req.nlh.nlmsg_len += NLA_HDRLEN + NLA_ALIGN(size);
		nla = (struct nlattr *)NLA_NEXT(nla);
	}
	if (size2) {
		*nla = (struct nlattr){ .nla_len = NLA_HDRLEN + size2, .nla_type = attr2 };
		memcpy(nla + 1, data2, size2);
		req.nlh.nlmsg_len += NLA_HDRLEN + NLA_ALIGN(size2);
	}
	if (send(sock, &req, req.nlh.nlmsg_len, 0) < 0)
		err(1, "send");
}

static void request(int type, int cmd, int flags, int attr, const void *data, int size)
{
	request2(type, cmd, flags, attr, data, size, 0, NULL, 0);
}

/* The answer to a request that is no dump. */
static struct nlmsghdr *answer(void)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)buf;

	if (recv(sock, buf, sizeof(buf), 0) < 0)
		err(1, "recv");
	if (nlh->nlmsg_type == NLMSG_ERROR)
		errx(1, "refused with %d", ((struct nlmsgerr *)NLMSG_DATA(nlh))->error);
	return nlh;
}

static int find_family(void)
{
	const struct nlmsghdr *nlh;
	const struct nlattr *nla, *end;

	request(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0, CTRL_ATTR_FAMILY_NAME, BC_GENL_NAME,
		sizeof(BC_GENL_NAME));
	nlh = answer();
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

static void dump_pools(const uint64_t *since)
{
	struct nlmsghdr *nlh;
	ssize_t len;

	pools = 0;
	request(family, BC_CMD_POOL_GET, NLM_F_DUMP, BC_A_SINCE, since,
		since ? sizeof(*since) : 0);
	for (;;) {
		len = recv(sock, buf, sizeof(buf), 0);
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

static void all_dump(void)
{
	dump_pools(NULL);
	if ((int)pools < nr)
		errx(1, "%d pools are missing", nr - (int)pools);
}

static void all_since(void)
{
	uint64_t since = generation;

	dump_pools(&since);
}

static void one_get(void)
{
	char name[32];
	int len = snprintf(name, sizeof(name), "b%d", nr / 2);

	request(family, BC_CMD_POOL_GET, 0, BC_A_NAME, name, len + 1);
	look_at(answer());
}

static void all_files(void)
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

/* Makes one pool; returns its cost, as far as it is not waiting for grace periods. */
static uint64_t new_pool(int i)
{
	char path[256], name[32];
	uint64_t then;
	int len, fd;

	snprintf(path, sizeof(path), "%s/%d", dir, i);
	if (mkdir(path, 0755))
		err(1, "%s", path);
	fd = open(path, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		err(1, "%s", path);
	len = snprintf(name, sizeof(name), "b%d", i);
	then = now(CLOCK_PROCESS_CPUTIME_ID);
	request2(family, BC_CMD_POOL_NEW, 0, BC_A_NAME, name, len + 1, BC_A_CGROUP_FD, &fd,
		 sizeof(fd));
	answer();
	then = now(CLOCK_PROCESS_CPUTIME_ID) - then;
	close(fd);
	return then;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static double median(uint64_t *costs, int n)
{
	qsort(costs, n, sizeof(*costs), compare);
	return costs[n / 2];
}

/* All pools. */
static void make(void)
{
	uint64_t *costs = calloc(nr, sizeof(*costs));
	int i, window = nr < WINDOW ? nr : WINDOW;

	for (i = 0; i < nr; i++)
		costs[i] = new_pool(i);
	/* The very first one attaches the hooks. */
	printf("new_first %.0f\n", median(costs + 1, window - 1));
	printf("new_last %.0f\n", median(costs + nr - window, window));
	free(costs);
}

static void member(int i)
{
	char path[256], page[PAGE];
	char *own = mmap(NULL, 256 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	int fd, sig, n;
	sigset_t set;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(path, sizeof(path), "%s/%d/cgroup.procs", dir, i);
	fd = open(path, O_WRONLY);
	if (fd < 0 || write(fd, "0", 1) != 1)
		err(1, "%s", path);
	close(fd);
	fd = memfd_create("bench", 0);
	memset(page, 'x', sizeof(page));
	for (n = 0; n < 16; n++)
		if (write(fd, page, sizeof(page)) != sizeof(page))
			err(1, "memfd");
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	for (n = 0; ; n++) {
		own[n % 256 * PAGE] = 1;
		__sync_fetch_and_add(stirred, 1);
		sigwait(&set, &sig);
	}
}

static void wait_stirred(unsigned int times)
{
	while (*stirred != times)
		sched_yield();
}

static void stir(void)
{
	unsigned int times = *stirred + nr;
	int i;

	for (i = 0; i < nr; i++)
		kill(members[i], SIGUSR1);
	wait_stirred(times);
}

static void populate(void)
{
	sigset_t set;
	int i;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	members = calloc(nr, sizeof(*members));
	stirred = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < nr; i++) {
		members[i] = fork();
		if (members[i] < 0)
			err(1, "fork");
		if (!members[i])
			member(i);
	}
	wait_stirred(nr);
}

static const struct way {
	const char	*name;
	void		(*run)(void);
	int		one;	/* it is about one pool */
	int		rest;	/* nothing has changed before it */
} ways[] = {
	{ "get", one_get, .one = 1 },
	{ "dump", all_dump },
	{ "since", all_since, .rest = 1 },
	{ "files", all_files },
};

#define NR_WAYS (sizeof(ways) / sizeof(ways[0]))

/* Without any names, all are wanted. */
static int wanted(char **names, const char *what, const char *way)
{
	size_t len = strlen(what);

	if (!*names)
		return 1;
	for (; *names; names++)
		if (!strncmp(*names, what, len) && (!way || !strcmp(*names + len + 1, way)))
			return 1;
	return 0;
}

static void measure(const char *what, int rounds, char **names)
{
	uint64_t best[NR_WAYS], then, took;
	unsigned int i;

	memset(best, -1, sizeof(best));
	while (rounds--) {
		for (i = 0; i < NR_WAYS; i++) {
			if (!wanted(names, what, ways[i].name))
				continue;
			if (members && !ways[i].rest)
				stir();
			then = now(CLOCK_MONOTONIC);
			ways[i].run();
			took = now(CLOCK_MONOTONIC) - then;
			best[i] = took < best[i] ? took : best[i];
		}
	}
	for (i = 0; i < NR_WAYS; i++)
		if (wanted(names, what, ways[i].name))
			printf("%s_%s %.0f\n", what, ways[i].name,
			       (double)best[i] / (ways[i].one ? 1 : nr));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	int rounds, i;

	if (argc < 4)
		errx(1, "usage: dump ROUNDS DIR NR [NAME...]");
	rounds = atoi(argv[1]);
	dir = argv[2];
	nr = atoi(argv[3]);
	sock = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	if (sock < 0)
		err(1, "socket");
	family = find_family();
	make();
	measure("idle", rounds, argv + 4);
	if (wanted(argv + 4, "busy", NULL)) {
		populate();
		measure("busy", rounds, argv + 4);
		for (i = 0; i < nr; i++)
			kill(members[i], SIGKILL);
	}
	fprintf(stderr, "%llu records, %llu held\n", (unsigned long long)records,
		(unsigned long long)sum);
	return 0;
}
