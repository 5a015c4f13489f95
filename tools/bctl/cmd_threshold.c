// SPDX-License-Identifier: GPL-2.0
/*
 * bctl threshold
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

static int bctl_mark_resolve(struct bctl *b, const struct bc_snapshot *snap,
			     const struct bc_mark *mark, struct bcn_mark *to)
{
	const struct bcn_res *res = bc_find_res(snap, mark->name);

	if (!res)
		return bctl_usage(b, "%.*s: unknown resource '%s'; 'bctl resources' lists them",
				  BC_WORD_MAX, mark->arg, mark->name);
	*to = (struct bcn_mark) { .res = res->id, .rise = mark->rise, .fall = mark->fall };
	return BCTL_OK;
}

static int bctl_marks_send(struct bctl *b, const char *name, const struct bc_mark *marks,
			   int count)
{
	struct bcn_mark *list = calloc(count, sizeof(*list));
	struct bc_snapshot snap = { 0 };
	int status = list ? bctl_fetch_resources(b, &snap) : bctl_fail_nl(b, name, -ENOMEM), i, ret;

	for (i = 0; i < count && !status; i++)
		status = bctl_mark_resolve(b, &snap, &marks[i], &list[i]);
	if (!status) {
		ret = bcn_thresholds(b->nl, name, list, count);
		if (ret)
			status = bctl_fail_nl(b, name, ret);
	}
	free(list);
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
