// SPDX-License-Identifier: GPL-2.0
/*
 * The metrics of bctl export
 *
 * A row is a metric, or, without a help text, another value of a label of the one before it.
 * Labels are pools times resources and a few words; who a container belongs to is joined from
 * bc_pool_info. Pages are told in bytes: each metric has one unit.
 */
#include <string.h>

#include "bctl.h"
#include "expose.h"
#include "scrape.h"

#define BC_NO_MAXHELD	BC_RECORD_F_NO_MAXHELD
#define BC_STR2(x)	#x
#define BC_STR(x)	BC_STR2(x)

static bool bc_make_up(const struct bc_point *pt, struct bc_number *to)
{
	to->num = pt->s->up;
	return true;
}

static bool bc_make_always(const struct bc_point *pt, struct bc_number *to)
{
	(void)pt;
	(void)to;
	return true;
}

static bool bc_make_taken(const struct bc_point *pt, struct bc_number *to)
{
	*to = (struct bc_number){ pt->s->taken_ns, 9 };
	return pt->s->up;
}

static bool bc_make_took(const struct bc_point *pt, struct bc_number *to)
{
	*to = (struct bc_number){ pt->s->took_ns, 9 };
	return true;
}

static bool bc_make_loaded(const struct bc_point *pt, struct bc_number *to)
{
	const struct bcn_info *info = pt->s->up ? bcn_list_info(pt->s->info) : NULL;

	if (!info || !BCN_HAS(info, BC_A_INSTANCE))
		return false;
	*to = (struct bc_number){ info->instance + pt->s->since_boot_ns, 9 };
	return true;
}

static bool bc_make_created(const struct bc_point *pt, struct bc_number *to)
{
	*to = (struct bc_number){ pt->pool->created + pt->s->since_boot_ns, 9 };
	return BCN_HAS(pt->pool, BC_A_CREATED);
}

static bool bc_make_changed(const struct bc_point *pt, struct bc_number *to)
{
	*to = (struct bc_number){ pt->pool->changed + pt->s->since_boot_ns, 9 };
	return BCN_HAS(pt->pool, BC_A_CHANGED);
}

static bool bc_make_status(const struct bc_point *pt, struct bc_number *to)
{
	to->num = pt->res->status == BC_STATUS_ENFORCED;
	return BCN_HAS(pt->res, BC_A_RES_STATUS);
}

static void bc_labels_build(FILE *out, const struct bc_point *pt)
{
	const struct bcn_info *info = pt->s->up ? bcn_list_info(pt->s->info) : NULL;

	fputs("uapi=\"" BC_STR(BC_GENL_VERSION) "\",bctl=\"" BCTL_VERSION "\"", out);
	if (info && info->version) {
		fputc(',', out);
		bc_label(out, "version", info->version);
	}
}

static void bc_labels_pool(FILE *out, const struct bc_point *pt)
{
	fprintf(out, "id=\"%u\"", pt->pool->id);
	if (pt->pool->parent) {
		fputc(',', out);
		bc_label(out, "parent", pt->pool->parent);
	}
	if (pt->pool->cgroup) {
		fputc(',', out);
		bc_label(out, "cgroup", pt->pool->cgroup);
	}
}

static void bc_labels_res(FILE *out, const struct bc_point *pt)
{
	bc_label(out, "resource", pt->res->name);
}

static void bc_own_pool(FILE *out, const struct bcn_pool *pool)
{
	bc_label(out, "pool", pool->name);
}

/* A figure of a record, for resources in bytes or in items. */
#define BC_RECORD(name_, help_, type_, member_, bytes_, unit_, unless_, need_) \
	{ .name = name_, .help = help_, .type = BC_FAMILY_##type_, .of = BC_OF_RECORD,	\
	  .unit = unit_, BC_AT(bc_record, member_), .bytes = bytes_, .unless = unless_,	\
	  .need = need_, .all = true }
#define BC_BOTH(what, help, type, member, unless, need) \
	BC_RECORD("bc_" what "_bytes", help ", bytes", type, member, true, "bytes", unless, need), \
	BC_RECORD("bc_" what "_items", help, type, member, false, NULL, unless, need)

#define BC_CPU(name_, help_, type_, unit_, label_, member_, digits_, known_) \
	{ .name = name_, .help = help_, .type = BC_FAMILY_##type_, .of = BC_OF_CPU,	\
	  .unit = unit_, .label = label_, BC_AT(bc_cpu, member_), .digits = digits_,	\
	  .known = known_ }
