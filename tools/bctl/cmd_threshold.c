// SPDX-License-Identifier: GPL-2.0
/*
 * bctl threshold
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "assign.h"
#include "cli.h"
#include "fetch.h"
#include "pool.h"

/**
 * struct bc_mark - one RES=RISE%[:FALL%]
 * @arg: as it was given
 * @name: the RES in it
 * @rise: percent, 0 for none
 * @fall: percent
 */
struct bc_mark {
	const char *arg;
	char name[BC_WORD_MAX + 1];
	uint32_t rise;
	uint32_t fall;
};

static int bctl_mark_parse(struct bctl *b, const char *arg, struct bc_mark *marks, int count)
{
	struct bc_mark *mark = &marks[count];
	const char *eq = strchr(arg, '='), *why;
	int i;

	if (!eq || eq == arg)
		return bctl_usage(b, "'%.*s' is not of the form RES=RISE%%[:FALL%%]",
				  BC_WORD_MAX, arg);
	mark->arg = arg;
	snprintf(mark->name, sizeof(mark->name), "%.*s", (int)(eq - arg), arg);
	for (i = 0; i < count; i++)
		if (!strcmp(marks[i].name, mark->name))
			return bctl_usage(b, "%.*s: the resource '%s' is given twice",
					  BC_WORD_MAX, arg, mark->name);
	if (bc_percents_parse(eq + 1, &mark->rise, &mark->fall, &why))
		return bctl_usage(b, "%.*s: %s", BC_WORD_MAX, arg, why);
	return BCTL_OK;
}

static int bctl_mark_put(struct bctl *b, const struct bc_snapshot *snap,
			 const struct bc_mark *mark, struct nl_msg *msg)
{
	const struct bcn_res *res = bc_find_res(snap, mark->name);
	struct nlattr *nest;

	if (!res)
		return bctl_usage(b, "%.*s: unknown resource '%s'; 'bctl resources' lists them",
				  BC_WORD_MAX, mark->arg, mark->name);
	nest = nla_nest_start(msg, BC_A_THRESHOLD | NLA_F_NESTED);
	if (!nest || nla_put_u32(msg, BC_THRESHOLD_A_RES, res->id) ||
	    nla_put_u32(msg, BC_THRESHOLD_A_RISE, mark->rise) ||
	    (mark->rise && nla_put_u32(msg, BC_THRESHOLD_A_FALL, mark->fall)))
		return bctl_fail_nl(b, NULL, -EMSGSIZE);
	nla_nest_end(msg, nest);
	return BCTL_OK;
}

static int bctl_marks_send(struct bctl *b, const char *name, const struct bc_mark *marks,
			   int count)
{
	struct bc_snapshot snap = { 0 };
	int status = bctl_fetch_resources(b, &snap), i, ret;
	struct nl_msg *msg = NULL;

	if (!status)
		msg = bc_nl_new(b->nl, BC_CMD_THRESHOLD_SET, 0);
	if (!status && (!msg || nla_put_string(msg, BC_A_NAME, name)))
		status = bctl_fail_nl(b, name, -ENOMEM);
	for (i = 0; i < count && !status; i++)
		status = bctl_mark_put(b, &snap, &marks[i], msg);
	if (!status) {
		ret = bc_nl_call(b->nl, msg, NULL);
		if (ret)
			status = bctl_fail_nl(b, name, ret);
	}
	nlmsg_free(msg);
	bc_snapshot_clear(&snap);
	return status;
}

/**
 * cmd_threshold() - bctl threshold
 * @b: the run
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status.
 */
int cmd_threshold(struct bctl *b, int argc, char **argv)
{
	const struct bc_opt opts[] = { BC_OPT_JSON(b), BC_OPT_RAW(b), BC_OPT_END };
	int status = bctl_args(b, &argc, argv, opts), i;
	struct bc_mark *marks;

	if (status >= 0)
		return status;
	if (argc < 2)
		return bctl_usage(b, argc ? "nothing to set" : "the name of a pool is missing");
	status = bctl_check_name(b, argv[0]);
	if (status)
		return status;
	marks = calloc(argc, sizeof(*marks));
	if (!marks)
		return bctl_fail(b, NULL, "%s", strerror(ENOMEM));
	for (i = 1; i < argc && !status; i++)
		status = bctl_mark_parse(b, argv[i], marks, i - 1);
	if (!status)
		status = bctl_marks_send(b, argv[0], marks, argc - 1);
	free(marks);
	return status ? status : bctl_pool_report(b, argv[0]);
}
