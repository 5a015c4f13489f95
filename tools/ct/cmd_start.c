// SPDX-License-Identifier: GPL-2.0
/*
 * start, stop, restart, mount, umount
 *
 * A stop undoes all of a start (begin.c) but the pool, which stays, so that the accounts go
 * on.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bctl.h"
#include "cli.h"
#include "ct.h"
#include "keys.h"
#include "net.h"
#include "parse.h"

#define CT_STOP_TIMEOUT	120

/* What the configuration asks for and nothing acts on. */
static void ct_tell_kept(const struct ct *ct)
{
	const struct ct_key *key;
	char list[512] = "";
	size_t used = 0;

	for (key = ct_keys; key->key; key++)
		if ((key->kind == CT_KEY_KEPT || key->counted) && ct_key_get(&ct->conf, key))
			used += snprintf(list + used, used < sizeof(list) ? sizeof(list) - used : 0,
					 " %s", key->key);
	if (*list)
		ct_note(ct->run, ct->text, "nothing acts on%s", list);
}

static int ct_start_check(struct ct *ct, bool force)
{
	const char *disabled = ct_get(&ct->conf, "DISABLED");

	if (ct_suspended(ct) && !ct_running(ct) && !force)
		return ct_fail(ct->run, CT_E_RESUME, ct->text,
			       "it is suspended; resume it, or start it with --force, which forgets that");
	if (disabled && !strcmp(disabled, "yes") && !force)
		return ct_fail(ct->run, CT_E_DISABLED, ct->text,
			       "the start is disabled; --force starts it nevertheless");
	return ct_begin_check(ct);
}

/* Files that the container's programs read, then the container, then its own scripts. */
static int ct_start_init(struct ct *ct)
{
	const char *host = ct_get(&ct->conf, "HOSTNAME");
	int ret = ct_inside_dns(ct, &ct->conf), status, why;

	if (!ret && host)
		ret = ct_inside_hostname(ct, host);
	if (ret)
		ct_note(ct->run, ct->text, "its /etc cannot be written: %s", strerror(-ret));
	status = ct_engine_start(ct);
	why = status ? ct_up_failure(ct) : CT_OK;
	if (why)
		return why;
	return status ? status : ct_scripts_inside(ct, "start");
}

/**
 * ct_start_inner() - what a start does, without a journal
 * @ct: the container, locked, which is stopped
 * @made: receives whether its pool was made for this
 *
 * Return: CT_OK, or an error; some of it may run then.
 */
int ct_start_inner(struct ct *ct, bool *made)
{
	return ct_begin_steps(ct, ct_start_init, made);
}

/**
 * ct_do_start() - start a container that is stopped
 * @ct: the container, locked
 * @force: also when it is disabled
 *
 * Return: CT_OK, or an error, with everything as it was.
 */
int ct_do_start(struct ct *ct, bool force)
{
	int status;

	if (ct_running(ct))
		return ct_fail(ct->run, CT_E_RUNNING, ct->text, "it is running");
	status = ct_start_check(ct, force);
	if (status)
		return status;
	ct_tell_kept(ct);
	status = ct_begin(ct, "start", ct_start_init);
	return status ? status : ct_step_end(ct);
}

static int ct_stop_timeout(const struct ct *ct)
{
	const char *text = ct_get(&ct->conf, "STOP_TIMEOUT");
	uint32_t seconds;

	if (!text)
		text = ct_global(ct->run, "STOP_TIMEOUT", "");
	return bc_u32_parse(text, &seconds) || seconds > 86400 ? CT_STOP_TIMEOUT : (int)seconds;
}

/**
 * ct_stop_inner() - what a stop does, without a journal
 * @ct: the container, locked, which runs; its places are known
 * @fast: kill it
 *
 * Return: CT_OK, CT_E_SCRIPT if a script has failed, with all the rest done, or an error.
 */
int ct_stop_inner(struct ct *ct, bool fast)
{
	int status;

	/* What stands still cannot halt, nor run a script. */
	if (!fast && ct_frozen(ct))
		(void)ct_thaw(ct);
	if (!fast)
		(void)ct_scripts_inside(ct, "stop");
	status = ct_engine_stop(ct, fast, ct_stop_timeout(ct));
	return status ? status : ct_start_undo(ct);
}

/**
 * ct_do_stop() - stop a container that runs
 * @ct: the container, locked
 * @fast: kill it
 *
 * Return: CT_OK or an error.
 */
int ct_do_stop(struct ct *ct, bool fast)
{
	int status = ct_places(ct);
	bool running = !status && ct_running(ct);

	if (!status && fast && !running && ct_suspended(ct))
		return ct_suspend_forget(ct);
	if (!status && !running)
		status = ct_fail(ct->run, CT_E_NOT_RUNNING, ct->text, ct_suspended(ct) ?
				 "it is suspended; --fast forgets that" : "it is not running");
	if (!status)
		status = ct_step_begin(ct, "stop");
	if (status)
		return status;
	status = ct_stop_inner(ct, fast);
	return ct_begin_undone(status) && ct_step_end(ct) ? CT_E_SYSTEM : status;
}

