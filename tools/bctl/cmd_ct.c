// SPDX-License-Identifier: GPL-2.0
/*
 * bctl ct, bctl template, bctl node: what does it is bctl-ct, a program of its own
 *
 * Containers take liblxc and libarchive, which bctl does without.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "beside.h"
#include "cli.h"

#define BC_CT	"bctl-ct"

/**
 * cmd_ct() - bctl ct
 * @b: the run
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: only if bctl-ct cannot be run: BCTL_FAILED.
 */
int cmd_ct(struct bctl *b, int argc, char **argv)
{
	char **args = calloc(argc + 3, sizeof(*args));
	bool named = strcmp(b->cmd->name, "ct");
	char *words[] = { (char *)b->cmd->name };
	int status;

	if (argc && (!strcmp(argv[0], "--help") || !strcmp(argv[0], "-h"))) {
		free(args);
		return cmd_help(b, 1, words);
	}
	if (!args)
		return bctl_fail(b, NULL, "%s", strerror(ENOMEM));
	args[0] = BC_CT;
	/* "bctl template" and "bctl node" are commands of it. */
	args[1] = named ? (char *)b->cmd->name : NULL;
	memcpy(args + 1 + named, argv, argc * sizeof(*argv));
	fflush(stdout);
	bc_exec_beside(BC_CT, args);
	status = bctl_fail(b, BC_CT, "%s; it is installed where liblxc is", strerror(errno));
	free(args);
	return status;
}
