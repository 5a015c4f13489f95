// SPDX-License-Identifier: GPL-2.0
/*
 * receive: the side of a migration to which a container comes
 *
 * Called by the other side, through ssh. The lock is held for as long as they talk. What
 * comes is made beside its place, as a create does, and has a journal:
 *
 *	copy	it comes; undone, should the line break
 *	ready	all of it is here; undone as well
 *	goes	the other side has said that it is ours. It is written to the disk before
 *		anything else is done about it, and from then on this machine has it, unless
 *		it cannot be started while the other side still listens
 *
 * STATEDIR/CTID.came remembers which migration that was, until the other side has heard of
 * it. Who finds no such file, and no journal, knows that the container never came: the
 * other side asks for that when it does not know what has become of its last word.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ct.h"
#include "keys.h"
#include "move.h"
#include "net.h"

static int ct_came_path(const struct ct *ct, char *path)
{
	return ct_state_path(ct, "came", path);
}

/* Has a container come by this migration? */
static bool ct_came(const struct ct *ct, const char *token)
{
	char path[PATH_MAX];
	struct ct_conf conf;
	bool came;

	if (ct_came_path(ct, path) || ct_conf_load(&conf, path))
		return false;
	came = ct_key_is(&conf, CT_MOVE_TOKEN, token);
	ct_conf_clear(&conf);
	return came;
}

static int ct_came_note(const struct ct *ct, const char *token)
{
	struct ct_conf conf = { 0 };
	char path[PATH_MAX];
	int ret = ct_came_path(ct, path);

	if (!ret)
		ret = ct_conf_set(&conf, CT_MOVE_TOKEN, token);
	if (!ret)
		ret = ct_conf_save(&conf, path);
	ct_conf_clear(&conf);
	return ret ? ct_fail(ct->run, CT_E_SYSTEM, path, "%s", strerror(-ret)) : CT_OK;
}

static int ct_receive_stage(struct ct *ct, const char *stage)
{
	if (ct_conf_set(&ct->step, CT_MOVE_STAGE, stage))
		return ct_fail(ct->run, CT_E_SYSTEM, ct->text, "%s", strerror(ENOMEM));
	return ct_step_begin(ct, "receive");
}

/* What has come is removed; what is at its place already as well. */
static int ct_receive_undo(struct ct *ct)
{
	static const char * const state[] = {
		"coming", "coming.tmp", "traffic", "account", "came"
	};
	char path[PATH_MAX];
	bool keep = ct_key_is(&ct->step, CT_MOVE_KEEP, "yes");
	size_t i;
	int ret = 0;

	if (!ct_begin_undone(ct_start_undo(ct)))
		return CT_E_SYSTEM;
	if (ct->exists)
		ct_forget_name(ct, ct_get(&ct->conf, "NAME"));
	(void)unlink(ct->conf_path);
	ct->exists = false;
	(void)ct_suspend_forget(ct);
	if (!ct_arrive_tmp(ct, "dump", path))
		ret = ct_dump_drop(path);
	if (!ret && !keep && !ct_arrive_tmp(ct, "private", path))
		ret = ct_tree_remove(path);
	/* With a journal, and at its place, it is ours to remove. */
	if (!ret && ct_key_is(&ct->step, "PLACED", "yes"))
		ret = ct_tree_remove(ct->private);
	for (i = 0; i < sizeof(state) / sizeof(*state); i++)
		if (!ct_state_path(ct, state[i], path))
			(void)unlink(path);
	(void)rmdir(ct->root);
	return ret ? ct_fail(ct->run, CT_E_DELETE, ct->private, "%s", strerror(-ret)) : CT_OK;
}

static int ct_receive_save(struct ct *ct)
{
	int ret = ct_conf_save(&ct->conf, ct->conf_path);

	return ret ? ct_fail(ct->run, CT_E_SAVE, ct->conf_path, "%s", strerror(-ret)) : CT_OK;
}

/* What is said of it, kept beside the journal until it is a container. */
static int ct_receive_keep(struct ct *ct, bool load)
{
	char path[PATH_MAX];
	int ret = ct_state_path(ct, "coming", path);

	if (!ret && load) {
		ct_conf_clear(&ct->conf);
		ret = ct_conf_load(&ct->conf, path);
	} else if (!ret) {
		ret = ct_conf_save(&ct->conf, path);
	}
	return ret ? ct_fail(ct->run, CT_E_SYSTEM, path, "%s", strerror(-ret)) : CT_OK;
}

