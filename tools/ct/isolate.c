// SPDX-License-Identifier: GPL-2.0
/*
 * What a container must not reach, as items of liblxc
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup.h"
#include "ct.h"
#include "ids.h"
#include "rights.h"

#define CT_PROFILE	"lxc-container-default-cgns"
/* It is a program of its own, which may be missing, or have died. */
#define CT_LXCFS	"/var/lib/lxcfs"
/* How many cgroups a container can make below its own: each is memory of the kernel. */
#define CT_CGROUPS	"1024"

/* The same for every container. */
static const char * const ct_items[][2] = {
	{ "lxc.pty.max", "1024" },
	{ "lxc.tty.max", "4" },
	{ "lxc.cgroup2.devices.deny", "a" },
	/* A node may be made, but not be used. */
	{ "lxc.cgroup2.devices.allow", "c *:* m" },
	{ "lxc.cgroup2.devices.allow", "b *:* m" },
	{ "lxc.cgroup2.devices.allow", "c 1:3 rwm" },		/* null */
	{ "lxc.cgroup2.devices.allow", "c 1:5 rwm" },		/* zero */
	{ "lxc.cgroup2.devices.allow", "c 1:7 rwm" },		/* full */
	{ "lxc.cgroup2.devices.allow", "c 1:8 rwm" },		/* random */
	{ "lxc.cgroup2.devices.allow", "c 1:9 rwm" },		/* urandom */
	{ "lxc.cgroup2.devices.allow", "c 5:0 rwm" },		/* tty */
	{ "lxc.cgroup2.devices.allow", "c 5:1 rwm" },		/* console */
	{ "lxc.cgroup2.devices.allow", "c 5:2 rwm" },		/* ptmx */
	{ "lxc.cgroup2.devices.allow", "c 136:* rwm" },		/* pts */
	/* What anybody may read, and tells of the host or of others. */
	{ "lxc.mount.entry", "/dev/null proc/kcore none bind,optional 0 0" },
	{ "lxc.mount.entry", "/dev/null proc/keys none bind,optional 0 0" },
	{ "lxc.mount.entry", "/dev/null proc/key-users none bind,optional 0 0" },
	{ "lxc.mount.entry", "/dev/null proc/kallsyms none bind,optional 0 0" },
	{ "lxc.mount.entry", "/dev/null proc/sched_debug none bind,optional 0 0" },
	{ "lxc.mount.entry", "/dev/null proc/timer_list none bind,optional 0 0" },
	{ "lxc.mount.entry",
	  "none sys/firmware tmpfs ro,nosuid,nodev,noexec,size=4k,optional 0 0" },
};

/* What those of who starts a container, or enters it, happen to be must not matter. */
static const struct {
	int what;
	struct rlimit limit;
} ct_limits[] = {
	{ RLIMIT_NOFILE, { 1024, 524288 } },
	{ RLIMIT_MEMLOCK, { 8 << 20, 8 << 20 } },
	{ RLIMIT_MSGQUEUE, { 819200, 819200 } },
	{ RLIMIT_RTPRIO, { 0, 0 } },
	{ RLIMIT_NICE, { 0, 0 } },
};

/* What root of the host can read, or write, which root of a container without ids of its own is. */
static const char * const ct_masks[] = {
	"proc/kmsg", "proc/kpagecgroup", "proc/kpagecount", "proc/kpageflags",
	"proc/latency_stats", "proc/pagetypeinfo", "proc/slabinfo", "proc/vmallocinfo",
	"proc/iomem", "proc/ioports", "proc/mtrr",
};

/* Likewise, with all that is below. */
static const char * const ct_dir_masks[] = { "proc/acpi", "proc/scsi", "proc/asound", "proc/bc" };

/* Files of lxcfs, which have what the container may use in the place of what there is. */
static const char * const ct_lxcfs[] = {
	"proc/cpuinfo", "proc/diskstats", "proc/loadavg", "proc/meminfo", "proc/slabinfo",
	"proc/stat", "proc/swaps", "proc/uptime", "sys/devices/system/cpu/online",
};

/*
 * System calls that no container makes: a kernel or a module of one's own, files by
 * handles, and what the kernel does not keep apart, as keys: their memory is bounded for
 * each user, of which a container has 65536, and charged to nobody.
 */
static const char ct_seccomp[] =
	"2\ndenylist\nreject_force_umount\n[all]\n"
	"kexec_load errno 1\nkexec_file_load errno 1\n"
	"init_module errno 1\nfinit_module errno 1\ndelete_module errno 1\n"
	"open_by_handle_at errno 1\nperf_event_open errno 1\nbpf errno 1\n"
	"add_key errno 38\nrequest_key errno 38\nkeyctl errno 38\n";

