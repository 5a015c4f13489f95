// SPDX-License-Identifier: GPL-2.0
/*
 * Files that are written in a container: /etc/resolv.conf and /etc/hostname
 *
 * Whatever is there is the container's: links, devices, a directory of somebody else. So
 * that is done by a process that is the container's root and nothing more, whose paths
 * cannot leave the container's, and which makes a new file and renames it: nothing that is
 * there is opened.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ct.h"
#include "keys.h"

#define CT_RESOLV	"/etc/resolv.conf"
#define CT_INSIDE_TEMP	".bctl-ct.tmp"
#define CT_DNS_TEXT	1024

static int ct_inside_dir(int root, const char *path)
{
	struct open_how how = { .flags = O_DIRECTORY | O_RDONLY | O_CLOEXEC,
				.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };

	return syscall(SYS_openat2, root, path, &how, sizeof(how));
}

/* From here on there is no more to it than to the container's root. */
static int ct_inside_become(int root)
{
	struct stat st;

	if (fstat(root, &st))
		return -errno;
	if (!st.st_uid)
		return 0;
	return setgroups(0, NULL) || setresgid(st.st_gid, st.st_gid, st.st_gid) ||
	       setresuid(st.st_uid, st.st_uid, st.st_uid) ? -errno : 0;
}

static int ct_inside_put(int dir, const char *name, const char *text)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	size_t len = strlen(text);
	int fd, ret = 0;

	/* One that was killed has left it. */
	(void)unlinkat(dir, CT_INSIDE_TEMP, 0);
	fd = openat(dir, CT_INSIDE_TEMP, flags, 0644);
	if (fd < 0)
		return -errno;
	if (write(fd, text, len) != (ssize_t)len || fchmod(fd, 0644))
		ret = errno ? -errno : -ENOSPC;
	if (close(fd) && !ret)
		ret = -errno;
	if (!ret && renameat(dir, CT_INSIDE_TEMP, dir, name))
		ret = -errno;
	if (ret)
		(void)unlinkat(dir, CT_INSIDE_TEMP, 0);
	return ret;
}

static int ct_inside_child(const struct ct *ct, const char *name, const char *text)
{
	int root = open(ct->root, O_DIRECTORY | O_RDONLY | O_NOFOLLOW | O_CLOEXEC), dir, ret;

	if (root < 0)
		return -errno;
	ret = ct_inside_become(root);
	if (ret)
		return ret;
	dir = ct_inside_dir(root, "etc");
	return dir < 0 ? -errno : ct_inside_put(dir, name, text);
}

/* Have a file in the container's /etc. Returns 0 or a negative errno. */
static int ct_inside_write(const struct ct *ct, const char *name, const char *text)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid)
		_exit(-ct_inside_child(ct, name, text));
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

/**
 * ct_inside_hostname() - write the host name of a container into it
 * @ct: the container, mounted
 * @name: the name
 *
 * Return: 0, also if the container has no /etc, or a negative errno.
 */
int ct_inside_hostname(struct ct *ct, const char *name)
{
	char text[80];
	int ret;

	snprintf(text, sizeof(text), "%.64s\n", name);
	ret = ct_inside_write(ct, "hostname", text);
	return ret == -ENOENT ? 0 : ret;
}

/**
 * ct_dns_ok() - can this be a value of NAMESERVER, or of SEARCHDOMAIN?
 * @text: the value
 * @search: of the latter
 *
 * Return: whether it is "inherit", or consists of addresses, or of names.
 */
bool ct_dns_ok(const char *text, bool search)
{
	unsigned char addr[16];
	char word[256];
	size_t len, i;

	if (!strcmp(text, "inherit"))
		return true;
	for (; *(text += strspn(text, " ")); text += len) {
		len = strcspn(text, " ");
		if (len >= sizeof(word))
			return false;
		memcpy(word, text, len);
		word[len] = '\0';
		if (!search && inet_pton(AF_INET, word, addr) != 1 &&
		    inet_pton(AF_INET6, word, addr) != 1)
			return false;
		for (i = 0; search && word[i]; i++)
			if (!isalnum((unsigned char)word[i]) && !strchr("-._", word[i]))
				return false;
	}
	return true;
}

/* What stands behind a word in the machine's own file; 127.0.0.53 is nobody in a container. */
static void ct_dns_inherit(const char *word, char *out, size_t size)
{
	FILE *f = fopen(CT_RESOLV, "re");
	size_t len = strlen(word), used = 0;
	char line[512], *value;

	*out = '\0';
	while (f && fgets(line, sizeof(line), f)) {
		value = line + len;
		if (strncmp(line, word, len) || !isspace((unsigned char)*value))
			continue;
		value += strspn(value, " \t");
		value[strcspn(value, "\n")] = '\0';
		if (strncmp(value, "127.", 4) && strcmp(value, "::1") && used < size)
			used += snprintf(out + used, size - used, "%s%s", used ? " " : "", value);
	}
	if (f)
		fclose(f);
}

/* The value of a key, that of vz.conf if the container has none. */
static const char *ct_dns_value(const struct ct *ct, const struct ct_conf *conf, const char *key,
				const char *word, char *buf, size_t size)
{
	const char *text = ct_get(conf, key);

	if (!text)
		text = ct_global(ct->run, key, NULL);
	if (!text || strcmp(text, "inherit"))
		return text;
	ct_dns_inherit(word, buf, size);
	return *buf ? buf : NULL;
}

/**
 * ct_inside_dns() - write the resolver's file of a container
 * @ct: the container, mounted
 * @conf: its configuration, with NAMESERVER and SEARCHDOMAIN
 *
 * Return: 0, also if there is nothing to be written, or a negative errno.
 */
int ct_inside_dns(struct ct *ct, const struct ct_conf *conf)
{
	char servers[CT_DNS_TEXT], search[CT_DNS_TEXT], text[4 * CT_DNS_TEXT];
	const char *names = ct_dns_value(ct, conf, "SEARCHDOMAIN", "search", search,
					 sizeof(search));
	const char *pos = ct_dns_value(ct, conf, "NAMESERVER", "nameserver", servers,
				       sizeof(servers));
	size_t used = 0, len;

	if (!pos && !names)
		return 0;
	if (names)
		used += snprintf(text, sizeof(text), "search %.*s\n", CT_DNS_TEXT, names);
	for (pos = pos ? pos : ""; *(pos += strspn(pos, " ")); pos += len) {
		len = strcspn(pos, " ");
		if (used + len + 16 > sizeof(text))
			return -E2BIG;
		used += snprintf(text + used, sizeof(text) - used, "nameserver %.*s\n", (int)len,
				 pos);
	}
	return ct_inside_write(ct, "resolv.conf", text);
}
