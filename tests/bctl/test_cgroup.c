// SPDX-License-Identifier: GPL-2.0
/*
 * Directories: mountinfo, make and unmake, on plain directories
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup.h"
#include "tap.h"

static char dir[] = "/tmp/bctl-test-XXXXXX";

static void mountinfo(const char *text)
{
	FILE *f = fopen("mountinfo", "w");

	if (!f || fputs(text, f) < 0 || fclose(f))
		abort();
}

static void test_root(void)
{
	char path[PATH_MAX] = "", small[4];

	mountinfo("22 1 0:20 / /proc rw - proc proc rw\n"
		  "31 1 0:28 / /sys/fs/cgroup/memory rw shared:3 - cgroup cgroup rw,memory\n"
		  "40 1 0:41 / /sys/fs/cgroup/unified rw shared:4 master:2 - cgroup2 cgroup2 rw\n");
	ok(!bc_cgroup_root(path, sizeof(path)) && !strcmp(path, "/sys/fs/cgroup/unified"),
	   "hybrid_mount_is_found");
	mountinfo("40 1 0:41 / /sys/fs/cgroup rw - cgroup2 none rw\n");
	ok(!bc_cgroup_root(path, sizeof(path)) && !strcmp(path, "/sys/fs/cgroup"),
	   "mount_without_optional_fields_is_found");
	ok(bc_cgroup_root(small, sizeof(small)) == -ENAMETOOLONG, "long_mount_point_is_refused");
	mountinfo("40 1 0:41 /part /a rw - cgroup2 none rw\n"
		  "41 1 0:41 / /with\\040space\\134 rw - cgroup2 none rw\n");
	ok(!bc_cgroup_root(path, sizeof(path)) && !strcmp(path, "/with space\\"),
	   "bind_mount_of_a_part_is_skipped_and_escapes_are_read");
	mountinfo("22 1 0:20 / /cgroup2 rw - tmpfs cgroup2 rw\n\n- - -\n - cgroup2 \nx - cgroup2 x\n");
	ok(bc_cgroup_root(path, sizeof(path)) == -ENOENT, "no_mount_is_enoent");
	unlink("mountinfo");
	ok(bc_cgroup_root(path, sizeof(path)) == -ENOENT, "no_mountinfo_is_enoent");
}

static int exists(const char *path)
{
	struct stat st;

	return !stat(path, &st);
}

static void test_make(int root)
{
	struct bc_made made;
	char name[300];
	int fd;

	fd = bc_cgroup_make(root, "bc", "web", &made);
	ok(fd >= 0 && made.count == 2 && exists("bc/web"), "base_and_directory_are_made");
	close(fd);
	bc_cgroup_unmake(root, &made);
	ok(!exists("bc") && !made.count, "both_are_unmade");
	mkdir("bc", 0755);
	mkdir("bc/web", 0755);
	fd = bc_cgroup_make(root, "bc", "web", &made);
	ok(fd >= 0 && !made.count, "existing_directory_is_not_ours");
	close(fd);
	bc_cgroup_unmake(root, &made);
	ok(exists("bc/web"), "existing_directory_is_not_unmade");
	fd = bc_cgroup_make(root, "bc/web", "a", &made);
	ok(fd >= 0 && made.count == 1 && exists("bc/web/a"), "directory_below_the_parent");
	close(fd);
	ok(bc_cgroup_remove(root, "bc/web") == -EBUSY, "directory_in_use_stays");
	ok(!bc_cgroup_remove(root, "bc/web/a") && !bc_cgroup_remove(root, "bc/web/a"),
	   "removing_twice_is_no_error");
	ok(bc_cgroup_make(root, "no/such/base", "a", &made) == -ENOENT && !made.count,
	   "absent_base_is_enoent_after_bounded_tries");
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ok(bc_cgroup_remove(root, "bc/web") == 0 && rmdir("bc") == 0 &&
	   bc_cgroup_make(root, "bc", name, &made) == -ENAMETOOLONG && !exists("bc"),
	   "base_is_unmade_when_the_directory_fails");
	ok(bc_cgroup_is_ours("bc/web") && bc_cgroup_is_ours("bc/web/a") &&
	   !bc_cgroup_is_ours("bc") && !bc_cgroup_is_ours("bcx/web") && !bc_cgroup_is_ours(""),
	   "only_what_is_below_the_base_is_ours");
}

static void test_attach(int root)
{
	char text[32] = "";
	FILE *f;

	ok(bc_cgroup_attach(root, 1234) == -ENOENT, "attach_without_procs_is_enoent");
	close(open("cgroup.procs", O_CREAT | O_WRONLY, 0644));
	ok(!bc_cgroup_attach(root, 1234), "attach_writes");
	f = fopen("cgroup.procs", "r");
	ok(f && fgets(text, sizeof(text), f) && !strcmp(text, "1234\n"), "attach_writes_the_pid");
	fclose(f);
	unlink("cgroup.procs");
}

int main(void)
{
	int root;

	if (!mkdtemp(dir) || chdir(dir) || setenv("BCTL_FAKE_DIR", dir, 1))
		return 1;
	test_root();
	root = bc_cgroup_open(AT_FDCWD, "");
	ok(root >= 0, "empty_path_is_the_root_itself");
	test_make(root);
	test_attach(root);
	close(root);
	rmdir(dir);
	return tap_end();
}
