// SPDX-License-Identifier: GPL-2.0
/*
 * Cost of single operations, for tests/bench/run
 *
 * Usage: ops ROUNDS [OP...]; prints "OP NS" for each operation, NS being the
 * least mean of any round. On the instruction-counting machine a nanosecond is
 * an instruction, and the least round is the one without timer interrupts.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void check(int bad, const char *what)
{
	if (bad)
		err(1, "%s", what);
}

static void op_mmap(int n)
{
	while (n--) {
		void *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		check(p == MAP_FAILED, "mmap");
		munmap(p, 65536);
	}
}

static void op_fault(int n)
{
	static char *area;
	int i;

	if (!area)
		area = mmap(NULL, 4096L * 1000, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(area == MAP_FAILED, "mmap");
	madvise(area, 4096L * 1000, MADV_NOHUGEPAGE);
	for (i = 0; i < n; i++)
		area[i % 1000 * 4096L] = 1;
	madvise(area, 4096L * 1000, MADV_DONTNEED);
}

static void op_fork(int n)
{
	while (n--) {
		pid_t pid = fork();

		check(pid < 0, "fork");
		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
}

static void op_brk(int n)
{
	while (n--) {
		check(sbrk(4096) == (void *)-1, "sbrk");
		sbrk(-4096);
	}
}

static void op_mlock(int n)
{
	static char *area;

	if (!area)
		area = mmap(NULL, 65536, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	check(area == MAP_FAILED, "mmap");
	while (n--) {
		check(mlock(area, 65536), "mlock");
		munlock(area, 65536);
	}
}

static void op_shm(int n)
{
	while (n--) {
		char *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		int i;

		check(p == MAP_FAILED, "mmap");
		for (i = 0; i < 65536; i += 4096)
			p[i] = 1;
		munmap(p, 65536);
	}
}

/* Sixteen new pages of a file, and all of them cut off again. */
static void op_tmpfs(int n)
{
	static char buf[65536];
	static int fd;

	if (!fd)
		fd = memfd_create("bench", 0);
	check(fd < 0, "memfd_create");
	while (n--)
		check(pwrite(fd, buf, sizeof(buf), 0) != sizeof(buf) || ftruncate(fd, 0), "memfd");
}

static void op_pipe(int n)
{
	int fds[2];

	while (n--) {
		check(pipe(fds), "pipe");
		close(fds[0]);
		close(fds[1]);
	}
}

static void op_socket(int n)
{
	while (n--) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		check(fd < 0, "socket");
		close(fd);
	}
}

static void op_sigqueue(int n)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	check(sigprocmask(SIG_BLOCK, &set, NULL), "sigprocmask");
	while (n--) {
		check(sigqueue(getpid(), SIGRTMIN, (union sigval){ .sival_int = 0 }), "sigqueue");
		sigwait(&set, &sig);
	}
}

static void op_open(int n)
{
	while (n--) {
		int fd = open("/dev/null", O_RDONLY);

		check(fd < 0, "open");
		close(fd);
	}
}

static void op_flock(int n)
{
	static int fd = -1;

	if (fd < 0)
		fd = open("/tmp", O_RDONLY);
	while (n--)
		check(flock(fd, LOCK_EX) || flock(fd, LOCK_UN), "flock");
}

static void op_pty(int n)
{
	while (n--) {
		int fd = posix_openpt(O_RDWR | O_NOCTTY);

		check(fd < 0, "posix_openpt");
		close(fd);
	}
}

/* From a disk that answers at once: nothing but instructions, and no waiting. */
static void op_dread(int n)
{
	static char *buf;
	static int fd;
	int i;

	if (!fd) {
		buf = aligned_alloc(4096, 4096);
		memset(buf, 1, 4096);
		fd = open("/dev/nullb0", O_RDONLY | O_DIRECT);
		check(fd < 0, "/dev/nullb0");
	}
	for (i = 0; i < n; i++)
		check(pread(fd, buf, 4096, i * 4096L) != 4096, "pread");
}

static int peer[2];	/* our end, theirs */

static void tcp_pair(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int l = socket(AF_INET, SOCK_STREAM, 0);

	peer[0] = socket(AF_INET, SOCK_STREAM, 0);
	check(l < 0 || peer[0] < 0 || bind(l, (void *)&a, len) || listen(l, 1) ||
	      getsockname(l, (void *)&a, &len) || connect(peer[0], (void *)&a, len), "tcp");
	peer[1] = accept(l, NULL, NULL);
	close(l);
}

static void udp_pair(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int i;

	for (i = 0; i < 2; i++) {
		peer[i] = socket(AF_INET, SOCK_DGRAM, 0);
		a.sin_port = 0;
		check(bind(peer[i], (void *)&a, sizeof(a)), "bind");
	}
	for (i = 0; i < 2; i++)
		check(getsockname(peer[!i], (void *)&a, &len) ||
		      connect(peer[i], (void *)&a, len), "connect");
}

