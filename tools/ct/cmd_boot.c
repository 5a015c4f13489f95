// SPDX-License-Identifier: GPL-2.0
/*
 * autostart, shutdown: what is done with all containers when the machine comes up and when
 * it goes down
 *
 * ONBOOT="yes" is started, ONBOOT="no" is not; what says neither is started if it ran when
 * the machine went down, orderly or not. Those with the greatest BOOTORDER come first and
 * are stopped last; what has the same is done at the same time, so many at once. One that
 * fails keeps no other from its turn.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ct.h"
#include "keys.h"
#include "net.h"
#include "parse.h"

#define CT_PARALLEL	4

/**
 * struct ct_turn - a container, and when it is its turn
 * @id: the container
 * @order: its BOOTORDER
 */
struct ct_turn {
	uint32_t id;
	uint32_t order;
};

/**
 * struct ct_boot - a run of autostart or shutdown
 * @run: the run
 * @job: what is done with each container, in a process of its own
 * @turn: the containers
 * @count: how many
 * @parallel: how many at once
 * @busy: how many at work
 * @done: how many succeeded
 * @failed: how many did not
 */
struct ct_boot {
	struct ct_run *run;
	int (*job)(struct ct *ct);
	struct ct_turn *turn;
	size_t count;
	size_t parallel;
	size_t busy;
	size_t done;
	size_t failed;
};

static bool ct_is(const struct ct *ct, const char *key, const char *value)
{
	const char *text = ct_get(&ct->conf, key);

	return text && !strcmp(text, value);
}

static bool ct_wants_start(struct ct *ct)
{
	struct ct_conf up;
	bool ran;

	if (ct_is(ct, "DISABLED", "yes") || ct_is(ct, "ONBOOT", "no") || ct_running(ct))
		return false;
	if (ct_is(ct, "ONBOOT", "yes"))
		return true;
	ran = !ct_up_load(ct, &up) && !ct_up_now(&up);
	ct_conf_clear(&up);
	return ran;
}

/* Where a dump is, that is what it was at when the machine went down, or somebody stopped. */
static int ct_boot_resume(struct ct *ct)
{
	ct->run->verb = "resume";
	return ct_cmd_resume(ct, 0, NULL);
}

static int ct_boot_start(struct ct *ct)
{
	bool dump = !ct_places(ct) && ct_suspended(ct);
	char path[PATH_MAX];
	int status;

	if (dump && !ct_boot_resume(ct))
		return CT_OK;
	if (dump)
		ct_note(ct->run, ct->text, "it cannot be resumed, and is started anew");
	ct->run->verb = "start";
	status = ct->lock < 0 ? ct_lock(ct) : CT_OK;
	if (!status)
		status = ct_must_exist(ct);
	/* One whose start was interrupted runs by now, maybe. */
	if (!status && !ct_running(ct))
		status = ct_do_start(ct, false);
	/* Its files go on without what is in there. */
	if (!status && dump && !ct_dump_path(ct, NULL, path))
		(void)ct_dump_drop(path);
	return status;
}

static int ct_boot_stop(struct ct *ct)
{
	const char *mode = ct_global(ct->run, "VE_STOP_MODE", "stop");
	int status;

	ct->run->shutdown = true;
	if (!strcmp(mode, "suspend")) {
		ct->run->verb = "suspend";
		if (!ct_cmd_suspend(ct, 0, NULL))
			return CT_OK;
	}
	ct->run->verb = "stop";
	status = ct->lock < 0 ? ct_lock(ct) : CT_OK;
	return status || !ct_running(ct) ? status : ct_do_stop(ct, false);
}

