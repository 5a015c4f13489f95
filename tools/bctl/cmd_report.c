// SPDX-License-Identifier: GPL-2.0
/*
 * bctl report
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "cmd_usage.h"
#include "report.h"

/* The page comes to its name when it is complete, so that nobody is shown half of it. */
static int bctl_report_file(struct bctl *b, const char *path, struct bc_db *db,
			    const struct bc_groups *groups, const struct bc_ask *ask)
{
	mode_t mask = umask(0);
	int fd, ret, err = 0;
	char *part;
	FILE *out;

	umask(mask);
	if (asprintf(&part, "%s.XXXXXX", path) < 0)
		return bctl_fail(b, path, "%s", strerror(ENOMEM));
	fd = mkstemp(part);
	out = fd < 0 ? NULL : fdopen(fd, "w");
	if (!out) {
		ret = bctl_fail(b, path, "%s", strerror(errno));
		free(part);
		return ret;
	}
	ret = bc_report_html(db, groups, ask, out);
	if (fflush(out) || ferror(out) || fchmod(fd, 0666 & ~mask))
		err = errno ? errno : EIO;
	if (fclose(out) && !err)
		err = errno;
	if (!ret && !err && rename(part, path))
		err = errno;
	if (ret || err)
		unlink(part);
	free(part);
	if (ret)
		return bctl_usage_fail(b, db, ret);
	return err ? bctl_fail(b, path, "%s", strerror(err)) : BCTL_OK;
}

/**
 * cmd_report() - bctl report
 * @b: the run
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status.
 */
int cmd_report(struct bctl *b, int argc, char **argv)
{
	const char *names[BC_MANY_MAX + 1] = { NULL }, *from = NULL, *to = NULL, *path = NULL;
	struct bc_ask ask = { .names = names };
	bool html = false;
	const struct bc_opt opts[] = {
		{ "html", 0, &html, NULL }, { "from", 0, NULL, &from }, { "to", 0, NULL, &to },
		{ "pool", BC_OPT_MANY, NULL, names }, { "db", 0, NULL, &path }, BC_OPT_END
	};
	struct bc_groups groups = { 0 };
	struct bc_db db = { 0 };
	int status = bctl_args(b, &argc, argv, opts), ret;

	if (status >= 0)
		return status;
	if (!html)
		return bctl_usage(b, "what kind of report? There is --html");
	if (argc > 1)
		return bctl_usage(b, "unexpected argument '%.*s'", BC_WORD_MAX, argv[1]);
	status = bctl_usage_period(b, from, to, &ask.period);
	if (!status)
		status = bctl_usage_open(b, path, &ask, &db, &groups);
	if (!status && argc) {
		status = bctl_report_file(b, argv[0], &db, &groups, &ask);
	} else if (!status) {
		ret = bc_report_html(&db, &groups, &ask, stdout);
		status = ret ? bctl_usage_fail(b, &db, ret) : BCTL_OK;
	}
	bc_groups_clear(&groups);
	bc_db_close(&db);
	return status;
}