static void unix_pair(void)
{
	check(socketpair(AF_UNIX, SOCK_DGRAM, 0, peer), "socketpair");
}

static void unix_stream_pair(void)
{
	check(socketpair(AF_UNIX, SOCK_STREAM, 0, peer), "socketpair");
}

static int back[2];	/* the pipe that leads from them to us */

static void pipe_pair(void)
{
	int there[2];

	check(pipe(there) || pipe(back), "pipe");
	peer[0] = there[1];
	peer[1] = there[0];
}

/* The other side in a process of its own, so that the kernel switches as usual. */
static pid_t start_peer(void (*side)(int fd))
{
	pid_t pid = fork();

	check(pid < 0, "fork");
	if (!pid) {
		close(peer[0]);
		side(peer[1]);
		_exit(0);
	}
	close(peer[1]);
	return pid;
}

static void echo_side(int fd)
{
	char buf[64];
	ssize_t len;

	while ((len = read(fd, buf, sizeof(buf))) > 0 && buf[0] != 'q')
		if (write(fd, buf, len) < 0)
			break;
}

static void pass_side(int fd)
{
	char byte;

	while (read(fd, &byte, 1) == 1 && write(back[1], &byte, 1) == 1)
		;
}

static void sink_side(int fd)
{
	static char buf[65536];
	size_t got = 0;
	ssize_t len;

	/*
	 * One byte back for each 64 KiB, which the sender waits for: without
	 * that the counts vary by 10 % with the size of what TCP glues together.
	 */
	while ((len = read(fd, buf, sizeof(buf))) > 0)
		for (got += len; got >= sizeof(buf); got -= sizeof(buf))
			if (write(fd, buf, 1) != 1)
				return;
}

static void op_pingpong(int n)
{
	char buf[64] = "p";

	while (n--)
		check(write(peer[0], buf, sizeof(buf)) != sizeof(buf) ||
		      read(peer[0], buf, sizeof(buf)) != sizeof(buf), "ping");
}

/* A byte goes there and comes back: two switches. */
static void op_switch(int n)
{
	char byte = 0;

	while (n--)
		check(write(peer[0], &byte, 1) != 1 || read(back[0], &byte, 1) != 1, "switch");
}

static void op_stream(int n)
{
	static char buf[65536];
	char ack;

	while (n--)
		check(write(peer[0], buf, sizeof(buf)) != sizeof(buf) ||
		      read(peer[0], &ack, 1) != 1, "stream");
}

static const struct op {
	const char *name;
	int n;
	void (*run)(int n);
	void (*pair)(void);
	void (*side)(int fd);
} ops[] = {
	{ "mmap+munmap", 2000, op_mmap },
	{ "brk", 2000, op_brk },
	{ "page-fault", 1000, op_fault },
	{ "fork+exit+wait", 40, op_fork },
	{ "mlock+munlock", 500, op_mlock },
	{ "shm-64k", 100, op_shm },
	{ "memfd-64k", 100, op_tmpfs },
	{ "pipe+close", 500, op_pipe },
	{ "socket+close", 500, op_socket },
	{ "sigqueue+wait", 500, op_sigqueue },
	{ "open+close", 500, op_open },
	{ "flock+unlock", 500, op_flock },
	{ "openpt+close", 50, op_pty },
	{ "switch", 500, op_switch, pipe_pair, pass_side },
	{ "dread-4k", 256, op_dread },
	{ "tcp-64k", 200, op_stream, tcp_pair, sink_side },
	{ "udp-ping", 500, op_pingpong, udp_pair, echo_side },
	{ "unix-dgram-ping", 300, op_pingpong, unix_pair, echo_side },
	{ "unix-stream-ping", 300, op_pingpong, unix_stream_pair, echo_side },
};

static void measure(const struct op *op, int rounds)
{
	double best = 0;
	uint64_t start;
	pid_t pid = 0;
	int i;

	if (op->pair) {
		op->pair();
		pid = start_peer(op->side);
	}
	op->run(op->n);		/* warm up */
	for (i = 0; i < rounds; i++) {
		double mean;

		start = now();
		op->run(op->n);
		mean = (double)(now() - start) / op->n;
		if (!i || mean < best)
			best = mean;
	}
	if (pid) {
		close(peer[0]);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	printf("%s %.1f\n", op->name, best);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 5, i, j;

	for (i = 0; i < (int)(sizeof(ops) / sizeof(ops[0])); i++)
		for (j = 2; j < argc || argc == 2; j++)
			if (argc == 2 || !strcmp(argv[j], ops[i].name)) {
				measure(&ops[i], rounds);
				break;
			}
	return 0;
}
