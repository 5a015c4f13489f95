// SPDX-License-Identifier: GPL-2.0
/*
 * criu: by itself for a dump, through liblxc for a restore
 *
 * A restore needs liblxc, which becomes the monitor of what was restored, so that everything
 * else goes on to work as after a start. What it does not do, this program does in the place
 * of criu: liblxc finds it under that name, in a directory that is the first of PATH, and it
 * becomes the real criu then. It
 *
 *	goes back into the cgroup of the start, which liblxc has left, so that it is found
 *	when who asked for it was killed;
 *
 *	gives criu a new console in the place of that of the container, which was a terminal
 *	of the monitor that is no more;
 *
 *	is criu's action script: the last thing before restored tasks run is that their
 *	cgroup is frozen. They begin to run when whoever asked for that thaws it, and not
 *	before their devices are bounded, which liblxc forgets at a restore.
 *
 * A dump needs it not, and liblxc could not make one of what it has restored.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/bpf.h>

#include "cgroup.h"
#include "console.h"
#include "ct.h"
#include "dump_args.h"
#include "engine.h"
#include "net.h"

#define CT_CRIU		"criu"
#define CT_CRIU_DIR	CT_LXC_DIR "/bin"
#define CT_CRIU_LINK	CT_CRIU_DIR "/" CT_CRIU
/* Where it and what it runs are: ip, tar, iptables-save and others. */
#define CT_CRIU_PATH	"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
/* What the program is told that is called in the place of criu. */
#define CT_CRIU_START	"BCTL_CT_CRIU_START"
#define CT_CRIU_FREEZE	"BCTL_CT_CRIU_FREEZE"
#define CT_CRIU_SELF	"BCTL_CT_CRIU_SELF"
#define CT_CRIU_CONSOLE	"BCTL_CT_CRIU_CONSOLE"
#define CT_CRIU_NET	"BCTL_CT_CRIU_NET"
#define CT_CRIU_CARDS	"BCTL_CT_CRIU_CARDS"
#define CT_CRIU_OPTIONS	"BCTL_CT_CRIU_OPTIONS"
#define CT_CRIU_ACTION	"CRTOOLS_SCRIPT_ACTION"
/* One that there is not. */
#define CT_NO_DEVICE	"c 4095:0 rwm"
/* How long a dump may take of which nobody knows how far it is. */
#define CT_DUMP_S	600

/**
 * ct_lxc_dumpable() - configure a container so that criu can dump it
 * @ct: the container
 * @c: what liblxc makes of it
 *
 * The terminals that liblxc makes besides the console have their other ends in the
 * monitor, where criu cannot follow. In a directory of its own the console would be
 * mounted twice.
 *
 * Return: whether liblxc took that.
 */
bool ct_lxc_dumpable(struct ct *ct, struct lxc_container *c)
{
	return ct_lxc_item(ct, c, "lxc.tty.max", "0") && ct_lxc_item(ct, c, "lxc.tty.dir", "");
}

/*
 * A directory with this program under the name of criu. It is the same for all containers,
 * so the name is never missing: another one may be looking for it.
 */
static int ct_criu_dir(const struct ct *ct, char *self)
{
	char tmp[64], now[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, PATH_MAX - 1);
	ssize_t have = readlink(CT_CRIU_LINK, now, sizeof(now));

	if (len < 0)
		return -errno;
	self[len] = '\0';
	if (have == len && !memcmp(now, self, len))
		return 0;
	if (mkdir(CT_CRIU_DIR, 0700) && errno != EEXIST)
		return -errno;
	/* There is one command at a time for a container. */
	snprintf(tmp, sizeof(tmp), CT_CRIU_DIR "/%s", ct->text);
	(void)unlink(tmp);
	return symlink(self, tmp) || rename(tmp, CT_CRIU_LINK) ? -errno : 0;
}

