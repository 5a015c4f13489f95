// SPDX-License-Identifier: GPL-2.0
/*
 * Who maps which page: /proc/PID/pagemap of every process
 *
 * Only what maps says is mapped is looked up, in large reads. The kernel takes
 * the lock of an address space for 2 MiB of it at a time, so nobody waits for
 * long, however large a read is. An address space is read once for a thread group;
 * processes that share one without being threads (vfork) are read one by one,
 * which changes nothing because they add the same pages to the same pool.
 *
 * Nothing is stopped meanwhile. A process that ends is kept as far as it was
 * read. What is wrong then is at most what was mapped, unmapped or moved to
 * another frame during the walk. A frame that went from one pool to another
 * during the walk is counted for both, half each; it never counts twice.
 *
 * What pagemap says of an entry that is present:
 *
 *	FILE	EXCL
 *	1	-	a page of a file or of shmem. In an anonymous mapping it
 *			may be the huge zero page as well
 *	0	1	an anonymous page that is mapped once
 *	0	0	an anonymous page that is mapped more often, or none: the
 *			zero page, or a frame of VM_PFNMAP (device, [vvar]).
 *			kpageflags tells them apart
 *
 * This is what the kernel itself calls a normal page and counts in smaps. Pages
 * of hugetlb, which smaps keeps apart, are pages here.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/kernel-page-flags.h>

#include "pagewalk.h"
#include "print.h"
#include "sys.h"

/* Documentation/admin-guide/mm/pagemap.rst */
#define BC_PM_PFN	((1ULL << 55) - 1)
#define BC_PM_EXCL	(1ULL << 56)
#define BC_PM_FILE	(1ULL << 61)
#define BC_PM_PRESENT	(1ULL << 63)

/* Number of the cgroup namespace that the machine booted with. */
#define BC_CGROUP_NS	"cgroup:[4026531835]"

/* Adjacent mappings of one kind, to be read at one go. */
struct bc_range {
	uint64_t start;
	uint64_t end;
	bool anon;
};

/* One process, or another thread of it when the first has ended. */
struct bc_space {
	int dir;
	int pagemap;
	uint32_t pool;
};

/* Remember what an error is about; returns the error. */
static int bc_blame(struct bc_pagewalk *w, int ret, const char *pid, const char *file)
{
	snprintf(w->blamed, sizeof(w->blamed), "%s%s%.16s%s%s", bc_sys_proc(),
		 *pid ? "/" : "", pid, *file ? "/" : "", file);
	return ret;
}

/* Errors that mean that a process is not there any more. */
static bool bc_is_gone(int ret)
{
	return ret == -ENOENT || ret == -ESRCH;
}

/* Is a line of mountinfo that of our /proc? Then: does it hide processes? */
static void bc_hidepid_line(char *line, bool *hides)
{
	char *rest = strstr(line, " - proc "), *opt;
	char point[256];

	if (!rest || sscanf(line, "%*s %*s %*s %*s %255s", point) != 1 ||
	    strcmp(point, bc_sys_proc()))
		return;
	opt = strstr(rest, "hidepid=");
	*hides = opt && strncmp(opt, "hidepid=0", 9) && strncmp(opt, "hidepid=off", 11);
}

/* The mount that was made last is the one that is seen. */
static int bc_hidepid(bool *hides)
{
	FILE *f = fopen(bc_sys_mountinfo(), "re");
	char *line = NULL;
	size_t room = 0;

	*hides = false;
	if (!f)
		return -errno;
	while (getline(&line, &room, f) > 0)
		bc_hidepid_line(line, hides);
	free(line);
	fclose(f);
	return 0;
}

/* Can this /proc be believed to show everything? */
static int bc_pagewalk_view(struct bc_pagewalk *w, const char **why)
{
	char ns[64] = "", self[32] = "";
	bool hides;
	int ret = bc_hidepid(&hides);

	if (ret)
		return ret;
	if (hides) {
		*why = "it is mounted with hidepid, so processes may be missing without a sign; "
		       "mount another proc for this command";
		return -EACCES;
	}
	if (readlinkat(w->proc, "self", self, sizeof(self) - 1) < 0)
		return -errno;
	if (atoll(self) != getpid()) {
		*why = "it is that of another pid namespace";
		return -EACCES;
	}
	if (readlinkat(w->proc, "self/ns/cgroup", ns, sizeof(ns) - 1) < 0)
		return -errno;
	if (strcmp(ns, BC_CGROUP_NS)) {
		*why = "this is not the host's cgroup namespace, so processes cannot be told apart";
		return -EACCES;
	}
	return 0;
}

