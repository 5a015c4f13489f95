// SPDX-License-Identifier: GPL-2.0
/*
 * Records on their way
 *
 * This process reads the store and never waits for a server: that is done by another one, which
 * is killed when it takes too long, and started again after a while. Whether a batch has arrived
 * is then not known, and need not be: the server is asked how far it has come, and what it is
 * sent twice it has once.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "frame.h"
#include "notify.h"
#include "outlet.h"
#include "shipper.h"
#include "wake.h"

/* After a failure, twice as long each time. */
#define SHIP_WAIT_MS	1000
#define SHIP_WAIT_MAX	300000
/* A server that gives up in time shall be able to say so. */
#define SHIP_PATIENCE_MS	1000
/* How long a transaction that runs may take when the end was asked for. */
#define SHIP_GRACE_MS	20000
/* How long the other process may take to read or write what it has to. */
#define SHIP_STALL_S	30

/**
 * shipper_note() - say something on stderr
 * @s: the run
 * @fmt: what
 */
void shipper_note(const struct shipper *s, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "bctl-ship: %s%s", s->server.name, *s->server.name ? ": " : "");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static int64_t ship_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static int ship_wrong(struct shipper *s, const char *words)
{
	snprintf(s->said, sizeof(s->said), "%s", words);
	return -EIO;
}

static int ship_wrong_store(struct shipper *s)
{
	return ship_wrong(s, ship_outlet_message(s->outlet));
}

/* Say what is wrong, unless it was said already; or that it is over. */
static void ship_tell(struct shipper *s, bool good)
{
	const char *words = good ? "" : s->said;

	if (good)
		bc_notify("STATUS=%llu records sent to %s", (unsigned long long)s->sent,
			  s->server.name);
	else
		bc_notify("STATUS=%s", words);
	if (!strcmp(s->told, words))
		return;
	if (good)
		shipper_note(s, "it works again");
	else
		shipper_note(s, "%s%s", words, s->once ? "" : "; trying again");
	snprintf(s->told, sizeof(s->told), "%s", words);
}

/* Sleep until @fd can be read, a signal comes, or the time is over. */
static bool ship_wait(struct shipper *s, int fd, int64_t until)
{
	struct pollfd fds[] = { { s->wake, POLLIN, 0 }, { fd, POLLIN, 0 } };
	int64_t left = until - ship_now_ms();

	if (left < 0)
		left = 0;
	if (s->watchdog_ms >= 0 && left > s->watchdog_ms)
		left = s->watchdog_ms;
	if (poll(fds, fd < 0 ? 1 : 2, left > 600000 ? 600000 : (int)left) < 0)
		return false;
	bc_notify("WATCHDOG=1");
	if (fds[0].revents)
		s->ending |= bc_wake_ended(s->wake) > 0;
	return fd >= 0 && fds[1].revents;
}

/* End the process that talks to the server, whatever it does. */
static void ship_disconnect(struct shipper *s)
{
	if (!s->pid)
		return;
	close(s->fd);
	kill(s->pid, SIGKILL);
	while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
		;
	s->pid = 0;
}

/* In the new process: nothing stays open but stderr and the socket. */
__attribute__((noreturn))
static void ship_child(struct shipper *s, int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	bc_wake_forget();
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(fd, 3) < 0 ||
	    close_range(4, ~0U, 0))
		_exit(1);
	unsetenv("NOTIFY_SOCKET");
	ship_server_run(&s->server, 3);
}

static int ship_fork(struct shipper *s)
{
	const struct timeval stall = { .tv_sec = SHIP_STALL_S };
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return ship_wrong(s, strerror(errno));
	(void)setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &stall, sizeof(stall));
	(void)setsockopt(fds[0], SOL_SOCKET, SO_SNDTIMEO, &stall, sizeof(stall));
	s->pid = fork();
	if (!s->pid)
		ship_child(s, fds[1]);
	close(fds[1]);
	s->fd = fds[0];
	if (s->pid > 0)
		return 0;
	s->pid = 0;
	close(fds[0]);
	return ship_wrong(s, strerror(errno));
}

/* Wait for the answer to what was sent; @answer is to be freed. */
static int ship_answer(struct shipper *s, char **answer)
{
	int64_t until = ship_now_ms() + s->server.answer_ms + SHIP_PATIENCE_MS, end;
	enum ship_frame what;
	char words[64];
	int ret;

	while (!ship_wait(s, s->fd, until)) {
		end = ship_now_ms();
		if (s->ending && until > end + SHIP_GRACE_MS)
			until = end + SHIP_GRACE_MS;
		if (end < until)
			continue;
		snprintf(words, sizeof(words), "no answer within %d s", s->server.answer_ms / 1000);
		return ship_wrong(s, words);
	}
	ret = ship_frame_receive(s->fd, &what, answer);
	if (!ret && what == SHIP_DONE)
		return 0;
	if (!ret && what == SHIP_ERROR)
		ret = ship_wrong(s, *answer);
	else
		ret = ship_wrong(s, ret == -EPIPE ? "the connection has ended" : "no answer");
	free(*answer);
	*answer = NULL;
	return ret;
}