/* The greatest first; of the same the smallest number. */
static int ct_turn_order(const void *one, const void *other)
{
	const struct ct_turn *a = one, *b = other;

	if (a->order != b->order)
		return a->order > b->order ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

static int ct_boot_collect(struct ct_boot *boot, bool (*wanted)(struct ct *ct))
{
	struct ct_turn *turn;
	uint32_t *ids;
	char number[16];
	struct ct ct;
	size_t count, i;
	int status = ct_every(boot->run, &ids, &count);

	boot->turn = calloc(count + 1, sizeof(*boot->turn));
	for (i = 0; i < count && boot->turn && !status; i++) {
		turn = &boot->turn[boot->count];
		snprintf(number, sizeof(number), "%u", ids[i]);
		/* A file that cannot be read is one container that fails. */
		if (ct_open(boot->run, number, &ct)) {
			boot->failed++;
		} else if (wanted(&ct)) {
			turn->id = ct.id;
			if (!ct_get(&ct.conf, "BOOTORDER") ||
			    bc_u32_parse(ct_get(&ct.conf, "BOOTORDER"), &turn->order))
				turn->order = 0;
			boot->count++;
		}
		ct_close(&ct);
	}
	if (boot->turn)
		qsort(boot->turn, boot->count, sizeof(*boot->turn), ct_turn_order);
	free(ids);
	return status ? status : boot->turn ? CT_OK : CT_E_RESOURCES;
}

static int ct_boot_child(struct ct_boot *boot, uint32_t id)
{
	char number[16];
	struct ct ct;
	int status;

	snprintf(number, sizeof(number), "%u", id);
	status = ct_open(boot->run, number, &ct);
	if (!status)
		status = boot->job(&ct);
	ct_close(&ct);
	fflush(NULL);
	return status;
}

static void ct_boot_reap(struct ct_boot *boot)
{
	int status;

	if (waitpid(-1, &status, 0) < 0) {
		/* There is nobody to wait for after all. */
		if (errno != EINTR)
			boot->busy = 0;
		return;
	}
	boot->busy--;
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		boot->done++;
	else
		boot->failed++;
}

static void ct_boot_one(struct ct_boot *boot, uint32_t id)
{
	pid_t pid;

	while (boot->busy >= boot->parallel)
		ct_boot_reap(boot);
	fflush(NULL);
	pid = fork();
	if (!pid)
		_exit(ct_boot_child(boot, id));
	if (pid < 0)
		boot->failed++;
	else
		boot->busy++;
}

/* In turn, or in the opposite order. */
static int ct_boot_run(struct ct_boot *boot, bool backwards, const char *what)
{
	const char *text = ct_global(boot->run, "START_PARALLEL", "");
	const struct ct_turn *turn;
	uint32_t parallel, order = 0;
	size_t i;

	boot->parallel = bc_u32_parse(text, &parallel) || !parallel || parallel > 64 ?
			 CT_PARALLEL : parallel;
	for (i = 0; i < boot->count; i++) {
		turn = &boot->turn[backwards ? boot->count - 1 - i : i];
		while (turn->order != order && boot->busy)
			ct_boot_reap(boot);
		order = turn->order;
		ct_boot_one(boot, turn->id);
	}
	while (boot->busy)
		ct_boot_reap(boot);
	if (boot->failed)
		return ct_fail(boot->run, CT_E_ENV, NULL, "%zu %s, %zu failed", boot->done, what,
			       boot->failed);
	ct_note(boot->run, NULL, "%zu %s", boot->done, what);
	return CT_OK;
}

static int ct_boot(struct ct_boot *boot, int argc, char **argv, bool backwards,
		   bool (*wanted)(struct ct *ct), const char *what)
{
	int status;

	if (argc > 1)
		return ct_fail(boot->run, CT_E_SYNTAX, NULL, "'%.96s': it takes no argument",
			       argv[1]);
	status = ct_boot_collect(boot, wanted);
	if (!status)
		status = ct_boot_run(boot, backwards, what);
	free(boot->turn);
	return status;
}

/**
 * ct_cmd_autostart() - autostart
 * @run: the run
 * @argc: number of arguments, the name of the command included
 * @argv: the arguments
 *
 * Return: the exit status of vzctl.
 */
int ct_cmd_autostart(struct ct_run *run, int argc, char **argv)
{
	struct ct_boot boot = { .run = run, .job = ct_boot_start };

	return ct_boot(&boot, argc, argv, false, ct_wants_start, "started");
}

static bool ct_wants_stop(struct ct *ct)
{
	return ct_running(ct);
}

/**
 * ct_cmd_shutdown() - shutdown
 * @run: the run
 * @argc: number of arguments, the name of the command included
 * @argv: the arguments
 *
 * Return: the exit status of vzctl.
 */
int ct_cmd_shutdown(struct ct_run *run, int argc, char **argv)
{
	struct ct_boot boot = { .run = run, .job = ct_boot_stop };

	return ct_boot(&boot, argc, argv, true, ct_wants_stop, "stopped");
}
