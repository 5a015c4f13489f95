// SPDX-License-Identifier: GPL-2.0
/*
 * bctl-ct - containers in the manner of OpenVZ
 *
 * "bctl ct" runs this program, and so do its other names, vzctl and vzlist. A program of
 * its own so that bctl needs neither liblxc nor libarchive. The grammar is the same under
 * every name; exit statuses are those of vzctl under that name, and of bctl else.
 */
#include <libgen.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "beancounter.h"
#include "cli.h"
#include "ct.h"
#include "disk.h"
#include "move.h"
#include "template.h"

/**
 * struct ct_verb - a command
 * @name: its name
 * @alias: another one, or NULL
 * @run: does it to a container, whose number or name comes first
 * @alone: does it without one; gets its own name as well
 * @own: its exit status is its own under any name
 * @args: the arguments for the usage line
 * @summary: one line for the help
 */
struct ct_verb {
	const char *name;
	const char *alias;
	int (*run)(struct ct *ct, int argc, char **argv);
	int (*alone)(struct ct_run *run, int argc, char **argv);
	bool own;
	const char *args;
	const char *summary;
};

static const struct ct_verb ct_verbs[] = {
	{ "create", NULL, ct_cmd_create, NULL, false,
	  "CTID [--ostemplate NAME] [--config NAME] [--private DIR] [--root DIR]\n"
	  "       [--hostname NAME] [--name NAME] [--layout simfs[:overlay]]\n"
	  "       [--storage copy|overlay|reflink] [--progress]\n"
	  "       [--local_uid ID [--local_gid ID]]",
	  "make a container of a template" },
	{ "destroy", "delete", ct_cmd_destroy, NULL, false, "CTID",
	  "remove a container with its files" },
	{ "start", NULL, ct_cmd_start, NULL, false, "CTID [--force] [--wait] [--skip-fsck] [--skip-remount]",
	  "start it" },
	{ "stop", NULL, ct_cmd_stop, NULL, false, "CTID [--fast] [--skip-umount]", "halt it, or kill it" },
	{ "restart", NULL, ct_cmd_restart, NULL, false, "CTID [--fast] [--force]",
	  "stop it if it runs, and start it" },
	{ "suspend", "chkpnt", ct_cmd_suspend, NULL, false,
	  "CTID [--freeze] [--dumpfile DIR]",
	  "write it to the disk as it runs, and stop it; or let it stand still" },
	{ "resume", "restore", ct_cmd_resume, NULL, false,
	  "CTID [--thaw] [--dumpfile DIR]", "let it go on from there" },
	{ "account", NULL, ct_cmd_account, NULL, false, "CTID [-j]",
	  "what it used, here and on machines on which it was before" },
	{ "migrate", NULL, ct_cmd_migrate, NULL, false,
	  "CTID HOST [--online] [-r yes|no] [--keep-dst] [-c] [-v] [--ssh OPTIONS]",
	  "have it go on on another machine" },
	{ "receive", NULL, ct_cmd_receive, NULL, false, NULL, NULL },
	{ "mount", NULL, ct_cmd_mount, NULL, false, "CTID", "mount its files without starting it" },
	{ "umount", NULL, ct_cmd_umount, NULL, false, "CTID", "undo that" },
	{ "set", NULL, ct_cmd_set, NULL, false, "CTID [--save] --OPTION VALUE...",
	  "change limits and settings, all of them or none" },
	{ "status", NULL, ct_cmd_status, NULL, false, "CTID", "print what state it is in" },
	{ "quota", NULL, ct_cmd_quota, NULL, false, "CTID [-j]",
	  "print what it has on the disk, and may have" },
	{ "quotaon", NULL, ct_cmd_quotaon, NULL, false, "CTID", "set the limits of the disk" },
	{ "quotaoff", NULL, ct_cmd_quotaoff, NULL, false, "CTID", "undo that" },
	{ "quotainit", NULL, ct_cmd_quotainit, NULL, false, "CTID",
	  "count its files on the disk anew" },
	{ "exec", NULL, ct_cmd_exec, NULL, false, "CTID COMMAND...|-",
	  "run a command in it; 8 if that fails" },
	{ "exec2", NULL, ct_cmd_exec2, NULL, true, "CTID COMMAND...|-",
	  "the same, with the status of the command" },
	{ "enter", NULL, ct_cmd_enter, NULL, true, "CTID [--exec COMMAND...]",
	  "run a shell in it, on a terminal of its own" },
	{ "runscript", NULL, ct_cmd_runscript, NULL, true, "CTID FILE",
	  "run a script of the host in it, also if it is stopped" },
	{ "console", NULL, ct_cmd_console, NULL, false, "CTID [1]",
	  "be at its console; Esc and . leaves it" },
	{ "list", NULL, NULL, ct_cmd_list, false,
	  "[-aSnHj1L] [-o FIELD,...] [-s [-]FIELD] [-h|-N|-d PATTERN] [CTID]...",
	  "list containers" },
	{ "netstat", NULL, NULL, ct_cmd_netstat, false,
	  "[-j] [-4|-6] [-c CLASS] [--save] [CTID]...", "what went in and out, by class" },
	{ "autostart", NULL, NULL, ct_cmd_autostart, false, "",
	  "start what is to run when the machine does" },
	{ "shutdown", NULL, NULL, ct_cmd_shutdown, false, "",
	  "stop all containers for the machine to go down" },
	{ "hook", NULL, ct_cmd_hook, NULL, false, NULL, NULL },
	{ "node", NULL, NULL, ct_cmd_node, false, "[-j] | split N [-f NAME]",
	  "what the machine has, and its containers hold, may have and are promised" },
	{ "import-conf", NULL, ct_cmd_import_conf, NULL, false, "CTID FILE",
	  "take a configuration of OpenVZ over, and tell what becomes of it" },
	{ "validate", NULL, NULL, ct_cmd_validate, true, "[-r] [--report] CTID|FILE",
	  "check a configuration, repair it, tell what becomes of it" },
	{ "template", NULL, NULL, ct_cmd_template, false,
	  "list|info NAME|build WHAT|import NAME PATH|remove NAME",
	  "what containers are made of; see bctl-template(8)" },
	{ NULL, NULL, NULL, NULL, false, NULL, NULL },
};

