/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every command shares.
 *
 * Two kinds of function, told apart by their prefix: bctl_*() has already said
 * on stderr what went wrong and returns an exit status; bc_*() prints nothing
 * and returns 0 or a negative errno.
 */
#ifndef BCTL_H
#define BCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bcn;
struct bctl;

enum bctl_status {
	BCTL_OK		= 0,
	BCTL_USAGE	= 1,
	BCTL_FAILED	= 2,
};

/**
 * struct bctl_cmd - one entry of the command table
 * @name: the words that select it, separated by one space
 * @run: does it; gets the arguments after @name, returns the exit status
 * @args: the arguments for the usage line
 * @summary: one line for "bctl help"
 */
struct bctl_cmd {
	const char *name;
	int (*run)(struct bctl *b, int argc, char **argv);
	const char *args;
	const char *summary;
};

/**
 * struct bctl - one run of the program
 * @cmds: the command table, ended by an entry without name
 * @cmd: the command that runs, NULL before it is known
 * @nl: connection to the module, NULL until bctl_open()
 * @json: -j
 * @raw: -b
 * @said: when not NULL, receives what would go to stderr: BC_SAID_MAX bytes
 * @reader: whose peaks are taken with the pools, or NULL
 */
struct bctl {
	const struct bctl_cmd *cmds;
	const struct bctl_cmd *cmd;
	struct bcn *nl;
	bool json;
	bool raw;
	char *said;
	const char *reader;
};

#define BC_SAID_MAX	512

int cmd_pool_create(struct bctl *b, int argc, char **argv);
int cmd_pool_set(struct bctl *b, int argc, char **argv);
int cmd_pool_show(struct bctl *b, int argc, char **argv);
int cmd_pool_list(struct bctl *b, int argc, char **argv);
int cmd_pool_tree(struct bctl *b, int argc, char **argv);
int cmd_pool_delete(struct bctl *b, int argc, char **argv);
int cmd_exec(struct bctl *b, int argc, char **argv);
int cmd_attach(struct bctl *b, int argc, char **argv);
int cmd_check(struct bctl *b, int argc, char **argv);
int cmd_stat(struct bctl *b, int argc, char **argv);
int cmd_top(struct bctl *b, int argc, char **argv);
int cmd_fairpages(struct bctl *b, int argc, char **argv);
int cmd_events(struct bctl *b, int argc, char **argv);
int cmd_export(struct bctl *b, int argc, char **argv);
int cmd_explain(struct bctl *b, int argc, char **argv);
int cmd_threshold(struct bctl *b, int argc, char **argv);
int cmd_reader_list(struct bctl *b, int argc, char **argv);
int cmd_reader_delete(struct bctl *b, int argc, char **argv);
int cmd_collect(struct bctl *b, int argc, char **argv);
int cmd_usage(struct bctl *b, int argc, char **argv);
int cmd_report(struct bctl *b, int argc, char **argv);
int cmd_ct(struct bctl *b, int argc, char **argv);
int cmd_resources(struct bctl *b, int argc, char **argv);
int cmd_compat(struct bctl *b, int argc, char **argv);
int cmd_info(struct bctl *b, int argc, char **argv);
int cmd_version(struct bctl *b, int argc, char **argv);
int cmd_help(struct bctl *b, int argc, char **argv);

#endif /* BCTL_H */