/**
 * bc_pagewalk_open() - get ready
 * @w: the reader; @fair, @owners and @rate are set
 * @why: receives what is wrong, if that is not a matter of the errno alone
 *
 * Return: 0, or a negative errno with @blamed set.
 */
int bc_pagewalk_open(struct bc_pagewalk *w, const char **why)
{
	int ret;

	*why = NULL;
	w->kpageflags = -1;
	w->proc = open(bc_sys_proc(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (w->proc < 0)
		return bc_blame(w, -errno, "", "");
	ret = bc_pagewalk_view(w, why);
	if (ret)
		return bc_blame(w, ret, "", "");
	w->kpageflags = openat(w->proc, "kpageflags", O_RDONLY | O_CLOEXEC);
	if (w->kpageflags < 0)
		return bc_blame(w, -errno, "", "kpageflags");
	w->began = bc_boottime();
	return 0;
}

/**
 * bc_pagewalk_close() - end
 * @w: the reader
 */
void bc_pagewalk_close(struct bc_pagewalk *w)
{
	if (w->kpageflags >= 0)
		close(w->kpageflags);
	if (w->proc >= 0)
		close(w->proc);
}

static int bc_owner_cmp(const void *path, const void *owner)
{
	return strcmp(path, ((const struct bc_owner *)owner)->cgroup);
}

/* The pool of the nearest bound ancestor of a cgroup. Makes @path shorter. */
static uint32_t bc_owner_of(const struct bc_pagewalk *w, char *path)
{
	const struct bc_owner *owner;
	char *slash;

	for (;;) {
		owner = bsearch(path, w->owners, w->nowners, sizeof(*owner), bc_owner_cmp);
		if (owner)
			return owner->pool;
		slash = strrchr(path, '/');
		if (!slash)
			return 0;
		*slash = '\0';
	}
}

static FILE *bc_fopenat(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");

	if (!f && fd >= 0)
		close(fd);
	return f;
}

/* Find out the pool of a process. */
static int bc_space_pool(struct bc_pagewalk *w, struct bc_space *space)
{
	FILE *f = bc_fopenat(space->dir, "cgroup");
	char *line = NULL;
	size_t room = 0;
	int ret = -ESRCH;

	if (!f)
		return -errno;
	while (ret && getline(&line, &room, f) > 0) {
		if (strncmp(line, "0::", 3))
			continue;
		line[strcspn(line, "\n")] = '\0';
		space->pool = bc_owner_of(w, line + 3 + strspn(line + 3, "/"));
		ret = 0;
	}
	if (ret && ferror(f))
		ret = -errno;
	free(line);
	fclose(f);
	return ret;
}

static void bc_walk_entries(struct bc_pagewalk *w, size_t n, uint32_t pool, bool anon)
{
	enum bc_fair_kind file = anon ? BC_FAIR_FILE : BC_FAIR_SURE, kind;
	uint64_t entry, pfn;
	size_t i;

	for (i = 0; i < n; i++) {
		entry = w->entry[i];
		if (!(entry & BC_PM_PRESENT))
			continue;
		pfn = entry & BC_PM_PFN;
		w->named += !!pfn;
		w->hidden += !pfn;
		kind = entry & BC_PM_FILE ? file :
		       entry & BC_PM_EXCL ? BC_FAIR_SURE : BC_FAIR_ANON;
		bc_fair_add(w->fair, pfn, pool, kind);
	}
}

/* Wait until so many entries may have been read. */
static void bc_walk_pace(const struct bc_pagewalk *w)
{
	uint64_t due, now = bc_boottime();
	struct timespec ts;

	if (!w->rate)
		return;
	due = w->began + (unsigned __int128)w->entries * 1000000000 / w->rate;
	if (due <= now)
		return;
	ts.tv_sec = (due - now) / 1000000000;
	ts.tv_nsec = (due - now) % 1000000000;
	nanosleep(&ts, NULL);
}

/*
 * Read what is mapped in a range. When nothing can be read, the address space is
 * gone, -ESRCH; but Linux 6.1 says the same, once, where a huge page is being
 * split or made.
 */
static int bc_walk_range(struct bc_pagewalk *w, const struct bc_space *space,
			 const struct bc_range *range)
{
	uint64_t page_size = bc_page_size(), at = range->start / page_size;
	uint64_t end = range->end / page_size;
	int empty = 0;
	ssize_t len;
	size_t n;

	while (at < end) {
		n = end - at < BC_WALK_ENTRIES ? end - at : BC_WALK_ENTRIES;
		len = pread(space->pagemap, w->entry, n * sizeof(*w->entry),
			    at * sizeof(*w->entry));
		if (len < 0 && errno != EINTR)
			return -errno;
		if (!len && ++empty > 1)
			return -ESRCH;
		if (len <= 0)
			continue;
		empty = 0;
		n = len / sizeof(*w->entry);
		bc_walk_entries(w, n, space->pool, range->anon);
		at += n;
		w->entries += n;
		bc_walk_pace(w);
	}
	return 0;
}

/* A line of maps: 7f0000000000-7f0000001000 rw-p 00000000 00:00 0 [heap] */
static bool bc_maps_line(const char *line, struct bc_range *range)
{
	unsigned long inode;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %*s %*s %lu",
		   &range->start, &range->end, &inode) != 3)
		return false;
	range->anon = !inode;
	/* [vsyscall] is none of the process's own addresses. */
	return range->start < range->end && range->end < 1ULL << 63;
}