static int ct_criu_environment(const struct ct *ct, const char *images, const char *cards)
{
	char self[PATH_MAX], path[PATH_MAX], start[64], freeze[64], console[PATH_MAX];
	int ret = ct_criu_dir(ct, self);

	if (ret)
		return ret;
	snprintf(start, sizeof(start), "%s/%s/start", CT_MONITORS, ct->text);
	snprintf(freeze, sizeof(freeze), "%s/%s/ct", BC_CGROUP_BASE, ct->text);
	if (ct_path(path, sizeof(path), CT_CRIU_DIR ":%s", getenv("PATH")) ||
	    setenv("PATH", path, 1) ||
	    setenv(CT_CRIU_START, start, 1) || setenv(CT_CRIU_SELF, self, 1) ||
	    ct_path(console, sizeof(console), "%s/%s", images, CT_CONSOLE_FILE) ||
	    setenv(CT_CRIU_FREEZE, freeze, 1) || setenv(CT_CRIU_CONSOLE, console, 1) ||
	    setenv(CT_CRIU_NET, ct->text, 1) || setenv(CT_CRIU_CARDS, cards, 1))
		return -ENOMEM;
	return 0;
}

/*
 * The machine's side of the network, which is not in the dump: made when the namespaces are
 * there, with what keeps connections from being reset, and before there is a socket.
 */
static int ct_criu_net(const char *ct)
{
	const char *self = getenv(CT_CRIU_SELF), *init = getenv("CRTOOLS_INIT_PID");

	if (!*getenv(CT_CRIU_CARDS))
		return 0;
	/* This program is itself again then, and not what criu calls. */
	if (!ct || !self || !init || setenv("LXC_PID", init, 1) || unsetenv(CT_CRIU_START))
		return 1;
	execl(self, "bctl-ct", "hook", ct, "back", NULL);
	return 1;
}

/* What is called by criu. */
static int ct_criu_action(const char *action)
{
	const char *freeze = getenv(CT_CRIU_FREEZE), *options = getenv(CT_CRIU_OPTIONS);
	int root, ret;

	if (!strcmp(action, "post-setup-namespaces"))
		return ct_criu_net(getenv(CT_CRIU_NET));
	if (strcmp(action, "pre-resume") || !freeze)
		return 0;
	root = bc_cgroup_open_root();
	ret = root < 0 ? root : ct_cgroup_write(root, freeze, "cgroup.freeze", "1");
	if (!ret && options)
		ret = ct_hierarchy_restore(options);
	if (ret)
		fprintf(stderr, "cannot freeze the cgroup %s: %s\n", freeze, strerror(-ret));
	return ret ? 1 : 0;
}

/* Take back what liblxc has to say about a console that it does not have. */
static int ct_criu_drop_console(int argc, char **argv)
{
	int i, kept = 0;

	for (i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "--ext-mount-map") && i + 1 < argc &&
		    !strcmp(argv[i + 1], "console:"))
			i++;
		else
			argv[kept++] = argv[i];
	}
	return kept;
}

/* Which card of the machine becomes which of the container. */
static int ct_criu_cards(char **argv, char *words)
{
	char *word, *rest = NULL;
	int count = 0;

	for (word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		argv[count++] = "--external";
		argv[count++] = word;
	}
	return count;
}

/* With a new console in the place of the one that is in the images. */
static int ct_criu_run(int root, const char *start, int argc, char **argv)
{
	const char *known = getenv(CT_CRIU_CONSOLE);
	char map[64], inherit[128], keep[80], **more;
	struct ct_console console;
	int i;

	more = calloc(argc + 5 + 2 * (CT_NIC_MAX + 1), sizeof(*more));
	if (!more)
		return 1;
	memcpy(more, argv, argc * sizeof(*more));
	argc = ct_criu_drop_console(argc, more);
	argc += ct_criu_cards(more + argc, getenv(CT_CRIU_CARDS));
	if (known && ct_console_load(known, &console)) {
		snprintf(keep, sizeof(keep), "%s/../console", start);
		if (ct_console_keep(&console, root, keep))
			return 1;
		snprintf(inherit, sizeof(inherit), "fd[%d]:%s", console.fd, console.tty);
		snprintf(map, sizeof(map), "console:%s", console.name);
		i = argc;
		more[i++] = "--inherit-fd";
		more[i++] = inherit;
		more[i++] = "--ext-mount-map";
		more[i++] = map;
	}
	execvp(CT_CRIU, more);
	fprintf(stderr, "%s: %s\n", CT_CRIU, strerror(errno));
	return 127;
}

