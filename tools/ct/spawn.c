// SPDX-License-Identifier: GPL-2.0
/*
 * Programs that do part of the work: mmdebstrap, apt-get, cp, busybox
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn.h"

/* In the child: end with the parent, and write to @out. */
static void ct_child(pid_t parent, int out, char * const *argv)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(127);
	if (out >= 0)
		dup2(out, 1);
	execvp(argv[0], argv);
	fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/**
 * ct_run_piped() - run a program and read what it prints
 * @argv: the program and its arguments
 * @from: receives the descriptor to read from
 *
 * It ends when this process does.
 *
 * Return: its process id, or -1.
 */
pid_t ct_run_piped(char * const *argv, int *from)
{
	pid_t self = getpid(), pid;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return -1;
	fflush(NULL);
	pid = fork();
	if (!pid)
		ct_child(self, ends[1], argv);
	close(ends[1]);
	if (pid < 0)
		close(ends[0]);
	else
		*from = ends[0];
	return pid;
}

/**
 * ct_wait() - wait for the end of a program
 * @pid: its process id
 *
 * Return: its exit status, 128 and the signal if it was killed, or -1.
 */
int ct_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
