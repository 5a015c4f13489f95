// SPDX-License-Identifier: GPL-2.0
/*
 * bctl resources, info, version, help
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cgroup.h"
#include "cli.h"
#include "fetch.h"
#include "known.h"

static int bctl_no_more(struct bctl *b, int argc, char **argv)
{
	return argc ? bctl_usage(b, "unexpected argument '%.*s'", BC_WORD_MAX, argv[0]) :
		      BCTL_OK;
}

/* Who acts on io.weight is to be seen in the devices. */
static void bctl_describe_weight(struct bc_snapshot *snap)
{
	struct bc_disks disks = { 0 };
	int root = bc_cgroup_open_root();
	size_t i;

	if (!bc_disks_read(root, &disks))
		for (i = 0; i < snap->ntunables; i++)
			bc_weight_describe(&snap->tunables[i], &disks);
	bc_disks_clear(&disks);
	if (root >= 0)
		close(root);
}

/**
 * cmd_resources() - bctl resources
 * @b: the run
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status.
 */
int cmd_resources(struct bctl *b, int argc, char **argv)
{
	bool quiet = false;
	const struct bc_opt opts[] = {
		BC_OPT_JSON(b), BC_OPT_RAW(b), { "quiet", 'q', &quiet, NULL }, BC_OPT_END
	};
	struct bc_printer p;
	struct bc_snapshot snap = { 0 };
	int status = bctl_args(b, &argc, argv, opts), ret;
	struct bc_doc doc;
	size_t i;

	if (status >= 0)
		return status;
	status = bctl_no_more(b, argc, argv);
	if (!status)
		status = bctl_fetch_resources(b, &snap);
	/* -q is for those who set limits: no names that the module does not know */
	if (!status && (b->json || !quiet))
		status = bctl_add_known(b, &snap);
	if (!status && (b->json || !quiet))
		status = bctl_fetch_tunables(b, &snap);
	if (status)
		goto out;
	bc_doc_begin(&doc, "bctl.resources/1", "resources", bc_boottime());
	for (i = 0; i < snap.nres; i++)
		bc_doc_res(&doc, &snap.res[i]);
	bctl_describe_weight(&snap);
	bc_doc_tunables(&doc, snap.tunables, snap.ntunables);
	p = bctl_printer(b);
	ret = bc_print(&p, &doc, quiet ? BC_VIEW_NAMES : BC_VIEW_RESOURCES);
	bc_doc_end(&doc);
	if (ret)
		status = bctl_fail_nl(b, NULL, ret);
out:
	bc_snapshot_clear(&snap);
	return status;
}

static int bctl_info(struct bctl *b)
{
	struct bc_printer p = bctl_printer(b);
	struct bcn_list *list;
	struct bc_doc doc;
	int ret = bcn_module(b->nl, &list);

	if (ret)
		return bctl_fail_nl(b, NULL, ret);
	bc_doc_begin(&doc, "bctl.info/1", NULL, bc_boottime());
	bc_doc_info(&doc, bcn_list_info(list));
	ret = bc_print(&p, &doc, BC_VIEW_INFO);
	bc_doc_end(&doc);
	bcn_list_free(list);
	return ret ? bctl_fail_nl(b, NULL, ret) : BCTL_OK;
}

/**
 * cmd_info() - bctl info
 * @b: the run
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status.
 */
int cmd_info(struct bctl *b, int argc, char **argv)
{
	const struct bc_opt opts[] = { BC_OPT_JSON(b), BC_OPT_RAW(b), BC_OPT_END };
	int status = bctl_args(b, &argc, argv, opts);

	if (status >= 0)
		return status;
	status = bctl_no_more(b, argc, argv);
	if (!status)
		status = bctl_open(b);
	if (!status)
		status = bctl_info(b);
	return status;
}

/**
 * cmd_version() - bctl version
 * @b: the run
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status.
 */
int cmd_version(struct bctl *b, int argc, char **argv)
{
	static const struct bc_opt opts[] = { BC_OPT_END };
	int status = bctl_args(b, &argc, argv, opts);

	if (status >= 0)
		return status;
	status = bctl_no_more(b, argc, argv);
	if (!status)
		puts("bctl " BCTL_VERSION);
	return status;
}

static int bctl_help_all(struct bctl *b)
{
	const struct bctl_cmd *cmd;

	puts("bctl - limit and account groups of processes with beancounter.ko\n");
	for (cmd = b->cmds; cmd->name; cmd++)
		printf("  bctl %-13s  %s\n", cmd->name, cmd->summary);
	puts("\n"
	     "  -j, --json   print JSON\n"
	     "  -b, --raw    print amounts exactly, in the unit of their resource\n"
	     "  -h, --help   behind a command: how to call it\n"
	     "\n"
	     "RES=VALUE: a resource of 'bctl resources', and N[:M] for barrier:limit, with\n"
	     "suffix K, M, G, T (bytes) or P (pages), or \"unlimited\".\n"
	     "Exit status: 0 done, 1 usage, 2 refused or failed. More in bctl(8).");
	return BCTL_OK;
}

static int bctl_help_words(struct bctl *b, const char *words)
{
	const struct bctl_cmd *cmd;
	size_t len = strlen(words);
	bool found = false;

	for (cmd = b->cmds; cmd->name; cmd++) {
		if (strncmp(cmd->name, words, len) || (cmd->name[len] && cmd->name[len] != ' '))
			continue;
		found = true;
		printf("usage: bctl %s%s%s\n       %s\n", cmd->name, *cmd->args ? " " : "",
		       cmd->args, cmd->summary);
	}
	if (!found)
		return bctl_usage(b, "unknown command '%.*s'", BC_WORD_MAX, words);
	return BCTL_OK;
}

/**
 * cmd_help() - bctl help
 * @b: the run
 * @argc: number of arguments
 * @argv: the words of a command, or none
 *
 * Return: the exit status.
 */
int cmd_help(struct bctl *b, int argc, char **argv)
{
	static const struct bc_opt opts[] = { BC_OPT_END };
	char words[64];
	int status = bctl_args(b, &argc, argv, opts);

	if (status >= 0)
		return status;
	if (!argc)
		return bctl_help_all(b);
	snprintf(words, sizeof(words), "%s%s%s", argv[0], argc > 1 ? " " : "",
		 argc > 1 ? argv[1] : "");
	return bctl_help_words(b, words);
}