/* What is called by liblxc: become criu. */
static int ct_criu_become(const char *start, int argc, char **argv)
{
	int root = bc_cgroup_open_root(), ret;

	ret = root < 0 ? root : ct_cgroup_write(root, start, "cgroup.procs", "0");
	if (ret) {
		fprintf(stderr, "cannot enter the cgroup %s: %s\n", start, strerror(-ret));
		return 1;
	}
	if (fcntl(root, F_SETFD, FD_CLOEXEC) || setenv("PATH", CT_CRIU_PATH, 1))
		return 1;
	return ct_criu_run(root, start, argc, argv);
}

/**
 * ct_criu_main() - what this program does when it is called in the place of criu, or by it
 * @argc: number of arguments
 * @argv: the arguments
 * @status: receives the exit status
 *
 * Return: whether that is so.
 */
bool ct_criu_main(int argc, char **argv, int *status)
{
	const char *start = getenv(CT_CRIU_START), *action = getenv(CT_CRIU_ACTION);

	if (!start)
		return false;
	if (action)
		*status = ct_criu_action(action);
	else if (!strcmp(basename(argv[0]), CT_CRIU))
		*status = ct_criu_become(start, argc, argv);
	else
		return false;
	return true;
}

/* What is done, where the images are, the options of the hierarchy, and the cards. */
struct ct_criu {
	bool restore;
	const char *dir;
	const char *hierarchy;
	const char *cards;
};

static bool ct_act_restore(struct ct *ct, struct lxc_container *c, void *data)
{
	const struct ct_criu *criu = data;
	struct migrate_opts opts = {
		.directory = (char *)criu->dir, .verbose = true, .preserves_inodes = true,
	};
	int ret = ct_criu_environment(ct, criu->dir, criu->cards);

	if (!ret && setenv(CT_CRIU_OPTIONS, criu->hierarchy, 1))
		ret = -errno;

	if (ret) {
		ct_fail(ct->run, CT_E_SYSTEM, ct->text, "%s", strerror(-ret));
		return false;
	}
	/* The monitor keeps what it is given. */
	ct_std_null();
	opts.action_script = getenv(CT_CRIU_SELF);
	return !c->migrate(c, MIGRATE_RESTORE, &opts, sizeof(opts));
}

static bool ct_act_dump(struct ct *ct, struct lxc_container *c, void *data)
{
	const struct ct_criu *criu = data;
	struct ct_console console = { .tty = "" };
	struct ct_args args = { .count = 0 };
	pid_t pid;
	int ret;

	ret = ct_console_save(ct_init_pid(ct), criu->dir, &console);
	if (!ret)
		ret = ct_dump_args(ct, c, criu->dir, &console, &args);
	if (ret) {
		ct_args_clear(&args);
		ct_fail(ct->run, CT_E_SYSTEM, ct->text, "%s", strerror(-ret));
		return false;
	}
	pid = fork();
	if (!pid) {
		ct_std_null();
		umask(022);
		if (!setenv("PATH", CT_CRIU_PATH, 1))
			execvp(CT_CRIU, args.v);
		_exit(127);
	}
	ret = pid < 0 ? -errno : ct_reap(pid);
	ct_args_clear(&args);
	if (ret == 127)
		ct_fail(ct->run, CT_E_SUSPEND, ct->text, "criu is not there");
	return !ret;
}

/*
 * The first line of criu's log that says what is wrong; that it cannot make a tun device,
 * which it tries each time, is nothing. The log stays, as the directory will not.
 */
static void ct_criu_reason(const struct ct *ct, const struct ct_criu *criu)
{
	char path[PATH_MAX], kept[PATH_MAX], line[512];
	bool found = false;
	FILE *f;

	if (ct_path(path, sizeof(path), "%s/%s.log", criu->dir,
		    criu->restore ? "restore" : "dump") ||
	    ct_path(kept, sizeof(kept), "%s/%s.criu.log", ct_state_dir(ct), ct->text) ||
	    ct_file_move(path, kept))
		return;
	f = fopen(kept, "re");
	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, "Error (") && !strstr(line, "criu/tun.c");
	ct_note(ct->run, ct->text, "criu's log is in %s: %.*s", kept,
		found ? (int)strcspn(line, "\n") : 0, line);
	if (f)
		fclose(f);
}