/* Each of these may be done already, should it have been interrupted. */
static int ct_receive_place(struct ct *ct)
{
	char tmp[PATH_MAX], dump[PATH_MAX];
	int status = ct_arrive_tmp(ct, "private", tmp);

	if (!status && renameat2(AT_FDCWD, tmp, AT_FDCWD, ct->private, RENAME_NOREPLACE) &&
	    errno != ENOENT)
		status = ct_fail(ct->run, CT_E_MAKE_PRIVATE, ct->private, "%s", strerror(errno));
	if (!status)
		status = ct_arrive_tmp(ct, "dump", tmp);
	if (!status)
		status = ct_dump_path(ct, NULL, dump);
	if (!status && rename(tmp, dump) && errno != ENOENT)
		status = ct_fail(ct->run, CT_E_RESUME, dump, "%s", strerror(errno));
	if (!status && (ct_sync_dir(ct->private) || ct_make_dirs(ct->root, 0755)))
		status = ct_fail(ct->run, CT_E_MAKE_ROOT, ct->root, "%s", strerror(errno));
	if (!status)
		status = ct_ids_claim(ct, ct_receive_save);
	if (status)
		return status;
	ct->exists = true;
	return CT_OK;
}

/**
 * ct_move_again() - have a container run that ran before it was to move
 * @ct: the container, locked; the journal says whether it ran
 *
 * Whatever a command that was killed has left of it, it is done from the beginning, unless
 * it runs: from its dump if there is one, and that is not used up.
 *
 * Return: CT_OK, or an error with nothing of it running.
 */
int ct_move_again(struct ct *ct)
{
	char dump[PATH_MAX];
	bool made = false, dumped;
	int status = ct_places(ct);

	if (!status)
		status = ct_dump_path(ct, NULL, dump);
	if (status || !ct_key_is(&ct->step, CT_MOVE_RAN, "yes"))
		return status;
	dumped = ct_dump_there(dump);
	/* What is restored is frozen until the dump does not count any more. */
	if (ct_running(ct) && !(dumped && ct_frozen(ct)))
		return ct_suspend_forget(ct);
	status = ct_start_undo(ct);
	if (ct_begin_undone(status))
		status = dumped ? ct_resume_inner(ct, dump, &made) : ct_start_inner(ct, &made);
	if (status)
		(void)ct_start_undo(ct);
	return status;
}

/* It is ours: have it run as it ran there. */
static int ct_receive_go(struct ct *ct)
{
	char path[PATH_MAX];
	int status = CT_OK;

	if (!ct->exists) {
		status = ct_receive_keep(ct, true);
		if (!status)
			status = ct_receive_place(ct);
	}
	if (!status)
		status = ct_make_name(ct);
	if (!status && !ct_state_path(ct, "coming", path))
		(void)unlink(path);
	return status ? status : ct_move_again(ct);
}

/**
 * ct_receive_recover() - finish or undo the coming of a container that was interrupted
 * @ct: the container, locked
 * @what: receives which of both
 *
 * Return: CT_OK or an error.
 */
int ct_receive_recover(struct ct *ct, const char **what)
{
	char token[CT_MOVE_TOKEN_LEN + 1];
	int status;

	if (!ct_key_is(&ct->step, CT_MOVE_STAGE, "goes")) {
		*what = "undone";
		return ct_receive_undo(ct);
	}
	ct_path(token, sizeof(token), "%s", ct_get(&ct->step, CT_MOVE_TOKEN));
	status = ct_came_note(ct, token);
	if (!status && ct_receive_go(ct))
		ct_note(ct->run, ct->text, "it is here, and does not run");
	return status;
}