/*
 * What root of the host may besides, and so of a container without ids of its own: say by
 * FS_IOC_FSSETXATTR and FS_IOC_SETFLAGS, which has another number for programs of 32 bits,
 * to whose quota a file counts. The kernel looks at the lower half of the number alone.
 */
static const char ct_seccomp_host[] =
	"ioctl errno 1 [1,0x401c5820,SCMP_CMP_MASKED_EQ,0xffffffff]\n"
	"ioctl errno 1 [1,0x40086602,SCMP_CMP_MASKED_EQ,0xffffffff]\n"
	"ioctl errno 1 [1,0x40046602,SCMP_CMP_MASKED_EQ,0xffffffff]\n";

/* Is a profile of AppArmor loaded? */
static bool ct_has_profile(const char *name)
{
	FILE *f = fopen("/sys/kernel/security/apparmor/profiles", "re");
	char line[256];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = !strncmp(line, name, strlen(name)) && line[strlen(name)] == ' ';
	if (f)
		fclose(f);
	return found;
}

/* Where AppArmor is on without the profile that liblxc takes, no container starts at all. */
static bool ct_isolate_apparmor(struct ct *ct, struct lxc_container *c)
{
	char enabled = 'N';
	int fd = open("/sys/module/apparmor/parameters/enabled", O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && read(fd, &enabled, 1) != 1)
		enabled = 'N';
	if (fd >= 0)
		close(fd);
	if (enabled != 'Y' || ct_has_profile(CT_PROFILE))
		return true;
	ct_note(ct->run, ct->text, "AppArmor has no profile %s: it runs without one", CT_PROFILE);
	return ct_lxc_item(ct, c, "lxc.apparmor.profile", "unconfined");
}

/* A user namespace with the ids of the container. */
static bool ct_isolate_ids(struct ct *ct, struct lxc_container *c, const struct ct_ids *ids)
{
	char map[64];

	if (!ct_ids_mapped(ids)) {
		ct_note(ct->run, ct->text,
			"LOCAL_UID=\"0\": no user namespace; its root is root of the host");
		return ct_lxc_item(ct, c, "lxc.tty.dir", "lxc");
	}
	snprintf(map, sizeof(map), "u 0 %u %u", ids->uid, CT_IDS_COUNT);
	if (!ct_lxc_item(ct, c, "lxc.idmap", map))
		return false;
	snprintf(map, sizeof(map), "g 0 %u %u", ids->gid, CT_IDS_COUNT);
	return ct_lxc_item(ct, c, "lxc.idmap", map);
}

static bool ct_isolate_caps(struct ct *ct, struct lxc_container *c,
			    const struct ct_rights *rights, bool mapped)
{
	uint64_t caps = (ct_cap_default(mapped) | rights->on) & ~rights->off;
	char drop[512] = "";
	const char *name;
	unsigned int i;

	for (i = 0; (name = ct_cap_name(i)); i++)
		if (!(caps & 1ULL << i) && strlen(drop) + strlen(name) + 2 < sizeof(drop))
			strcat(strcat(drop, *drop ? " " : ""), name);
	if (!mapped && caps & 1ULL << CT_CAP_SYS_ADMIN)
		ct_note(ct->run, ct->text,
			"with sys_admin and without user namespace it is not contained");
	return ct_lxc_item(ct, c, "lxc.cap.drop", drop);
}

/* Is that what stands in a file? */
static bool ct_file_is(const char *path, const char *text, size_t len)
{
	char have[sizeof(ct_seccomp) + sizeof(ct_seccomp_host)];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, have, sizeof(have));

	if (fd >= 0)
		close(fd);
	return got == (ssize_t)len && !memcmp(have, text, len);
}

/* liblxc reads it at every start, and whenever somebody enters. */
static bool ct_isolate_seccomp(struct ct *ct, struct lxc_container *c, bool mapped)
{
	const char *path = mapped ? CT_LXC_DIR "/seccomp" : CT_LXC_DIR "/seccomp-host";
	char text[sizeof(ct_seccomp) + sizeof(ct_seccomp_host)], tmp[64];
	size_t len = snprintf(text, sizeof(text), "%s%s", ct_seccomp,
			      mapped ? "" : ct_seccomp_host);
	ssize_t put;
	int fd;

	if (ct_file_is(path, text, len))
		return ct_lxc_item(ct, c, "lxc.seccomp.profile", path);
	snprintf(tmp, sizeof(tmp), "%s.new", path);
	(void)unlink(tmp);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	put = fd < 0 ? -1 : write(fd, text, len);
	if (fd >= 0)
		close(fd);
	if (put == (ssize_t)len && !rename(tmp, path))
		return ct_lxc_item(ct, c, "lxc.seccomp.profile", path);
	/* Another start may have made it at the same time. */
	if (ct_file_is(path, text, len))
		return ct_lxc_item(ct, c, "lxc.seccomp.profile", path);
	ct_fail(ct->run, CT_E_SYSTEM, path, "%s", strerror(errno));
	return false;
}