/* Read an address space. @any: whether there was one. */
static int bc_walk_maps(struct bc_pagewalk *w, const struct bc_space *space, FILE *maps,
			bool *any)
{
	struct bc_range all = { 0 }, range;
	char *line = NULL;
	size_t room = 0;
	int ret = 0;

	while (!ret && getline(&line, &room, maps) > 0) {
		if (!bc_maps_line(line, &range))
			continue;
		*any = true;
		if (all.end == range.start && all.anon == range.anon) {
			all.end = range.end;
			continue;
		}
		ret = bc_walk_range(w, space, &all);
		all = range;
	}
	if (!ret && ferror(maps))
		ret = -errno;
	if (!ret)
		ret = bc_walk_range(w, space, &all);
	free(line);
	return ret;
}

/* Read the address space of the task at @space->dir. @any: whether it has one. */
static int bc_walk_task(struct bc_pagewalk *w, struct bc_space *space, bool *any)
{
	FILE *maps;
	int ret = 0;

	*any = false;
	space->pagemap = openat(space->dir, "pagemap", O_RDONLY | O_CLOEXEC);
	if (space->pagemap < 0)
		return -errno;
	maps = bc_fopenat(space->dir, "maps");
	if (maps)
		ret = bc_walk_maps(w, space, maps, any);
	else
		ret = -errno;
	if (maps)
		fclose(maps);
	close(space->pagemap);
	return ret;
}

