// SPDX-License-Identifier: GPL-2.0
/*
 * bctl compat
 *
 * The files of OpenVZ in /proc are switched by a parameter of the module, so
 * that they can be had from the moment it is loaded. This writes the parameter
 * and puts its errors into words.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "sys.h"

/* Returns 0 or 1, or a negative errno. */
static int bc_compat_get(void)
{
	int fd = open(bc_sys_compat(), O_RDONLY | O_CLOEXEC), ret;
	char value;
	ssize_t len;

	if (fd < 0)
		return -errno;
	len = read(fd, &value, 1);
	ret = len < 0 ? -errno : -EBADMSG;
	if (len == 1 && (value == 'Y' || value == 'N'))
		ret = value == 'Y';
	close(fd);
	return ret;
}

static int bc_compat_set(bool on)
{
	int fd = open(bc_sys_compat(), O_WRONLY | O_CLOEXEC), ret = 0;
	ssize_t len;

	if (fd < 0)
		return -errno;
	len = write(fd, on ? "1\n" : "0\n", 2);
	if (len != 2)
		ret = len < 0 ? -errno : -EIO;
	close(fd);
	return ret;
}

/* Somebody else's, when the module's are off. */
static bool bc_compat_foreign(void)
{
	return !access(bc_sys_user_beancounters(), F_OK);
}

static int bctl_compat_fail(struct bctl *b, const char *what, int ret)
{
	switch (ret) {
	case -ENOENT:
		return bctl_fail(b, what, "the beancounter module is not loaded%s", !bc_compat_foreign() ? "" :
				 "; the files that are in /proc are another's");
	case -EEXIST:
		return bctl_fail(b, what, "there is a /proc/user_beancounters or /proc/bc that is another's; is this a kernel of OpenVZ?");
	case -EPERM:
	case -EACCES:
	case -EROFS:
		return bctl_fail(b, what, "%s; this needs root on the host", strerror(-ret));
	default:
		return bctl_fail(b, what, "%s", strerror(-ret));
	}
}

/**
 * cmd_compat() - bctl compat
 * @b: the run
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status.
 */
int cmd_compat(struct bctl *b, int argc, char **argv)
{
	static const struct bc_opt opts[] = { BC_OPT_END };
	int status = bctl_args(b, &argc, argv, opts), ret;

	if (status >= 0)
		return status;
	if (!argc)
		return bctl_usage(b, "one of on, off, status is missing");
	if (argc > 1)
		return bctl_usage(b, "unexpected argument '%.*s'", BC_WORD_MAX, argv[1]);
	if (!strcmp(argv[0], "status")) {
		ret = bc_compat_get();
		if (ret < 0)
			return bctl_compat_fail(b, argv[0], ret);
		puts(ret ? "on" : "off");
		if (!ret && bc_compat_foreign())
			bctl_note(b, argv[0], "the files that are in /proc are another's");
		return BCTL_OK;
	}
	if (strcmp(argv[0], "on") && strcmp(argv[0], "off"))
		return bctl_usage(b, "'%.*s' is none of on, off, status", BC_WORD_MAX, argv[0]);
	ret = bc_compat_set(!strcmp(argv[0], "on"));
	return ret ? bctl_compat_fail(b, argv[0], ret) : BCTL_OK;
}