#define BC_IO(name_, help_, type_, unit_, label_, member_, digits_, known_) \
	{ .name = name_, .help = help_, .type = BC_FAMILY_##type_, .of = BC_OF_IO,	\
	  .unit = unit_, .label = label_, BC_AT(bc_io, member_), .digits = digits_,	\
	  .known = known_ }
#define BC_TIMES(name_, help_, label_, dir, member_) \
	{ .name = name_, .help = help_, .type = BC_FAMILY_HISTOGRAM, .of = BC_OF_TIMES,	\
	  .unit = "seconds", .label = label_,						\
	  .offset = offsetof(struct bc_io_times, member_[dir]),				\
	  .size = offsetof(struct bc_io, member_[dir]) }
#define BC_SETTING(name_, help_, unit_, label_, digits_, setting_) \
	{ .name = name_, .help = help_, .of = BC_OF_SETTING, .unit = unit_,		\
	  .label = label_, .digits = digits_, .known = BC_SETTING_##setting_ }
#define BC_INFO(name_, help_, type_, member_, digits_, attr_) \
	{ .name = name_, .help = help_, .type = BC_FAMILY_##type_, .of = BC_OF_INFO,	\
	  BC_AT(bcn_info, member_), .digits = digits_, .known = attr_ }
#define BC_MEMORY(help_, kind_) \
	{ .name = "bc_memory_bytes", .help = help_, .of = BC_OF_MEMORY, .unit = "bytes", \
	  .label = "kind=\"" #kind_ "\"", BC_AT(bc_memory, kind_) }

#define BC_READ		"direction=\"read\""
#define BC_WRITE	"direction=\"write\""
#define BC_DISCARD	"direction=\"discard\""
#define BC_FLUSH	"direction=\"flush\""
#define BC_BOTH_WAYS	"direction=\"both\""

static const struct bc_family bc_own_rows[] = {
	/* The exporter and the module. */
	{ .name = "bc_up", .help = "Whether the module beancounter answered",
	  .of = BC_OF_SCRAPE, .make = bc_make_up },
	{ .name = "bc_build", .help = "Versions of the module, its interface and bctl",
	  .type = BC_FAMILY_INFO, .of = BC_OF_SCRAPE, .make = bc_make_always,
	  .labels = bc_labels_build },
	{ .name = "bc_scrape_duration_seconds", .help = "How long it took to read the figures",
	  .of = BC_OF_SCRAPE, .unit = "seconds", .make = bc_make_took },
	{ .name = "bc_snapshot_timestamp_seconds", .help = "The instant that the figures are of",
	  .of = BC_OF_SCRAPE, .unit = "seconds", .make = bc_make_taken },
	{ .name = "bc_module_start_time_seconds", .help = "When the module was loaded",
	  .of = BC_OF_SCRAPE, .unit = "seconds", .make = bc_make_loaded },
	BC_INFO("bc_pools", "Pools without the host", GAUGE, pools, 0, BC_A_POOLS),
	BC_INFO("bc_pools_dying", "Pools that are deleted but still hold something", GAUGE, dying,
		0, BC_A_DYING),
	BC_INFO("bc_pools_max", "How many pools there may be", GAUGE, pools_max, 0, BC_A_POOLS_MAX),
	BC_INFO("bc_hooked", "Whether the hooks of the module are attached", GAUGE, hooked, 0,
		BC_A_HOOKED),
	BC_INFO("bc_events_suppressed", "Events that were not sent, because there were too many",
		COUNTER, suppressed, 0, BC_A_SUPPRESSED),
	BC_INFO("bc_unbalanced", "Pools that were released with something held, which is a bug",
		COUNTER, unbalanced, 0, BC_A_UNBALANCED),
	BC_INFO("bc_untracked", "Objects that were left uncounted for want of memory", COUNTER,
		untracked, 0, BC_A_UNTRACKED),
	BC_INFO("bc_closed_records", "Closing records that wait to be acknowledged", GAUGE,
		closed_kept, 0, BC_A_CLOSED_KEPT),
	BC_INFO("bc_closed_records_max", "How many closing records may wait", GAUGE, closed_max, 0,
		BC_A_CLOSED_MAX),
	BC_INFO("bc_closed_records_lost", "Closing records that went before they were acknowledged",
		COUNTER, closed_lost, 0, BC_A_CLOSED_LOST),
	{ .name = "bc_resource_enforced", .help = "Whether limits of the resource are enforced",
	  .of = BC_OF_RES, .make = bc_make_status, .labels = bc_labels_res },

	/* Pools. */
	{ .name = "bc_pool", .help = "A pool, its parent and its cgroup", .type = BC_FAMILY_INFO,
	  .of = BC_OF_POOL, .make = bc_make_always, .labels = bc_labels_pool },
	{ .name = "bc_pool_start_time_seconds", .help = "When the pool was created",
	  .of = BC_OF_POOL, .unit = "seconds", .make = bc_make_created },
	{ .name = "bc_pool_last_change_seconds", .help = "When figures or limits changed last",
	  .of = BC_OF_POOL, .unit = "seconds", .make = bc_make_changed },

	/* Resources. What the kernel does not keep, and what is unlimited, is absent. */
	BC_BOTH("held", "In use now", GAUGE, held, BC_RECORD_F_NO_HELD, 0),
	BC_BOTH("maxheld", "Most that was ever in use", GAUGE, maxheld, BC_NO_MAXHELD, 0),
	BC_BOTH("barrier", "Bound for requests that can be refused politely; absent if unlimited",
		GAUGE, barrier, 0, 0),
	BC_BOTH("limit", "Bound for all requests; absent if unlimited", GAUGE, limit, 0, 0),
	BC_RECORD("bc_held_byte_seconds", "Bytes in use, summed up over time", COUNTER, integral,
		  true, NULL, 0, BC_RECORD_F_INTEGRAL),
	BC_RECORD("bc_held_item_seconds", "Items in use, summed up over time", COUNTER, integral,
		  false, NULL, 0, BC_RECORD_F_INTEGRAL),
	/* Of both kinds of resource: a number of requests has no unit. */
	{ .name = "bc_failures", .help = "Refused requests, at the pool that refused",
	  .type = BC_FAMILY_COUNTER, .of = BC_OF_RECORD, BC_AT(bc_record, failcnt),
	  .unless = BC_RECORD_F_NO_FAILCNT, .all = true, .count = true },
	BC_RECORD("bc_refused_bytes", "Amounts of refused requests, bytes", COUNTER, failed, true,
		  "bytes", BC_RECORD_F_NO_FAILED, 0),
	BC_RECORD("bc_refused_items", "Amounts of refused requests", COUNTER, failed, false, NULL,
		  BC_RECORD_F_NO_FAILED, 0),

	/* CPU time. */
	BC_CPU("bc_cpu_seconds", "CPU time", COUNTER, "seconds", "mode=\"user\"", user, 9,
	       BC_CPU_F_USAGE),
	BC_CPU("", NULL, COUNTER, NULL, "mode=\"system\"", system, 9, BC_CPU_F_USAGE),
	BC_CPU("bc_cpu_wait_seconds", "Time that tasks were runnable but had no CPU", COUNTER,
	       "seconds", NULL, wait, 9, BC_CPU_F_WAIT),
	BC_CPU("bc_cpu_throttled_seconds", "Time that the pool's own limit kept it from running",
	       COUNTER, "seconds", NULL, throttled, 9, BC_CPU_F_THROTTLED),
	BC_CPU("bc_cpu_throttles", "How often the pool's own limit kept it from running", COUNTER,
	       NULL, NULL, nr_throttled, 0, BC_CPU_F_THROTTLED),
	BC_CPU("bc_cpu_switches", "Times that a task left the CPU", COUNTER, NULL,
	       "kind=\"voluntary\"", switches, 0, BC_CPU_F_WAIT),
	BC_CPU("", NULL, COUNTER, NULL, "kind=\"preempted\"", preemptions, 0, BC_CPU_F_WAIT),
	BC_CPU("bc_load1", "Load average of 1 minute", GAUGE, NULL, NULL, load[0], 3,
	       BC_CPU_F_LOAD),
	BC_CPU("bc_load5", "Load average of 5 minutes", GAUGE, NULL, NULL, load[1], 3,
	       BC_CPU_F_LOAD),
	BC_CPU("bc_load15", "Load average of 15 minutes", GAUGE, NULL, NULL, load[2], 3,
	       BC_CPU_F_LOAD),
	BC_CPU("bc_cpu_entitlement_cpus", "CPUs that the pool gets when all are busy", GAUGE, NULL,
	       NULL, entitlement, 9, BC_CPU_F_ENTITLEMENT),
	BC_SETTING("bc_cpu_shares", "Part of the CPU time relative to siblings", NULL, NULL, 0,
		   CPU_SHARES),
	BC_SETTING("bc_cpu_limit_cpus", "CPUs that are never exceeded; absent if unlimited", NULL,
		   NULL, 9, CPU_LIMIT),
	BC_SETTING("bc_cpu_reservation_cpus", "CPUs that are guaranteed", NULL, NULL, 9,
		   CPU_RESERVATION),

	/* Block I/O. */
	BC_IO("bc_io_bytes", "Block I/O", COUNTER, "bytes", BC_READ, bytes[0], 0, BC_IO_F_AMOUNT),
	BC_IO("", NULL, COUNTER, NULL, BC_WRITE, bytes[1], 0, BC_IO_F_AMOUNT),
	BC_IO("", NULL, COUNTER, NULL, BC_DISCARD, bytes[2], 0, BC_IO_F_AMOUNT),
	BC_IO("bc_io_requests", "Requests to block devices", COUNTER, NULL, BC_READ, ios[0], 0,
	      BC_IO_F_AMOUNT),
	BC_IO("", NULL, COUNTER, NULL, BC_WRITE, ios[1], 0, BC_IO_F_AMOUNT),
	BC_IO("", NULL, COUNTER, NULL, BC_DISCARD, ios[2], 0, BC_IO_F_AMOUNT),
	BC_IO("", NULL, COUNTER, NULL, BC_FLUSH, ios[3], 0, BC_IO_F_AMOUNT),
	BC_IO("bc_io_in_flight", "Requests that are not finished", GAUGE, NULL, BC_READ,
	      in_flight[0], 0, BC_IO_F_TIMES),
	BC_IO("", NULL, GAUGE, NULL, BC_WRITE, in_flight[1], 0, BC_IO_F_TIMES),
	BC_IO("bc_io_wait_seconds", "Time that requests waited before the device had them", COUNTER,
	      "seconds", BC_READ, wait[0], 9, BC_IO_F_TIMES),
	BC_IO("", NULL, COUNTER, NULL, BC_WRITE, wait[1], 9, BC_IO_F_TIMES),
	BC_IO("bc_io_service_seconds", "Time that devices took for requests", COUNTER, "seconds",
	      BC_READ, service[0], 9, BC_IO_F_TIMES),
	BC_IO("", NULL, COUNTER, NULL, BC_WRITE, service[1], 9, BC_IO_F_TIMES),
	BC_IO("bc_io_throttled_seconds", "Time that tasks slept for the pool's own limits", COUNTER,
	      "seconds", NULL, throttled, 9, BC_IO_F_THROTTLED),
	BC_IO("bc_io_throttles", "How often tasks slept for the pool's own limits", COUNTER, NULL,
	      NULL, nr_throttled, 0, BC_IO_F_THROTTLED),
	BC_IO("bc_io_dirtied_bytes", "Bytes of files made dirty in the page cache", COUNTER,
	      "bytes", NULL, dirtied, 0, BC_IO_F_DIRTY),
	BC_IO("bc_io_cancelled_bytes", "Dirty bytes that were truncated before they were written",
	      COUNTER, "bytes", NULL, cancelled, 0, BC_IO_F_DIRTY),
	BC_SETTING("bc_io_limit_bytes_per_second", "Limit of block I/O; absent if unlimited", NULL,
		   BC_BOTH_WAYS, 0, IO_BPS),
	BC_SETTING("", NULL, NULL, BC_READ, 0, IO_RBPS),
	BC_SETTING("", NULL, NULL, BC_WRITE, 0, IO_WBPS),
	BC_SETTING("bc_io_limit_requests_per_second", "Limit of requests; absent if unlimited",
		   NULL, BC_BOTH_WAYS, 0, IO_IOPS),
	BC_SETTING("", NULL, NULL, BC_READ, 0, IO_RIOPS),
	BC_SETTING("", NULL, NULL, BC_WRITE, 0, IO_WIOPS),
	BC_TIMES("bc_io_request_wait_seconds", "Finished requests by the time they waited",
		 BC_READ, 0, wait),
	BC_TIMES("", NULL, BC_WRITE, 1, wait),
	BC_TIMES("bc_io_request_service_seconds", "Finished requests by the time of the device",
		 BC_READ, 0, service),
	BC_TIMES("", NULL, BC_WRITE, 1, service),

	/* Memory by what it is used for. */
	BC_MEMORY("Memory by use; file is part of cache and shmem, slab of kernel", anon),
	BC_MEMORY(NULL, file),
	BC_MEMORY(NULL, shmem),
	BC_MEMORY(NULL, cache),
	BC_MEMORY(NULL, kernel),
	BC_MEMORY(NULL, slab),
	BC_MEMORY(NULL, reclaimable),
	BC_MEMORY(NULL, sock),
	BC_MEMORY(NULL, swap),
	{ 0 },
};

const struct bc_catalogue bc_own_families = { bc_own_rows, bc_own_pool };
