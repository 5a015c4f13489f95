// SPDX-License-Identifier: GPL-2.0
/*
 * A container that stands still: its cgroup is frozen
 *
 * Nothing of it runs then, so nothing of it can undo that. What it holds it keeps, and the
 * kernel delivers what kills it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cgroup.h"
#include "ct.h"
#include "engine.h"

/* How long tasks may take that are in the middle of something, a write to a disk say. */
#define CT_FREEZE_S	30

static void ct_freeze_dir(const struct ct *ct, char *dir, size_t size)
{
	snprintf(dir, size, "%s/%s/ct", BC_CGROUP_BASE, ct->text);
}

/**
 * ct_frozen() - does a container stand still?
 * @ct: the container
 *
 * Return: whether all of it does; not while it is about to.
 */
bool ct_frozen(const struct ct *ct)
{
	char dir[64], path[96], text[128] = "";
	int root = bc_cgroup_open_root(), fd;

	if (root < 0)
		return false;
	ct_freeze_dir(ct, dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/cgroup.events", dir);
	fd = openat(root, path, O_RDONLY | O_CLOEXEC);
	close(root);
	if (fd < 0)
		return false;
	if (read(fd, text, sizeof(text) - 1) < 0)
		*text = '\0';
	close(fd);
	return strstr(text, "frozen 1");
}

static int ct_freeze_write(struct ct *ct, const char *text)
{
	int root = bc_cgroup_open_root(), ret;
	char dir[64];

	ct_freeze_dir(ct, dir, sizeof(dir));
	ret = root < 0 ? root : ct_cgroup_write(root, dir, "cgroup.freeze", text);
	if (root >= 0)
		close(root);
	return ret;
}

/**
 * ct_thaw() - let a container go on
 * @ct: the container
 *
 * Return: CT_OK, also if it did not stand still, or CT_E_RESUME.
 */
int ct_thaw(struct ct *ct)
{
	int ret = ct_freeze_write(ct, "0");

	return ret ? ct_fail(ct->run, CT_E_RESUME, ct->text, "cannot thaw it: %s",
			     strerror(-ret)) : CT_OK;
}

/**
 * ct_freeze() - let a container stand still
 * @ct: the container, which runs
 *
 * Return: CT_OK, also if it stood still already, or CT_E_SUSPEND, and it goes on.
 */
int ct_freeze(struct ct *ct)
{
	time_t end = ct_clock() + CT_FREEZE_S;
	int ret = ct_freeze_write(ct, "1");

	if (ret)
		return ct_fail(ct->run, CT_E_SUSPEND, ct->text, "cannot freeze it: %s",
			       strerror(-ret));
	while (!ct_frozen(ct)) {
		if (ct_clock() >= end) {
			(void)ct_thaw(ct);
			return ct_fail(ct->run, CT_E_SUSPEND, ct->text,
				       "it does not freeze within %d seconds", CT_FREEZE_S);
		}
		ct_nap(CT_NAP_MAX);
	}
	return CT_OK;
}
