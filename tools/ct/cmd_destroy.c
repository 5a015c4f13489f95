// SPDX-License-Identifier: GPL-2.0
/*
 * destroy
 *
 * First the container stops existing: its configuration is renamed to CTID.conf.destroyed.
 * Then its pool and its files go. What is interrupted is finished.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "ct.h"
#include "disk.h"
#include "keys.h"
#include "move.h"

/**
 * ct_forget_name() - remove the link of a name, if it is that of this container
 * @ct: the container
 * @name: the name, or NULL
 */
void ct_forget_name(struct ct *ct, const char *name)
{
	char link[PATH_MAX];
	uint32_t owner;

	if (name && !ct_name_owner(ct->run, name, &owner) && owner == ct->id &&
	    !ct_name_link(ct, name, link, sizeof(link)))
		(void)unlink(link);
}

static int ct_forget_conf(struct ct *ct)
{
	char gone[PATH_MAX];
	int ret = ct_path(gone, sizeof(gone), "%s.%s", ct->conf_path,
			  ct_get(&ct->step, CT_MOVE_KEEP) ? "migrated" : "destroyed");

	if (!ret && rename(ct->conf_path, gone) && errno != ENOENT)
		ret = -errno;
	if (!ret)
		ret = ct_sync_dir(ct->conf_path);
	ct->exists = false;
	return ret;
}

/**
 * ct_destroy_finish() - destroy what the journal says is to be destroyed
 * @ct: the container; its places are those of the journal
 *
 * Return: CT_OK or an error.
 */
int ct_destroy_finish(struct ct *ct)
{
	static const char * const state[] = { "log", "criu.log", "traffic", "account" };
	char path[PATH_MAX];
	int ret, status;
	size_t i;

	ret = ct_forget_conf(ct);
	if (ret)
		return ct_fail(ct->run, CT_E_DELETE, ct->conf_path, "%s", strerror(-ret));
	ct_forget_name(ct, ct_get(&ct->step, "NAME"));
	status = ct_start_undo(ct);
	if (ct_begin_undone(status))
		status = ct_pool_delete(ct);
	if (status)
		return status;
	status = ct_suspend_forget(ct);
	if (status)
		return status;
	/* What has moved elsewhere may leave its files here. */
	ret = ct_get(&ct->step, CT_MOVE_KEEP) ? 0 : ct_tree_remove(ct->private);
	if (ret)
		return ct_fail(ct->run, CT_E_DELETE, ct->private, "%s", strerror(-ret));
	if (!ct_get(&ct->step, CT_MOVE_KEEP))
		ct_quota_forget(ct);
	(void)rmdir(ct->root);
	for (i = 0; i < sizeof(state) / sizeof(*state); i++)
		if (!ct_state_path(ct, state[i], path))
			(void)unlink(path);
	return CT_OK;
}

static int ct_destroy(struct ct *ct)
{
	const char *name = ct_get(&ct->conf, "NAME");
	int status = ct_places(ct);

	if (status)
		return status;
	if (ct_running(ct))
		return ct_fail(ct->run, CT_E_RUNNING, ct->text, "it is running; stop it first");
	if (ct_mounted(ct))
		return ct_fail(ct->run, CT_E_MOUNTED, ct->text, "it is mounted; umount it first");
	if (name && ct_conf_set(&ct->step, "NAME", name))
		return ct_fail(ct->run, CT_E_SYSTEM, ct->text, "%s", strerror(ENOMEM));
	status = ct_step_begin(ct, "destroy");
	if (!status)
		status = ct_destroy_finish(ct);
	return status ? status : ct_step_end(ct);
}

/**
 * ct_cmd_destroy() - destroy
 * @ct: the container
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: the exit status of vzctl.
 */
int ct_cmd_destroy(struct ct *ct, int argc, char **argv)
{
	bool interrupted = ct_step_verb(ct) && !strcmp(ct_step_verb(ct), "destroy");
	int status = CT_OK;

	if (argc)
		return ct_fail(ct->run, CT_E_SYNTAX, NULL, "'%.96s' is not an option", argv[0]);
	/* A journal may be all there is. */
	if (!ct_step_verb(ct))
		status = ct_must_exist(ct);
	if (!status)
		status = ct_lock(ct);
	if (!status && (ct->exists || !interrupted)) {
		status = ct_must_exist(ct);
		if (!status)
			status = ct_destroy(ct);
	}
	if (!status)
		ct_note(ct->run, ct->text, "the container was destroyed");
	return status;
}
