// SPDX-License-Identifier: GPL-2.0
/*
 * The documents that -j prints: CPU time, block I/O, settings
 *
 * What the mask of a record does not call known is left out. A setting stands in
 * two places: by its name under "settings", with all there is to say of it, and
 * its value where one looks for it, as in cpu.shares.
 */
#include <errno.h>
#include <string.h>

#include <json-c/json.h>

#include "beancounter.h"
#include "doc.h"
#include "fetch.h"
#include "hist.h"
#include "print.h"
#include "weight.h"

static const struct {
	uint32_t id;
	const char *key;
} bc_cpu_settings[] = {
	{ BC_SETTING_CPU_SHARES, "shares" },
	{ BC_SETTING_CPU_LIMIT, "limit" },
	{ BC_SETTING_CPU_RESERVATION, "reservation" },
}, bc_io_limits[] = {
	{ BC_SETTING_IO_BPS, "bps" },
	{ BC_SETTING_IO_RBPS, "rbps" },
	{ BC_SETTING_IO_WBPS, "wbps" },
	{ BC_SETTING_IO_IOPS, "iops" },
	{ BC_SETTING_IO_RIOPS, "riops" },
	{ BC_SETTING_IO_WIOPS, "wiops" },
	{ BC_SETTING_IO_BURST, "burst_ms" },
};

#define BC_COUNT(array)	(sizeof(array) / sizeof((array)[0]))

static bool bc_setting_value(const struct bcn_pool *pool, uint32_t id, uint64_t *value)
{
	struct bc_setting setting;
	size_t i;

	for (i = 0; i < pool->nsettings; i++) {
		bcn_pool_setting(pool, i, &setting);
		if (setting.id != id)
			continue;
		*value = setting.value;
		return true;
	}
	return false;
}

/* The member @key of @obj, which is made an object when it is not there. */
static json_object *bc_member_object(struct bc_doc *doc, json_object *obj, const char *key)
{
	json_object *member;

	if (doc->err)
		return NULL;
	if (json_object_object_get_ex(obj, key, &member))
		return member;
	member = json_object_new_object();
	bc_put(doc, obj, key, member);
	return doc->err ? NULL : member;
}

/* Thousandths, with all three digits. */
static void bc_put_load(struct bc_doc *doc, json_object *cpu, const __u64 load[3])
{
	json_object *list = json_object_new_array(), *num;
	char text[32];
	int i;

	bc_put(doc, cpu, "load", list);
	for (i = 0; i < 3 && !doc->err; i++) {
		snprintf(text, sizeof(text), "%llu.%03llu", (unsigned long long)load[i] / 1000,
			 (unsigned long long)load[i] % 1000);
		num = json_object_new_double_s(load[i] / 1000.0, text);
		if (!num || json_object_array_add(list, num)) {
			json_object_put(num);
			doc->err = -ENOMEM;
		}
	}
}

static void bc_put_cpu(struct bc_doc *doc, json_object *obj, const struct bc_cpu *cpu)
{
	if (cpu->known & BC_CPU_F_USAGE) {
		bc_put_int(doc, obj, "usage_ns", cpu->usage);
		bc_put_int(doc, obj, "user_ns", cpu->user);
		bc_put_int(doc, obj, "system_ns", cpu->system);
	}
	if (cpu->known & BC_CPU_F_WAIT) {
		bc_put_int(doc, obj, "wait_ns", cpu->wait);
		bc_put_int(doc, obj, "switches", cpu->switches);
		bc_put_int(doc, obj, "preemptions", cpu->preemptions);
	}
	if (cpu->known & BC_CPU_F_THROTTLED) {
		bc_put_int(doc, obj, "throttled_ns", cpu->throttled);
		bc_put_int(doc, obj, "nr_throttled", cpu->nr_throttled);
	}
	if (cpu->known & BC_CPU_F_LOAD)
		bc_put_load(doc, obj, cpu->load);
	if (cpu->known & BC_CPU_F_ENTITLEMENT) {
		bc_put_int(doc, obj, "entitlement", cpu->entitlement);
		bc_put_int(doc, obj, "reservable", cpu->reservable);
	}
}