/* offer: may this container come? Its configuration follows. */
static int ct_receive_offer(struct ct *ct, const struct ct_far *far, const struct ct_conf *said)
{
	static const char * const keys[] = { CT_MOVE_TOKEN, CT_MOVE_HOST, CT_MOVE_KEEP };
	struct ct_conf conf;
	size_t i;
	int ret = ct_far_get(far, &conf), status = CT_OK;

	if (ret || !ct_key_is(said, "VERSION", CT_FAR_VERSION) || !ct_get(said, CT_MOVE_TOKEN)) {
		ct_conf_clear(&conf);
		return ct_fail(ct->run, CT_E_SYNTAX, ct->text,
			       "the other side has another version of this program");
	}
	if (ct->exists) {
		ct_conf_clear(&conf);
		return ct_fail(ct->run, CT_E_EXISTS, ct->text, "it exists already");
	}
	ct_conf_clear(&ct->conf);
	ct->conf = conf;
	status = ct_arrive_check(ct, said);
	for (i = 0; i < sizeof(keys) / sizeof(*keys) && !status; i++)
		if (ct_get(said, keys[i]) && ct_conf_set(&ct->step, keys[i], ct_get(said, keys[i])))
			status = CT_E_SYSTEM;
	if (status || ct_key_is(said, "CHECK", "yes")) {
		ct_conf_clear(&ct->step);
		return status;
	}
	status = ct_receive_stage(ct, "copy");
	if (!status)
		status = ct_receive_keep(ct, false);
	return status ? status : ct_arrive_dirs(ct);
}

/* Sums of before. */
static int ct_receive_sums(struct ct *ct, const struct ct_far *far, const char *name)
{
	struct ct_conf sums;
	char path[PATH_MAX];
	int ret = ct_far_get(far, &sums);

	if (!ret && sums.count)
		ret = ct_state_path(ct, name, path);
	if (!ret && sums.count)
		ret = ct_conf_save(&sums, path);
	ct_conf_clear(&sums);
	return ret;
}

/* ready: everything is here; what was counted of it follows. */
static int ct_receive_ready(struct ct *ct, const struct ct_far *far, const struct ct_conf *said)
{
	struct ct_conf network = { 0 };
	char path[PATH_MAX], dump[PATH_MAX];
	int ret = ct_receive_sums(ct, far, "traffic"), fd, status;

	if (!ret)
		ret = ct_receive_sums(ct, far, "account");
	status = ret ? CT_E_SYSTEM : ct_arrive_tmp(ct, "dump", dump);
	if (!status && ct_key_is(said, CT_MOVE_DUMP, "yes"))
		status = ct_dump_check(ct, dump, &network);
	ct_conf_clear(&network);
	if (!status)
		status = ct_arrive_tmp(ct, "private", path);
	fd = status ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!status && (fd < 0 || syncfs(fd)))
		status = ct_fail(ct->run, CT_E_SYSTEM, path, "%s", strerror(errno));
	if (fd >= 0)
		close(fd);
	fd = status || access(dump, F_OK) ? -1 : open(dump, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && syncfs(fd))
		status = CT_E_SYSTEM;
	if (fd >= 0)
		close(fd);
	if (!status && ct_conf_set(&ct->step, CT_MOVE_RAN,
				   ct_key_is(said, CT_MOVE_RAN, "yes") ? "yes" : "no"))
		status = CT_E_SYSTEM;
	return status ? status : ct_receive_stage(ct, "ready");
}

/* go: it is ours from here on, unless it cannot be started. */
static int ct_receive_said_go(struct ct *ct)
{
	char token[CT_MOVE_TOKEN_LEN + 1], dump[PATH_MAX];
	int status;

	if (!ct_key_is(&ct->step, CT_MOVE_STAGE, "ready"))
		return ct_fail(ct->run, CT_E_SYNTAX, ct->text, "it is not all here");
	ct_path(token, sizeof(token), "%s", ct_get(&ct->step, CT_MOVE_TOKEN));
	if (ct_conf_set(&ct->step, "PLACED", "yes") || ct_dump_path(ct, NULL, dump))
		return CT_E_SYSTEM;
	status = ct_stage_keys(ct, dump);
	if (!status)
		status = ct_receive_stage(ct, "goes");
	if (!status)
		status = ct_came_note(ct, token);
	if (!status)
		status = ct_receive_go(ct);
	/* The decision that it is not ours is on the disk before the other side hears of it. */
	if (status && !ct_receive_stage(ct, "copy") && !ct_receive_undo(ct)) {
		(void)ct_pool_delete(ct);
		(void)ct_step_end(ct);
		return status;
	}
	return status ? status : ct_step_end(ct);
}

static int ct_receive_answer(const struct ct_far *far, int status, bool came)
{
	struct ct_conf answer = { 0 };
	char number[16];
	int ret;

	snprintf(number, sizeof(number), "%d", status);
	ret = ct_conf_set(&answer, CT_FAR_STATUS, number);
	if (!ret)
		ret = ct_conf_set(&answer, "CAME", came ? "yes" : "no");
	if (!ret)
		ret = ct_far_put(far, &answer);
	ct_conf_clear(&answer);
	return ret;
}

