// SPDX-License-Identifier: GPL-2.0
/*
 * suspend and resume
 *
 * A container that is to be suspended is frozen first, and stays so until it is killed:
 * from the dump on nothing of it runs. The dump is complete on the disk before that. It is
 * resumed in the same way: what criu has restored is frozen, and thawed when the journal
 * says that the dump will not be used again. So it never runs twice, and whichever command
 * was killed, it is either where it was or in the dump.
 *
 * The pool stays all the time, as between any stop and start.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "ct.h"
#include "disk.h"
#include "fence.h"
#include "keys.h"
#include "net.h"

#define CT_STEP_DUMP	"DUMP"
#define CT_STEP_GOES	"GOES"
#define CT_STEP_CGROUP	"CGROUP"

/**
 * struct ct_stages - what of suspend or resume is asked for
 * @freeze: --freeze, --suspend; or --thaw, --resume: only that
 * @dump: --dump or --undump: without freezing or thawing
 * @kill: --kill: only that, of what was dumped
 * @path: where the dump is
 */
struct ct_stages {
	bool freeze;
	bool dump;
	bool kill;
	char path[PATH_MAX];
};

static int ct_stage_args(struct ct *ct, int argc, char **argv, struct ct_stages *stages)
{
	bool resume = !strcmp(ct->run->verb, "resume"), again = false;
	const char *file = NULL, *flags = NULL;
	const struct bc_opt opts[] = {
		{ resume ? "thaw" : "freeze", 0, &stages->freeze, NULL },
		{ resume ? "resume" : "suspend", 0, &again, NULL },
		{ resume ? "undump" : "dump", 0, &stages->dump, NULL },
		{ "kill", 0, &stages->kill, NULL }, { "dumpfile", 0, NULL, &file },
		{ "flags", 0, NULL, &flags }, BC_OPT_END
	};
	int status = bctl_args(&ct->run->b, &argc, argv, opts);

	if (status > 0)
		return ct_fail(ct->run, CT_E_SYNTAX, NULL, "%s", ct->run->said);
	if (argc)
		return ct_fail(ct->run, CT_E_SYNTAX, NULL, "'%.96s' is not an option", argv[0]);
	stages->freeze |= again;
	if (stages->freeze + stages->dump + stages->kill > 1)
		return ct_fail(ct->run, CT_E_SYNTAX, NULL, "one stage at a time");
	status = ct_must_exist(ct);
	if (!status)
		status = ct_dump_path(ct, file, stages->path);
	if (!status)
		status = ct_lock(ct);
	if (!status)
		status = ct_must_exist(ct);
	return status ? status : ct_places(ct);
}

/**
 * ct_stage_keys() - note in the journal what it takes to finish a dump or a restore
 * @ct: the container; the journal is not written yet
 * @path: where the dump is
 *
 * Return: CT_OK or CT_E_SYSTEM.
 */
int ct_stage_keys(struct ct *ct, const char *path)
{
	char options[512];
	int ret = ct_hierarchy_options(options, sizeof(options));

	if (!ret)
		ret = ct_conf_set(&ct->step, CT_STEP_DUMP, path);
	if (!ret)
		ret = ct_conf_set(&ct->step, CT_STEP_CGROUP, options);
	return ret ? ct_fail(ct->run, CT_E_SYSTEM, ct->text, "%s", strerror(-ret)) : CT_OK;
}

static int ct_stage_begin(struct ct *ct, const char *verb, const char *path)
{
	int status = ct_stage_keys(ct, path);

	return status ? status : ct_step_begin(ct, verb);
}

/* What criu has done to the cgroups of the whole machine is undone. */
static int ct_stage_cgroups(struct ct *ct)
{
	const char *options = ct_get(&ct->step, CT_STEP_CGROUP);
	int ret = options ? ct_hierarchy_restore(options) : 0;

	return ret ? ct_fail(ct->run, CT_E_SYSTEM, ct->text, "cannot mount the cgroups as %s: %s",
			     options, strerror(-ret)) : CT_OK;
}

static int ct_suspend_check(struct ct *ct, const char *path)
{
	if (!ct_running(ct))
		return ct_fail(ct->run, CT_E_NOT_RUNNING, ct->text, "it is not running");
	/* It runs, so an older dump is of no use; but what was named may be another's. */
	if (!access(path, F_OK) && ct_dump_drop(path))
		return ct_fail(ct->run, CT_E_SUSPEND, path, "it is there, and is not a dump");
	return CT_OK;
}

/* Freeze and dump it; it is frozen, and the dump is complete, or all is as it was. */
static int ct_suspend_dump(struct ct *ct, const char *path)
{
	char tmp[PATH_MAX];
	int status = ct_dump_new(ct, path, tmp), cgroups;

	if (!status)
		status = ct_freeze(ct);
	if (!status)
		status = ct_net_hold(ct);
	if (!status)
		status = ct_engine_dump(ct, tmp);
	cgroups = ct_stage_cgroups(ct);
	if (!status)
		status = cgroups;
	if (!status)
		status = ct_dump_commit(ct, tmp, path);
	return status;
}

