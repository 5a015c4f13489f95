/* SPDX-License-Identifier: GPL-2.0 */
/* A container that moves to another machine. */
#ifndef BCTL_CT_MOVE_H
#define BCTL_CT_MOVE_H

#include "ct.h"
#include "far.h"

/* The exit statuses of vzmigrate. */
enum ct_move_status {
	CT_MOVE_USAGE		= 1,
	CT_MOVE_STOPPED		= 2,
	CT_MOVE_CONNECT		= 4,
	CT_MOVE_COPY		= 6,
	CT_MOVE_START		= 7,
	CT_MOVE_STOP		= 8,
	CT_MOVE_EXISTS		= 9,
	CT_MOVE_NOT_THERE	= 10,
	CT_MOVE_IP		= 12,
	CT_MOVE_QUOTA		= 13,
	CT_MOVE_NO_VZ		= 14,
	CT_MOVE_NAME		= 15,
	CT_MOVE_CONF		= 19,
	CT_MOVE_LOCKED		= 20,
};

/* Keys of what is said, and of the journals of both sides. */
#define CT_MOVE_TOKEN	"TOKEN"
#define CT_MOVE_HOST	"HOST"
#define CT_MOVE_SSH	"SSH"
#define CT_MOVE_STAGE	"STAGE"
#define CT_MOVE_RAN	"RAN"
#define CT_MOVE_DUMP	"DUMPED"
#define CT_MOVE_KEEP	"KEEP"

/* A random name of one migration. */
#define CT_MOVE_TOKEN_LEN	32

/**
 * struct ct_move - a migration, as its source has it
 * @far: the other machine
 * @token: its name
 * @online: with all that runs
 * @keep_there: what was copied stays there should it fail
 * @keep_here: the files stay here when it has succeeded
 * @check: only find out whether it could be done
 * @verbose: say what is being done
 * @ran: it ran when this began
 * @dump: its dump, "" if there is none
 * @code: what vzmigrate ends with should the current stage fail
 */
struct ct_move {
	struct ct_far far;
	char token[CT_MOVE_TOKEN_LEN + 1];
	bool online;
	bool keep_there;
	bool keep_here;
	bool check;
	bool verbose;
	bool ran;
	char dump[PATH_MAX];
	int code;
};

/* copy.c: files, by rsync */
int ct_copy_send(struct ct *ct, const struct ct_move *move, const char *what, const char *dir,
		 const char *since);
int ct_copy_receive(const char *dir, const char *since);

/* account.c: what was counted goes with it */
int ct_account_load(struct ct *ct, struct ct_conf *conf);
int ct_account_export(struct ct *ct, struct ct_conf *conf);
int ct_cmd_account(struct ct *ct, int argc, char **argv);

/* cmd_migrate.c, vzmigrate.c */
int ct_move_locked(struct ct *ct, struct ct_move *move);
int ct_vzmigrate_code(int status);
int ct_migrate_recover(struct ct *ct, const char **what);
int ct_cmd_migrate(struct ct *ct, int argc, char **argv);
int ct_vzmigrate(struct ct_run *run, int argc, char **argv);

/* arrive.c */
bool ct_key_is(const struct ct_conf *conf, const char *key, const char *value);
int ct_arrive_tmp(struct ct *ct, const char *what, char *path);
int ct_arrive_check(struct ct *ct, const struct ct_conf *said);
int ct_arrive_dirs(struct ct *ct);

/* cmd_receive.c */
int ct_move_again(struct ct *ct);
int ct_receive_recover(struct ct *ct, const char **what);
int ct_cmd_receive(struct ct *ct, int argc, char **argv);

#endif /* BCTL_CT_MOVE_H */
