// SPDX-License-Identifier: GPL-2.0
/*
 * hook: what liblxc runs, and what is done for a container that has halted by itself
 *
 * Who holds the lock when init ends stops the container, and removes what is left of it.
 * If nobody does, it has halted by itself, and a process that has nothing to do with the
 * container any more does that. Should that be killed, the next command does it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "ct.h"
#include "keys.h"
#include "net.h"
#include "parse.h"

/* How long somebody else may be at work on a container that has halted. */
#define CT_HOOK_TRIES	300

static int ct_hook_net(struct ct *ct, bool back)
{
	const char *text = getenv("LXC_PID");
	uint32_t pid;

	if (!text || bc_u32_parse(text, &pid) || pid < 2)
		return ct_fail(ct->run, CT_E_SYNTAX, ct->text, "this is for liblxc");
	return ct_net_attach(ct, pid, back);
}

/**
 * ct_halted() - see to a container that has halted by itself
 * @ct: the container, locked, without a journal
 *
 * Return: CT_OK, also if it has not, or an error.
 */
int ct_halted(struct ct *ct)
{
	struct ct_conf up;
	bool now;
	int status;

	if (ct_up_load(ct, &up))
		return CT_OK;
	now = ct_up_now(&up);
	ct_conf_clear(&up);
	/* Of another boot nothing is left, but that it ran. */
	if (!now || ct_running(ct))
		return CT_OK;
	status = ct_places(ct);
	if (!status)
		status = ct_start_undo(ct);
	if (!status || status == CT_E_SCRIPT)
		ct_note(ct->run, ct->text, "it had halted by itself; what was left is removed");
	return status == CT_E_SCRIPT ? CT_OK : status;
}

/* The lock is there as soon as whoever has it is done; taking it does the rest. */
static void ct_hook_wait(struct ct *ct)
{
	const struct timespec nap = { .tv_nsec = 100000000 };
	int i;

	ct->run->quiet = true;
	for (i = 0; i < CT_HOOK_TRIES; i++) {
		if (ct_lock(ct) != CT_E_LOCKED)
			return;
		nanosleep(&nap, NULL);
	}
}

static int ct_hook_gone(struct ct *ct)
{
	const char *target = getenv("LXC_TARGET");
	int null;
	pid_t pid;

	if (target && !strcmp(target, "reboot"))
		return CT_OK;
	fflush(NULL);
	pid = fork();
	if (pid)
		return pid < 0 ? CT_E_RESOURCES : CT_OK;
	/* liblxc waits for the end of its output. */
	null = open("/dev/null", O_RDWR);
	if (setsid() < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0 ||
	    ct_engine_leave())
		_exit(1);
	ct_hook_wait(ct);
	ct_close(ct);
	_exit(0);
}

/**
 * ct_cmd_hook() - hook
 * @ct: the container
 * @argc: number of arguments; liblxc adds some of its own
 * @argv: the arguments: net, back or gone
 *
 * Return: the exit status of vzctl.
 */
int ct_cmd_hook(struct ct *ct, int argc, char **argv)
{
	if (argc && !strcmp(argv[0], "net"))
		return ct_hook_net(ct, false);
	if (argc && !strcmp(argv[0], "back"))
		return ct_hook_net(ct, true);
	if (argc && !strcmp(argv[0], "gone"))
		return ct_hook_gone(ct);
	return ct_fail(ct->run, CT_E_SYNTAX, NULL, "this is for liblxc");
}
