// SPDX-License-Identifier: GPL-2.0
/*
 * What a killed command has left behind
 *
 *	create		finished if the configuration is there, which is written last; else undone
 *	start		finished if the container runs; else undone
 *	stop		finished
 *	set		finished: the same limits again, then the new file; undone if the kernel
 *			refuses them, as then it never took them
 *	quotainit	finished
 *	destroy		finished
 *	runscript	undone: what was stopped is stopped
 *	suspend		finished if the dump is complete; else undone, and it goes on
 *	resume		finished if it was to go on already; else undone, and the dump stays
 *	migrate		finished if the container is on the other machine; else undone, and it goes
 *			on; while nobody there can be asked, neither
 *	receive		finished if it was handed over; else undone
 *
 * Each of these may be killed as well, and begin anew: what is done already is no error.
 */
#include <string.h>

#include "ct.h"
#include "disk.h"
#include "keys.h"
#include "move.h"

/* The journal knows the places, also when the configuration is gone. */
static void ct_step_places(struct ct *ct)
{
	const char *root = ct_get(&ct->step, "VE_ROOT");
	const char *private = ct_get(&ct->step, "VE_PRIVATE");

	ct_path(ct->root, sizeof(ct->root), "%s", root ? root : "");
	ct_path(ct->private, sizeof(ct->private), "%s", private ? private : "");
}

static int ct_start_recover(struct ct *ct, const char **what)
{
	int status;

	if (ct_running(ct)) {
		*what = "finished";
		return CT_OK;
	}
	*what = "undone";
	status = ct_start_undo(ct);
	return ct_begin_undone(status) ? CT_OK : status;
}

static int ct_stop_recover(struct ct *ct)
{
	int status = CT_OK;

	if (ct_running(ct))
		status = ct_engine_stop(ct, false, 10);
	if (!status)
		status = ct_start_undo(ct);
	return ct_begin_undone(status) ? CT_OK : status;
}

/* What was stopped is stopped. */
static int ct_idle_recover(struct ct *ct, const char **what)
{
	int status = ct_start_undo(ct);

	*what = "undone";
	return ct_begin_undone(status) ? CT_OK : status;
}

/**
 * ct_recover() - finish or undo what was begun
 * @ct: the container, locked, with a journal
 *
 * Return: CT_OK with the journal gone, or an error.
 */
int ct_recover(struct ct *ct)
{
	const char *verb = ct_step_verb(ct), *what = "finished";
	char name[32];
	int status;

	ct_path(name, sizeof(name), "%s", verb);
	ct_step_places(ct);
	if (!strcmp(name, "create"))
		status = ct_create_recover(ct);
	else if (!strcmp(name, "start"))
		status = ct_start_recover(ct, &what);
	else if (!strcmp(name, "stop"))
		status = ct_stop_recover(ct);
	else if (!strcmp(name, "set"))
		status = ct_set_finish(ct);
	else if (!strcmp(name, "runscript"))
		status = ct_idle_recover(ct, &what);
	else if (!strcmp(name, "suspend"))
		status = ct_suspend_recover(ct, &what);
	else if (!strcmp(name, "resume"))
		status = ct_resume_recover(ct, &what);
	else if (!strcmp(name, "migrate"))
		status = ct_migrate_recover(ct, &what);
	else if (!strcmp(name, "receive"))
		status = ct_receive_recover(ct, &what);
	else if (!strcmp(name, "quotainit"))
		status = ct_quota_recover(ct);
	else if (!strcmp(name, "destroy"))
		status = ct_destroy_finish(ct);
	else
		status = ct_fail(ct->run, CT_E_SYSTEM, ct->step_path, "unknown step '%s'", name);
	if (status)
		return ct_fail(ct->run, status, ct->text, "'%s' was interrupted, and cannot be %s",
			       name, what);
	if (!strcmp(name, "create"))
		what = ct->exists ? "finished" : "undone";
	ct_note(ct->run, ct->text, "'%s' was interrupted; it is %s now", name, what);
	return ct_step_end(ct);
}
