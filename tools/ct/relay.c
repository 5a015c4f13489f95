// SPDX-License-Identifier: GPL-2.0
/*
 * Signals for a command in a container
 *
 * It is a session of its own, so what the terminal or a service manager sends to who waits
 * for it would not reach it. What ends programs is passed on to it and to those it has
 * started, and who waits goes on waiting: whether the command ends is up to that.
 */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>

#include "ct.h"
#include "engine.h"

static const int ct_relayed[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };

#define CT_RELAYED	(sizeof(ct_relayed) / sizeof(*ct_relayed))

static volatile sig_atomic_t ct_relay_to;
static volatile sig_atomic_t ct_relay_early;
static struct sigaction ct_relay_old[CT_RELAYED];

/* It may not have become a session yet; then it is alone. */
static void ct_relay_send(pid_t pid, int sig)
{
	if (kill(-pid, sig))
		(void)kill(pid, sig);
}

static void ct_relay_got(int sig)
{
	int err = errno;

	if (ct_relay_to > 0)
		ct_relay_send(ct_relay_to, sig);
	else
		ct_relay_early = sig;
	errno = err;
}

/**
 * ct_relay_begin() - keep signals for a command that is about to run
 *
 * What is ignored, as under nohup, stays so. A command that is run by exec() has no
 * handlers.
 */
void ct_relay_begin(void)
{
	struct sigaction act = { .sa_handler = ct_relay_got, .sa_flags = SA_RESTART };
	size_t i;

	ct_relay_to = 0;
	ct_relay_early = 0;
	for (i = 0; i < CT_RELAYED; i++) {
		sigaction(ct_relayed[i], NULL, &ct_relay_old[i]);
		if (ct_relay_old[i].sa_handler != SIG_IGN)
			sigaction(ct_relayed[i], &act, NULL);
	}
}

static void ct_relay_end(void)
{
	size_t i;

	ct_relay_to = 0;
	for (i = 0; i < CT_RELAYED; i++)
		sigaction(ct_relayed[i], &ct_relay_old[i], NULL);
}

/**
 * ct_relay_wait() - wait for the command, which gets what has come and what will come
 * @pid: the command, or -1 if there is none
 *
 * Its number is its own until somebody has waited for it, which is done last.
 *
 * Return: as ct_reap(), -1 if there is none.
 */
int ct_relay_wait(pid_t pid)
{
	siginfo_t info;

	if (pid > 0) {
		ct_relay_to = pid;
		if (ct_relay_early)
			ct_relay_send(pid, ct_relay_early);
		while (waitid(P_PID, pid, &info, WEXITED | WNOWAIT) && errno == EINTR)
			;
	}
	ct_relay_end();
	return pid > 0 ? ct_reap(pid) : -1;
}
