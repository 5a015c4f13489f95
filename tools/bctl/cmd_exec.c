// SPDX-License-Identifier: GPL-2.0
/*
 * bctl exec, bctl attach
 *
 * Membership in a pool is membership in its cgroup, so both only write process
 * ids into cgroup.procs. What bctl itself holds, its socket above all, is
 * closed before it moves, so that the pool begins with the command alone.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup.h"
#include "cli.h"
#include "fetch.h"
#include "parse.h"

/* What a shell returns for a command that it cannot run, or cannot find. */
#define BC_CANNOT_RUN	126
#define BC_NOT_FOUND	127

/*
 * Open the cgroup of a pool. A directory that was removed and made anew in the
 * meantime has another number, and is not the pool's.
 */
static int bctl_open_cgroup(struct bctl *b, const char *name, int *fd)
{
	struct bcn_list *list = NULL;
	struct bcn_pool pool;
	uint64_t id;
	int root, status;

	status = bctl_find_pool(b, name, &list, &pool);
	if (status)
		goto out;
	root = bc_cgroup_open_root();
	*fd = root < 0 ? root : bc_cgroup_open(root, pool.cgroup);
	if (root >= 0)
		close(root);
	if (*fd < 0) {
		status = bctl_fail(b, name, "cannot open the cgroup /%s: %s", pool.cgroup,
				   strerror(-*fd));
	} else if (BCN_HAS(&pool, BC_A_CGROUP_ID) && pool.id &&
		   (bc_cgroup_id(*fd, &id) || id != pool.cgroup_id)) {
		status = bctl_fail(b, name, "/%s is not the pool's cgroup any more", pool.cgroup);
		close(*fd);
	}
out:
	bcn_list_free(list);
	return status;
}

static int bctl_move(struct bctl *b, const char *name, const char *what, int fd, pid_t pid)
{
	int ret = bc_cgroup_attach(fd, pid);

	if (!ret)
		return BCTL_OK;
	if (ret == -EBUSY)
		return bctl_fail(b, name,
				 "%s: the cgroup has controllers for its children only (%s)",
				 what, strerror(-ret));
	return bctl_fail(b, name, "%s: %s", what, strerror(-ret));
}

/**
 * cmd_exec() - bctl exec
 * @b: the run
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: only if the command was not run: 126 or 127 like a shell, or the exit
 * status of bctl.
 */
int cmd_exec(struct bctl *b, int argc, char **argv)
{
	static const struct bc_opt opts[] = { BC_OPT_END };
	int fd = -1, status, words = 1;

	if (argc && argv[0][0] == '-') {
		status = bctl_args(b, &words, argv, opts);
		if (status >= 0)
			return status;
	}
	if (!argc || !strcmp(argv[0], "--"))
		return bctl_usage(b, "the name of a pool is missing");
	if (argc < 2 || strcmp(argv[1], "--"))
		return bctl_usage(b, "'--' must stand before the command");
	if (argc < 3)
		return bctl_usage(b, "the command is missing");
	status = bctl_check_name(b, argv[0]);
	if (!status)
		status = bctl_open_cgroup(b, argv[0], &fd);
	if (status)
		return status;
	bcn_close(b->nl);
	b->nl = NULL;
	status = bctl_move(b, argv[0], "cannot enter the pool", fd, getpid());
	close(fd);
	if (status)
		return status;
	execvp(argv[2], argv + 2);
	status = errno == ENOENT ? BC_NOT_FOUND : BC_CANNOT_RUN;
	bctl_fail(b, argv[2], "%s", strerror(errno));
	return status;
}

/**
 * cmd_attach() - bctl attach
 * @b: the run
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status.
 */
int cmd_attach(struct bctl *b, int argc, char **argv)
{
	static const struct bc_opt opts[] = { BC_OPT_END };
	int status = bctl_args(b, &argc, argv, opts), fd, i;
	uint32_t pid;

	if (status >= 0)
		return status;
	if (argc < 2)
		return bctl_usage(b, argc ? "the process id is missing" :
				  "the name of a pool is missing");
	for (i = 1; i < argc; i++)
		if (bc_u32_parse(argv[i], &pid) || !pid || pid > INT32_MAX)
			return bctl_usage(b, "'%.*s' is not a process id", BC_WORD_MAX, argv[i]);
	status = bctl_check_name(b, argv[0]);
	if (!status)
		status = bctl_open_cgroup(b, argv[0], &fd);
	if (status)
		return status;
	for (i = 1; i < argc; i++) {
		bc_u32_parse(argv[i], &pid);
		if (bctl_move(b, argv[0], argv[i], fd, pid))
			status = BCTL_FAILED;
	}
	close(fd);
	return status;
}
