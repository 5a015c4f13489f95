// SPDX-License-Identifier: GPL-2.0
/*
 * template build
 *
 * A template of Debian is what mmdebstrap makes, from the archives that apt on this host is
 * set up for or from --mirror; the signatures are checked by apt as ever. What belongs to
 * one machine alone is taken out: names, identities, keys.
 *
 * SOURCE_DATE_EPOCH in the environment goes through to mmdebstrap, whose archive is then
 * the same from the same packages.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "spawn.h"
#include "template.h"
#include "unpack.h"

#define CT_INCLUDE_MAX	2048
/* What a container that is started by systemd needs beyond the essential packages. */
#define CT_DEBIAN_PACKAGES	"systemd-sysv,dbus,iproute2,iputils-ping,procps,netbase"

/**
 * struct ct_build - what is to be built
 * @what: debian-N or minimal
 * @name: --name
 * @mirror: --mirror
 * @include: --include
 * @replace: --replace
 * @tmpl: the template that it becomes
 * @tmp: the archive meanwhile
 * @scratch: where mmdebstrap works
 */
struct ct_build {
	const char *what;
	const char *name;
	const char *mirror;
	const char *include;
	bool replace;
	struct ct_tmpl tmpl;
	char tmp[PATH_MAX];
	char scratch[PATH_MAX];
};

static const struct { const char *name, *suite; } ct_suites[] = {
	{ "debian-11", "bullseye" }, { "debian-12", "bookworm" }, { "debian-13", "trixie" },
	{ NULL, NULL },
};

static const char *ct_suite(const char *name)
{
	size_t i;

	for (i = 0; ct_suites[i].name; i++)
		if (!strcmp(ct_suites[i].name, name))
			return ct_suites[i].suite;
	return NULL;
}

/*
 * Run by mmdebstrap with the root of the container as $1. A container has no hardware to
 * wait for and no mounts to change; a unit that fails there would only hide those that
 * matter. Keys of the SSH server are made by each container for itself.
 */
static const char ct_hook[] =
	"#!/bin/sh\nset -e; cd \"$1\"\n"
	"rm -f etc/hostname etc/resolv.conf etc/ssh/ssh_host_* var/lib/dbus/machine-id\n"
	": > etc/machine-id; : > etc/fstab\n"
	"printf '127.0.0.1 localhost\\n::1 localhost ip6-localhost\\n' > etc/hosts\n"
	"rm -rf var/cache/apt/*.bin var/cache/apt/archives/*.deb var/lib/apt/lists/* tmp/*\n"
	"mkdir -p var/lib/apt/lists/partial\n"
	"find var/log -type f -delete\n"
	"if [ -d lib/systemd/system ]; then\n"
	"  mkdir -p etc/systemd/system\n"
	"  for unit in systemd-udevd.service systemd-udevd-kernel.socket systemd-udevd-control.socket"
	" systemd-udev-trigger.service systemd-modules-load.service systemd-remount-fs.service"
	" sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount"
	" sys-fs-fuse-connections.mount dev-hugepages.mount dev-mqueue.mount"
	" systemd-firstboot.service getty.target; do\n"
	"    ln -sf /dev/null \"etc/systemd/system/$unit\"\n"
	"  done\n"
	"  ln -sf /lib/systemd/system/multi-user.target etc/systemd/system/default.target\n"
	"fi\n"
	"if [ -e lib/systemd/system/ssh.service ]; then\n"
	"  mkdir -p etc/systemd/system/ssh.service.d\n"
	"  printf '[Service]\\nExecStartPre=\\nExecStartPre=/usr/bin/ssh-keygen -A\\n"
	"ExecStartPre=/usr/sbin/sshd -t\\n' > etc/systemd/system/ssh.service.d/keys.conf\n"
	"fi\n";

/*
 * The archives of a suite that apt uses here, as a file for mmdebstrap. Without any it takes
 * Debian's own.
 */
static int ct_build_sources(struct ct_build *build, const char *suite, char *path)
{
	static char * const argv[] = {
		"apt-get", "indextargets", "--format", "deb $(REPO_URI) $(RELEASE) $(COMPONENT)",
		"Identifier: Packages", "Origin: Debian", NULL
	};
	char *line = NULL, word[64], seen[16][512];
	size_t room = 0, count = 0, i;
	int from, ret;
	FILE *in, *out;
	pid_t pid = ct_run_piped(argv, &from);

	ret = ct_path(path, PATH_MAX, "%s/sources.list", build->scratch);
	in = pid < 0 ? NULL : fdopen(from, "r");
	out = ret ? NULL : fopen(path, "we");
	snprintf(word, sizeof(word), " %s", suite);
	while (in && out && getline(&line, &room, in) > 0) {
		for (i = 0; i < count && strcmp(seen[i], line); i++)
			;
		if (i < count || count == 16 || strlen(line) >= sizeof(seen[0]) ||
		    !strstr(line, word) || strchr(line, '\'') || strstr(line, "-backports"))
			continue;
		strcpy(seen[count++], line);
		fputs(line, out);
	}
	free(line);
	if (in)
		fclose(in);
	if (pid > 0)
		(void)ct_wait(pid);
	if (out && fclose(out))
		ret = -EIO;
	if (ret || !out)
		return ct_fail(build->tmpl.run, CT_E_SYSTEM, path, "%s",
			       strerror(ret ? -ret : errno));
	if (!count)
		*path = '\0';
	return CT_OK;
}