/* The first thread has ended, or this is a kernel thread: try the others. */
static int bc_walk_threads(struct bc_pagewalk *w, const struct bc_space *leader,
			   const char *pid, bool *any)
{
	int fd = openat(leader->dir, "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct bc_space space = *leader;
	struct dirent *d;

	if (!dir) {
		ret = -errno;
		if (fd >= 0)
			close(fd);
		return ret;
	}
	while (!ret && !*any && (d = readdir(dir))) {
		if (*d->d_name < '1' || *d->d_name > '9' || !strcmp(d->d_name, pid))
			continue;
		space.dir = openat(fd, d->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		ret = space.dir < 0 ? -errno : bc_walk_task(w, &space, any);
		if (space.dir >= 0)
			close(space.dir);
		if (!*any && bc_is_gone(ret))
			ret = 0;
	}
	closedir(dir);
	return ret;
}

/* One process. Its directory stays that of this process, whoever gets its number. */
static int bc_walk_process(struct bc_pagewalk *w, const char *pid)
{
	struct bc_space space = { 0 };
	bool any = false;
	int ret;

	space.dir = openat(w->proc, pid, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (space.dir < 0)
		return bc_is_gone(-errno) ? 0 : bc_blame(w, -errno, pid, "");
	ret = bc_space_pool(w, &space);
	if (ret) {
		close(space.dir);
		return bc_is_gone(ret) ? 0 : bc_blame(w, ret, pid, "cgroup");
	}
	ret = bc_walk_task(w, &space, &any);
	if (!any && (!ret || bc_is_gone(ret)))
		ret = bc_walk_threads(w, &space, pid, &any);
	close(space.dir);
	w->processes += any;
	w->vanished += any && ret;
	return ret && !bc_is_gone(ret) ? bc_blame(w, ret, pid, "pagemap") : 0;
}

/*
 * The next few processes. readdir() would list hundreds at once, and those that
 * do not live long would be gone when their turn comes, without having been
 * replaced in the list by those that live now.
 *
 * Return: 0 at the end, more than 0 before that, or a negative errno.
 */
static ssize_t bc_walk_some(struct bc_pagewalk *w, int fd)
{
	char buf[sizeof(struct dirent64)] __attribute__((aligned(8)));
	ssize_t len = getdents64(fd, buf, sizeof(buf)), at;
	struct dirent64 *d;
	int ret = 0;

	if (len < 0)
		return bc_blame(w, -errno, "", "");
	for (at = 0; at < len && !ret; at += d->d_reclen) {
		d = (struct dirent64 *)(buf + at);
		if (*d->d_name >= '1' && *d->d_name <= '9')
			ret = bc_walk_process(w, d->d_name);
	}
	return ret ? ret : len;
}

/**
 * bc_pagewalk_pass() - add what all processes map
 * @w: the reader
 *
 * Return: 0, -EPERM if the kernel keeps the numbers of frames to itself, or
 * another negative errno with @blamed set.
 */
int bc_pagewalk_pass(struct bc_pagewalk *w)
{
	int fd = openat(w->proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret = 0;
	ssize_t len;

	if (fd < 0)
		return bc_blame(w, -errno, "", "");
	w->processes = 0;
	do {
		len = bc_walk_some(w, fd);
	} while (len > 0);
	close(fd);
	if (len < 0)
		ret = len;
	if (!ret && w->hidden && !w->named)
		ret = bc_blame(w, -EPERM, "self", "pagemap");
	return ret;
}

/* The flags of a frame; those of its neighbours are read as well. */
static int bc_frame_flags(struct bc_pagewalk *w, uint64_t pfn, uint64_t *flags)
{
	ssize_t len;

	if (pfn < w->first || pfn >= w->first + w->nframes) {
		w->first = pfn - pfn % BC_WALK_FRAMES;
		w->nframes = 0;
		do {
			len = pread(w->kpageflags, w->frame, sizeof(w->frame),
				    w->first * sizeof(*w->frame));
		} while (len < 0 && errno == EINTR);
		if (len < 0)
			return bc_blame(w, -errno, "", "kpageflags");
		w->nframes = len / sizeof(*w->frame);
	}
	/* Beyond the end of all memory there are only devices. */
	*flags = pfn < w->first + w->nframes ? w->frame[pfn - w->first] : 1ULL << KPF_NOPAGE;
	return 0;
}

/**
 * bc_pagewalk_check() - is a mapping that is not sure one of a page?
 * @arg: the reader
 * @pfn: the frame
 * @kind: what is known of the mapping
 *
 * Return: 1 it is, 0 it is not, or a negative errno with @blamed set.
 */
int bc_pagewalk_check(void *arg, uint64_t pfn, enum bc_fair_kind kind)
{
	uint64_t flags = 0;
	int ret = bc_frame_flags(arg, pfn, &flags);

	if (ret)
		return ret;
	if (kind == BC_FAIR_FILE)
		return !(flags & (1ULL << KPF_ZERO_PAGE));
	return !!(flags & (1ULL << KPF_ANON));
}