/* Send a request and wait for the answer. After a failure there is no connection any more. */
static int ship_ask(struct shipper *s, enum ship_frame what, const char *text, char **answer)
{
	int ret = 0;

	/* If the other process has gone, it may have said why. */
	(void)ship_frame_send(s->fd, what, text);
	ret = ship_answer(s, answer);
	if (ret)
		ship_disconnect(s);
	return ret;
}

static int ship_open(struct shipper *s)
{
	int ret;

	if (s->outlet)
		return 0;
	ret = ship_outlet_open(&s->outlet, s->path, s->server.name);
	if (!ret)
		ret = ship_outlet_lock(s->outlet);
	if (!ret)
		return 0;
	ship_wrong_store(s);
	ship_outlet_close(s->outlet);
	s->outlet = NULL;
	return ret;
}

/* Connect, and settle where to begin. */
static int ship_connect(struct shipper *s)
{
	char *text, *answer = NULL, mark[192] = "";
	long long record;
	int ret;

	if (s->pid)
		return 0;
	if (ship_outlet_hello(s->outlet, s->take_over, &text))
		return ship_wrong_store(s);
	ret = ship_fork(s);
	if (!ret)
		ret = ship_ask(s, SHIP_HELLO, text, &answer);
	free(text);
	if (ret)
		return ret;
	/* It was said once; another store that comes after this one shall be refused. */
	s->take_over = false;
	if (sscanf(answer, "%lld %191s", &record, mark) != 2)
		ret = ship_wrong(s, "the server's answer makes no sense");
	else if (ship_outlet_settle(s->outlet, record, mark, &s->from))
		ret = ship_wrong_store(s);
	else if (ship_outlet_sent(s->outlet, s->from, s->from ? mark : "-"))
		ret = ship_wrong_store(s);
	free(answer);
	if (ret)
		ship_disconnect(s);
	return ret;
}

/* What became of a batch. */
static int ship_arrived(struct shipper *s, const struct ship_batch *batch, const char *answer)
{
	long long position, came, fresh, refused;

	if (sscanf(answer, "%lld %lld %lld %lld", &position, &came, &fresh, &refused) != 4 ||
	    position != batch->record)
		return ship_wrong(s, "the server's answer makes no sense");
	if (refused)
		shipper_note(s, "%lld records share time with others: see beancounter.conflict",
			     refused);
	s->sent += came;
	s->from = batch->record;
	s->wait_ms = 0;
	s->most = 2 * s->most < s->batch ? 2 * s->most : s->batch;
	return ship_outlet_sent(s->outlet, batch->record, batch->mark) ? ship_wrong_store(s) : 0;
}

/* One batch; @more tells whether there may be more. */
static int ship_batch(struct shipper *s, bool *more)
{
	struct ship_batch batch;
	char *answer = NULL;
	int ret;

	*more = false;
	if (ship_outlet_batch(s->outlet, s->from, s->most, &batch))
		return ship_wrong_store(s);
	if (!batch.text)
		return 0;
	ret = ship_ask(s, SHIP_BATCH, batch.text, &answer);
	free(batch.text);
	if (!ret)
		ret = ship_arrived(s, &batch, answer);
	else if (s->most > 1)
		/* It may have been too much for the server, or for the network. */
		s->most /= 2;
	free(answer);
	*more = !ret;
	return ret;
}

/* Send what there is. */
static int ship_pass(struct shipper *s)
{
	int ret = ship_open(s);
	bool more = true;

	if (!ret)
		ret = ship_connect(s);
	while (!ret && more && !s->ending) {
		ret = ship_batch(s, &more);
		/* Signals are looked at, and the service manager hears of us. */
		(void)ship_wait(s, -1, 0);
	}
	return ret;
}

/* Nothing is to be sent. A connection that ends meanwhile is made again when it is needed. */
static void ship_idle(struct shipper *s, int ms)
{
	int64_t until = ship_now_ms() + ms;

	while (!s->ending && ship_now_ms() < until)
		if (ship_wait(s, s->pid ? s->fd : -1, until))
			ship_disconnect(s);
}

static int ship_make_schema(struct shipper *s)
{
	char *answer = NULL;
	int ret = ship_fork(s);

	if (!ret)
		ret = ship_ask(s, SHIP_INIT, "", &answer);
	free(answer);
	return ret;
}

/**
 * shipper_run() - ship until the end is asked for, or once
 * @s: the run
 *
 * Return: 0; or -EIO when it was to be done once and has failed, which has been said.
 */
int shipper_run(struct shipper *s)
{
	int ret;

	s->most = s->batch;
	s->watchdog_ms = bc_notify_watchdog_ms();
	bc_notify("READY=1");
	do {
		ret = s->init ? ship_make_schema(s) : ship_pass(s);
		if (!s->ending || ret)
			ship_tell(s, !ret);
		if (s->once || s->init || s->ending)
			break;
		if (ret)
			s->wait_ms = s->wait_ms ? 2 * s->wait_ms : SHIP_WAIT_MS;
		if (s->wait_ms > SHIP_WAIT_MAX)
			s->wait_ms = SHIP_WAIT_MAX;
		ship_idle(s, ret ? s->wait_ms : s->poll_ms);
	} while (!s->ending);
	bc_notify("STOPPING=1");
	ship_disconnect(s);
	ship_outlet_close(s->outlet);
	return ret && (s->once || s->init) ? -EIO : 0;
}
