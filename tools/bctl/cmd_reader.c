// SPDX-License-Identifier: GPL-2.0
/*
 * bctl reader list, delete
 */
#include <errno.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "cli.h"
#include "decode.h"
#include "fetch.h"

static int bctl_readers_print(struct bctl *b, const struct bc_msgs *msgs, enum bc_view view)
{
	struct bc_printer p = bctl_printer(b);
	struct bcn_reader reader;
	struct bc_doc doc;
	int ret = 0;
	size_t i;

	bc_doc_begin(&doc, "bctl.readers/1", "readers", bc_boottime());
	for (i = 0; i < msgs->count && !ret; i++) {
		ret = bc_decode_reader(msgs->hdr[i], &reader);
		if (!ret)
			bc_doc_add_reader(&doc, &reader);
	}
	if (!ret)
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
	struct bc_msgs msgs = { 0 };
	int status = bctl_args(b, &argc, argv, opts);

	if (status >= 0)
		return status;
	if (argc)
		return bctl_usage(b, "unexpected argument '%.*s'", BC_WORD_MAX, argv[0]);
	status = bctl_open(b);
	if (!status)
		status = bctl_dump(b, BC_CMD_READER_GET, &msgs);
	if (!status)
		status = bctl_readers_print(b, &msgs, quiet ? BC_VIEW_NAMES : BC_VIEW_READERS);
	bc_msgs_clear(&msgs);
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
	int status = bctl_args(b, &argc, argv, opts), ret = -ENOMEM;
	struct nl_msg *msg;

	if (status >= 0)
		return status;
	if (argc != 1)
		return bctl_usage(b, argc ? "one reader at a time" :
				  "the name of a reader is missing");
	status = bctl_open(b);
	if (status)
		return status;
	msg = bc_nl_new(b->nl, BC_CMD_READER_DEL, 0);
	if (msg && !nla_put_string(msg, BC_A_READER, argv[0]))
		ret = bc_nl_call(b->nl, msg, NULL);
	nlmsg_free(msg);
	return ret ? bctl_fail_nl(b, argv[0], ret) : BCTL_OK;
}
