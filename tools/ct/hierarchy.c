// SPDX-License-Identifier: GPL-2.0
/*
 * Options of the cgroup hierarchy, which are one for the whole machine
 *
 * criu mounts the hierarchy for a container that has it mounted, and not as one that is in
 * a namespace of cgroups; the kernel then takes the options of that mount for everybody,
 * and nsdelegate, which keeps a container from what its cgroup is bounded by, is gone. So
 * they are read before and put back, before anything of the container runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "cgroup.h"
#include "ct.h"

/**
 * ct_hierarchy_options() - the options that the hierarchy is mounted with
 * @out: receives them, with commas between them
 * @size: room there
 *
 * Return: 0 or a negative errno.
 */
int ct_hierarchy_options(char *out, size_t size)
{
	char root[PATH_MAX], point[PATH_MAX], type[32], options[512], *line = NULL;
	int ret = bc_cgroup_root(root, sizeof(root));
	const char *dash;
	size_t room = 0;
	FILE *f;

	if (ret)
		return ret;
	f = fopen("/proc/self/mountinfo", "re");
	ret = f ? -ENOENT : -errno;
	while (f && ret && getline(&line, &room, f) > 0) {
		dash = strstr(line, " - ");
		if (dash && sscanf(line, "%*s %*s %*s %*s %4095s", point) == 1 &&
		    sscanf(dash, " - %31s %*s %511s", type, options) == 2 &&
		    !strcmp(type, "cgroup2") && !strcmp(point, root))
			ret = (size_t)snprintf(out, size, "%s", options) < size ? 0 : -E2BIG;
	}
	free(line);
	if (f)
		fclose(f);
	return ret;
}

static int ct_hierarchy_set(int fs, char *options)
{
	char *save, *word;

	for (word = strtok_r(options, ",", &save); word; word = strtok_r(NULL, ",", &save))
		if (strcmp(word, "rw") && strcmp(word, "ro") &&
		    fsconfig(fs, FSCONFIG_SET_FLAG, word, NULL, 0))
			return -errno;
	return fsconfig(fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) ? -errno : 0;
}

/**
 * ct_hierarchy_restore() - put options of the hierarchy back
 * @options: what they were
 *
 * Return: 0, also if they have not changed, or a negative errno.
 */
int ct_hierarchy_restore(const char *options)
{
	char root[PATH_MAX], now[512], copy[512];
	int ret = ct_hierarchy_options(now, sizeof(now)), fs;

	if (ret || !strcmp(now, options))
		return ret;
	ret = bc_cgroup_root(root, sizeof(root));
	if (ret || ct_path(copy, sizeof(copy), "%s", options))
		return ret ? ret : -E2BIG;
	fs = fspick(AT_FDCWD, root, FSPICK_CLOEXEC);
	if (fs < 0)
		return -errno;
	ret = ct_hierarchy_set(fs, copy);
	close(fs);
	return ret;
}
