// SPDX-License-Identifier: GPL-2.0
/*
 * bctl reader list, delete
 */
#include <errno.h>

#include "cli.h"
#include "fetch.h"

static int bctl_readers_print(struct bctl *b, const struct bcn_list *list, enum bc_view view)
{
	struct bc_printer p = bctl_printer(b);
	struct bc_doc doc;
	size_t i;
	int ret;

	bc_doc_begin(&doc, "bctl.readers/1", "readers", bc_boottime());
	for (i = 0; i < bcn_list_count(list); i++)
		bc_doc_add_reader(&doc, bcn_list_reader(list, i));
	ret = bc_print(&p, &doc, view);
	bc_doc_end(&doc);
	return ret ? bctl_fail_nl(b, NULL, ret) : BCTL_OK;
}

/**
 * cmd_reader_list() - bctl reader list
 * @b: the run
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status.
 */
int cmd_reader_list(struct bctl *b, int argc, char **argv)
{
	bool quiet = false;
	const struct bc_opt opts[] = {
		BC_OPT_JSON(b), BC_OPT_RAW(b), { "quiet", 'q', &quiet, NULL }, BC_OPT_END
	};
	int status = bctl_args(b, &argc, argv, opts), ret;
	struct bcn_list *list;

	if (status >= 0)
		return status;
	if (argc)
		return bctl_usage(b, "unexpected argument '%.*s'", BC_WORD_MAX, argv[0]);
	status = bctl_open(b);
	if (status)
		return status;
	ret = bcn_readers(b->nl, &list);
	if (ret)
		return bctl_fail_nl(b, NULL, ret);
	status = bctl_readers_print(b, list, quiet ? BC_VIEW_NAMES : BC_VIEW_READERS);
	bcn_list_free(list);
	return status;
}

/**
 * cmd_reader_delete() - bctl reader delete
 * @b: the run
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status.
 */
int cmd_reader_delete(struct bctl *b, int argc, char **argv)
{
	static const struct bc_opt opts[] = { BC_OPT_END };
	int status = bctl_args(b, &argc, argv, opts), ret;

	if (status >= 0)
		return status;
	if (argc != 1)
		return bctl_usage(b, argc ? "one reader at a time" :
				  "the name of a reader is missing");
	status = bctl_open(b);
	if (status)
		return status;
	ret = bcn_reader_delete(b->nl, argv[0]);
	return ret ? bctl_fail_nl(b, argv[0], ret) : BCTL_OK;
}
