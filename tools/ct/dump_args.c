// SPDX-License-Identifier: GPL-2.0
/*
 * What criu is told for a dump
 *
 * What is mounted from outside into a container, and its console, is not in the dump. It is
 * called there by the names that liblxc uses for it when it asks for the restore.
 */
#include <errno.h>
#include <mntent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup.h"
#include "dump_args.h"
#include "engine.h"

/* Files that are open and have no name are in the dump up to this size. */
#define CT_GHOST_MAX	(64 << 20)

/* The same for every dump. */
static const char * const ct_dump_fixed[] = {
	"criu", "dump", "-v4", "--leave-running", "--tcp-established", "--skip-in-flight",
	"--file-locks", "--link-remap", "--manage-cgroups=full", "--ext-mount-map", "auto",
	"--enable-external-sharing", "--enable-external-masters", "--enable-fs", "hugetlbfs",
	"--enable-fs", "tracefs", NULL,
};

static int __attribute__((format(printf, 2, 3)))
ct_arg(struct ct_args *args, const char *fmt, ...)
{
	va_list ap;
	int len;

	if (args->count == CT_ARGS_MAX)
		return -E2BIG;
	va_start(ap, fmt);
	len = vasprintf(&args->v[args->count], fmt, ap);
	va_end(ap);
	if (len < 0)
		return -ENOMEM;
	args->v[++args->count] = NULL;
	return 0;
}

static int ct_arg_pair(struct ct_args *args, const char *option, const char *value)
{
	int ret = ct_arg(args, "%s", option);

	return ret ? ret : ct_arg(args, "%s", value);
}

/* What is mounted into the container by its description. */
static int ct_arg_mounts(struct lxc_container *c, struct ct_args *args)
{
	int len = c->get_config_item(c, "lxc.mount.entry", NULL, 0), ret = 0;
	char *text = len > 0 ? calloc(1, len + 1) : NULL, map[2 * PATH_MAX], line[4096];
	struct mntent entry;
	FILE *f;

	if (len <= 0)
		return 0;
	if (!text)
		return -ENOMEM;
	c->get_config_item(c, "lxc.mount.entry", text, len + 1);
	f = fmemopen(text, strlen(text), "re");
	while (f && !ret && getmntent_r(f, &entry, line, sizeof(line))) {
		if (!hasmntopt(&entry, "bind") && !hasmntopt(&entry, "rbind"))
			continue;
		snprintf(map, sizeof(map), "/%s:%s", entry.mnt_dir, entry.mnt_dir);
		ret = ct_arg_pair(args, "--ext-mount-map", map);
	}
	if (f)
		fclose(f);
	free(text);
	return ret;
}

/**
 * ct_dump_args() - the arguments of criu for a dump
 * @ct: the container, which runs
 * @c: what liblxc makes of it
 * @dir: where the images shall be
 * @console: its console
 * @args: receives the arguments; to be cleared by the caller, also after an error
 *
 * Return: 0 or a negative errno.
 */
int ct_dump_args(struct ct *ct, struct lxc_container *c, const char *dir,
		 const struct ct_console *console, struct ct_args *args)
{
	char root[PATH_MAX], freeze[PATH_MAX + 64], group[64], number[16];
	const char * const *fixed;
	int ret = bc_cgroup_root(root, sizeof(root));

	for (fixed = ct_dump_fixed; *fixed && !ret; fixed++)
		ret = ct_arg(args, "%s", *fixed);
	snprintf(group, sizeof(group), "/%s/%s/ct", BC_CGROUP_BASE, ct->text);
	snprintf(freeze, sizeof(freeze), "%s%s", root, group);
	if (!ret)
		ret = ct_arg_pair(args, "-D", dir);
	if (!ret)
		ret = ct_arg_pair(args, "-o", "dump.log");
	if (!ret)
		ret = ct_arg_pair(args, "--cgroup-root", group);
	if (!ret)
		ret = ct_arg_pair(args, "--freeze-cgroup", freeze);
	snprintf(number, sizeof(number), "%d", (int)c->init_pid(c));
	if (!ret)
		ret = ct_arg_pair(args, "-t", number);
	snprintf(number, sizeof(number), "%d", CT_GHOST_MAX);
	if (!ret)
		ret = ct_arg_pair(args, "--ghost-limit", number);
	if (!ret && *console->tty)
		ret = ct_arg_pair(args, "--external", console->tty);
	if (!ret && *console->tty)
		ret = ct_arg_pair(args, "--ext-mount-map", "/dev/console:console");
	return ret ? ret : ct_arg_mounts(c, args);
}

/**
 * ct_args_clear() - free arguments
 * @args: the arguments
 */
void ct_args_clear(struct ct_args *args)
{
	while (args->count)
		free(args->v[--args->count]);
}
