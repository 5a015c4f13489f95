// SPDX-License-Identifier: GPL-2.0
/*
 * What a machine has, and what of that its containers hold, may have and are promised
 *
 * Sums over the pools of containers, from one dump. "limits" is what they may hold all
 * together, null if one of them has no limit. "promised" is what is kept for them. "left"
 * is what of the machine is neither held nor promised; of processors, of which nothing is
 * held between two instants, what is not promised.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <json-c/json.h>
#include <linux/beancounter.h>

#include "cgroup.h"
#include "ct.h"
#include "keys.h"
#include "node.h"

enum ct_node_size { CT_NODE_RAM, CT_NODE_RAM_SWAP, CT_NODE_TASKS, CT_NODE_NONE };

/**
 * struct ct_node_row - what is summed up for one line
 * @name: the name of the line
 * @size: what the machine has of it
 * @held: the resources of which the held amounts are added
 * @limits: those of which the limits are
 * @promised: those of which the guarantees are
 * @unit: bytes of pages or bytes, or a number
 */
struct ct_node_row {
	const char *name;
	enum ct_node_size size;
	uint32_t held[6];
	uint32_t limits[6];
	uint32_t promised;
	const char *unit;
};

/* Settings are nanoseconds of processors in a second. */
#define CT_CPU_PERCENT	10000000

/* Ends a list of resources. */
#define CT_END	0xffffffffU

static const struct ct_node_row ct_node_rows[] = {
	{ "memory", CT_NODE_RAM, { BC_RES_PHYSPAGES, CT_END }, { BC_RES_PHYSPAGES, CT_END },
	  BC_RES_OOMGUARPAGES, "bytes" },
	{ "memory+swap", CT_NODE_RAM_SWAP, { BC_RES_PHYSPAGES, BC_RES_SWAPPAGES, CT_END },
	  { BC_RES_PHYSPAGES, BC_RES_SWAPPAGES, CT_END }, BC_RES_OOMGUARPAGES, "bytes" },
	{ "allocated", CT_NODE_RAM_SWAP, { BC_RES_PRIVVMPAGES, CT_END },
	  { BC_RES_PRIVVMPAGES, CT_END }, BC_RES_VMGUARPAGES, "bytes" },
	{ "kernel", CT_NODE_NONE, { BC_RES_KMEMSIZE, CT_END }, { BC_RES_KMEMSIZE, CT_END },
	  CT_END, "bytes" },
	{ "sockets", CT_NODE_NONE,
	  { BC_RES_TCPSNDBUF, BC_RES_TCPRCVBUF, BC_RES_OTHERSOCKBUF, BC_RES_DGRAMRCVBUF, CT_END },
	  { BC_RES_TCPSNDBUF, BC_RES_TCPRCVBUF, BC_RES_OTHERSOCKBUF, BC_RES_DGRAMRCVBUF, CT_END },
	  CT_END, "bytes" },
	{ "tasks", CT_NODE_TASKS, { BC_RES_NUMPROC, CT_END }, { BC_RES_NUMPROC, CT_END }, CT_END,
	  "items" },
};

static uint64_t ct_proc_number(const char *path)
{
	FILE *f = fopen(path, "re");
	unsigned long long num = 0;

	if (f && fscanf(f, "%llu", &num) != 1)
		num = 0;
	if (f)
		fclose(f);
	return num;
}

/**
 * ct_machine_measure() - find out what this machine has
 * @size: receives that; what cannot be found out is 0
 */
void ct_machine_measure(struct ct_machine_size *size)
{
	uint64_t pids = ct_proc_number("/proc/sys/kernel/pid_max");
	struct sysinfo info;

	memset(size, 0, sizeof(*size));
	size->page_size = sysconf(_SC_PAGESIZE);
	size->cpus = sysconf(_SC_NPROCESSORS_ONLN);
	size->tasks = ct_proc_number("/proc/sys/kernel/threads-max");
	if (pids && (!size->tasks || pids < size->tasks))
		size->tasks = pids;
	if (!sysinfo(&info)) {
		size->ram = (uint64_t)info.totalram * info.mem_unit;
		size->swap = (uint64_t)info.totalswap * info.mem_unit;
	}
}

/* Is this the pool of a container, and not something else of the machine? */
static bool ct_node_counts(const struct bcn_pool *pool)
{
	char want[64];
	uint32_t id;

	snprintf(want, sizeof(want), "%s/%.32s", BC_CGROUP_BASE, pool->name);
	return pool->state == BC_POOL_LIVE && !ct_id_parse(pool->name, &id) && pool->cgroup &&
	       !strcmp(pool->cgroup, want);
}