static int ct_suspend_undo(struct ct *ct, const char *path)
{
	char tmp[PATH_MAX];
	int status = CT_OK, ret;

	(void)ct_gate_open(ct->text);
	if (ct_running(ct))
		status = ct_thaw(ct);
	ret = ct_path(tmp, sizeof(tmp), "%s.tmp", path);
	if (!ret)
		ret = ct_dump_drop(tmp);
	if (ret)
		return ct_fail(ct->run, CT_E_SUSPEND, tmp, "%s", strerror(-ret));
	return status;
}

/**
 * ct_suspend_recover() - finish or undo a suspend that was interrupted
 * @ct: the container, locked
 * @what: receives which of both
 *
 * Return: CT_OK or an error.
 */
int ct_suspend_recover(struct ct *ct, const char **what)
{
	const char *path = ct_get(&ct->step, CT_STEP_DUMP);
	int status = path ? ct_engine_settle(ct) : CT_E_SYSTEM;

	if (!status)
		status = ct_stage_cgroups(ct);
	if (status)
		return status;
	if (ct_dump_there(path)) {
		status = ct_start_undo(ct);
		return ct_begin_undone(status) ? CT_OK : status;
	}
	*what = "undone";
	return ct_suspend_undo(ct, path);
}

/**
 * ct_suspend_inner() - what suspend does, without a journal of its own
 * @ct: the container, locked; the journal has what ct_stage_keys() notes
 * @path: where the dump is to be
 *
 * Return: CT_OK, or an error: it goes on, unless that was said, too.
 */
int ct_suspend_inner(struct ct *ct, const char *path)
{
	int status = ct_suspend_check(ct, path);

	if (status)
		return status;
	status = ct_suspend_dump(ct, path);
	if (!status) {
		status = ct_start_undo(ct);
		return ct_begin_undone(status) ? CT_OK : status;
	}
	return ct_suspend_undo(ct, path) ? CT_E_SYSTEM : status;
}

static int ct_suspend(struct ct *ct, const struct ct_stages *stages)
{
	int status = ct_suspend_check(ct, stages->path);

	if (!status)
		status = ct_stage_begin(ct, "suspend", stages->path);
	if (status)
		return status;
	status = ct_suspend_dump(ct, stages->path);
	if (status) {
		ct_fail(ct->run, status, ct->text, "it cannot be suspended, and goes on");
		return ct_suspend_undo(ct, stages->path) || ct_step_end(ct) ? CT_E_SUSPEND : status;
	}
	return stages->dump ? ct_step_end(ct) : ct_end(ct);
}

/* Kill what was dumped, and nothing else. */
static int ct_suspend_kill(struct ct *ct, const struct ct_stages *stages)
{
	int status = CT_OK;

	if (!ct_frozen(ct) || !ct_dump_there(stages->path))
		return ct_fail(ct->run, CT_E_SUSPEND, ct->text,
			       "it does not stand still with a dump in %s", stages->path);
	status = ct_stage_begin(ct, "suspend", stages->path);
	return status ? status : ct_end(ct);
}

/**
 * ct_cmd_suspend() - suspend, chkpnt
 * @ct: the container
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status of vzctl.
 */
int ct_cmd_suspend(struct ct *ct, int argc, char **argv)
{
	struct ct_stages stages = { 0 };
	int status = ct_stage_args(ct, argc, argv, &stages);

	if (status)
		return status;
	if (stages.kill)
		return ct_suspend_kill(ct, &stages);
	if (!stages.freeze) {
		status = ct_suspend(ct, &stages);
		if (!status)
			ct_note(ct->run, ct->text, "the container was suspended");
		return status;
	}
	if (!ct_running(ct))
		return ct_fail(ct->run, CT_E_NOT_RUNNING, ct->text, "it is not running");
	return ct_freeze(ct);
}

/**
 * ct_suspend_forget() - remove the dump of a container, if there is one
 * @ct: the container
 *
 * Return: CT_OK or CT_E_DELETE.
 */
int ct_suspend_forget(struct ct *ct)
{
	char path[PATH_MAX];
	int status = ct_dump_path(ct, NULL, path), ret;

	ret = status ? 0 : ct_dump_drop(path);
	return ret ? ct_fail(ct->run, CT_E_DELETE, path, "%s", strerror(-ret)) : status;
}

/* The dump is of no use any more, and the container goes on. */
static int ct_resume_go(struct ct *ct, const char *path)
{
	int status, ret;

	(void)ct_gate_open(ct->text);
	status = ct_running(ct) ? ct_thaw(ct) : CT_OK;
	ret = ct_dump_drop(path);

	if (!status && ret)
		ct_note(ct->run, path, "cannot be removed: %s", strerror(-ret));
	return status;
}

