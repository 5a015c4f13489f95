// SPDX-License-Identifier: GPL-2.0
/*
 * What a container must not reach, as items of liblxc
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ct.h"
#include "ids.h"

#define CT_SECCOMP	"/usr/share/lxc/config/common.seccomp"
#define CT_PROFILE	"lxc-container-default-cgns"

/* The same for every container. Lists that begin anew with an empty value have one. */
static const char * const ct_items[][2] = {
	{ "lxc.pty.max", "1024" },
	{ "lxc.tty.max", "4" },
	{ "lxc.mount.auto", "cgroup:mixed proc:mixed sys:mixed" },
	{ "lxc.seccomp.profile", CT_SECCOMP },
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
};

/* Capabilities that root of the host has, and that of a container without own ids has not. */
static const char ct_cap_drop[] = "mac_admin mac_override sys_time sys_module sys_rawio";

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
static bool ct_isolate_ids(struct ct *ct, struct lxc_container *c)
{
	const char *key, *why;
	struct ct_ids ids;
	char map[64];

	if (ct_ids_read(&ct->conf, &ids, &key, &why))
		return false;
	if (!ct_ids_mapped(&ids)) {
		ct_note(ct->run, ct->text,
			"LOCAL_UID=\"0\": no user namespace; its root is root of the host");
		return ct_lxc_item(ct, c, "lxc.tty.dir", "lxc") &&
		       ct_lxc_item(ct, c, "lxc.cap.drop", ct_cap_drop);
	}
	snprintf(map, sizeof(map), "u 0 %u %u", ids.uid, CT_IDS_COUNT);
	if (!ct_lxc_item(ct, c, "lxc.idmap", map))
		return false;
	snprintf(map, sizeof(map), "g 0 %u %u", ids.gid, CT_IDS_COUNT);
	return ct_lxc_item(ct, c, "lxc.idmap", map);
}

/**
 * ct_isolate() - describe the bounds of a container
 * @ct: the container, which has its ids
 * @c: liblxc's description of it
 *
 * Return: whether liblxc takes them all; if not it has been said why.
 */
bool ct_isolate(struct ct *ct, struct lxc_container *c)
{
	bool good = true;
	size_t i;

	for (i = 0; i < sizeof(ct_items) / sizeof(*ct_items) && good; i++)
		good = ct_lxc_item(ct, c, ct_items[i][0], ct_items[i][1]);
	return good && ct_isolate_ids(ct, c) && ct_isolate_apparmor(ct, c);
}
