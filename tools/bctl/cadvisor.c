// SPDX-License-Identifier: GPL-2.0
/*
 * The metrics that dashboards made for cAdvisor look for
 *
 * Those of them that the module knows, under the names and labels of cAdvisor: id is the path
 * of the cgroup, name the pool. What is unlimited is absent, where cAdvisor tells 0; the
 * working set is absent, because the inactive part of the page cache is not known.
 */
#include <string.h>

#include "expose.h"
#include "scrape.h"

static void bc_cadvisor_pool(FILE *out, const struct bcn_pool *pool)
{
	const char *cgroup = pool->cgroup ? pool->cgroup : "";
	char id[BC_PATH_MAX + 2];

	snprintf(id, sizeof(id), "/%s", cgroup);
	bc_label(out, "id", id);
	if (!pool->id)
		return;
	fputc(',', out);
	bc_label(out, "name", pool->name);
}

static bool bc_make_start(const struct bc_point *pt, struct bc_number *to)
{
	*to = (struct bc_number){ pt->pool->created + pt->s->since_boot_ns, 9 };
	return BCN_HAS(pt->pool, BC_A_CREATED);
}

static bool bc_make_seen(const struct bc_point *pt, struct bc_number *to)
{
	*to = (struct bc_number){ pt->s->taken_ns, 9 };
	return true;
}

static bool bc_make_usage(const struct bc_point *pt, struct bc_number *to)
{
	*to = (struct bc_number){ pt->pool->cpu.usage, 9 };
	return pt->pool->cpu.known & BC_CPU_F_USAGE;
}

static bool bc_setting_of(const struct bc_point *pt, uint32_t id, uint64_t *value)
{
	struct bc_setting set;
	size_t i;

	for (i = 0; bcn_pool_setting(pt->pool, i, &set); i++)
		if (set.id == id && set.value != BC_UNLIMITED) {
			*value = set.value;
			return true;
		}
	return false;
}

/* In a period of 100 ms, us: what the kernel has by itself. */
static bool bc_make_quota(const struct bc_point *pt, struct bc_number *to)
{
	uint64_t limit;

	if (!bc_setting_of(pt, BC_SETTING_CPU_LIMIT, &limit))
		return false;
	to->num = limit / 10000;
	return true;
}

static bool bc_make_period(const struct bc_point *pt, struct bc_number *to)
{
	uint64_t limit;

	to->num = 100000;
	return bc_setting_of(pt, BC_SETTING_CPU_LIMIT, &limit);
}

/* Where the kernel's weight of 100 is 1024, as Docker has it; a pool's shares then are 1000. */
static bool bc_make_shares(const struct bc_point *pt, struct bc_number *to)
{
	uint64_t shares;

	if (!bc_setting_of(pt, BC_SETTING_CPU_SHARES, &shares))
		return false;
	to->num = (shares * 1024 + 500) / 1000;
	return true;
}

static bool bc_make_sockets(const struct bc_point *pt, struct bc_number *to)
{
	static const uint32_t kinds[] = { BC_RES_NUMTCPSOCK, BC_RES_NUMOTHERSOCK };
	struct bc_record rec;
	size_t i;

	to->num = 0;
	for (i = 0; i < 2; i++) {
		if (!bcn_record_of(pt->pool, kinds[i], &rec, sizeof(rec)) ||
		    rec.flags & BC_RECORD_F_NO_HELD)
			return false;
		to->num += rec.held;
	}
	return true;
}

#define BC_MADE(name_, help_, type_, unit_, make_) \
	{ .name = "container_" name_, .help = help_, .type = BC_FAMILY_##type_,		\
	  .of = BC_OF_POOL, .unit = unit_, .make = make_ }
#define BC_HELD(name_, help_, unit_, member_, bytes_, res_, unless_) \
	{ .name = "container_" name_, .help = help_, .of = BC_OF_RECORD, .unit = unit_,	\
	  BC_AT(bc_record, member_), .bytes = bytes_, .res = BC_RES_##res_,		\
	  .unless = unless_ }