/**
 * ct_resume_recover() - finish or undo a resume that was interrupted
 * @ct: the container, locked
 * @what: receives which of both
 *
 * Return: CT_OK or an error.
 */
int ct_resume_recover(struct ct *ct, const char **what)
{
	const char *path = ct_get(&ct->step, CT_STEP_DUMP);
	int status;

	if (!path)
		return CT_E_SYSTEM;
	if (ct_get(&ct->step, CT_STEP_GOES))
		return ct_resume_go(ct, path);
	*what = "undone";
	status = ct_start_undo(ct);
	return ct_begin_undone(status) ? ct_stage_cgroups(ct) : status;
}

static int ct_resume_restore(struct ct *ct, const char *path, const struct ct_conf *network,
			     bool *made)
{
	char cards[CT_NICS_TEXT];
	int failure, cgroups, status;

	/* A monitor that was killed has left its cgroups. */
	status = ct_engine_clear(ct);
	if (!status && !ct_mounted(ct))
		status = ct_quota_start(ct);
	if (!status)
		status = ct_do_mount(ct);
	if (!status)
		status = ct_pool_start(ct, made);
	if (!status)
		status = ct_up_net(ct, network);
	if (!status)
		status = ct_net_premake(ct, cards, sizeof(cards));
	if (!status)
		status = ct_engine_restore(ct, path, ct_get(&ct->step, CT_STEP_CGROUP), cards);
	failure = status ? ct_up_failure(ct) : CT_OK;
	cgroups = ct_stage_cgroups(ct);
	return failure ? failure : status ? status : cgroups;
}

/* What is in the dump, and whether that can be had here. */
static int ct_resume_check(struct ct *ct, const char *path, struct ct_conf *network)
{
	int status = ct_dump_check(ct, path, network);

	return !status && ct_net_any(network) ? ct_net_check(ct, network) : status;
}

static int ct_resume(struct ct *ct, const struct ct_stages *stages)
{
	struct ct_conf network = { 0 };
	bool made = false, begun;
	int status = ct_resume_check(ct, stages->path, &network);

	if (!status)
		status = ct_stage_begin(ct, "resume", stages->path);
	begun = !status;
	if (begun)
		status = ct_resume_restore(ct, stages->path, &network, &made);
	ct_conf_clear(&network);
	if (!begun)
		return status;
	if (status && ct_begin_undone(ct_start_undo(ct))) {
		ct_fail(ct->run, status, ct->text, "it cannot be resumed; the dump stays");
		if (made)
			(void)ct_pool_delete(ct);
		(void)ct_step_end(ct);
	}
	if (status)
		return status;
	if (!stages->dump) {
		/* From here on it counts, and not the dump: what runs cannot be undone. */
		if (ct_conf_set(&ct->step, CT_STEP_GOES, "yes"))
			return ct_fail(ct->run, CT_E_SYSTEM, ct->text, "%s", strerror(ENOMEM));
		status = ct_step_begin(ct, "resume");
		if (!status)
			status = ct_resume_go(ct, stages->path);
	}
	return status ? status : ct_step_end(ct);
}

/**
 * ct_resume_inner() - what resume does, without a journal of its own
 * @ct: the container, locked; the journal has what ct_stage_keys() notes
 * @path: where the dump is
 * @made: receives whether its pool was made for this
 *
 * Return: CT_OK, or an error; some of it may be there then, and does not run.
 */
int ct_resume_inner(struct ct *ct, const char *path, bool *made)
{
	struct ct_conf network = { 0 };
	int status = ct_resume_check(ct, path, &network);

	if (!status)
		status = ct_resume_restore(ct, path, &network, made);
	ct_conf_clear(&network);
	return status ? status : ct_resume_go(ct, path);
}

/**
 * ct_cmd_resume() - resume, restore
 * @ct: the container
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status of vzctl.
 */
int ct_cmd_resume(struct ct *ct, int argc, char **argv)
{
	struct ct_stages stages = { 0 };
	int status = ct_stage_args(ct, argc, argv, &stages);
	bool frozen;

	if (status)
		return status;
	frozen = ct_frozen(ct);
	if (stages.kill)
		return ct_suspend_kill(ct, &stages);
	/* What stands still goes on, whoever has frozen it. */
	if (ct_running(ct) && (frozen || stages.freeze))
		return ct_resume_go(ct, stages.path);
	if (ct_running(ct))
		return ct_fail(ct->run, CT_E_RUNNING, ct->text, "it is running");
	if (stages.freeze)
		return ct_fail(ct->run, CT_E_NOT_RUNNING, ct->text, "it is not running");
	status = ct_resume(ct, &stages);
	if (!status)
		ct_note(ct->run, ct->text, "the container was resumed");
	return status;
}