static bool ct_node_record(const struct bcn_pool *pool, uint32_t res, struct bc_record *rec)
{
	size_t i;

	for (i = 0; i < pool->records; i++) {
		bcn_pool_record(pool, i, rec);
		if (rec->res == res)
			return true;
	}
	return false;
}

static uint64_t ct_node_bytes(const struct ct_machine_size *size, uint32_t unit, uint64_t num)
{
	return unit == BC_UNIT_PAGES ? num * size->page_size : num;
}

/**
 * struct ct_node_sum - a figure that is added up
 * @num: the sum
 * @known: false when a part of it is not known
 * @unlimited: a part of it has no bound
 */
struct ct_node_sum {
	uint64_t num;
	bool known;
	bool unlimited;
};

static void ct_node_add(struct ct_node_sum *sum, bool known, uint64_t num)
{
	sum->known &= known;
	if (!known)
		return;
	sum->unlimited |= num == BC_UNLIMITED;
	if (!sum->unlimited && __builtin_add_overflow(sum->num, num, &sum->num))
		sum->known = false;
}

static uint32_t ct_node_unit(const struct bc_snapshot *snap, uint32_t res)
{
	size_t i;

	for (i = 0; i < snap->nres; i++)
		if (snap->res[i].id == res)
			return snap->res[i].unit;
	return BC_UNIT_ITEMS;
}

/* Add one resource of all containers: what they hold, their limits, or what is promised. */
static void ct_node_sum(const struct ct_machine_size *size, const struct bc_snapshot *snap,
			uint32_t res, char part, struct ct_node_sum *sum)
{
	uint32_t unit = ct_node_unit(snap, res);
	struct bc_record rec;
	uint64_t num;
	bool known;
	size_t i;

	for (i = 0; i < snap->npools; i++) {
		if (!ct_node_counts(&snap->pools[i]))
			continue;
		known = ct_node_record(&snap->pools[i], res, &rec);
		if (known && part == 'h' && (rec.flags & BC_RECORD_F_NO_HELD))
			known = false;
		num = !known ? 0 : part == 'h' ? rec.held : part == 'l' ? rec.limit : rec.barrier;
		/* A guarantee without bound is none that was asked for. */
		if (part == 'b' && num == BC_UNLIMITED)
			num = 0;
		ct_node_add(sum, known, num == BC_UNLIMITED ? num :
			    ct_node_bytes(size, unit, num));
	}
}

static struct ct_node_sum ct_node_sums(const struct ct_machine_size *size,
				       const struct bc_snapshot *snap, const uint32_t *res,
				       char part)
{
	struct ct_node_sum sum = { .known = true };

	for (; *res != CT_END; res++)
		ct_node_sum(size, snap, *res, part, &sum);
	return sum;
}

/*
 * Parts of processors, in percent of one, that a setting of all containers comes to. Who
 * has none has no controller for it: no limit, and nothing promised.
 */
static struct ct_node_sum ct_node_cpu_sum(const struct bc_snapshot *snap, uint32_t id,
					  uint64_t none)
{
	struct ct_node_sum sum = { .known = true };
	struct bc_setting setting;
	uint64_t value;
	size_t i, j;

	for (i = 0; i < snap->npools; i++) {
		if (!ct_node_counts(&snap->pools[i]))
			continue;
		value = none;
		for (j = 0; j < snap->pools[i].nsettings; j++) {
			bcn_pool_setting(&snap->pools[i], j, &setting);
			if (setting.id == id)
				value = setting.value;
		}
		ct_node_add(&sum, true, value);
	}
	sum.num /= CT_CPU_PERCENT;
	return sum;
}

static void ct_node_put(struct json_object *obj, const char *key, struct ct_node_sum sum)
{
	if (sum.known)
		json_object_object_add(obj, key, sum.unlimited ? NULL :
				       json_object_new_uint64(sum.num));
}

static struct json_object *ct_node_line(const struct ct_machine_size *size,
					const struct bc_snapshot *snap,
					const struct ct_node_row *row)
{
	const uint64_t sizes[] = { size->ram, size->ram + size->swap, size->tasks, 0 };
	const uint32_t promised[] = { row->promised, CT_END };
	struct ct_node_sum held = ct_node_sums(size, snap, row->held, 'h');
	struct ct_node_sum limits = ct_node_sums(size, snap, row->limits, 'l');
	struct ct_node_sum kept = ct_node_sums(size, snap, promised, 'b');
	struct ct_node_sum machine = { sizes[row->size], sizes[row->size], false }, left = machine;
	struct json_object *obj = json_object_new_object();
	uint64_t taken = kept.num > held.num ? kept.num : held.num;

	left.known &= held.known && kept.known;
	left.num = left.num > taken ? left.num - taken : 0;
	kept.known &= row->promised != CT_END;
	json_object_object_add(obj, "name", json_object_new_string(row->name));
	json_object_object_add(obj, "unit", json_object_new_string(row->unit));
	ct_node_put(obj, "machine", machine);
	ct_node_put(obj, "held", held);
	ct_node_put(obj, "promised", kept);
	ct_node_put(obj, "limits", limits);
	ct_node_put(obj, "left", left);
	return obj;
}

