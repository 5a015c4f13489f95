// SPDX-License-Identifier: GPL-2.0
/*
 * How a container comes to be there, and how all of it goes but its files and its pool
 *
 * The private area is mounted with the limits of its disk, the pool is there with its own,
 * and liblxc makes the container in it: to run, or to wait for a script. Whatever fails in
 * between, everything is as it was.
 */
#include "ct.h"
#include "disk.h"
#include "fetch.h"
#include "keys.h"
#include "net.h"
#include "rights.h"
#include "storage.h"

/* A script that fails undoes the mount. */
static int ct_mount_scripts(struct ct *ct)
{
	int status = ct_scripts_run(ct, "premount");

	if (!status)
		status = ct_mount(ct);
	if (status)
		return status;
	status = ct_scripts_run(ct, "mount");
	if (status)
		(void)ct_umount(ct);
	return status;
}

/* A script that fails is told of, and does not keep the rest from being done. */
static int ct_umount_scripts(struct ct *ct)
{
	int before, status, after;

	if (!ct_mounted(ct))
		return CT_OK;
	before = ct_scripts_run(ct, "umount");
	status = ct_umount(ct);
	after = status ? CT_OK : ct_scripts_run(ct, "postumount");
	/* What they have left running. */
	if (!status)
		status = ct_engine_clear(ct);
	return status ? status : before ? before : after;
}

/**
 * ct_do_mount() - mount a container that is stopped
 * @ct: the container, locked
 *
 * Return: CT_OK, also if it is mounted already, or an error.
 */
int ct_do_mount(struct ct *ct)
{
	int status = ct_places(ct);

	if (status || ct_mounted(ct))
		return status;
	return ct_mount_scripts(ct);
}

/**
 * ct_begin_undone() - is there nothing of a container any more?
 * @status: what ct_start_undo() returned
 *
 * Return: whether that is so.
 */
bool ct_begin_undone(int status)
{
	return !status || status == CT_E_SCRIPT;
}

/**
 * ct_start_undo() - end all there is of a container but its files and its pool
 * @ct: the container, locked, whose places are known
 *
 * Return: CT_OK, CT_E_SCRIPT if a script has failed, with all the rest done, or an error.
 */
int ct_start_undo(struct ct *ct)
{
	int status = ct_engine_clear(ct);

	if (!status)
		status = ct_net_down(ct);
	if (!status && !ct->run->mounted)
		status = ct_umount_scripts(ct);
	if (ct_begin_undone(status))
		status = ct_up_end(ct, ct->run->shutdown) ? CT_E_SYSTEM : status;
	return status;
}

/**
 * ct_end() - the same, with which what was begun has ended
 * @ct: the container, locked, with a journal; its places are known
 *
 * Return: CT_OK, CT_E_SCRIPT if a script has failed, with all the rest done, or an error.
 */
int ct_end(struct ct *ct)
{
	int status = ct_start_undo(ct);

	return ct_begin_undone(status) && ct_step_end(ct) ? CT_E_SYSTEM : status;
}

/**
 * ct_begin_check() - could a container be there, as far as its configuration tells?
 * @ct: the container
 *
 * Return: CT_OK or an error.
 */
int ct_begin_check(struct ct *ct)
{
	const char *key, *why, *missing;
	struct ct_rights rights;
	struct ct_wrong wrong;
	struct ct_ubc ubc;
	int status = ct_storage_check(ct);

	if (!status)
		status = ct_quota_check(ct, &ct->conf);
	if (status)
		return status;
	if (ct_ubc_read(&ct->conf, bc_page_size(), &ubc, &key, &why))
		return ct_fail(ct->run, CT_E_VALUE, ct->text, "%s: %s", key, why);
	missing = ct_ubc_missing(&ubc);
	if (missing)
		return ct_fail(ct->run, CT_E_UBC_MISSING, ct->text,
			       "%s is not set; without a limit of PHYSPAGES every one must be",
			       missing);
	if (ct_rights_read(&ct->conf, &rights, &wrong))
		return ct_fail(ct->run, CT_E_VALUE, ct->text, "%s: '%s': %s", wrong.key,
			       wrong.word, wrong.why);
	return ct_net_any(&ct->conf) ? ct_net_check(ct, &ct->conf) : CT_OK;
}

/**
 * ct_begin_steps() - have a container there, without a journal
 * @ct: the container, locked, of which nothing runs
 * @engine: has liblxc make it
 * @made: receives whether its pool was made for this
 *
 * Return: CT_OK, or an error; some of it may be there then.
 */
int ct_begin_steps(struct ct *ct, int (*engine)(struct ct *ct), bool *made)
{
	/* From here on its files are not those that a dump was made with. */
	int status = ct_suspend_forget(ct);

	/* A monitor that was killed has left its cgroups. */
	if (!status)
		status = ct_engine_clear(ct);
	if (!status && !ct_mounted(ct))
		status = ct_quota_start(ct);
	if (!status)
		status = ct_do_mount(ct);
	if (!status)
		status = ct_pool_start(ct, made);
	if (!status)
		status = ct_up_begin(ct);
	return status ? status : engine(ct);
}

/**
 * ct_begin() - have a container there
 * @ct: the container, locked and checked, which does not run
 * @verb: what for, for the journal
 * @engine: lets liblxc make it
 *
 * Return: CT_OK, with the journal there, or an error, with everything as it was.
 */
int ct_begin(struct ct *ct, const char *verb, int (*engine)(struct ct *ct))
{
	bool made = false;
	int status = ct_places(ct);

	if (!status)
		status = ct_step_begin(ct, verb);
	if (status)
		return status;
	status = ct_begin_steps(ct, engine, &made);
	if (status && ct_begin_undone(ct_start_undo(ct))) {
		if (made)
			(void)ct_pool_delete(ct);
		(void)ct_step_end(ct);
	}
	return status;
}
