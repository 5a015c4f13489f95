// SPDX-License-Identifier: GPL-2.0
/*
 * The process that talks to the server is nobody
 *
 * It parses what comes over a network, so it has no privileges, is another user than the one who
 * owns the store, and has nothing open but a socket to the other process. A password file is
 * read before: it is handed over as a file in memory, of which libpq knows the name.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guard.h"

#define SHIP_PASSFILE_MAX	65536

/* The open password file of who has started this, if libpq would take it; else -1. */
static int ship_passfile_open(const char *given)
{
	const char *path = given ? given : getenv("PGPASSFILE"), *home = getenv("HOME");
	char name[4096];
	struct stat st;
	int fd;

	if (!path && home) {
		snprintf(name, sizeof(name), "%s/.pgpass", home);
		path = name;
	}
	fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
	if (fd < 0 || (!fstat(fd, &st) && S_ISREG(st.st_mode) &&
		       !(st.st_mode & 077)))
		return fd;
	close(fd);
	return -1;
}

/**
 * ship_guard_passfile() - hand over the password file to a process that may not read it
 * @given: file that the URL names, or NULL
 * @user: who that process will be
 * @path: receives the name of the copy
 * @size: room in @path
 *
 * Return: 0, and @path is "" where there is none or it is not to be read; or a negative errno.
 */
int ship_guard_passfile(const char *given, const char *user, char *path, size_t size)
{
	const struct passwd *pw = user ? getpwnam(user) : NULL;
	int from = pw && !geteuid() ? ship_passfile_open(given) : -1, to;
	char text[4096];
	size_t sum = 0;
	ssize_t len = 0;

	*path = '\0';
	if (from < 0)
		return 0;
	/* Stays open as long as the process does. */
	to = memfd_create("pgpass", 0);
	if (to < 0 || fchmod(to, 0600) || fchown(to, pw->pw_uid, pw->pw_gid))
		len = -1;
	while (len >= 0 && sum < SHIP_PASSFILE_MAX && (len = read(from, text, sizeof(text))) > 0) {
		sum += len;
		if (write(to, text, len) != len)
			len = -1;
	}
	explicit_bzero(text, sizeof(text));
	close(from);
	if (len < 0)
		return -errno;
	snprintf(path, size, "/proc/self/fd/%d", to);
	return 0;
}

static int ship_guard_uncap(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { 0 };

	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return syscall(SYS_capset, &head, none);
}

/**
 * ship_guard_enter() - become that process
 * @user: who to be, if this is root; NULL to stay who it is
 *
 * Return: NULL; or what could not be done, with errno set.
 */
const char *ship_guard_enter(const char *user)
{
	const struct passwd *pw = user ? getpwnam(user) : NULL;

	if (user && !pw) {
		errno = ENOENT;
		return user;
	}
	if (pw && !geteuid()) {
		/* libpq looks for more files there. */
		if (setenv("HOME", pw->pw_dir, 1))
			return "HOME";
		if (setgroups(0, NULL) || setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) ||
		    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid))
			return "cannot become another user";
	}
	if (ship_guard_uncap() || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return "cannot give up capabilities";
	/* Others of that user must not look into it. */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return NULL;
}

/* May this process become another user, hand a file over to that one, and end it? */
static bool ship_guard_able(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct has[2] = { 0 };
	unsigned int need = 1U << CAP_SETUID | 1U << CAP_SETGID | 1U << CAP_CHOWN | 1U << CAP_KILL;

	return !syscall(SYS_capget, &head, has) && (has[0].effective & need) == need;
}

/**
 * ship_guard_user() - settle who the process that talks to the server is
 * @user: --user, or NULL; receives "nobody" for root, as far as root may become somebody else;
 *	NULL for who it is
 *
 * Return: whether it can be that.
 */
bool ship_guard_user(const char **user)
{
	if (geteuid() || ship_guard_able()) {
		if (!*user && !geteuid())
			*user = "nobody";
		return true;
	}
	return !*user;
}