static int ct_engine_criu(struct ct *ct, const char *dir, bool restore, const char *hierarchy,
			  const char *cards)
{
	char images[PATH_MAX];
	struct ct_criu criu = { restore, images, hierarchy, cards };
	int status = ct_dump_images(dir, images) ? CT_E_SYSTEM : CT_OK;

	if (status)
		return status;
	status = ct_engine_apart(ct, restore ? ct_act_restore : ct_act_dump, &criu);
	if (status)
		ct_criu_reason(ct, &criu);
	return status;
}

/**
 * ct_engine_settle() - wait for the end of a dump that nobody waits for any more
 * @ct: the container
 *
 * criu is not killed in the middle of it: its tasks have code of criu's in them then, and
 * are in its hands.
 *
 * Return: CT_OK or CT_E_SUSPEND.
 */
int ct_engine_settle(struct ct *ct)
{
	time_t end = ct_clock() + CT_DUMP_S;
	int root = bc_cgroup_open_root();
	char dir[64];

	/* Without cgroups there is nothing that could run. */
	if (root < 0)
		return CT_OK;
	snprintf(dir, sizeof(dir), "%s/%s/start", CT_MONITORS, ct->text);
	while (unlinkat(root, dir, AT_REMOVEDIR) && errno == EBUSY && ct_clock() < end)
		ct_nap(CT_NAP_MAX);
	close(root);
	return ct_clock() < end ? CT_OK :
	       ct_fail(ct->run, CT_E_SUSPEND, ct->text, "criu does not come to an end");
}

/**
 * ct_engine_dump() - write what runs in a container to the disk
 * @ct: the container, which is frozen, and stays so
 * @dir: a directory of a dump for that
 *
 * Return: CT_OK or CT_E_SUSPEND.
 */
int ct_engine_dump(struct ct *ct, const char *dir)
{
	return ct_engine_criu(ct, dir, false, NULL, NULL) ? CT_E_SUSPEND : CT_OK;
}

/* Is there a program that says which devices the container may use? */
static bool ct_devices_bounded(const struct ct *ct)
{
	union bpf_attr attr = { 0 };
	int root = bc_cgroup_open_root(), dir;
	char path[64];
	bool bounded;

	snprintf(path, sizeof(path), "%s/%s/ct", BC_CGROUP_BASE, ct->text);
	dir = root < 0 ? -1 : openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	attr.query.target_fd = dir;
	attr.query.attach_type = BPF_CGROUP_DEVICE;
	bounded = dir >= 0 && !syscall(__NR_bpf, BPF_PROG_QUERY, &attr, sizeof(attr)) &&
		  attr.query.prog_cnt;
	if (dir >= 0)
		close(dir);
	if (root >= 0)
		close(root);
	return bounded;
}

/*
 * The monitor of a restored container knows its rules of devices, and has not applied them.
 * It applies all of them when there is one more.
 */
static int ct_restore_devices(struct ct *ct)
{
	struct lxc_container *c = ct_lxc(ct);
	bool good = c && c->set_cgroup_item(c, "devices.deny", CT_NO_DEVICE);

	if (c)
		lxc_container_put(c);
	if (good && ct_devices_bounded(ct))
		return CT_OK;
	return ct_fail(ct->run, CT_E_RESUME, ct->text, "its devices cannot be bounded");
}

/**
 * ct_engine_restore() - have there what runs in a container from what was dumped
 * @ct: the container, which is mounted and has its pool
 * @dir: where the dump is
 * @hierarchy: the options of the cgroup hierarchy, which are put back before
 *	anything of it runs
 * @cards: which cards of the machine become which of the container, from ct_net_premake()
 *
 * Return: CT_OK, and it is frozen, or CT_E_RESUME; some of it may be there then.
 */
int ct_engine_restore(struct ct *ct, const char *dir, const char *hierarchy, const char *cards)
{
	return ct_engine_criu(ct, dir, true, hierarchy, cards) ? CT_E_RESUME :
	       ct_restore_devices(ct);
}
