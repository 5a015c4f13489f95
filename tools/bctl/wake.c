// SPDX-License-Identifier: GPL-2.0
/*
 * Signals as something to poll for
 *
 * SIGINT and SIGTERM ask to end, SIGCHLD tells that a command is over. Each
 * writes a byte into a pipe, so that none can slip in between looking and
 * waiting. The first two interrupt a write to a reader that has stopped reading:
 * a bctl that hangs there must be possible to end.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#include "wake.h"

static int bc_wake_pipe = -1;

/* A full pipe loses the byte, but then there are others in it. */
static void bc_wake(int sig)
{
	int err = errno;
	char byte = sig == SIGCHLD ? 'c' : 'e';
	ssize_t ret = write(bc_wake_pipe, &byte, 1);

	(void)ret;
	errno = err;
}

static const int bc_wake_signals[] = { SIGCHLD, SIGINT, SIGTERM };

#define BC_WAKE_SIGNALS	(sizeof(bc_wake_signals) / sizeof(bc_wake_signals[0]))

/**
 * bc_wake_init() - begin to take signals
 *
 * A signal that is ignored, as nohup(1) does, stays so. SIGCHLD is taken even
 * then: it would otherwise reap the children.
 *
 * Return: the descriptor to poll, or a negative errno.
 */
int bc_wake_init(void)
{
	struct sigaction act = { .sa_handler = bc_wake }, old;
	int fds[2];
	size_t i;

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	bc_wake_pipe = fds[1];
	for (i = 0; i < BC_WAKE_SIGNALS; i++) {
		act.sa_flags = bc_wake_signals[i] == SIGCHLD ? SA_RESTART | SA_NOCLDSTOP : 0;
		if (!sigaction(bc_wake_signals[i], NULL, &old) && old.sa_handler == SIG_IGN &&
		    bc_wake_signals[i] != SIGCHLD)
			continue;
		sigaction(bc_wake_signals[i], &act, NULL);
	}
	return fds[0];
}

/**
 * bc_wake_ended() - empty the pipe
 * @fd: from bc_wake_init()
 *
 * Return: how often the end was asked for since the last call.
 */
int bc_wake_ended(int fd)
{
	char buf[64];
	int ends = 0;
	ssize_t len, i;

	while ((len = read(fd, buf, sizeof(buf))) > 0)
		for (i = 0; i < len; i++)
			ends += buf[i] == 'e';
	return ends;
}

/**
 * bc_wake_forget() - let the signals do what they do by themselves
 *
 * For a child before it becomes another program: what is sent to it must not end
 * up in the pipe, which it shares with its parent.
 */
void bc_wake_forget(void)
{
	struct sigaction old;
	size_t i;

	for (i = 0; i < BC_WAKE_SIGNALS; i++)
		if (!sigaction(bc_wake_signals[i], NULL, &old) && old.sa_handler == bc_wake)
			signal(bc_wake_signals[i], SIG_DFL);
}