/* What vzctl could do and this cannot. */
static const char ct_verbs_absent[] =
	" snapshot"
	" snapshot-switch snapshot-delete snapshot-mount snapshot-umount snapshot-list convert"
	" compact exec3 reinstall ";

/* The statuses of bctl: 0 done, 1 usage, 2 refused or failed. */
static int ct_exit_status(const struct ct_run *run, const struct ct_verb *verb, int status)
{
	if (run->vz || verb->own || !status)
		return status;
	switch (status) {
	case CT_E_SYNTAX:
	case CT_E_VALUE:
	case CT_E_FEW:
		return BCTL_USAGE;
	default:
		return BCTL_FAILED;
	}
}

static void ct_help(const struct ct_run *run)
{
	const struct ct_verb *verb;

	printf("usage: %s [--quiet] COMMAND CTID|NAME [ARG]...\n\n", run->prog);
	for (verb = ct_verbs; verb->name; verb++)
		if (verb->summary)
			printf("%-9s %s\n          %s\n", verb->name, verb->args, verb->summary);
}

static const struct ct_verb *ct_verb_find(const char *name)
{
	const struct ct_verb *verb;

	for (verb = ct_verbs; verb->name; verb++)
		if (!strcmp(verb->name, name) || (verb->alias && !strcmp(verb->alias, name)))
			return verb;
	return NULL;
}

static int ct_verb_run(struct ct_run *run, const struct ct_verb *verb, int argc, char **argv)
{
	struct ct ct = { .lock = -1 };
	int status;

	if (verb->alone)
		return verb->alone(run, argc, argv);
	if (argc < 2)
		return ct_fail(run, CT_E_FEW, NULL, "the container is missing");
	status = ct_open(run, argv[1], &ct);
	if (!status)
		status = verb->run(&ct, argc - 2, argv + 2);
	ct_close(&ct);
	return status;
}

