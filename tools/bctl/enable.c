// SPDX-License-Identifier: GPL-2.0
/*
 * The controllers that limits and settings take
 */
#include <stdio.h>
#include <string.h>

#include <linux/beancounter.h>

#include "assign.h"
#include "cli.h"
#include "enable.h"

static const char *const bc_controllers[BC_CONTROLLERS] = { "memory", "cpu", "io" };

/**
 * bctl_enable() - let a cgroup have the controllers that its pool's limits need
 * @b: the run
 * @name: the pool
 * @limits: its limits and settings, resolved
 * @root: root of the hierarchy
 * @dir: the cgroup
 * @done: receives what was changed, for bc_enables_keep() or _undo()
 *
 * Return: BCTL_OK; or BCTL_FAILED, then nothing is changed.
 */
int bctl_enable(struct bctl *b, const char *name, const struct bc_limits *limits, int root,
		int dir, struct bc_enables *done)
{
	char object[BC_NAME_MAX + BC_WORD_MAX + 3];
	const char *arg, *why;
	int ret, i;

	for (i = 0; i < BC_CONTROLLERS; i++)
		done->v[i].count = 0;
	for (i = 0; i < BC_CONTROLLERS; i++) {
		arg = bc_limits_need(limits, bc_controllers[i]);
		ret = arg ? bc_controller_enable(root, dir, bc_controllers[i], &done->v[i], &why) :
			    0;
		if (!ret)
			continue;
		snprintf(object, sizeof(object), "%.*s: %.*s", BC_NAME_MAX, name, BC_WORD_MAX, arg);
		bctl_fail(b, object, "the %s controller cannot be enabled below %s: %s",
			  bc_controllers[i], done->v[i].at, why ? why : strerror(-ret));
		bc_enables_undo(done);
		return BCTL_FAILED;
	}
	return BCTL_OK;
}

/**
 * bc_enables_keep() - leave the controllers on
 * @done: empty afterwards
 */
void bc_enables_keep(struct bc_enables *done)
{
	int i;

	for (i = 0; i < BC_CONTROLLERS; i++)
		bc_controller_keep(&done->v[i]);
}

/**
 * bc_enables_undo() - switch the controllers off again
 * @done: empty afterwards
 */
void bc_enables_undo(struct bc_enables *done)
{
	int i;

	for (i = BC_CONTROLLERS; i--;)
		bc_controller_undo(&done->v[i]);
}