static int ct_build_hook(struct ct_build *build, char *option, size_t size)
{
	char path[PATH_MAX];
	int fd = -1, ret = ct_path(path, sizeof(path), "%s/hook", build->scratch);

	if (!ret)
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	if (!ret && (fd < 0 || write(fd, ct_hook, sizeof(ct_hook) - 1) != sizeof(ct_hook) - 1))
		ret = -errno;
	if (fd >= 0)
		close(fd);
	if (!ret)
		ret = ct_path(option, size, "--customize-hook=%s", path);
	return ret ? ct_fail(build->tmpl.run, CT_E_SYSTEM, path, "%s", strerror(-ret)) : CT_OK;
}

static int ct_build_debian(struct ct_build *build, const char *suite)
{
	char include[CT_INCLUDE_MAX], hook[PATH_MAX + 32], sources[PATH_MAX];
	struct ct_run *run = build->tmpl.run;
	char *argv[16] = {
		"mmdebstrap", "--mode=root", "--variant=minbase", "--format=tar",
		"--aptopt=Acquire::Retries \"3\"", "--dpkgopt=path-exclude=/usr/share/man/*",
		"--dpkgopt=path-exclude=/usr/share/doc/*",
		"--dpkgopt=path-include=/usr/share/doc/*/copyright",
		include, hook, run->progress ? "--verbose" : "--quiet", (char *)suite, "-", NULL
	};
	int from, status;
	pid_t pid;

	if (ct_path(include, sizeof(include), "--include=%s%s%s", CT_DEBIAN_PACKAGES,
		    build->include ? "," : "", build->include ? build->include : ""))
		return ct_fail(run, CT_E_VALUE, NULL, "--include is too long");
	status = ct_build_hook(build, hook, sizeof(hook));
	if (!status && !build->mirror)
		status = ct_build_sources(build, suite, sources);
	if (status)
		return status;
	if (build->mirror)
		argv[13] = (char *)build->mirror;
	else if (*sources)
		argv[13] = sources;
	/* What it leaves when it is killed is there as well, and goes with the rest. */
	setenv("TMPDIR", build->scratch, 1);
	pid = ct_run_piped(argv, &from);
	if (pid < 0)
		return ct_fail(run, CT_E_RESOURCES, NULL, "%s", strerror(errno));
	status = ct_pack_stream(run, build->tmp, from);
	close(from);
	if (ct_wait(pid) && !status) {
		(void)unlink(build->tmp);
		status = ct_fail(run, CT_E_SYSTEM, build->what, "mmdebstrap has failed");
	}
	return status;
}

static int ct_build(struct ct_run *run, struct ct_build *build)
{
	const char *suite = ct_suite(build->what);
	char source[CT_INCLUDE_MAX + 128];
	int status;

	if (!suite && strcmp(build->what, "minimal"))
		return ct_fail(run, CT_E_VALUE, NULL,
			       "'%.64s' cannot be built: debian-11, debian-12, debian-13, minimal can",
			       build->what);
	status = ct_tmpl_base(run, build->name ? build->name : build->what, &build->tmpl);
	/* Building takes minutes, in which the template that is there can be used. */
	if (!status && ct_tmpl_find(&build->tmpl) && !build->replace)
		status = ct_fail(run, CT_E_EXISTS, build->tmpl.name,
				 "there is such a template; --replace builds it anew");
	if (!status)
		status = ct_tmpl_work(&build->tmpl);
	if (!status)
		status = ct_tmpl_begin(&build->tmpl, build->tmp, build->scratch, 0711);
	if (status)
		return status;
	status = suite ? ct_build_debian(build, suite) :
		 ct_build_minimal(run, build->what, build->tmp);
	snprintf(source, sizeof(source), "%s%s%s%s%s", suite ? "mmdebstrap " : "busybox",
		 suite ? suite : "", build->mirror ? " from " : "",
		 build->mirror ? build->mirror : "", build->include ? " with " : "");
	if (build->include)
		strncat(source, build->include, sizeof(source) - strlen(source) - 1);
	if (!status)
		status = ct_tmpl_place(&build->tmpl, build->tmp, source, build->replace);
	(void)ct_tree_remove(build->scratch);
	return status;
}

/**
 * ct_tmpl_build() - template build
 * @run: the run
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: an exit status of vzctl.
 */
int ct_tmpl_build(struct ct_run *run, int argc, char **argv)
{
	struct ct_build build = { .tmpl = { .lock = -1, .work = -1 } };
	const struct bc_opt opts[] = {
		{ "name", 0, NULL, &build.name }, { "mirror", 0, NULL, &build.mirror },
		{ "include", 0, NULL, &build.include }, { "replace", 0, &build.replace, NULL },
		{ "progress", 0, &run->progress, NULL }, BC_OPT_END
	};
	int status = bctl_args(&run->b, &argc, argv, opts);

	if (status >= 0)
		return status ? ct_fail(run, CT_E_SYNTAX, NULL, "%s", run->said) : CT_OK;
	if (argc != 1)
		return ct_fail(run, CT_E_FEW, NULL,
			       "build: one of debian-11, debian-12, debian-13, minimal");
	build.what = argv[0];
	status = ct_build(run, &build);
	if (!status)
		ct_note(run, build.tmpl.name, "the template was built");
	ct_tmpl_close(&build.tmpl);
	return status;
}
