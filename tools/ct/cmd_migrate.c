// SPDX-License-Identifier: GPL-2.0
/*
 * migrate: the side of a migration from which a container goes
 *
 * It is in one place at any instant, and both sides agree on which when they can talk:
 *
 *	its files go over while it runs; nothing has changed here
 *	stopping	it is dumped and killed, or halted; undone by having it go on
 *	stopped		the rest of its files, its dump and its sums go over; undone likewise
 *	handed		written to the disk before the other side is told that it is theirs.
 *			From then on nothing of it is started here before the other side has said
 *			that it never came
 *	destroy		it runs there; what is here is removed, as by destroy
 *
 * So the machine to which it goes decides, and its decision is on its disk. Should that
 * machine be out of reach after "handed", the container stays where it is on both disks, and
 * each command here asks again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "ct.h"
#include "keys.h"
#include "move.h"
#include "net.h"

#define CT_MOVE_ONLINE	"ONLINE"
/* Clocks of file systems are coarse. */
#define CT_MOVE_SLACK_S	2

static void ct_move_say(const struct ct *ct, const struct ct_move *move, const char *text)
{
	if (move->verbose)
		ct_note(ct->run, ct->text, "%s", text);
}

static int ct_move_token(struct ct_move *move)
{
	unsigned char bytes[CT_MOVE_TOKEN_LEN / 2];
	size_t i;

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return -EIO;
	for (i = 0; i < sizeof(bytes); i++)
		snprintf(move->token + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

/* A question about this migration. */
static int ct_move_words(struct ct_conf *conf, const struct ct_move *move, const char *verb)
{
	int ret = ct_conf_set(conf, CT_FAR_VERB, verb);

	return ret ? ret : ct_conf_set(conf, CT_MOVE_TOKEN, move->token);
}

/* The status of the answer, or a negative errno if there was none. */
static int ct_move_heard(struct ct_conf *answer, int ret)
{
	const char *status = ret ? NULL : ct_get(answer, CT_FAR_STATUS);

	if (!ret)
		ret = status ? atoi(status) : -EBADMSG;
	ct_conf_clear(answer);
	return ret;
}

/* Ask, with files behind the question, if there are some. */
static int ct_move_ask(const struct ct_move *move, const char *verb, const char * const *pairs,
		       const struct ct_conf *more, size_t count)
{
	struct ct_conf question = { 0 }, answer = { 0 };
	int ret = ct_move_words(&question, move, verb);
	size_t i;

	for (; pairs && *pairs && !ret; pairs += 2)
		ret = ct_conf_set(&question, pairs[0], pairs[1]);
	if (!ret)
		(void)ct_far_put(&move->far, &question);
	for (i = 0; i < count && !ret; i++)
		(void)ct_far_put(&move->far, &more[i]);
	/* Who has no use for questions has answered already. */
	if (!ret)
		ret = ct_far_get(&move->far, &answer);
	ct_conf_clear(&question);
	return ct_move_heard(&answer, ret);
}

static const char *ct_yes(bool yes)
{
	return yes ? "yes" : "no";
}

/**
 * ct_vzmigrate_code() - what vzmigrate ends with
 * @status: the exit status of vzctl
 *
 * Return: that of vzmigrate.
 */
int ct_vzmigrate_code(int status)
{
	static const int codes[][2] = {
		{ CT_E_SYNTAX, CT_MOVE_USAGE }, { CT_E_VALUE, CT_MOVE_USAGE },
		{ CT_E_FEW, CT_MOVE_USAGE }, { CT_E_LOCKED, CT_MOVE_LOCKED },
		{ CT_E_NO_CONF, CT_MOVE_NOT_THERE }, { CT_E_NO_GLOBAL, CT_MOVE_NO_VZ },
		{ CT_E_EXISTS, CT_MOVE_EXISTS }, { CT_E_IP_IN_USE, CT_MOVE_IP },
		{ CT_E_NAME, CT_MOVE_NAME }, { CT_E_MODULE, CT_MOVE_NO_VZ },
		{ CT_E_QUOTA_ON, CT_MOVE_QUOTA }, { CT_E_QUOTA_SET, CT_MOVE_QUOTA },
		{ CT_E_BAD_CONF, CT_MOVE_CONF }, { CT_E_NO_TEMPLATE, CT_MOVE_COPY },
	};
	size_t i;

	for (i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		if (codes[i][0] == status)
			return codes[i][1];
	return status ? CT_MOVE_CONF : CT_OK;
}

static int ct_move_offer(struct ct *ct, struct ct_move *move)
{
	struct utsname uts;
	const char *pairs[] = {
		"VERSION", CT_FAR_VERSION, "CHECK", ct_yes(move->check), CT_MOVE_KEEP,
		ct_yes(move->keep_there), CT_MOVE_DUMP, ct_yes(move->online || *move->dump),
		CT_MOVE_HOST, uname(&uts) ? "" : uts.nodename, NULL
	};
	int ret = ct_far_open(&move->far, ct->text);

	if (!ret)
		ret = ct_move_ask(move, "offer", pairs, &ct->conf, 1);
	move->code = ret < 0 ? CT_MOVE_CONNECT : ct_vzmigrate_code(ret);
	if (ret < 0)
		return ct_fail(ct->run, CT_E_SYSTEM, move->far.host, "nobody answers: %s",
			       strerror(-ret));
	return ret ? ct_fail(ct->run, ret, ct->text, "%s does not take it", move->far.host) : CT_OK;
}

/* Whatever runs goes on meanwhile. */
static int ct_move_files(struct ct *ct, const struct ct_move *move, bool again)
{
	int fd = open(ct->private, O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret = 0;
	char since[24] = "0";

	ct_move_say(ct, move, again ? "what of its files has changed" : "its files");
	if (!again && move->ran)
		snprintf(since, sizeof(since), "%lld", (long long)time(NULL) - CT_MOVE_SLACK_S);
	if (fd < 0 || syncfs(fd))
		ret = -errno;
	if (fd >= 0)
		close(fd);
	if (!ret)
		ret = ct_copy_send(ct, move, "private", ct->private, since);
	return ret ? ct_fail(ct->run, CT_E_SYSTEM, ct->private, "cannot be copied") : CT_OK;
}

static int ct_move_stage(struct ct *ct, const char *stage)
{
	if (ct_conf_set(&ct->step, CT_MOVE_STAGE, stage))
		return ct_fail(ct->run, CT_E_SYSTEM, ct->text, "%s", strerror(ENOMEM));
	return ct_step_begin(ct, "migrate");
}

/* The journal, before it is stopped. */
static int ct_move_begin(struct ct *ct, const struct ct_move *move)
{
	const char *pairs[][2] = {
		{ CT_MOVE_TOKEN, move->token }, { CT_MOVE_HOST, move->far.host },
		{ CT_MOVE_SSH, move->far.ssh }, { CT_MOVE_RAN, ct_yes(move->ran) },
		{ CT_MOVE_ONLINE, ct_yes(move->online) },
		{ CT_MOVE_KEEP, move->keep_here ? "yes" : NULL },
	};
	size_t i;
	int status = ct_stage_keys(ct, move->dump);

	for (i = 0; i < sizeof(pairs) / sizeof(*pairs) && !status; i++)
		if (pairs[i][1] && ct_conf_set(&ct->step, pairs[i][0], pairs[i][1]))
			status = ct_fail(ct->run, CT_E_VALUE, pairs[i][1], "cannot be noted");
	return status ? status : ct_move_stage(ct, "stopping");
}

static int ct_move_stop(struct ct *ct, struct ct_move *move)
{
	int status;

	if (!move->ran)
		return CT_OK;
	ct_move_say(ct, move, move->online ? "it is dumped" : "it is stopped");
	if (move->online)
		return ct_suspend_inner(ct, move->dump);
	status = ct_stop_inner(ct, false);
	return status == CT_E_SCRIPT ? CT_OK : status;
}

/* The rest of its files, its dump, and the sums of its network. */
static int ct_move_rest(struct ct *ct, struct ct_move *move)
{
	const char *pairs[] = { CT_MOVE_RAN, ct_yes(move->ran), CT_MOVE_DUMP,
				ct_yes(ct_dump_there(move->dump)), NULL };
	struct ct_conf sums[2] = { { 0 } };
	char path[PATH_MAX];
	int status = ct_move_files(ct, move, true), ret;

	if (!status && ct_dump_there(move->dump) &&
	    ct_copy_send(ct, move, "dump", move->dump, "0"))
		status = ct_fail(ct->run, CT_E_SYSTEM, move->dump, "cannot be copied");
	if (status)
		return status;
	if (!ct_state_path(ct, "traffic", path))
		(void)ct_conf_load(&sums[0], path);
	status = ct_account_export(ct, &sums[1]);
	ret = status ? status : ct_move_ask(move, "ready", pairs, sums, 2);
	ct_conf_clear(&sums[0]);
	ct_conf_clear(&sums[1]);
	return ret < 0 ? ct_fail(ct->run, CT_E_SYSTEM, move->far.host, "%s", strerror(-ret)) : ret;
}

/* It is there: remove it here. */
static int ct_move_remove(struct ct *ct)
{
	const char *name = ct_get(&ct->conf, "NAME");
	int status = CT_OK;

	if (name && ct_conf_set(&ct->step, "NAME", name))
		status = ct_fail(ct->run, CT_E_SYSTEM, ct->text, "%s", strerror(ENOMEM));
	if (!status)
		status = ct_step_begin(ct, "destroy");
	return status ? status : ct_destroy_finish(ct);
}

/* It stays here: it goes on as it went. */
static int ct_move_back(struct ct *ct)
{
	int status = ct_move_stage(ct, "stopped");

	if (!status)
		status = ct_move_again(ct);
	return status ? ct_fail(ct->run, status, ct->text, "it is here, and does not run") : CT_OK;
}

/* What has become of it on the other side: 1 it came, 0 it did not, or a negative errno. */
static int ct_move_fate(struct ct *ct, struct ct_move *move)
{
	struct ct_conf question = { 0 }, answer = { 0 };
	int ret = ct_far_open(&move->far, ct->text), came = 0;

	if (!ret)
		ret = ct_move_words(&question, move, "ask");
	if (!ret)
		ret = ct_far_ask(&move->far, &question, &answer);
	if (!ret)
		came = ct_key_is(&answer, "CAME", "yes");
	ret = ct_move_heard(&answer, ret);
	ct_conf_clear(&question);
	return ret ? (ret < 0 ? ret : -EBUSY) : came;
}

/* After "handed": the other side knows. */
static int ct_move_settle(struct ct *ct, struct ct_move *move, bool *came)
{
	int fate;

	ct_far_close(&move->far);
	fate = ct_move_fate(ct, move);
	if (fate < 0)
		return ct_fail(ct->run, CT_E_LOCKED, ct->text,
			       "it was handed over to %s, which cannot be asked now (%s); it is there, or will be here when that is known",
			       move->far.host, strerror(-fate));
	*came = fate;
	return *came ? ct_move_remove(ct) : ct_move_back(ct);
}

static int ct_move_hand(struct ct *ct, struct ct_move *move, bool *came)
{
	int status = ct_move_stage(ct, "handed"), ret;

	if (status)
		return status;
	ct_move_say(ct, move, "it is handed over");
	ret = ct_move_ask(move, "go", NULL, NULL, 0);
	if (!ret) {
		*came = true;
		return ct_move_remove(ct);
	}
	/* Refused, or not heard: which of both counts is written down over there. */
	return ct_move_settle(ct, move, came);
}

/* The other side need not remember any more; should it not hear that, a small file stays. */
static void ct_move_thank(struct ct_move *move)
{
	(void)ct_move_ask(move, "thanks", NULL, NULL, 0);
}

/* Has been begun and is not finished by now: as it was. */
static int ct_move_undo(struct ct *ct, struct ct_move *move)
{
	ct_far_close(&move->far);
	if (!ct_step_verb(ct))
		return CT_OK;
	return ct_move_back(ct) ? CT_E_SYSTEM : ct_step_end(ct);
}

static int ct_move(struct ct *ct, struct ct_move *move)
{
	bool came = false;
	int status = ct_move_offer(ct, move);

	if (!status && move->check)
		return CT_OK;
	if (!status && move->ran) {
		move->code = CT_MOVE_COPY;
		status = ct_move_files(ct, move, false);
	}
	if (!status)
		status = ct_move_begin(ct, move);
	if (!status) {
		move->code = CT_MOVE_STOP;
		status = ct_move_stop(ct, move);
	}
	if (!status)
		status = ct_move_stage(ct, "stopped");
	if (!status) {
		move->code = CT_MOVE_COPY;
		status = ct_move_rest(ct, move);
	}
	if (status) {
		(void)ct_move_undo(ct, move);
		return status;
	}
	move->code = CT_MOVE_START;
	status = ct_move_hand(ct, move, &came);
	if (!status)
		status = ct_step_end(ct);
	if (!status && came)
		ct_move_thank(move);
	ct_far_close(&move->far);
	if (!status && !came)
		return ct_fail(ct->run, CT_E_RESUME, ct->text,
			       "it cannot be started there, and goes on here");
	return status;
}

/**
 * ct_migrate_recover() - finish or undo a migration that was interrupted
 * @ct: the container, locked
 * @what: receives which of both
 *
 * Return: CT_OK or an error.
 */
int ct_migrate_recover(struct ct *ct, const char **what)
{
	const char *token = ct_get(&ct->step, CT_MOVE_TOKEN), *text;
	char host[256], ssh[1024], copy[CT_MOVE_TOKEN_LEN + 1];
	struct ct_move move = { .far = { .host = host, .ssh = ssh } };
	bool came = false;
	int status;

	*what = "undone";
	text = ct_get(&ct->step, CT_MOVE_HOST);
	ct_path(host, sizeof(host), "%s", text ? text : "");
	text = ct_get(&ct->step, CT_MOVE_SSH);
	ct_path(ssh, sizeof(ssh), "%s", text ? text : "");
	ct_path(copy, sizeof(copy), "%s", token ? token : "");
	strcpy(move.token, copy);
	if (ct_key_is(&ct->step, CT_MOVE_STAGE, "handed")) {
		status = ct_move_settle(ct, &move, &came);
		ct_far_close(&move.far);
		if (came)
			*what = "finished";
		return status;
	}
	if (ct_key_is(&ct->step, CT_MOVE_STAGE, "stopping") &&
	    ct_key_is(&ct->step, CT_MOVE_ONLINE, "yes")) {
		status = ct_suspend_recover(ct, what);
		*what = "undone";
		if (status)
			return status;
	}
	return ct_move_back(ct);
}

static int ct_move_check(struct ct *ct, struct ct_move *move)
{
	int status = ct_dump_path(ct, NULL, move->dump);

	if (!status)
		status = ct_places(ct);
	if (status)
		return status;
	move->ran = ct_running(ct);
	if (!move->ran && ct_mounted(ct))
		return ct_fail(ct->run, CT_E_MOUNTED, ct->text, "it is mounted; umount it first");
	if (move->ran && ct_frozen(ct))
		return ct_fail(ct->run, CT_E_RUNNING, ct->text, "it is frozen; resume it first");
	/* What does not run has nothing that could go on. */
	move->online = move->online && move->ran;
	if (!move->online && !ct_dump_there(move->dump))
		*move->dump = '\0';
	return ct_move_token(move) ? ct_fail(ct->run, CT_E_SYSTEM, ct->text, "%s", strerror(EIO)) :
	       CT_OK;
}

/**
 * ct_move_locked() - move a container
 * @ct: the container, not locked yet
 * @move: the migration
 *
 * Return: CT_OK or an error.
 */
int ct_move_locked(struct ct *ct, struct ct_move *move)
{
	int status = ct_must_exist(ct);

	if (!status)
		status = ct_lock(ct);
	if (!status)
		status = ct_must_exist(ct);
	if (!status)
		status = ct_move_check(ct, move);
	if (!status)
		status = ct_move(ct, move);
	ct_far_close(&move->far);
	if (!status)
		ct_note(ct->run, ct->text, move->check ? "it can go to %s" :
			"the container is on %s now", move->far.host);
	return status;
}