/* Two figures of reads and writes, as an object. */
static void bc_put_pair(struct bc_doc *doc, json_object *obj, const char *key,
			const __u64 pair[2])
{
	json_object *member = bc_member_object(doc, obj, key);

	if (!member)
		return;
	bc_put_int(doc, member, "read", pair[BC_IO_READ]);
	bc_put_int(doc, member, "write", pair[BC_IO_WRITE]);
}

static void bc_put_io(struct bc_doc *doc, json_object *obj, const struct bc_io *io)
{
	if (io->known & BC_IO_F_AMOUNT) {
		bc_put_int(doc, obj, "read_bytes", io->bytes[BC_IO_READ]);
		bc_put_int(doc, obj, "write_bytes", io->bytes[BC_IO_WRITE]);
		bc_put_int(doc, obj, "discard_bytes", io->bytes[BC_IO_DISCARD]);
		bc_put_int(doc, obj, "read_ios", io->ios[BC_IO_READ]);
		bc_put_int(doc, obj, "write_ios", io->ios[BC_IO_WRITE]);
		bc_put_int(doc, obj, "discard_ios", io->ios[BC_IO_DISCARD]);
		bc_put_int(doc, obj, "flush_ios", io->ios[BC_IO_FLUSH]);
	}
	if (io->known & BC_IO_F_TIMES) {
		bc_put_pair(doc, obj, "in_flight", io->in_flight);
		bc_put_pair(doc, obj, "wait_ns", io->wait);
		bc_put_pair(doc, obj, "service_ns", io->service);
	}
	if (io->known & BC_IO_F_THROTTLED) {
		bc_put_int(doc, obj, "throttled_ns", io->throttled);
		bc_put_int(doc, obj, "nr_throttled", io->nr_throttled);
	}
	if (io->known & BC_IO_F_DIRTY) {
		bc_put_int(doc, obj, "dirtied", io->dirtied);
		bc_put_int(doc, obj, "cancelled", io->cancelled);
	}
}

/* Percentiles of nothing are absent. */
static void bc_put_hist(struct bc_doc *doc, json_object *obj, const char *key,
			const __u64 buckets[BC_IO_BUCKETS])
{
	json_object *hist = bc_member_object(doc, obj, key), *list = json_object_new_array(), *num;
	uint64_t count = bc_hist_count(buckets);
	unsigned int i;

	if (!hist) {
		json_object_put(list);
		return;
	}
	bc_put_int(doc, hist, "count", count);
	if (count) {
		bc_put_int(doc, hist, "p50_ns", bc_hist_percentile(buckets, 50));
		bc_put_int(doc, hist, "p95_ns", bc_hist_percentile(buckets, 95));
		bc_put_int(doc, hist, "p99_ns", bc_hist_percentile(buckets, 99));
	}
	bc_put(doc, hist, "buckets", list);
	for (i = 0; i < BC_IO_BUCKETS && !doc->err; i++) {
		num = json_object_new_uint64(buckets[i]);
		if (!num || json_object_array_add(list, num)) {
			json_object_put(num);
			doc->err = -ENOMEM;
		}
	}
}

static void bc_put_times(struct bc_doc *doc, json_object *obj, const struct bc_io_times *times)
{
	json_object *hists = bc_member_object(doc, obj, "histograms");

	if (!hists)
		return;
	bc_put_hist(doc, hists, "read_wait", times->wait[BC_IO_READ]);
	bc_put_hist(doc, hists, "read_service", times->service[BC_IO_READ]);
	bc_put_hist(doc, hists, "write_wait", times->wait[BC_IO_WRITE]);
	bc_put_hist(doc, hists, "write_service", times->service[BC_IO_WRITE]);
}

