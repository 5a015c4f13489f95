// SPDX-License-Identifier: GPL-2.0
/*
 * bctl - limit and account groups of processes with beancounter.ko
 *
 * The command table and the way from the command line to one of its entries.
 * A command is one cmd_*() function and one line here; the man page and the
 * shell completion are checked against this table.
 */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "bctl.h"
#include "beancounter.h"
#include "cli.h"

static const struct bctl_cmd bctl_cmds[] = {
	{ "pool create", cmd_pool_create,
	  "NAME [--parent P] [--cgroup PATH] [--id N] [--exist-ok] [-j] [RES=VALUE]...",
	  "create a pool and its cgroup, or bind a cgroup that exists" },
	{ "pool set", cmd_pool_set, "NAME [-j] RES=VALUE...",
	  "set barriers and limits, all of them or none" },
	{ "pool show", cmd_pool_show, "[NAME]... [-jb]", "describe pools in full" },
	{ "pool list", cmd_pool_list, "[NAME]... [-jq]", "list pools, one per line" },
	{ "pool tree", cmd_pool_tree, "[NAME] [-j]", "list pools as a tree" },
	{ "pool delete", cmd_pool_delete, "NAME [--if-exists] [-j]",
	  "delete a pool, and its cgroup if that is empty" },
	{ "exec", cmd_exec, "NAME -- CMD [ARG]...", "run a command in a pool" },
	{ "attach", cmd_attach, "NAME PID...", "move processes into a pool" },
	{ "stat", cmd_stat,
	  "[NAME]... [--delta[=KEY]] [--interval S [--count N]] [--peak READER] [--io] [-jb]\n"
	  "       [NAME]... --watch[=S]|-w [S] [--count N] [-jb]",
	  "show what pools hold, and what is new" },
	{ "top", cmd_top, "[--delay S] [--count N] [--sort KEY] [--pool P] [-b]",
	  "show what pools do, on a screen of its own" },
	{ "check", cmd_check,
	  "[NAME]... [-w PCT] [-c PCT] [--res RES]... [--failures[=KEY]]",
	  "be a plugin of Nagios: one line, and exit status 0, 1, 2 or 3" },
	{ "explain", cmd_explain, "NAME [-jb]", "tell why a pool was refused, and what to do" },
	{ "threshold", cmd_threshold, "NAME [-j] RES=RISE%[:FALL%]|off...",
	  "tell by an event when a pool comes near its barriers" },
	{ "reader list", cmd_reader_list, "[-jq]", "list who takes peaks" },
	{ "reader delete", cmd_reader_delete, "READER", "forget a reader of peaks" },
	{ "fairpages", cmd_fairpages,
	  "[NAME]... [--interval S] [--count N] [--memory SIZE] [--max-rate N] [-jb]",
	  "show the memory that pools map, shared pages in fair shares" },
	{ "events", cmd_events, "[--count N] [--timeout S] [--pool NAME]... [--tree]\n"
	  "       [--absent-ok] [--res RES]... [--min AMOUNT] [--type TYPE]...\n"
	  "       [--snapshot DIR] [--keep N] [--rate N] [--jobs N] [--exec-timeout S] [-jb]\n"
	  "       [--exec -- CMD [ARG]...]",
	  "print refusals and the coming and going of pools" },
	{ "collect", cmd_collect, "[--once] [--db FILE] [--interval S] [--reader NAME] [--node NAME]\n"
	  "       [--keep FINE[:HOURS[:DAYS]]] [--drop-caps] [--ship URL]...",
	  "write what pools use into a file, for invoices" },
	{ "usage", cmd_usage,
	  "[--from T] [--to T] [--pool P]... [--tree] [--incarnations]\n"
	  "       [--by hour|day|month] [--db FILE] [-jb] [--csv] [--cloudevents]\n"
	  "       [--price FILE [--explain]]\n"
	  "       --live [--pool P]... [--tree] [-jb] [--csv]",
	  "tell what pools used in a period" },
	{ "report", cmd_report, "--html [FILE] [--from T] [--to T] [--pool P]... [--db FILE]",
	  "make a page with plots of what pools used" },
	{ "export", cmd_export,
	  "[--listen ADDR:PORT | --textfile PATH [--interval S]]\n"
	  "       [--compat cadvisor] [--detail] [--histograms]",
	  "serve metrics for Prometheus, or write them into a file" },
	{ "ct", cmd_ct, "[COMMAND [CTID [ARG]...]]",
	  "containers in the manner of OpenVZ; see bctl-ct(8)" },
	{ "node", cmd_ct, "[-j] | split N [-f NAME]",
	  "what the machine has, and its containers hold and are promised" },
	{ "template", cmd_ct, "[list|info|build|import|remove] [ARG]...",
	  "what containers are made of; see bctl-template(8)" },
	{ "resources", cmd_resources, "[-jq]", "list the resources of the loaded module" },
	{ "compat", cmd_compat, "on|off|status",
	  "switch the files that OpenVZ had in /proc" },
	{ "info", cmd_info, "[-j]", "show the state of the module" },
	{ "version", cmd_version, "", "print the version of bctl" },
	{ "help", cmd_help, "[CMD]", "print how to call bctl or one command" },
	{ NULL, NULL, NULL, NULL },
};

/* How many words of argv select this command; 0 if it is another. */
static int bctl_match(const struct bctl_cmd *cmd, int argc, char **argv)
{
	const char *space = strchr(cmd->name, ' ');
	size_t len = space ? (size_t)(space - cmd->name) : strlen(cmd->name);

	if (strlen(argv[0]) != len || memcmp(argv[0], cmd->name, len))
		return 0;
	if (!space)
		return 1;
	return argc > 1 && !strcmp(argv[1], space + 1) ? 2 : 0;
}

static int bctl_run(struct bctl *b, int argc, char **argv)
{
	static char *list[] = { "pool", "list", NULL };
	const struct bctl_cmd *cmd;
	int words;

	if (!argc || (argc == 1 && !strcmp(argv[0], "pool"))) {
		argv = list;
		argc = 2;
	}
	for (cmd = b->cmds; cmd->name; cmd++) {
		words = bctl_match(cmd, argc, argv);
		if (!words)
			continue;
		b->cmd = cmd;
		return cmd->run(b, argc - words, argv + words);
	}
	if (!strcmp(argv[0], "pool"))
		return bctl_usage(b, "unknown command 'pool %s'", argv[1]);
	return bctl_usage(b, "unknown command '%s'", argv[0]);
}

int main(int argc, char **argv)
{
	struct bctl b = { .cmds = bctl_cmds };
	int status;

	setlocale(LC_CTYPE, "");
	status = bctl_global_options(&b, &argc, &argv);
	if (status < 0)
		status = bctl_run(&b, argc, argv);
	bcn_close(b.nl);
	return bctl_flush(&b, status);
}