/* Options of a command that takes nothing else. */
static int ct_options(struct ct *ct, int argc, char **argv, const struct bc_opt *opts)
{
	int status = bctl_args(&ct->run->b, &argc, argv, opts);

	if (status > 0)
		return ct_fail(ct->run, CT_E_SYNTAX, NULL, "%s", ct->run->said);
	if (argc)
		return ct_fail(ct->run, CT_E_SYNTAX, NULL, "'%.96s' is not an option", argv[0]);
	status = ct_must_exist(ct);
	return status ? status : ct_lock(ct);
}

/* The container may have gone while the lock was waited for, or what was begun undone. */
static int ct_still(const struct ct *ct, int status)
{
	return status ? status : ct_must_exist(ct);
}

/*
 * Wait until init has brought up what it is to bring up: systemd says so by itself, and
 * that of System V notes its runlevel. Of any other, that it runs is all that is known.
 */
static int ct_wait_up(struct ct *ct)
{
	static char * const argv[] = { "", "-c",
		"i=0; while [ $i -lt 300 ]; do i=$((i + 1));"
		"case $(readlink /proc/1/exe) in "
		"*systemd) case $(systemctl is-system-running --wait 2>/dev/null) in"
		"	running|degraded) exit 0;; esac;;"
		"*/init) case $(runlevel) in *' '[2-5]) exit 0;; esac;;"
		"*) exit 0;;"
		"esac; sleep 1; done; exit 1", NULL };

	if (!ct_engine_run(ct, argv, false, true))
		return CT_OK;
	return ct_fail(ct->run, CT_E_WAIT, ct->text, "it runs, and does not come up");
}

/**
 * ct_cmd_start() - start
 * @ct: the container
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status of vzctl.
 */
int ct_cmd_start(struct ct *ct, int argc, char **argv)
{
	bool force = false, wait = false, none;
	/* There is nothing that would check the file system, or mount again what is mounted. */
	const struct bc_opt opts[] = {
		{ "force", 0, &force, NULL }, { "wait", 0, &wait, NULL },
		{ "skip-fsck", 0, &none, NULL }, { "skip-remount", 0, &none, NULL }, BC_OPT_END
	};
	int status = ct_still(ct, ct_options(ct, argc, argv, opts));

	if (!status)
		status = ct_do_start(ct, force);
	if (!status)
		ct_note(ct->run, ct->text, "the container was started");
	return status || !wait ? status : ct_wait_up(ct);
}

/**
 * ct_cmd_stop() - stop
 * @ct: the container
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status of vzctl.
 */
int ct_cmd_stop(struct ct *ct, int argc, char **argv)
{
	bool fast = false, interrupted = ct_step_verb(ct) && !strcmp(ct_step_verb(ct), "stop");
	const struct bc_opt opts[] = {
		{ "fast", 0, &fast, NULL }, { "skip-umount", 0, &ct->run->mounted, NULL },
		BC_OPT_END
	};
	int status = ct_still(ct, ct_options(ct, argc, argv, opts));

	/* What was interrupted is what is asked for, and is done by now. */
	if (!status && !(interrupted && !ct_running(ct)))
		status = ct_do_stop(ct, fast);
	if (!status)
		ct_note(ct->run, ct->text, "the container was stopped");
	return status;
}

/**
 * ct_cmd_restart() - restart
 * @ct: the container
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status of vzctl.
 */
int ct_cmd_restart(struct ct *ct, int argc, char **argv)
{
	bool fast = false, force = false, none;
	const struct bc_opt opts[] = {
		{ "fast", 0, &fast, NULL }, { "force", 0, &force, NULL },
		{ "skip-fsck", 0, &none, NULL }, { "skip-remount", 0, &none, NULL },
		{ "skip-umount", 0, &none, NULL }, BC_OPT_END
	};
	int status = ct_still(ct, ct_options(ct, argc, argv, opts));

	/* What forbids the start must not be found out when it is stopped. */
	if (!status)
		status = ct_start_check(ct, force);
	if (!status && ct_running(ct))
		status = ct_do_stop(ct, fast);
	if (!status)
		status = ct_do_start(ct, force);
	if (!status)
		ct_note(ct->run, ct->text, "the container was restarted");
	return status;
}

/**
 * ct_cmd_mount() - mount
 * @ct: the container
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status of vzctl.
 */
int ct_cmd_mount(struct ct *ct, int argc, char **argv)
{
	static const struct bc_opt opts[] = { BC_OPT_END };
	int status = ct_still(ct, ct_options(ct, argc, argv, opts));

	if (!status)
		status = ct_places(ct);
	if (!status && ct_mounted(ct))
		status = ct_fail(ct->run, CT_E_MOUNTED, ct->text, "it is mounted");
	if (!status)
		status = ct_do_mount(ct);
	return status;
}

/**
 * ct_cmd_umount() - umount
 * @ct: the container
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status of vzctl.
 */
int ct_cmd_umount(struct ct *ct, int argc, char **argv)
{
	static const struct bc_opt opts[] = { BC_OPT_END };
	int status = ct_still(ct, ct_options(ct, argc, argv, opts));

	if (!status)
		status = ct_places(ct);
	if (!status && ct_running(ct))
		status = ct_fail(ct->run, CT_E_RUNNING, ct->text, "it is running");
	if (!status && !ct_mounted(ct))
		status = ct_fail(ct->run, CT_E_NOT_MOUNTED, ct->text, "it is not mounted");
	/* What has lost its monitor counts as down, and may be there still. */
	return status ? status : ct_start_undo(ct);
}