/* One question, and its answer. */
static int ct_receive_one(struct ct *ct, const struct ct_far *far, const struct ct_conf *said)
{
	const char *token = ct_get(said, CT_MOVE_TOKEN);
	char path[PATH_MAX];
	bool came = false;
	int status = CT_OK;

	if (ct_key_is(said, CT_FAR_VERB, "offer"))
		status = ct_receive_offer(ct, far, said);
	else if (ct_key_is(said, CT_FAR_VERB, "ready"))
		status = ct_receive_ready(ct, far, said);
	else if (ct_key_is(said, CT_FAR_VERB, "go"))
		status = ct_receive_said_go(ct);
	else if (ct_key_is(said, CT_FAR_VERB, "ask"))
		came = token && ct_came(ct, token);
	else if (ct_key_is(said, CT_FAR_VERB, "thanks") && token && ct_came(ct, token))
		status = !ct_came_path(ct, path) && unlink(path) ? CT_E_SYSTEM : CT_OK;
	else if (!ct_key_is(said, CT_FAR_VERB, "thanks"))
		status = CT_E_SYNTAX;
	return ct_receive_answer(far, status, came);
}

static int ct_receive_talk(struct ct *ct)
{
	/* Nothing that is started here has the line in its hands. */
	struct ct_far far = {
		.to = fcntl(1, F_DUPFD_CLOEXEC, 3), .from = fcntl(0, F_DUPFD_CLOEXEC, 3),
	};
	int status, ret, null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct ct_conf said;

	/* What is said on the way is for the other side's eyes, and no answer. */
	if (far.to < 0 || far.from < 0 || null < 0 || dup2(null, 0) < 0 || dup2(2, 1) < 0)
		return ct_fail(ct->run, CT_E_SYSTEM, ct->text, "%s", strerror(errno));
	status = ct_lock(ct);
	if (status)
		return ct_receive_answer(&far, status, false) ? CT_E_SYSTEM : status;
	do {
		ret = ct_far_get(&far, &said);
		if (!ret)
			ret = ct_receive_one(ct, &far, &said);
		ct_conf_clear(&said);
	} while (!ret);
	/* Nobody is there any more, and has not said that it is ours. */
	if (ct_step_verb(ct) && !ct_key_is(&ct->step, CT_MOVE_STAGE, "goes"))
		return ct_receive_undo(ct) ? CT_E_SYSTEM : ct_step_end(ct);
	return ct_step_verb(ct) ? CT_E_SYSTEM : CT_OK;
}

/* Files of what comes, while somebody else holds the lock. */
static int ct_receive_files(struct ct *ct, char **argv)
{
	char path[PATH_MAX];
	int status, ret;
	pid_t pid;

	if ((strcmp(argv[0], "private") && strcmp(argv[0], "dump")) || !ct_lock_busy(ct, &pid) ||
	    !ct_key_is(&ct->step, CT_MOVE_TOKEN, argv[1]) ||
	    !ct_key_is(&ct->step, CT_MOVE_STAGE, "copy"))
		return ct_fail(ct->run, CT_E_SYNTAX, ct->text, "nothing comes by that name");
	ct_path(ct->private, PATH_MAX, "%s", ct_get(&ct->step, "VE_PRIVATE"));
	status = ct_arrive_tmp(ct, argv[0], path);
	if (status)
		return status;
	if (!strcmp(argv[0], "dump") && mkdir(path, 0700) && errno != EEXIST)
		return ct_fail(ct->run, CT_E_SYSTEM, path, "%s", strerror(errno));
	ret = ct_copy_receive(path, argv[2]);
	return ret ? ct_fail(ct->run, CT_E_SYSTEM, path, "%s", strerror(-ret)) : CT_OK;
}

/**
 * ct_cmd_receive() - receive
 * @ct: the container
 * @argc: number of arguments
 * @argv: the arguments: none, or what files come, by which migration, and since when
 *
 * Return: the exit status of vzctl.
 */
int ct_cmd_receive(struct ct *ct, int argc, char **argv)
{
	if (!argc)
		return ct_receive_talk(ct);
	if (argc == 3)
		return ct_receive_files(ct, argv);
	return ct_fail(ct->run, CT_E_SYNTAX, NULL, "this is for migrate on another machine");
}
