// SPDX-License-Identifier: GPL-2.0
/*
 * Keeping bctl-ship running
 *
 * One process for each destination. It waits for a server by itself; that it ends is rare, as
 * when it is killed or another one does its work, and it is started again then, later each time.
 * The URL is in its environment, because it may have a password in it.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "beside.h"
#include "mask.h"
#include "shipping.h"
#include "wake.h"

#define BC_SHIP			"bctl-ship"
#define BC_SHIP_WAIT_MS		1000
#define BC_SHIP_WAIT_MAX	300000
/* Who ran for so long is started at once. */
#define BC_SHIP_STEADY_MS	60000
/* For the transaction that runs; bctl-ship itself gives up after 20 s. */
#define BC_SHIP_GRACE_MS	25000

static int64_t bc_shipping_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/**
 * bctl_shipping_parse() - take the destinations
 * @s: receives them
 * @b: the run
 * @urls: as they were given, NULL behind the last one; passwords in them are made illegible
 *
 * Return: BCTL_OK, or BCTL_USAGE or BCTL_FAILED, and it has been said what is wrong.
 */
int bctl_shipping_parse(struct bc_shipping *s, struct bctl *b, const char **urls)
{
	struct bc_shipper *p;
	size_t i;

	s->b = b;
	for (; *urls; urls++) {
		p = &s->list[s->count++];
		p->url = strdup(*urls);
		/* It is a word of our own command line, which anybody can read. */
		bc_mask_url((char *)*urls);
		p->mask = strdup(*urls);
		if (!p->url || !p->mask)
			return bctl_fail(b, NULL, "%s", strerror(ENOMEM));
		if (!bc_mask_is_url(p->url))
			return bctl_usage(b, "--ship %.*s: does not begin with postgresql://",
					  BC_WORD_MAX, p->mask);
		for (i = 0; i + 1 < s->count; i++)
			if (!strcmp(s->list[i].url, p->url))
				return bctl_usage(b, "--ship %.*s: is given twice", BC_WORD_MAX,
						  p->mask);
	}
	return BCTL_OK;
}

__attribute__((noreturn))
static void bc_shipper_child(const struct bc_shipping *s, const struct bc_shipper *p, pid_t parent)
{
	char *args[] = { BC_SHIP, "--db", (char *)s->db, NULL };

	bc_wake_forget();
	/* It shall not go on alone: the next collector starts one of its own. */
	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(0);
	/* Neither is it the service that the manager knows. */
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	if (!setenv("BCTL_SHIP_URL", p->url, 1) && dup2(STDERR_FILENO, STDOUT_FILENO) >= 0)
		bc_exec_beside(BC_SHIP, args);
	bctl_note(s->b, BC_SHIP, "%s; it is installed where libpq is", strerror(errno));
	_exit(127);
}

static void bc_shipper_start(struct bc_shipping *s, struct bc_shipper *p)
{
	pid_t parent = getpid();

	p->since_ms = bc_shipping_now();
	p->pid = fork();
	if (!p->pid)
		bc_shipper_child(s, p, parent);
	if (p->pid < 0) {
		p->pid = 0;
		p->again_ms = p->since_ms + BC_SHIP_WAIT_MS;
	}
}

/* It has ended: when to start it again, and why that takes a while. */
static void bc_shipper_ended(struct bc_shipping *s, struct bc_shipper *p, int status)
{
	int64_t now = bc_shipping_now();
	char why[32];

	p->pid = 0;
	if (now - p->since_ms >= BC_SHIP_STEADY_MS)
		p->wait_ms = 0;
	p->wait_ms = p->wait_ms ? 2 * p->wait_ms : BC_SHIP_WAIT_MS;
	if (p->wait_ms > BC_SHIP_WAIT_MAX)
		p->wait_ms = BC_SHIP_WAIT_MAX;
	p->again_ms = now + p->wait_ms;
	snprintf(why, sizeof(why), WIFSIGNALED(status) ? "signal %d" : "status %d",
		 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	bctl_note(s->b, p->mask, "%s has ended with %s; starting it again in %d s", BC_SHIP, why,
		  p->wait_ms / 1000);
}

/**
 * bc_shipping_tick() - start what is to run and does not
 * @s: the shippers
 */
void bc_shipping_tick(struct bc_shipping *s)
{
	struct bc_shipper *p;
	int status;

	for (p = s->list; p < s->list + s->count; p++) {
		if (p->pid && waitpid(p->pid, &status, WNOHANG) == p->pid)
			bc_shipper_ended(s, p, status);
		if (!p->pid && bc_shipping_now() >= p->again_ms)
			bc_shipper_start(s, p);
	}
}

/**
 * bc_shipping_left() - how long nothing has to be done
 * @s: the shippers
 * @left_ms: how long else
 *
 * Return: the shorter of the two, ms.
 */
int bc_shipping_left(const struct bc_shipping *s, int left_ms)
{
	int64_t now = bc_shipping_now();
	const struct bc_shipper *p;

	for (p = s->list; p < s->list + s->count; p++)
		if (!p->pid && p->again_ms - now < left_ms)
			left_ms = p->again_ms > now ? p->again_ms - now : 0;
	return left_ms;
}

/**
 * bc_shipping_end() - end them all, each with the transaction that it is in
 * @s: the shippers
 */
void bc_shipping_end(struct bc_shipping *s)
{
	const struct timespec step = { .tv_nsec = 20000000 };
	int64_t until = bc_shipping_now() + BC_SHIP_GRACE_MS;
	struct bc_shipper *p;

	for (p = s->list; p < s->list + s->count; p++)
		if (p->pid)
			kill(p->pid, SIGTERM);
	for (p = s->list; p < s->list + s->count; p++) {
		while (p->pid && !waitpid(p->pid, NULL, WNOHANG)) {
			if (bc_shipping_now() >= until)
				kill(p->pid, SIGKILL);
			nanosleep(&step, NULL);
		}
		free(p->url);
		free(p->mask);
	}
	s->count = 0;
}