#define BC_CPU(name_, help_, unit_, member_, digits_, known_) \
	{ .name = "container_" name_, .help = help_, .type = BC_FAMILY_COUNTER,		\
	  .of = BC_OF_CPU, .unit = unit_, BC_AT(bc_cpu, member_), .digits = digits_,	\
	  .known = BC_CPU_F_##known_ }
#define BC_IO(name_, help_, unit_, member_) \
	{ .name = "container_" name_, .help = help_, .type = BC_FAMILY_COUNTER,		\
	  .of = BC_OF_IO, .unit = unit_, BC_AT(bc_io, member_), .known = BC_IO_F_AMOUNT }
#define BC_MEMORY(name_, help_, member_) \
	{ .name = "container_memory_" name_, .help = help_, .of = BC_OF_MEMORY,		\
	  BC_AT(bc_memory, member_) }
/* A counter of a record is no amount: it has neither bytes nor items. */
#define BC_COUNTED(name_, help_, type_, res_) \
	{ .name = "container_" name_, .help = help_, .type = BC_FAMILY_##type_,		\
	  .of = BC_OF_RECORD, BC_AT(bc_record, failcnt), .count = true,			\
	  .res = BC_RES_##res_, .unless = BC_RECORD_F_NO_FAILCNT }

static const struct bc_family bc_cadvisor_rows[] = {
	{ .name = "container_cpu_usage_seconds", .help = "CPU time", .type = BC_FAMILY_COUNTER,
	  .of = BC_OF_POOL, .unit = "seconds", .label = "cpu=\"total\"", .make = bc_make_usage },
	BC_CPU("cpu_user_seconds", "CPU time in user mode", "seconds", user, 9, USAGE),
	BC_CPU("cpu_system_seconds", "CPU time in the kernel", "seconds", system, 9, USAGE),
	BC_CPU("cpu_cfs_throttled_periods", "Periods in which the limit was reached", NULL,
	       nr_throttled, 0, THROTTLED),
	BC_CPU("cpu_cfs_throttled_seconds", "Time that the limit kept tasks from running",
	       "seconds", throttled, 9, THROTTLED),
	BC_HELD("memory_usage_bytes", "Memory in use", "bytes", held, true, PHYSPAGES,
		BC_RECORD_F_NO_HELD),
	BC_HELD("memory_max_usage_bytes", "Most memory that was ever in use", "bytes", maxheld,
		true, PHYSPAGES, BC_RECORD_F_NO_MAXHELD),
	BC_MEMORY("rss", "Anonymous memory", anon),
	BC_MEMORY("cache", "Page cache", cache),
	BC_MEMORY("swap", "Swap", swap),
	BC_MEMORY("mapped_file", "Files that are mapped", file),
	BC_MEMORY("kernel_usage", "Memory of the kernel", kernel),
	BC_COUNTED("memory_failcnt", "Times that the limit of memory was reached", GAUGE,
		   PHYSPAGES),
	BC_COUNTED("oom_events", "Processes that were killed for want of memory", COUNTER,
		   OOMGUARPAGES),
	BC_HELD("spec_memory_limit_bytes", "Limit of memory", "bytes", limit, true, PHYSPAGES, 0),
	BC_HELD("spec_memory_reservation_limit_bytes", "Guarantee of memory", "bytes", barrier,
		true, VMGUARPAGES, 0),
	BC_MADE("spec_cpu_quota", "CPU time in each period, us", GAUGE, NULL, bc_make_quota),
	BC_MADE("spec_cpu_period", "Length of a period, us", GAUGE, NULL, bc_make_period),
	BC_MADE("spec_cpu_shares", "Part of the CPU time relative to siblings", GAUGE, NULL,
		bc_make_shares),
	BC_IO("fs_reads_bytes", "Bytes read from block devices", "bytes", bytes[0]),
	BC_IO("fs_writes_bytes", "Bytes written to block devices", "bytes", bytes[1]),
	BC_IO("fs_reads", "Requests that read", NULL, ios[0]),
	BC_IO("fs_writes", "Requests that write", NULL, ios[1]),
	BC_HELD("threads", "Tasks, each thread is one", NULL, held, false, NUMPROC,
		BC_RECORD_F_NO_HELD),
	BC_HELD("threads_max", "Limit of tasks", NULL, limit, false, NUMPROC, 0),
	BC_HELD("file_descriptors", "Open files", NULL, held, false, NUMFILE,
		BC_RECORD_F_NO_HELD),
	BC_MADE("sockets", "Sockets", GAUGE, NULL, bc_make_sockets),
	BC_MADE("start_time_seconds", "When the pool was created", GAUGE, "seconds", bc_make_start),
	BC_MADE("last_seen", "The instant that the figures are of", GAUGE, NULL, bc_make_seen),
	{ 0 },
};

const struct bc_catalogue bc_cadvisor_families = { bc_cadvisor_rows, bc_cadvisor_pool };