/* Global options of vzctl; the level of words is all there is to them. */
static void ct_global_options(struct ct_run *run, int *argc, char ***argv)
{
	while (*argc > 1) {
		if (!strcmp((*argv)[1], "--quiet"))
			run->quiet = true;
		else if (strcmp((*argv)[1], "--verbose") && strcmp((*argv)[1], "--verbose=1"))
			return;
		(*argc)--;
		(*argv)++;
	}
}

static int ct_main(struct ct_run *run, int argc, char **argv)
{
	char word[64];
	struct bctl_cmd cmds[2] = { { 0 } };
	const struct ct_verb *verb;
	int status = CT_OK;

	if (!strcmp(argv[0], "help") || !strcmp(argv[0], "--help")) {
		ct_help(run);
		return CT_OK;
	}
	verb = ct_verb_find(argv[0]);
	if (!verb) {
		snprintf(word, sizeof(word), " %.60s ", argv[0]);
		status = ct_fail(run, CT_E_SYNTAX, argv[0],
				 strstr(ct_verbs_absent, word) ?
				 "this command is not there yet; see LIMITS in bctl-ct(8)" :
				 "unknown command; see 'help'");
		return run->vz ? status : BCTL_USAGE;
	}
	cmds[0] = (struct bctl_cmd) { verb->name, NULL, verb->args, verb->summary };
	run->b.cmds = cmds;
	run->b.cmd = cmds;
	run->verb = verb->name;
	/* These print no tables, and need not know how wide letters are. */
	if (verb->run != ct_cmd_start && verb->run != ct_cmd_stop && verb->run != ct_cmd_hook)
		setlocale(LC_CTYPE, "");
	/* A file can be validated on a machine that has no containers, and the machine shown. */
	if (verb->alone != ct_cmd_validate && verb->alone != ct_cmd_node)
		status = ct_run_open(run);
	if (!status)
		status = ct_verb_run(run, verb, argc, argv);
	return ct_exit_status(run, verb, status);
}

static int ct_node_main(struct ct_run *run, int argc, char **argv)
{
	struct bctl_cmd cmds[2] = { { run->prog, NULL, "[-j] | -n N [-f NAME]", "" }, { 0 } };

	run->b.cmds = cmds;
	run->b.cmd = cmds;
	return ct_cmd_node(run, argc, argv);
}

int main(int argc, char **argv)
{
	struct ct_run run = { .prog = argc ? basename(argv[0]) : "bctl-ct" };
	char *list[] = { "list", NULL };
	int status;

	if (argc && ct_criu_main(argc, argv, &status))
		return status;
	umask(022);
	run.b.said = run.said;
	run.vz = !strncmp(run.prog, "vz", 2);
	if (!strcmp(run.prog, "bctl-ct"))
		run.prog = "bctl ct";
	if (run.vz && strcmp(run.prog, "vzctl"))
		setlocale(LC_CTYPE, "");
	if (!strcmp(run.prog, "vzlist")) {
		/* Options begin at once; getopt() skips the first word, whatever it is. */
		run.verb = NULL;
		status = ct_run_open(&run);
		if (!status)
			status = ct_cmd_list(&run, argc, argv);
	} else if (!strcmp(run.prog, "vzmigrate")) {
		status = ct_run_open(&run);
		status = status ? CT_MOVE_NO_VZ : ct_vzmigrate(&run, argc, argv);
	} else if (run.vz && strcmp(run.prog, "vzctl")) {
		/* vzmemcheck, vzcpucheck, vzoversell, vzsplit */
		status = ct_node_main(&run, argc, argv);
	} else {
		ct_global_options(&run, &argc, &argv);
		status = argc > 1 ? ct_main(&run, argc - 1, argv + 1) : ct_main(&run, 1, list);
	}
	ct_conf_clear(&run.global);
	bcn_close(run.b.nl);
	return bctl_flush(&run.b, status);
}