static struct json_object *ct_node_cpu(const struct ct_machine_size *size,
				       const struct bc_snapshot *snap)
{
	struct ct_node_sum kept = ct_node_cpu_sum(snap, BC_SETTING_CPU_RESERVATION, 0);
	struct ct_node_sum machine = { size->cpus * 100, size->cpus, false }, left = machine;
	struct json_object *obj = json_object_new_object();

	left.num = left.num > kept.num ? left.num - kept.num : 0;
	json_object_object_add(obj, "name", json_object_new_string("cpu"));
	json_object_object_add(obj, "unit", json_object_new_string("percent"));
	ct_node_put(obj, "machine", machine);
	ct_node_put(obj, "promised", kept);
	ct_node_put(obj, "limits", ct_node_cpu_sum(snap, BC_SETTING_CPU_LIMIT, BC_UNLIMITED));
	ct_node_put(obj, "left", left);
	return obj;
}

/**
 * ct_node_doc() - what the machine has and its containers take
 * @size: what the machine has
 * @snap: all pools, of one instant
 *
 * Return: the document; what is not known is left out.
 */
struct json_object *ct_node_doc(const struct ct_machine_size *size, const struct bc_snapshot *snap)
{
	struct json_object *doc = json_object_new_object(), *rows = json_object_new_array();
	int containers = 0;
	size_t i;

	for (i = 0; i < snap->npools; i++)
		containers += ct_node_counts(&snap->pools[i]);
	json_object_object_add(doc, "schema", json_object_new_string("bctl.node/1"));
	json_object_object_add(doc, "containers", json_object_new_int(containers));
	json_object_object_add(doc, "cpus", json_object_new_int64(size->cpus));
	for (i = 0; i < sizeof(ct_node_rows) / sizeof(*ct_node_rows); i++)
		json_object_array_add(rows, ct_node_line(size, snap, &ct_node_rows[i]));
	json_object_array_add(rows, ct_node_cpu(size, snap));
	json_object_object_add(doc, "rows", rows);
	return doc;
}

/* What the machine keeps for itself: a twentieth, and no less than 128 MiB. */
#define CT_OWN_PART	20
#define CT_OWN_LEAST	(128ULL << 20)
#define CT_TASKS_LEAST	32

/**
 * ct_node_split() - write a sample for equal parts of a machine
 * @size: what the machine has
 * @parts: how many containers shall share it
 * @out: where to
 *
 * Return: 0, or -ENOSPC if the parts would be too small for a container.
 */
int ct_node_split(const struct ct_machine_size *size, uint32_t parts, FILE *out)
{
	uint64_t own = size->ram / CT_OWN_PART, ram, swap, tasks;

	own = own < CT_OWN_LEAST ? CT_OWN_LEAST : own;
	ram = size->ram > own ? (size->ram - own) / parts / size->page_size : 0;
	swap = size->swap / parts / size->page_size;
	/* Half of the tasks that the kernel allows, and what the memory can hold. */
	tasks = size->tasks / 2 / parts;
	if (tasks > ram * size->page_size / (1 << 20))
		tasks = ram * size->page_size / (1 << 20);
	if (tasks < CT_TASKS_LEAST)
		return -ENOSPC;
	fprintf(out, "# A %u%s part of this machine: %llu MiB of memory, %llu MiB of swap\n\n",
		parts, parts == 1 ? "st" : parts == 2 ? "nd" : parts == 3 ? "rd" : "th",
		(unsigned long long)(ram * size->page_size >> 20),
		(unsigned long long)(swap * size->page_size >> 20));
	fprintf(out, "PHYSPAGES=\"0:%llu\"\nSWAPPAGES=\"0:%llu\"\n", (unsigned long long)ram,
		(unsigned long long)swap);
	fprintf(out, "NUMPROC=\"%llu:%llu\"\nNUMFILE=\"%llu:%llu\"\n", (unsigned long long)tasks,
		(unsigned long long)tasks, (unsigned long long)tasks * 32,
		(unsigned long long)tasks * 32);
	fprintf(out, "CPUUNITS=\"1000\"\n");
	return 0;
}
