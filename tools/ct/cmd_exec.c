// SPDX-License-Identifier: GPL-2.0
/*
 * exec, exec2, enter, status: what takes no lock
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ct.h"
#include "keys.h"

/* The words with blanks between them, as a shell shall see them. */
static char *ct_join(int argc, char **argv)
{
	size_t len = 1;
	char *line;
	int i;

	for (i = 0; i < argc; i++)
		len += strlen(argv[i]) + 1;
	line = calloc(1, len);
	for (i = 0; line && i < argc; i++)
		strcat(strcat(line, i ? " " : ""), argv[i]);
	return line;
}

/* Run a command line by the container's shell, or the shell alone; its status, or -1. */
static int ct_shell(struct ct *ct, char *line, const char *flag, bool terminal)
{
	char *argv[] = { "", line ? "-c" : (char *)flag, line, NULL };

	return ct_engine_run(ct, argv, terminal, false);
}

/* What enters a container that stands still does so as well, and never comes back. */
static int ct_goes(struct ct *ct)
{
	if (!ct_running(ct))
		return ct_fail(ct->run, CT_E_NOT_RUNNING, ct->text, "it is not running");
	if (ct_frozen(ct))
		return ct_fail(ct->run, CT_E_NOT_RUNNING, ct->text, "it is frozen; resume it");
	return CT_OK;
}

static int ct_exec(struct ct *ct, int argc, char **argv, int *command)
{
	int status = ct_must_exist(ct);
	char *line = NULL;

	if (status)
		return status;
	if (argc && !strcmp(argv[0], "--")) {
		argc--;
		argv++;
	}
	if (!argc)
		return ct_fail(ct->run, CT_E_FEW, ct->text, "the command is missing");
	status = ct_goes(ct);
	if (status)
		return status;
	/* A lone dash: the shell reads what to do. */
	if (argc > 1 || strcmp(argv[0], "-")) {
		line = ct_join(argc, argv);
		if (!line)
			return ct_fail(ct->run, CT_E_RESOURCES, NULL, "%s", strerror(ENOMEM));
	}
	*command = ct_shell(ct, line, "-s", false);
	free(line);
	if (*command < 0)
		return ct_fail(ct->run, CT_E_COMMAND, ct->text, "the command cannot be run");
	return CT_OK;
}

/**
 * ct_cmd_exec() - exec
 * @ct: the container
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status of vzctl.
 */
int ct_cmd_exec(struct ct *ct, int argc, char **argv)
{
	int command = 0, status = ct_exec(ct, argc, argv, &command);

	return status ? status : command ? CT_E_COMMAND : CT_OK;
}

/**
 * ct_cmd_exec2() - exec2
 * @ct: the container
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status of the command, or that of vzctl if it was not run.
 */
int ct_cmd_exec2(struct ct *ct, int argc, char **argv)
{
	int command = 0, status = ct_exec(ct, argc, argv, &command);

	return status ? status : command;
}

/**
 * ct_cmd_enter() - enter
 * @ct: the container
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status of vzctl, that of the shell if it was run.
 */
int ct_cmd_enter(struct ct *ct, int argc, char **argv)
{
	bool terminal = isatty(0) && isatty(1);
	char *line = NULL;
	int status = ct_must_exist(ct), command;

	if (status)
		return status;
	if (argc >= 2 && !strcmp(argv[0], "--exec"))
		line = ct_join(argc - 1, argv + 1);
	else if (argc)
		return ct_fail(ct->run, CT_E_SYNTAX, NULL, "'%.96s' is not an option", argv[0]);
	status = ct_goes(ct);
	if (status) {
		free(line);
		return status;
	}
	if (terminal && !line)
		printf("entered into CT %s\n", ct->text);
	fflush(stdout);
	command = ct_shell(ct, line, "-l", terminal);
	if (terminal && !line)
		printf("exited from CT %s\n", ct->text);
	free(line);
	if (command < 0)
		return ct_fail(ct->run, CT_E_SYSTEM, ct->text, "it cannot be entered");
	return command;
}

/* Where a container without configuration was, if its journal or vz.conf tells. */
static bool ct_knows_places(struct ct *ct)
{
	const char *root = ct_get(&ct->step, "VE_ROOT");

	if (root)
		return !ct_path(ct->root, sizeof(ct->root), "%s", root);
	return ct->exists && !ct_places(ct);
}

/**
 * ct_cmd_status() - status
 * @ct: the container
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Prints "CTID 101 exist mounted running" or the opposites, "frozen" or "suspended" if it
 * is, and a further word while something is being done to it ("start-in-progress") or when that was interrupted
 * ("start-interrupted").
 *
 * Return: the exit status of vzctl.
 */
int ct_cmd_status(struct ct *ct, int argc, char **argv)
{
	const char *verb = ct_step_verb(ct);
	char more[64] = "";
	bool running;
	pid_t pid;

	if (argc)
		return ct_fail(ct->run, CT_E_SYNTAX, NULL, "'%.96s' is not an option", argv[0]);
	if (verb && ct_lock_busy(ct, &pid))
		snprintf(more, sizeof(more), " %.20s-in-progress", verb);
	else if (verb)
		snprintf(more, sizeof(more), " %.20s-interrupted", verb);
	running = ct_running(ct);
	printf("CTID %s %s %s %s%s%s\n", ct->text, ct->exists ? "exist" : "deleted",
	       ct_knows_places(ct) && ct_mounted(ct) ? "mounted" : "unmounted",
	       running ? "running" : "down",
	       running && ct_frozen(ct) ? " frozen" :
	       !running && ct_suspended(ct) ? " suspended" : "", more);
	return CT_OK;
}
