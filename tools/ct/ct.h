/* SPDX-License-Identifier: GPL-2.0 */
/*
 * bctl-ct: containers, and what every command of it shares
 *
 * A function that returns enum ct_status has already said on stderr what went wrong.
 * Others return 0 or a negative errno and print nothing.
 */
#ifndef BCTL_CT_CT_H
#define BCTL_CT_CT_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "bctl.h"
#include "conf.h"
#include "ids.h"

/* The exit statuses of vzctl, as far as they have a use here. */
enum ct_status {
	CT_OK			= 0,
	CT_E_UBC		= 1,
	CT_E_CPU		= 2,
	CT_E_SYSTEM		= 3,
	CT_E_MODULE		= 5,
	CT_E_RESOURCES		= 6,
	CT_E_ENV		= 7,
	CT_E_COMMAND		= 8,
	CT_E_LOCKED		= 9,
	CT_E_NO_GLOBAL		= 10,
	CT_E_NO_CONF		= 14,
	CT_E_SUSPEND		= 16,
	CT_E_RESUME		= 17,
	CT_E_SYNTAX		= 20,
	CT_E_VALUE		= 21,
	CT_E_ROOT_UNSET		= 22,
	CT_E_PRIVATE_UNSET	= 23,
	CT_E_TEMPLATE_UNSET	= 24,
	CT_E_FEW		= 27,
	CT_E_UBC_MISSING	= 28,
	CT_E_NO_OSTEMPLATE	= 29,
	CT_E_NOT_RUNNING	= 31,
	CT_E_RUNNING		= 32,
	CT_E_STOP		= 33,
	CT_E_ADD_IP		= 34,
	CT_E_NOT_MOUNTED	= 40,
	CT_E_MOUNTED		= 41,
	CT_E_NO_PRIVATE		= 43,
	CT_E_EXISTS		= 44,
	CT_E_NO_SPACE		= 46,
	CT_E_BAD_TEMPLATE	= 47,
	CT_E_MAKE_PRIVATE	= 48,
	CT_E_MAKE_ROOT		= 49,
	CT_E_MOUNT		= 50,
	CT_E_UMOUNT		= 51,
	CT_E_DELETE		= 52,
	CT_E_QUOTA_ON		= 60,
	CT_E_QUOTA_INIT		= 61,
	CT_E_QUOTA_SET		= 62,
	CT_E_NO_DISKSPACE	= 63,
	CT_E_NO_DISKINODES	= 64,
	CT_E_QUOTA_OFF		= 66,
	CT_E_QUOTA_USE		= 68,
	CT_E_HOSTNAME		= 70,
	CT_E_IP			= 71,
	CT_E_DNS		= 72,
	CT_E_PASSWORD		= 74,
	CT_E_LOCK_DIR		= 77,
	CT_E_IP_IN_USE		= 78,
	CT_E_SCRIPT		= 79,
	CT_E_COPY_CONF		= 82,
	CT_E_BAD_CONF		= 85,
	CT_E_DEVICES		= 86,
	CT_E_NO_TEMPLATE	= 91,
	CT_E_PLOOP		= 99,
	CT_E_DISABLED		= 105,
	CT_E_APPLY		= 109,
	CT_E_VETH		= 130,
	CT_E_NAME		= 131,
	CT_E_WAIT		= 133,
	CT_E_SAVE		= 139,
};

/**
 * struct ct_run - one run of the program
 * @b: what the functions of bctl need; they report into @said
 * @said: what one of them has said
 * @prog: as what the program was called
 * @verb: the command, NULL before it is known
 * @vz: exit with the statuses of vzctl, not with those of bctl
 * @quiet: --quiet
 * @progress: say how far it is, while something takes its time
 * @shutdown: what is stopped would run, would the machine not go down
 * @mounted: what is stopped stays mounted
 * @global: vz.conf
 * @etc: the directory of vz.conf
 */
struct ct_run {
	struct bctl b;
	char said[BC_SAID_MAX];
	const char *prog;
	const char *verb;
	bool vz;
	bool quiet;
	bool progress;
	bool shutdown;
	bool mounted;
	struct ct_conf global;
	char etc[PATH_MAX];
};

/**
 * struct ct - a container
 * @run: the run
 * @id: its number
 * @text: the same as text; also the name of its pool
 * @conf: its configuration, empty if it has none
 * @exists: it has one
 * @conf_path: where that is, or would be
 * @root: where it is mounted
 * @private: where its files are
 * @lock: descriptor of the lock, -1 if it is not held
 * @lock_path: the lock file
 * @step_path: the journal: what was begun and has not ended
 * @step: what stands there, empty if nothing was begun
 * @unsynced: the record that it runs is not on the disk yet
 */
