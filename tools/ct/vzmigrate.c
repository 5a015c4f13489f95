// SPDX-License-Identifier: GPL-2.0
/*
 * migrate and vzmigrate: two grammars for one thing
 */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "ct.h"
#include "move.h"

#define CT_VZMIGRATE	"[-r yes|no] [--online] [--keep-dst] [--ssh OPTIONS] [-c] [-v] HOST CTID..."

/* Options of both grammars. */
static int ct_move_args(struct ct_run *run, int *argc, char **argv, struct ct_move *move)
{
	const char *remove = NULL;
	bool live = false, test = false;
	const struct bc_opt opts[] = {
		{ "online", 0, &move->online, NULL }, { "live", 0, &live, NULL },
		{ "remove-area", 'r', NULL, &remove }, { "keep-dst", 0, &move->keep_there, NULL },
		{ "ssh", 0, NULL, &move->far.ssh }, { "check-only", 'c', &move->check, NULL },
		{ "dry-run", 't', &test, NULL }, { "verbose", 'v', &move->verbose, NULL },
		BC_OPT_END
	};
	int status = bctl_args(&run->b, argc, argv, opts);

	if (status >= 0)
		*argc = -1;
	if (status >= 0)
		return status ? ct_fail(run, CT_E_SYNTAX, NULL, "%s", run->said) : CT_OK;
	if (remove && strcmp(remove, "yes") && strcmp(remove, "no"))
		return ct_fail(run, CT_E_VALUE, remove, "yes or no");
	move->keep_here = remove && !strcmp(remove, "no");
	move->online |= live;
	move->check |= test;
	return CT_OK;
}

static bool ct_move_host_ok(const char *host)
{
	return *host && *host != '-' && !strpbrk(host, " \t\n\"'") && strlen(host) < 256;
}

/**
 * ct_cmd_migrate() - migrate
 * @ct: the container
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status of vzctl.
 */
int ct_cmd_migrate(struct ct *ct, int argc, char **argv)
{
	struct ct_move move = { .far = { .pid = 0 } };
	int status;

	status = ct_move_args(ct->run, &argc, argv, &move);
	if (status || argc < 0)
		return status;
	if (argc != 1)
		return ct_fail(ct->run, argc ? CT_E_SYNTAX : CT_E_FEW, NULL,
			       argc ? "one machine" : "the machine is missing");
	if (!ct_move_host_ok(argv[0]))
		return ct_fail(ct->run, CT_E_VALUE, argv[0], "no name of a machine");
	move.far.host = argv[0];
	return ct_move_locked(ct, &move);
}

static int ct_vzmigrate_one(struct ct_run *run, const struct ct_move *asked, const char *arg)
{
	struct ct_move move = *asked;
	struct ct ct = { .lock = -1 };
	int status = ct_open(run, arg, &ct);

	if (!status)
		status = ct_move_locked(&ct, &move);
	ct_close(&ct);
	return !status ? CT_OK : move.code ? move.code : ct_vzmigrate_code(status);
}

/**
 * ct_vzmigrate() - vzmigrate, which takes the machine first and several containers
 * @run: the run
 * @argc: number of arguments, the name of the program included
 * @argv: the arguments
 *
 * Return: the exit status of vzmigrate.
 */
int ct_vzmigrate(struct ct_run *run, int argc, char **argv)
{
	struct bctl_cmd cmds[2] = { { "vzmigrate", NULL, CT_VZMIGRATE, "" }, { 0 } };
	struct ct_move move = { .far = { .pid = 0 } };
	int status, one, i;

	run->b.cmds = cmds;
	run->b.cmd = cmds;
	argc--;
	argv++;
	status = ct_move_args(run, &argc, argv, &move);
	if (!status && argc < 0)
		return CT_OK;
	if (!status && argc < 2)
		status = ct_fail(run, CT_E_FEW, NULL, "usage: vzmigrate " CT_VZMIGRATE);
	if (!status && !ct_move_host_ok(argv[0]))
		status = ct_fail(run, CT_E_VALUE, argv[0], "no name of a machine");
	if (status)
		return ct_vzmigrate_code(status);
	move.far.host = argv[0];
	for (i = 1; i < argc; i++) {
		one = ct_vzmigrate_one(run, &move, argv[i]);
		status = status ? status : one;
	}
	return status;
}