/* The first answer is about all devices; its times belong to the pool's io itself. */
static void bc_put_devices(struct bc_doc *doc, json_object *io, const struct bc_device_list *list)
{
	json_object *devices = json_object_new_array(), *obj;
	size_t i;

	bc_put(doc, io, "devices", devices);
	for (i = 0; i < list->count && !doc->err; i++) {
		const struct bcn_device *dev = &list->devices[i];

		obj = dev->device ? bc_put_object(doc, devices) : io;
		if (!obj)
			return;
		if (dev->device) {
			bc_put_str(doc, obj, "device", dev->device);
			bc_put(doc, obj, "stacked",
			       json_object_new_boolean(!!(dev->io.known & BC_IO_F_STACKED)));
			bc_put_io(doc, obj, &dev->io);
		}
		if (BCN_HAS(dev, BC_A_IO_TIMES) && dev->io.known & BC_IO_F_TIMES)
			bc_put_times(doc, obj, &dev->times);
	}
}

static void bc_put_cpu_settings(struct bc_doc *doc, json_object *obj, const struct bcn_pool *pool)
{
	json_object *cpu;
	uint64_t value;
	size_t i;

	for (i = 0; i < BC_COUNT(bc_cpu_settings); i++) {
		if (!bc_setting_value(pool, bc_cpu_settings[i].id, &value))
			continue;
		cpu = bc_member_object(doc, obj, "cpu");
		if (cpu)
			bc_put_bound(doc, cpu, bc_cpu_settings[i].key, value);
	}
	if (!bc_setting_value(pool, BC_SETTING_CPU_EXPANDABLE, &value))
		return;
	cpu = bc_member_object(doc, obj, "cpu");
	if (cpu)
		bc_put(doc, cpu, "expandable", json_object_new_boolean(!!value));
}

static void bc_put_io_settings(struct bc_doc *doc, json_object *obj, const struct bcn_pool *pool)
{
	json_object *io, *limits;
	uint64_t value;
	size_t i;

	for (i = 0; i < BC_COUNT(bc_io_limits); i++) {
		if (!bc_setting_value(pool, bc_io_limits[i].id, &value))
			continue;
		io = bc_member_object(doc, obj, "io");
		limits = io ? bc_member_object(doc, io, "limits") : NULL;
		if (limits)
			bc_put_bound(doc, limits, bc_io_limits[i].key, value);
	}
}

static const struct bcn_tunable *bc_tunable_by_id(const struct bcn_tunable *tunables, size_t count,
						 uint32_t id)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (tunables[i].id == id)
			return &tunables[i];
	return NULL;
}

static void bc_put_settings(struct bc_doc *doc, json_object *obj, const struct bcn_pool *pool,
			    const struct bcn_tunable *tunables, size_t ntunables)
{
	json_object *settings = bc_member_object(doc, obj, "settings"), *member;
	const struct bcn_tunable *t;
	struct bc_setting setting;
	char name[32];
	size_t i;

	for (i = 0; i < pool->nsettings && !doc->err; i++) {
		bcn_pool_setting(pool, i, &setting);
		t = bc_tunable_by_id(tunables, ntunables, setting.id);
		snprintf(name, sizeof(name), "setting-%u", setting.id);
		member = bc_member_object(doc, settings, t ? t->name : name);
		if (!member)
			return;
		if (t)
			bc_put_unit(doc, member, t->unit);
		bc_put_bound(doc, member, "value", setting.value);
		bc_put(doc, member, "set",
		       json_object_new_boolean(!!(setting.flags & BC_SETTING_F_SET)));
		bc_put(doc, member, "effective",
		       json_object_new_boolean(!!(setting.flags & BC_SETTING_F_EFFECTIVE)));
	}
}

/**
 * bc_doc_flows() - add CPU time, block I/O and settings to the pool that was added last
 * @doc: the document
 * @pool: the pool
 * @tunables: the settings of the module
 * @ntunables: how many there are
 * @devices: the block devices of the pool, or NULL
 */