struct ct {
	struct ct_run *run;
	uint32_t id;
	char text[12];
	struct ct_conf conf;
	bool exists;
	char conf_path[PATH_MAX];
	char root[PATH_MAX];
	char private[PATH_MAX];
	int lock;
	char lock_path[PATH_MAX];
	char step_path[PATH_MAX];
	struct ct_conf step;
	bool unsynced;
};

/* liblxc wants the root of a container to get there; the filter of system calls is in it. */
#define CT_LXC_DIR	"/run/bctl-ct"

#define CT_STEP_VERB	"STEP"

int ct_fail(const struct ct_run *run, int status, const char *object, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void ct_note(const struct ct_run *run, const char *object, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* place.c: where things are */
int ct_run_open(struct ct_run *run);
const char *ct_global(const struct ct_run *run, const char *key, const char *fallback);
int ct_path(char *out, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int ct_state_path(const struct ct *ct, const char *what, char *out);
int ct_make_dirs(const char *path, mode_t mode);
int ct_open(struct ct_run *run, const char *arg, struct ct *ct);
int ct_must_exist(const struct ct *ct);
int ct_places(struct ct *ct);
void ct_close(struct ct *ct);
int ct_name_link(const struct ct *ct, const char *name, char *out, size_t size);
int ct_name_owner(const struct ct_run *run, const char *name, uint32_t *id);

/* every.c */
int ct_every(const struct ct_run *run, uint32_t **ids, size_t *count);

/* step.c: the lock and the journal */
int ct_lock(struct ct *ct);
int ct_lock_busy(const struct ct *ct, pid_t *pid);
int ct_step_begin(struct ct *ct, const char *verb);
int ct_step_end(struct ct *ct);
const char *ct_step_verb(const struct ct *ct);

/* tree.c, unpack.c: files */
int ct_tree_remove(const char *path);
int ct_tree_remove_at(int dir, const char *name);
int ct_tree_clear_at(int dir);
int ct_unpack(const struct ct_run *run, const char *what, const char *archive, const char *dir);

/* range.c: whose ids are which */
int ct_ids_try(struct ct *ct, const struct ct_conf *conf);
int ct_ids_claim(struct ct *ct, int (*save)(struct ct *ct));
int ct_ids_own(struct ct *ct, struct ct_ids *ids);

/* idmap.c: mounts with them */
int ct_userns_open(const struct ct_ids *ids);
int ct_idmap_clone(struct ct *ct, const char *path, int *tree);
int ct_idmap_attach(struct ct *ct, int tree, const char *point);

/* root.c: the mount of the private area */
bool ct_mounted(const struct ct *ct);
int ct_mount(struct ct *ct);
int ct_umount(struct ct *ct);

/* pool.c: the account */
int ct_pool_start(struct ct *ct, bool *made);
int ct_pool_set(struct ct *ct, const struct ct_conf *conf, char * const *keys, size_t count);
int ct_pool_check(struct ct *ct, const struct ct_conf *conf);
int ct_pool_delete(struct ct *ct);

/* engine.c: liblxc */
bool ct_running(const struct ct *ct);
pid_t ct_init_pid(const struct ct *ct);
int ct_engine_start(struct ct *ct);
int ct_engine_stop(struct ct *ct, bool fast, int timeout_s);
int ct_engine_clear(struct ct *ct);
int ct_engine_enter(const struct ct *ct, const char *name);
int ct_engine_leave(void);
int ct_engine_run(struct ct *ct, char * const *argv, bool terminal, bool quiet);
int ct_engine_hostname(struct ct *ct, const char *name, char *old, size_t size);

struct lxc_container;
bool ct_lxc_item(struct ct *ct, struct lxc_container *c, const char *key, const char *value);

/* device.c: devices of the host in a container */
struct ct_rights;
bool ct_devices(struct ct *ct, struct lxc_container *c, struct ct_rights *rights,
		const struct ct_ids *ids);
void ct_devices_clear(struct ct *ct);

/* isolate.c: what a container must not reach */
bool ct_isolate(struct ct *ct, struct lxc_container *c);
void ct_isolate_limits(void);

/* engine_criu.c: criu, through liblxc */
bool ct_criu_main(int argc, char **argv, int *status);
int ct_engine_settle(struct ct *ct);
int ct_engine_dump(struct ct *ct, const char *dir);
int ct_engine_restore(struct ct *ct, const char *dir, const char *hierarchy, const char *cards);

/* engine_idle.c: without its init */
int ct_engine_idle(struct ct *ct);
int ct_engine_console(struct ct *ct, int *console);

/* freeze.c: a container that stands still */
int ct_freeze(struct ct *ct);
int ct_thaw(struct ct *ct);
bool ct_frozen(const struct ct *ct);

/* hierarchy.c: what criu does to the cgroups of the whole machine */
int ct_hierarchy_options(char *out, size_t size);
int ct_hierarchy_restore(const char *options);

/* dump.c: what was written to the disk of one */
int ct_dump_path(const struct ct *ct, const char *given, char *out);
int ct_dump_images(const char *path, char *out);
bool ct_dump_there(const char *path);
int ct_dump_check(struct ct *ct, const char *path, struct ct_conf *network);
int ct_dump_new(struct ct *ct, const char *path, char *tmp);
int ct_dump_commit(struct ct *ct, const char *tmp, const char *path);
int ct_dump_drop(const char *path);
bool ct_suspended(const struct ct *ct);
int ct_file_move(const char *from, const char *to);

/* live.c: what set does to a container that runs */
int ct_set_live(struct ct *ct, const struct ct_conf *conf, char * const *keys, size_t count);
bool ct_asked(char * const *keys, size_t count, const char *key);
bool ct_asked_net(char * const *keys, size_t count);

/* script.c: action scripts */
int ct_scripts_run(struct ct *ct, const char *stage);
int ct_scripts_inside(struct ct *ct, const char *stage);

/* inside.c: files in a container */
bool ct_dns_ok(const char *text, bool search);
int ct_inside_dns(struct ct *ct, const struct ct_conf *conf);
int ct_inside_hostname(struct ct *ct, const char *name);

/* recover.c */
int ct_recover(struct ct *ct);

/* begin.c: a container that is there */
int ct_do_mount(struct ct *ct);
int ct_start_undo(struct ct *ct);
int ct_end(struct ct *ct);
int ct_begin_check(struct ct *ct);
int ct_begin_steps(struct ct *ct, int (*engine)(struct ct *ct), bool *made);
bool ct_begin_undone(int status);
int ct_begin(struct ct *ct, const char *verb, int (*engine)(struct ct *ct));

/* cmd_*.c */
int ct_do_start(struct ct *ct, bool force);
int ct_do_stop(struct ct *ct, bool fast);
int ct_start_inner(struct ct *ct, bool *made);
int ct_stop_inner(struct ct *ct, bool fast);
int ct_stage_keys(struct ct *ct, const char *path);
int ct_suspend_inner(struct ct *ct, const char *path);
int ct_resume_inner(struct ct *ct, const char *path, bool *made);
int ct_make_name(struct ct *ct);
void ct_forget_name(struct ct *ct, const char *name);
int ct_create_recover(struct ct *ct);
int ct_destroy_finish(struct ct *ct);
int ct_set_finish(struct ct *ct);
int ct_idle_begin(struct ct *ct, const char *verb);
int ct_suspend_forget(struct ct *ct);
int ct_suspend_recover(struct ct *ct, const char **what);
int ct_resume_recover(struct ct *ct, const char **what);

int ct_cmd_create(struct ct *ct, int argc, char **argv);
int ct_cmd_destroy(struct ct *ct, int argc, char **argv);
int ct_cmd_start(struct ct *ct, int argc, char **argv);
int ct_cmd_stop(struct ct *ct, int argc, char **argv);
int ct_cmd_restart(struct ct *ct, int argc, char **argv);
int ct_cmd_runscript(struct ct *ct, int argc, char **argv);
int ct_cmd_console(struct ct *ct, int argc, char **argv);
int ct_cmd_suspend(struct ct *ct, int argc, char **argv);
int ct_cmd_resume(struct ct *ct, int argc, char **argv);
int ct_cmd_mount(struct ct *ct, int argc, char **argv);
int ct_cmd_umount(struct ct *ct, int argc, char **argv);
int ct_cmd_status(struct ct *ct, int argc, char **argv);
int ct_cmd_set(struct ct *ct, int argc, char **argv);
int ct_cmd_exec(struct ct *ct, int argc, char **argv);
int ct_cmd_exec2(struct ct *ct, int argc, char **argv);
int ct_cmd_enter(struct ct *ct, int argc, char **argv);
int ct_halted(struct ct *ct);
int ct_cmd_hook(struct ct *ct, int argc, char **argv);
int ct_cmd_netstat(struct ct_run *run, int argc, char **argv);
int ct_cmd_autostart(struct ct_run *run, int argc, char **argv);
int ct_cmd_shutdown(struct ct_run *run, int argc, char **argv);
int ct_cmd_validate(struct ct_run *run, int argc, char **argv);
int ct_report(struct ct_run *run, const struct ct_conf *conf, const char *name);
int ct_cmd_import_conf(struct ct *ct, int argc, char **argv);
int ct_cmd_node(struct ct_run *run, int argc, char **argv);
int ct_cmd_list(struct ct_run *run, int argc, char **argv);

#endif /* BCTL_CT_CT_H */