static bool ct_isolate_mask(struct ct *ct, struct lxc_container *c)
{
	char entry[160];
	bool good = true;
	size_t i;

	for (i = 0; i < sizeof(ct_masks) / sizeof(*ct_masks) && good; i++) {
		snprintf(entry, sizeof(entry), "/dev/null %s none bind,optional 0 0", ct_masks[i]);
		good = ct_lxc_item(ct, c, "lxc.mount.entry", entry);
	}
	for (i = 0; i < sizeof(ct_dir_masks) / sizeof(*ct_dir_masks) && good; i++) {
		snprintf(entry, sizeof(entry),
			 "none %s tmpfs ro,nosuid,nodev,noexec,size=4k,optional 0 0",
			 ct_dir_masks[i]);
		good = ct_lxc_item(ct, c, "lxc.mount.entry", entry);
	}
	return good;
}

/* Where lxcfs runs, programs see the limits of the container as what there is. */
static bool ct_isolate_lxcfs(struct ct *ct, struct lxc_container *c, bool sysfs)
{
	char path[96], entry[192];
	struct stat st;
	bool good = true;
	size_t i;

	for (i = 0; i < sizeof(ct_lxcfs) / sizeof(*ct_lxcfs) && good; i++) {
		snprintf(path, sizeof(path), "%s/%s", CT_LXCFS, ct_lxcfs[i]);
		/* It also fails when the program has died. */
		if (stat(path, &st) || (!sysfs && !strncmp(ct_lxcfs[i], "sys/", 4)))
			continue;
		snprintf(entry, sizeof(entry), "%s %s none bind,optional 0 0", path, ct_lxcfs[i]);
		good = ct_lxc_item(ct, c, "lxc.mount.entry", entry);
	}
	return good;
}

/* On the cgroup of the pool, which the container does not see, let alone own. */
static bool ct_isolate_cgroups(struct ct *ct)
{
	char path[96];
	int root = bc_cgroup_open_root(), fd;
	bool good;

	snprintf(path, sizeof(path), "%s/%s/cgroup.max.descendants", BC_CGROUP_BASE, ct->text);
	fd = root < 0 ? -1 : openat(root, path, O_WRONLY | O_CLOEXEC);
	good = fd >= 0 && write(fd, CT_CGROUPS, strlen(CT_CGROUPS)) > 0;
	if (!good)
		ct_fail(ct->run, CT_E_SYSTEM, path, "%s", strerror(errno));
	if (fd >= 0)
		close(fd);
	if (root >= 0)
		close(root);
	return good;
}

/**
 * ct_isolate_limits() - have the limits that processes of a container begin with
 *
 * Best effort: who is not allowed to raise them has lower ones.
 */
void ct_isolate_limits(void)
{
	size_t i;

	for (i = 0; i < sizeof(ct_limits) / sizeof(*ct_limits); i++)
		(void)setrlimit(ct_limits[i].what, &ct_limits[i].limit);
}

static bool ct_isolate_items(struct ct *ct, struct lxc_container *c)
{
	bool good = true;
	size_t i;

	for (i = 0; i < sizeof(ct_items) / sizeof(*ct_items) && good; i++)
		good = ct_lxc_item(ct, c, ct_items[i][0], ct_items[i][1]);
	return good;
}

/**
 * ct_isolate() - describe the bounds of a container
 * @ct: the container, which has its ids and its pool
 * @c: liblxc's description of it
 *
 * Return: whether liblxc takes them all; if not it has been said why.
 */
bool ct_isolate(struct ct *ct, struct lxc_container *c)
{
	struct ct_rights rights;
	struct ct_wrong wrong;
	const char *key, *why;
	struct ct_ids ids;
	bool mapped;

	/* Both have been read before. */
	if (ct_ids_read(&ct->conf, &ids, &key, &why) ||
	    ct_rights_read(&ct->conf, &rights, &wrong))
		return false;
	mapped = ct_ids_mapped(&ids);
	if (*rights.ignored)
		ct_note(ct->run, ct->text, "CAPABILITY: this kernel does not have%s",
			rights.ignored);
	return ct_lxc_item(ct, c, "lxc.mount.auto",
			   rights.no_sysfs ? "cgroup:mixed proc:mixed" :
			   "cgroup:mixed proc:mixed sys:mixed") &&
	       ct_isolate_items(ct, c) && ct_isolate_ids(ct, c, &ids) &&
	       ct_isolate_caps(ct, c, &rights, mapped) && ct_isolate_seccomp(ct, c, mapped) &&
	       (mapped || ct_isolate_mask(ct, c)) && ct_isolate_lxcfs(ct, c, !rights.no_sysfs) &&
	       ct_devices(ct, c, &rights, &ids) && ct_isolate_cgroups(ct) &&
	       ct_isolate_apparmor(ct, c);
}