void bc_doc_flows(struct bc_doc *doc, const struct bcn_pool *pool,
		  const struct bcn_tunable *tunables, size_t ntunables,
		  const struct bc_device_list *devices)
{
	json_object *obj, *member;

	if (doc->err)
		return;
	obj = json_object_array_get_idx(doc->list, json_object_array_length(doc->list) - 1);
	member = pool->cpu.known ? bc_member_object(doc, obj, "cpu") : NULL;
	if (member)
		bc_put_cpu(doc, member, &pool->cpu);
	bc_put_cpu_settings(doc, obj, pool);
	member = pool->io.known ? bc_member_object(doc, obj, "io") : NULL;
	if (member) {
		bc_put_io(doc, member, &pool->io);
		bc_put(doc, member, "writeback",
		       json_object_new_boolean(!!(pool->io.known & BC_IO_F_WRITEBACK)));
	}
	bc_put_io_settings(doc, obj, pool);
	if (devices && devices->count) {
		member = bc_member_object(doc, obj, "io");
		if (member)
			bc_put_devices(doc, member, devices);
	}
	if (pool->nsettings)
		bc_put_settings(doc, obj, pool, tunables, ntunables);
}

static void bc_put_weight_acts(struct bc_doc *doc, json_object *obj,
			       const struct bc_weight *weight)
{
	json_object *list = json_object_new_array(), *act;
	const struct bc_disk *disk;

	bc_put(doc, obj, "acts", list);
	for (disk = weight->disks; disk < weight->disks + weight->ndisks && !doc->err; disk++) {
		if (!bc_weight_acts(weight, disk))
			continue;
		act = bc_put_object(doc, list);
		if (!act)
			return;
		bc_put_str(doc, act, "device", disk->device);
		bc_put_str(doc, act, "by", bc_weigher_name(disk->weigher));
	}
}

/**
 * bc_doc_weight() - add io.weight to the pool that was added last
 * @doc: the document
 * @weight: what the pool's cgroup has
 */
void bc_doc_weight(struct bc_doc *doc, const struct bc_weight *weight)
{
	const char *why = bc_weight_why_not(weight);
	json_object *pool, *obj;

	if (doc->err || !weight->known)
		return;
	pool = json_object_array_get_idx(doc->list, json_object_array_length(doc->list) - 1);
	obj = bc_member_object(doc, pool, "io");
	if (obj)
		bc_put_int(doc, obj, "weight", weight->value);
	obj = bc_member_object(doc, bc_member_object(doc, pool, "settings"), "io.weight");
	if (!obj)
		return;
	bc_put_unit(doc, obj, BC_UNIT_SHARES);
	bc_put_int(doc, obj, "value", weight->value);
	bc_put(doc, obj, "set", json_object_new_boolean(weight->set));
	bc_put(doc, obj, "effective", json_object_new_boolean(!why));
	if (why)
		bc_put_str(doc, obj, "reason", why);
	else
		bc_put_weight_acts(doc, obj, weight);
}

/**
 * bc_doc_tunables() - add what can be set to the list of resources
 * @doc: the document
 * @tunables: the settings of the module
 * @count: how many there are
 */
void bc_doc_tunables(struct bc_doc *doc, const struct bcn_tunable *tunables, size_t count)
{
	json_object *list, *obj;
	const struct bcn_tunable *t;

	if (doc->err)
		return;
	list = json_object_new_array();
	bc_put(doc, doc->root, "settings", list);
	for (t = tunables; t < tunables + count && !doc->err; t++) {
		obj = bc_put_object(doc, list);
		if (!obj)
			return;
		bc_put_int(doc, obj, "id", t->id);
		bc_put_str(doc, obj, "name", t->name);
		bc_put_unit(doc, obj, t->unit);
		if (t->ranged) {
			bc_put_int(doc, obj, "lowest", t->lowest);
			bc_put_int(doc, obj, "highest", t->highest);
			bc_put(doc, obj, "unlimited", json_object_new_boolean(t->unlimited));
			bc_put_bound(doc, obj, "initial", t->initial);
		}
		if (BCN_HAS(t, BC_A_RES_STATUS))
			bc_put_status(doc, obj, t->status);
		if (t->reason)
			bc_put_str(doc, obj, "reason", t->reason);
		if (t->desc)
			bc_put_str(doc, obj, "description", t->desc);
	}
}
