// SPDX-License-Identifier: GPL-2.0
/*
 * On which processors, and with the memory of which nodes, a container runs
 *
 * CPUMASK and NODEMASK are lists as the kernel reads them, "0-2,7", or "all"; "auto" is the
 * processors of the nodes. They are set on the cgroup of the pool, which the container does
 * not own. Where nobody has asked for them nothing is written.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cgroup.h"
#include "controller.h"
#include "cpuset.h"
#include "keys.h"

/* Each list in the place where it is kept. */
static const struct {
	const char *key;
	const char *file;
} ct_masks[CT_MASKS] = {
	{ "CPUMASK", "cpuset.cpus" }, { "NODEMASK", "cpuset.mems" },
};

/* Numbers and ranges; which of them there are the kernel knows. */
static bool ct_mask_ok(const char *text)
{
	unsigned int first, last;
	int used, more;

	do {
		if (sscanf(text, "%5u%n", &first, &used) != 1 || *text < '0' || *text > '9')
			return false;
		text += used;
		if (*text == '-' && (text[1] < '0' || text[1] > '9' ||
				     sscanf(text, "-%5u%n", &last, &more) != 1 || last < first))
			return false;
		text += *text == '-' ? more : 0;
	} while (*text++ == ',');
	return !text[-1];
}

/* Processors of a list of nodes, one list behind the other. */
static int ct_node_cpus(const char *nodes, char *out, size_t size)
{
	unsigned int first, last, node;
	char path[64], list[CT_MASK_MAX];
	size_t len = 0;
	FILE *f;

	for (*out = '\0'; nodes && *nodes; nodes += strcspn(nodes, ","), nodes += *nodes == ',') {
		if (sscanf(nodes, "%5u-%5u", &first, &last) < 2)
			last = first;
		for (node = first; node <= last; node++) {
			snprintf(path, sizeof(path), "/sys/devices/system/node/node%u/cpulist",
				 node);
			f = fopen(path, "re");
			if (!f)
				return -errno;
			if (!fgets(list, sizeof(list), f))
				*list = '\0';
			fclose(f);
			list[strcspn(list, "\n")] = '\0';
			len += snprintf(out + len, size - len, "%s%s", len && *list ? "," : "",
					list);
			if (len >= size)
				return -E2BIG;
		}
	}
	return 0;
}

/**
 * ct_cpuset_conf() - what a configuration says of processors and nodes
 * @conf: the configuration
 * @set: receives it; empty is all
 * @key: the key that is wrong
 * @why: what is wrong with it
 *
 * Return: 0, or -EINVAL with @key and @why set.
 */
int ct_cpuset_conf(const struct ct_conf *conf, struct ct_cpuset *set, const char **key,
		   const char **why)
{
	const char *text;
	int i;

	memset(set, 0, sizeof(*set));
	for (i = CT_MASKS; i--;) {
		text = ct_get(conf, ct_masks[i].key);
		*key = ct_masks[i].key;
		*why = i ? "neither a list of nodes nor \"all\"" :
			   "neither a list of processors, \"all\" nor \"auto\"";
		if (!text || !strcmp(text, "all"))
			continue;
		if (!i && !strcmp(text, "auto")) {
			*why = "there are no such nodes";
			if (ct_node_cpus(set->list[1], set->list[0], CT_MASK_MAX))
				return -EINVAL;
			continue;
		}
		if (!ct_mask_ok(text) || strlen(text) >= CT_MASK_MAX)
			return -EINVAL;
		strcpy(set->list[i], text);
	}
	return 0;
}

/* What is set now; -ENOENT where the controller is off. */
static int ct_mask_read(int dir, const char *file, char *out)
{
	int fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	*out = '\0';
	if (fd < 0)
		return -errno;
	got = read(fd, out, CT_MASK_MAX - 1);
	close(fd);
	out[got > 0 ? got : 0] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return got < 0 ? -EIO : 0;
}

static int ct_mask_put(int dir, const char *file, const char *text)
{
	int fd = openat(dir, file, O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	/* An empty list is a line. */
	if (dprintf(fd, "%s\n", text) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

/*
 * While there are tasks the kernel does not take an empty list: all are those that the
 * cgroup above has now, until the next start.
 */
static int ct_mask_write(int dir, const char *file, const char *text)
{
	char above[64], all[CT_MASK_MAX];
	int ret = ct_mask_put(dir, file, text);

	if (ret != -ENOSPC || *text)
		return ret;
	snprintf(above, sizeof(above), "../%s.effective", file);
	ret = ct_mask_read(dir, above, all);
	return ret ? ret : ct_mask_put(dir, file, all);
}

/* All of them or none. */
static int ct_masks_write(int dir, const struct ct_cpuset *set, const struct ct_cpuset *before,
			  int *wrong)
{
	int i, ret;

	for (i = 0; i < CT_MASKS; i++) {
		ret = strcmp(set->list[i], before->list[i]) ?
		      ct_mask_write(dir, ct_masks[i].file, set->list[i]) : 0;
		if (!ret)
			continue;
		*wrong = i;
		while (i--)
			(void)ct_mask_write(dir, ct_masks[i].file, before->list[i]);
		return ret;
	}
	return 0;
}

static int ct_cpuset_apply(struct ct *ct, const struct ct_cpuset *set,
			   const struct ct_cpuset *before, int root, int dir)
{
	struct bc_enabled enabled = { .count = 0 };
	const char *why = NULL;
	int ret = bc_controller_enable(root, dir, "cpuset", &enabled, &why), wrong = 0;

	if (ret)
		return ct_fail(ct->run, CT_E_CPU, ct->text, "the cpuset controller cannot be enabled: %s",
			       why ? why : strerror(-ret));
	ret = ct_masks_write(dir, set, before, &wrong);
	if (ret) {
		bc_controller_undo(&enabled);
		return ct_fail(ct->run, CT_E_CPU, ct->text, "%s %s: %s", ct_masks[wrong].key,
			       set->list[wrong], strerror(-ret));
	}
	bc_controller_keep(&enabled);
	return CT_OK;
}

/**
 * ct_cpuset_set() - run a container on some processors and nodes
 * @ct: the container, whose pool is there
 * @set: which
 * @before: receives those before, or NULL
 *
 * Return: CT_OK, or CT_E_CPU with nothing changed.
 */
int ct_cpuset_set(struct ct *ct, const struct ct_cpuset *set, struct ct_cpuset *before)
{
	struct ct_cpuset now;
	char path[64];
	int root = bc_cgroup_open_root(), dir, status = CT_OK, i;

	snprintf(path, sizeof(path), "%s/%s", BC_CGROUP_BASE, ct->text);
	dir = root < 0 ? root : openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (i = 0; i < CT_MASKS; i++)
		(void)ct_mask_read(dir, ct_masks[i].file, now.list[i]);
	if (before)
		*before = now;
	/* With the controller off both are empty, which is all. */
	if (strcmp(now.list[0], set->list[0]) || strcmp(now.list[1], set->list[1]))
		status = dir < 0 ? ct_fail(ct->run, CT_E_CPU, ct->text, "there is no cgroup %s",
					   path) : ct_cpuset_apply(ct, set, &now, root, dir);
	if (dir >= 0)
		close(dir);
	if (root >= 0)
		close(root);
	return status;
}
