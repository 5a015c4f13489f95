// SPDX-License-Identifier: GPL-2.0
/*
 * A made-up kernel in the place of tools/lib/sock.c and tools/bctl/sys.c
 *
 * It holds a few pools and keeps the interface of the uapi header closely
 * enough to run whole commands against it. The environment tells where things
 * are and what goes wrong:
 *
 *	BCTL_FAKE_DIR		directory with
 *		state		the pools, kept from one run to the next
 *		cgroup/		what passes for the cgroup2 mount
 *		v1/		what passes for a cgroup v1 mount
 *		mountinfo	what passes for /proc/self/mountinfo
 *		compat		what passes for the module's parameter
 *		user_beancounters	what passes for the file in /proc
 *		log		one line for each request, and for the close
 *		closed		the closing records, and who has acknowledged them
 *		uptime		what passes for the system's uptime, ns
 *		held		added to each held
 *		integral	added to each integral
 *		failcnt		added to each failcnt
 *		incarnation	added to each incarnation
 *		created		added to each time of creation
 *		gone		if it is there, the module is not
 *		reloads		how often the module was loaded again: another number
 *				is another family
 *		proc/		what passes for /proc, if it is there
 *		block/		what passes for /sys/block
 *		notes/		notes about directories, by inode number and name
 *	BCTL_FAKE_MODE		words, separated by commas; see fake_mode(). "born": each pool has
 *				an own time of creation and incarnation; "old": a module without
 *				integrals and closing records
 *	BCTL_FAKE_COMM		who is refused something
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include <linux/beancounter.h>
#include <linux/genetlink.h>
#include <linux/magic.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>

#include "fake.h"
#include "sock.h"
#include "sys.h"

#define FAKE_DGRAMS	4096
/* Those of events. */
#define FAKE_GROUPS	3

struct fake_dgram {
	size_t len;
	void *buf;
};

static const struct {
	uint32_t id, unit, kind, status;
	const char *name, *reason, *desc;
} fake_res[FAKE_RES] = {
	{ BC_RES_PRIVVMPAGES, BC_UNIT_PAGES, BC_KIND_DERIVED, BC_STATUS_ENFORCED,
	  "privvmpages", NULL, "private address space" },
	{ BC_RES_NUMPROC, BC_UNIT_ITEMS, BC_KIND_CHARGED, BC_STATUS_ENFORCED,
	  "numproc", NULL, "tasks" },
	{ BC_RES_TCPSNDBUF, BC_UNIT_BYTES, BC_KIND_CHARGED, BC_STATUS_COUNTED,
	  "tcpsndbuf", "the hook is taken", "TCP send buffers" },
	{ BC_RES_PHYSPAGES, BC_UNIT_PAGES, BC_KIND_NATIVE, BC_STATUS_ENFORCED,
	  "physpages", NULL, "memory" },
	{ BC_RES_SWAPPAGES, BC_UNIT_PAGES, BC_KIND_NATIVE, BC_STATUS_ENFORCED,
	  "swappages", NULL, "swap" },
	{ BC_RES_VMGUARPAGES, BC_UNIT_PAGES, BC_KIND_NATIVE, BC_STATUS_ENFORCED,
	  "vmguarpages", NULL, "guarantee" },
	{ BC_RES_NUMFILE, BC_UNIT_ITEMS, BC_KIND_DERIVED, BC_STATUS_UNAVAILABLE,
	  "numfile", "security_file_alloc is missing", "open files" },
};

static const struct {
	uint32_t unit, unlimited;
	uint64_t lowest, highest, initial;
	const char *name;
} fake_settings[FAKE_SETTINGS] = {
	{ BC_UNIT_SHARES, 0, 8, 500000, 1000, "cpu.shares" },
	{ BC_UNIT_NS_PER_SEC, 1, 10000000, 8192000000000, BC_UNLIMITED, "cpu.limit" },
	{ BC_UNIT_NS_PER_SEC, 0, 0, 8192000000000, 0, "cpu.reservation" },
	{ BC_UNIT_BOOL, 0, 0, 1, 0, "cpu.expandable" },
	{ BC_UNIT_BYTES_PER_SEC, 1, 4096, 1ULL << 50, BC_UNLIMITED, "io.bps" },
	{ BC_UNIT_BYTES_PER_SEC, 1, 4096, 1ULL << 50, BC_UNLIMITED, "io.rbps" },
	{ BC_UNIT_BYTES_PER_SEC, 1, 4096, 1ULL << 50, BC_UNLIMITED, "io.wbps" },
	{ BC_UNIT_PER_SEC, 1, 1, 1ULL << 50, BC_UNLIMITED, "io.iops" },
	{ BC_UNIT_PER_SEC, 1, 1, 1ULL << 50, BC_UNLIMITED, "io.riops" },
	{ BC_UNIT_PER_SEC, 1, 1, 1ULL << 50, BC_UNLIMITED, "io.wiops" },
	{ BC_UNIT_MS, 0, 0, 60000, 100, "io.burst" },
	{ BC_UNIT_SHARES, 0, 1, 10000, 100, "io.weight" },
};

/* How many of them have a record: all but the last. */
#define FAKE_COUNTED	(FAKE_RES - 1)

static struct fake_pool fake_pools[FAKE_POOLS];
/* Answers, and events, which wait for whoever has no answer to read. */
static struct fake_queue {
	struct fake_dgram dgram[FAKE_DGRAMS];
	size_t head, tail;
} fake_answers, fake_told;
static struct fake_queue *fake_to = &fake_answers;
static int fake_dumps, fake_joined, fake_open;

static void fake_kernel(const struct nlmsghdr *req);

void (*fake_handler)(const struct nlmsghdr *req) = fake_kernel;

/* Is @word in BCTL_FAKE_MODE? */
bool fake_mode(const char *word)
{
	const char *mode = getenv("BCTL_FAKE_MODE"), *pos;
	size_t len = strlen(word);

	for (pos = mode; pos && (pos = strstr(pos, word)); pos++)
		if ((pos == mode || pos[-1] == ',') && (!pos[len] || pos[len] == ','))
			return true;
	return false;
}

const char *fake_path(const char *name)
{
	static char path[4][PATH_MAX];
	static int i;
	const char *dir = getenv("BCTL_FAKE_DIR");

	i = (i + 1) % 4;
	snprintf(path[i], sizeof(path[i]), "%s/%s", dir ? dir : ".", name);
	return path[i];
}

/* ---- what the module answers ---- */

/* Put a datagram into the socket's queue. */
void fake_answer(const void *buf, size_t len)
{
	struct fake_dgram *dg = &fake_to->dgram[fake_to->tail++ % FAKE_DGRAMS];

	if (fake_to->tail - fake_to->head > FAKE_DGRAMS)
		abort();
	dg->len = len;
	dg->buf = malloc(len ? len : 1);
	memcpy(dg->buf, buf, len);
}

/* Likewise, and free the message. */
void fake_answer_msg(struct nl_msg *msg)
{
	struct nlmsghdr *hdr = nlmsg_hdr(msg);
	size_t len = hdr->nlmsg_len;

	if (fake_mode("cut") && hdr->nlmsg_type == FAKE_FAMILY)
		len -= 8;
	fake_answer(hdr, len);
	nlmsg_free(msg);
}

/* Begin a message of the family. */
struct nl_msg *fake_new(uint16_t type, uint32_t seq, int flags, uint8_t cmd)
{
	struct nl_msg *msg = nlmsg_alloc_size(16384);

	genlmsg_put(msg, 0, seq, type, 0, flags, cmd, BC_GENL_VERSION);
	return msg;
}

/* Acknowledge or refuse a request, as with NETLINK_CAP_ACK. */
void fake_ack(const struct nlmsghdr *req, int err, const char *words, uint32_t offset)
{
	struct nl_msg *msg = nlmsg_alloc();
	struct nlmsgerr body = { .error = err, .msg = *req };
	int flags = NLM_F_CAPPED | (words ? NLM_F_ACK_TLVS : 0);

	nlmsg_put(msg, 0, req->nlmsg_seq, NLMSG_ERROR, 0, flags);
	nlmsg_append(msg, &body, sizeof(body), NLMSG_ALIGNTO);
	if (words)
		nla_put_string(msg, NLMSGERR_ATTR_MSG, words);
	if (words && offset)
		nla_put_u32(msg, NLMSGERR_ATTR_OFFS, offset);
	fake_answer_msg(msg);
}

/* End a dump. */
void fake_done(const struct nlmsghdr *req, int flags, int err)
{
	struct nl_msg *msg = nlmsg_alloc();

	nlmsg_put(msg, 0, req->nlmsg_seq, NLMSG_DONE, 0, NLM_F_MULTI | flags);
	nlmsg_append(msg, &err, sizeof(err), NLMSG_ALIGNTO);
	fake_answer_msg(msg);
}

/* Answer CTRL_CMD_GETFAMILY. */
void fake_family(const struct nlmsghdr *req)
{
	static const char * const names[FAKE_GROUPS + 1] = {
		BC_MCGRP_REFUSAL, BC_MCGRP_POOL, BC_MCGRP_THRESHOLD, BC_MCGRP_USAGE
	};
	struct nl_msg *msg = fake_new(GENL_ID_CTRL, req->nlmsg_seq, 0, CTRL_CMD_NEWFAMILY);
	struct nlattr *groups, *group;
	int i;

	nla_put_u16(msg, CTRL_ATTR_FAMILY_ID, FAKE_FAMILY);
	nla_put_u32(msg, CTRL_ATTR_VERSION, fake_mode("version") ? 99 : BC_GENL_VERSION);
	groups = nla_nest_start(msg, CTRL_ATTR_MCAST_GROUPS);
	for (i = 0; i < FAKE_GROUPS + !fake_mode("old"); i++) {
		group = nla_nest_start(msg, i + 1);
		nla_put_string(msg, CTRL_ATTR_MCAST_GRP_NAME, names[i]);
		nla_put_u32(msg, CTRL_ATTR_MCAST_GRP_ID, 40 + i);
		nla_nest_end(msg, group);
	}
	nla_nest_end(msg, groups);
	fake_answer_msg(msg);
	fake_ack(req, 0, NULL, 0);
}

/* Numbers that were read for the request that is being answered. */
static struct fake_numbers {
	const char *name[8];
	uint64_t num[8];
	int count;
} fake_numbers;

static uint64_t fake_read(const char *name)
{
	FILE *f = fopen(fake_path(name), "r");
	unsigned long long num = 0;

	if (f && fscanf(f, "%llu", &num) != 1)
		num = 0;
	if (f)
		fclose(f);
	return num;
}

/* A number that a test has put into a file, else 0; the same for all of an answer. */
uint64_t fake_number(const char *name)
{
	struct fake_numbers *n = &fake_numbers;
	int i;

	for (i = 0; i < n->count; i++)
		if (!strcmp(n->name[i], name))
			return n->num[i];
	if (i == 8)
		abort();
	n->name[i] = name;
	n->count++;
	return n->num[i] = fake_read(name);
}

uint64_t fake_at;

/* In the mode "frozen" no time passes; nor does it for a pool that is closed. */
uint64_t fake_uptime(void)
{
	uint64_t ns = fake_at ? fake_at : fake_number("uptime");
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	if (fake_mode("frozen"))
		ns = 10000000000ULL;
	return ns ? ns : ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* Whose peaks the request that is being answered takes; a reader "new" takes none. */
static const char *fake_reader;

/* When a pool was made, which is before each record. */
static uint64_t fake_created(const struct fake_pool *pool)
{
	return (pool->created ? pool->created : 5000000000ULL) + fake_number("created");
}

/* What is held in the absence of a file "held" has been held since the pool was made. */
static void fake_integrate(const struct fake_pool *pool, size_t i, struct bc_record *rec)
{
	uint64_t age = fake_uptime() - fake_created(pool);

	rec->flags |= BC_RECORD_F_INTEGRAL;
	rec->integral = (pool->id * 100 + i) * (age / 1000000000) + fake_number("integral");
}

static void fake_record(const struct fake_pool *pool, size_t i, struct bc_record *rec)
{
	*rec = (struct bc_record) {
		.res = fake_res[i].id,
		.flags = fake_res[i].status == BC_STATUS_ENFORCED ? BC_RECORD_F_ENFORCED : 0,
		.held = pool->id * 100 + i + fake_number("held"),
		.maxheld = pool->id * 100 + i + 5 + fake_number("held"),
		.barrier = pool->barrier[i],
		.limit = pool->limit[i],
		.failcnt = fake_mode("nofail") ? 0 : i + fake_number("failcnt"),
		.failed = 2 * i,
		.last_fail = i ? 1000000000 + i : 0,
	};
	if (fake_reader && strcmp(fake_reader, "new")) {
		rec->flags |= BC_RECORD_F_PEAK;
		rec->peak = rec->held + 1;
	}
	if (fake_res[i].id == BC_RES_VMGUARPAGES)
		rec->flags |= BC_RECORD_F_NO_HELD | BC_RECORD_F_NO_MAXHELD |
			      BC_RECORD_F_NO_FAILCNT | BC_RECORD_F_NO_FAILED;
	else
		fake_integrate(pool, i, rec);
}

static void fake_put_memory(struct nl_msg *msg)
{
	struct bc_memory mem = {
		.anon = 1 << 20, .file = 2 << 20, .shmem = 3 << 20, .cache = 4 << 20,
		.kernel = 5 << 20, .slab = 6 << 20, .reclaimable = 7 << 20, .sock = 8 << 20,
		.swap = 9 << 20,
	};

	nla_put(msg, BC_A_MEMORY, sizeof(mem) - (fake_mode("shortmem") ? 8 : 0), &mem);
}

static void fake_put_table(struct nl_msg *msg, const struct fake_pool *pool)
{
	size_t i, size = sizeof(struct bc_record) + (fake_mode("longrec") ? 24 : 0);
	char table[FAKE_RES * (sizeof(struct bc_record) + 24)];

	if (fake_mode("old"))
		size = offsetof(struct bc_record, integral);
	memset(table, 0xa5, sizeof(table));
	for (i = 0; i < FAKE_COUNTED; i++)
		fake_record(pool, i, (struct bc_record *)(table + i * size));
	if (fake_mode("shortrec"))
		size = offsetof(struct bc_record, integral) - 8;
	nla_put_u32(msg, BC_A_RECORD_SIZE, size);
	nla_put(msg, BC_A_TABLE, FAKE_COUNTED * size + (fake_mode("oddtable") ? 4 : 0), table);
}

static void fake_put_thresholds(struct nl_msg *msg, const struct fake_pool *pool)
{
	struct nlattr *nest;
	int i;

	for (i = 0; i < FAKE_RES; i++) {
		if (!pool->rise[i])
			continue;
		nest = nla_nest_start(msg, BC_A_THRESHOLD);
		nla_put_u32(msg, BC_THRESHOLD_A_RES, fake_res[i].id);
		nla_put_u32(msg, BC_THRESHOLD_A_RISE, pool->rise[i]);
		nla_put_u32(msg, BC_THRESHOLD_A_FALL, pool->fall[i]);
		nla_put_u32(msg, BC_THRESHOLD_A_ABOVE, i == 1);
		nla_nest_end(msg, nest);
	}
}

static void fake_put_settings(struct nl_msg *msg, const struct fake_pool *pool)
{
	struct bc_setting list[FAKE_SETTINGS + 1];
	int i;

	if (!pool->id || fake_mode("nosettings"))
		return;
	/* The last one, io.weight, is not the module's. */
	for (i = 0; i < BC_SETTING_IO_WEIGHT; i++)
		list[i] = (struct bc_setting){
			.id = i, .value = pool->setting[i],
			.flags = (pool->set[i] ? BC_SETTING_F_SET : 0) | BC_SETTING_F_EFFECTIVE,
		};
	list[i] = (struct bc_setting){ .id = 99, .value = 7 };
	nla_put(msg, BC_A_SETTINGS, i * sizeof(list[0]) +
		(fake_mode("newsetting") ? sizeof(list[0]) : 0) -
		(fake_mode("oddsettings") ? 4 : 0), list);
}

/*
 * What a pool has used: in the mode "flow" so much per second of the system's
 * uptime. Pool N takes N tenths of a CPU, up to 16.
 */
static void fake_put_cpu(struct nl_msg *msg, const struct fake_pool *pool)
{
	uint64_t tenths = pool->id % 16, ns = fake_uptime() / 10;
	struct {
		struct bc_cpu cpu;
		uint64_t more;
	} rec = {
		.cpu = {
			.known = BC_CPU_F_USAGE | BC_CPU_F_WAIT | BC_CPU_F_THROTTLED |
				 BC_CPU_F_LOAD | BC_CPU_F_ENTITLEMENT | 1ULL << 40,
			.usage = tenths * ns, .user = tenths * (ns / 4 * 3),
			.system = tenths * (ns / 4), .wait = ns / 2, .switches = 1000,
			.preemptions = 20, .throttled = ns, .nr_throttled = 5,
			.load = { 1250, 500, 25 }, .entitlement = 1500000000,
			.reservable = 125000000,
		},
		.more = ~0ULL,
	};
	size_t size = sizeof(rec.cpu);

	if (fake_mode("longflow"))
		size = sizeof(rec);
	if (fake_mode("shortflow"))
		size = offsetof(struct bc_cpu, nr_throttled);
	if (fake_mode("badflow"))
		size = 4;
	nla_put(msg, BC_A_CPU, size, &rec);
}

/* 1 MiB/s and 100 requests for each number. */
static void fake_put_io(struct nl_msg *msg, uint64_t number, uint64_t flags)
{
	uint64_t ns = fake_uptime();
	struct bc_io io = {
		.known = BC_IO_F_AMOUNT | BC_IO_F_TIMES | BC_IO_F_THROTTLED |
			 (fake_mode("nodirty") ? 0 : BC_IO_F_DIRTY) | flags,
		.bytes = { number * (ns / 1000) * 1048576 / 1000000, ns / 1000 * 4096 / 1000000, 7 },
		.ios = { number * (ns / 10000000), ns / 1000000000, 3, 4 },
		.in_flight = { 1, 2 }, .wait = { 11, 12 }, .service = { 13, 14 },
		.throttled = ns / 4, .nr_throttled = 6, .dirtied = 1 << 20, .cancelled = 4096,
	};

	nla_put(msg, BC_A_IO, fake_mode("shortflow") ? offsetof(struct bc_io, dirtied) : sizeof(io),
		&io);
}

static void fake_put_flows(struct nl_msg *msg, const struct fake_pool *pool)
{
	fake_put_settings(msg, pool);
	if (!fake_mode("flow") && !fake_mode("frozen"))
		return;
	if (!fake_mode("nocpu"))
		fake_put_cpu(msg, pool);
	if (!fake_mode("noio"))
		fake_put_io(msg, pool->id, BC_IO_F_WRITEBACK);
}

uint64_t fake_incarnation(const struct fake_pool *pool)
{
	return (pool->incarnation ? pool->incarnation : 7000 + pool->id) +
	       fake_number("incarnation");
}

const char *fake_parent(const struct fake_pool *pool)
{
	return fake_pools[pool->parent].name;
}

const struct fake_pool *fake_pool_at(size_t i)
{
	return i < FAKE_POOLS ? &fake_pools[i] : NULL;
}

/* What a closing record has, too. */
void fake_put_closed_pool(struct nl_msg *msg, const struct fake_pool *pool)
{
	nla_put_u32(msg, BC_A_ID, pool->id);
	nla_put_string(msg, BC_A_NAME, pool->name);
	nla_put_u64(msg, BC_A_INCARNATION, fake_incarnation(pool));
	if (pool->id) {
		nla_put_u32(msg, BC_A_PARENT_ID, pool->parent);
		nla_put_string(msg, BC_A_PARENT, fake_parent(pool));
		nla_put_string(msg, BC_A_CGROUP_PATH, pool->cgroup);
		nla_put_u64(msg, BC_A_CGROUP_ID, pool->cgroup_id);
	}
	nla_put_u64(msg, BC_A_CREATED, fake_created(pool));
	fake_put_table(msg, pool);
	fake_put_flows(msg, pool);
}

static void fake_put_pool(struct nl_msg *msg, const struct fake_pool *pool)
{
	int children = 0, i;

	for (i = 0; i < FAKE_POOLS; i++)
		children += fake_pools[i].used && i && fake_pools[i].parent == pool->id;
	fake_put_closed_pool(msg, pool);
	nla_put_u32(msg, BC_A_STATE, fake_mode("newstate") ? 9 : BC_POOL_LIVE);
	nla_put_u32(msg, BC_A_CHILDREN, children);
	nla_put_u64(msg, BC_A_GENERATION, 3);
	if (!fake_mode("old")) {
		nla_put_u64(msg, BC_A_CHANGED, fake_created(pool) + 1000000000);
		nla_put_u64(msg, BC_A_TAKEN, fake_uptime());
	}
	fake_put_thresholds(msg, pool);
	if (fake_mode("newattr"))
		nla_put_string(msg, BC_A_MAX + 5, "from the future");
}

static struct fake_pool *fake_find(struct nlattr **tb)
{
	const char *name = tb[BC_A_NAME] ? nla_get_string(tb[BC_A_NAME]) : NULL;
	int i;

	for (i = 0; i < FAKE_POOLS; i++)
		if (fake_pools[i].used && name && !strcmp(fake_pools[i].name, name))
			return &fake_pools[i];
	return NULL;
}

static void fake_get(const struct nlmsghdr *req, struct nlattr **tb)
{
	struct fake_pool *pool = fake_find(tb);
	struct nl_msg *msg;

	if (!pool) {
		fake_ack(req, -ENOENT, "no such pool", 0);
		return;
	}
	msg = fake_new(FAKE_FAMILY, req->nlmsg_seq, 0, BC_CMD_POOL_GET);
	fake_put_pool(msg, pool);
	if (tb[BC_A_DETAIL])
		fake_put_memory(msg);
	fake_answer_msg(msg);
	fake_ack(req, 0, NULL, 0);
}

static void fake_dump(const struct nlmsghdr *req, struct nlattr **tb)
{
	int flags = NLM_F_MULTI, i;
	struct nl_msg *msg;

	/* Three of four. */
	if (fake_mode("intr") && ++fake_dumps % 4)
		flags |= NLM_F_DUMP_INTR;
	if (fake_mode("intr-always"))
		flags |= NLM_F_DUMP_INTR;
	for (i = 0; i < FAKE_POOLS; i++) {
		if (!fake_pools[i].used)
			continue;
		msg = fake_new(FAKE_FAMILY, req->nlmsg_seq, flags, BC_CMD_POOL_GET);
		fake_put_pool(msg, &fake_pools[i]);
		if (tb[BC_A_DETAIL])
			fake_put_memory(msg);
		fake_answer_msg(msg);
	}
	fake_done(req, 0, fake_mode("done-error") ? -ENOMEM : 0);
}

static void fake_culprit(const struct nlmsghdr *req, const struct fake_pool *level, size_t res,
			 const struct fake_pool *origin, uint32_t pid)
{
	struct nl_msg *msg = fake_new(FAKE_FAMILY, req->nlmsg_seq, NLM_F_MULTI,
				      BC_CMD_REFUSAL_GET);

	nla_put_u32(msg, BC_A_ID, level->id);
	nla_put_string(msg, BC_A_NAME, level->name);
	nla_put_u32(msg, BC_A_RES, fake_res[res].id);
	nla_put_string(msg, BC_A_RES_NAME, fake_res[res].name);
	nla_put_u64(msg, BC_A_COUNT, pid ? 3 : 1);
	nla_put_u64(msg, BC_A_FIRST, 1000000000);
	nla_put_u64(msg, BC_A_TIME, 2000000000);
	nla_put_u64(msg, BC_A_AMOUNT, 40);
	nla_put_u64(msg, BC_A_LARGEST, 50);
	nla_put_u64(msg, BC_A_HELD, 90);
	nla_put_u64(msg, BC_A_BARRIER, 100);
	nla_put_u64(msg, BC_A_LIMIT_VALUE, 110);
	nla_put_u32(msg, BC_A_BOUND, res == 2 ? BC_BOUND_LIMIT : BC_BOUND_BARRIER);
	nla_put_u32(msg, BC_A_ORIGIN_ID, origin->id);
	nla_put_string(msg, BC_A_ORIGIN_NAME, origin->name);
	nla_put_u64(msg, BC_A_ORIGIN_INCARNATION, 7000 + origin->id);
	if (pid) {
		nla_put_u32(msg, BC_A_PID, pid);
		nla_put_string(msg, BC_A_COMM, "ev\x1b[2Jil");
	}
	fake_answer_msg(msg);
}

/* Each pool has refused numproc to a task of its own, and each child of it in a softirq. */
static void fake_refusals(const struct nlmsghdr *req, struct nlattr **tb)
{
	struct fake_pool *pool = fake_find(tb);
	int i;

	if (!pool) {
		fake_done(req, 0, -ENOENT);
		return;
	}
	if (pool->id && !fake_mode("peace"))
		fake_culprit(req, pool, 1, pool, 4711);
	for (i = 1; i < FAKE_POOLS && !fake_mode("peace"); i++)
		if (fake_pools[i].used && fake_pools[i].parent == pool->id)
			fake_culprit(req, pool, 2, &fake_pools[i], 0);
	fake_done(req, 0, 0);
}

static void fake_threshold(const struct nlmsghdr *req, struct nlattr **tb)
{
	struct nlattr *th[BC_THRESHOLD_A_MAX + 1];
	struct fake_pool *pool = fake_find(tb);
	struct genlmsghdr *genl = nlmsg_data(req);
	struct nlattr *pos;
	int rem, i;

	if (!pool) {
		fake_ack(req, -ENOENT, "no such pool", 0);
		return;
	}
	nla_for_each_attr(pos, genlmsg_attrdata(genl, 0), genlmsg_attrlen(genl, 0), rem) {
		if (nla_type(pos) != BC_A_THRESHOLD)
			continue;
		nla_parse_nested(th, BC_THRESHOLD_A_MAX, pos, NULL);
		for (i = 0; i < FAKE_RES; i++) {
			if (fake_res[i].id != nla_get_u32(th[BC_THRESHOLD_A_RES]))
				continue;
			pool->rise[i] = nla_get_u32(th[BC_THRESHOLD_A_RISE]);
			pool->fall[i] = pool->rise[i] ? nla_get_u32(th[BC_THRESHOLD_A_FALL]) : 0;
		}
	}
	fake_ack(req, 0, NULL, 0);
}

static void fake_dump_settings(const struct nlmsghdr *req)
{
	struct nlattr *nest;
	struct nl_msg *msg;
	int i;

	for (i = 0; i < FAKE_SETTINGS; i++) {
		msg = fake_new(FAKE_FAMILY, req->nlmsg_seq, NLM_F_MULTI, BC_CMD_SETTING_GET);
		nest = nla_nest_start(msg, BC_A_SETTING);
		nla_put_u32(msg, BC_SETTING_A_ID, i);
		nla_put_string(msg, BC_SETTING_A_NAME, fake_settings[i].name);
		nla_put_u32(msg, BC_SETTING_A_UNIT, fake_settings[i].unit);
		nla_put_u64(msg, BC_SETTING_A_LOWEST, fake_settings[i].lowest);
		nla_put_u64(msg, BC_SETTING_A_HIGHEST, fake_settings[i].highest);
		nla_put_u32(msg, BC_SETTING_A_UNLIMITED, fake_settings[i].unlimited);
		nla_put_u64(msg, BC_SETTING_A_VALUE, fake_settings[i].initial);
		nla_nest_end(msg, nest);
		nla_put_u32(msg, BC_A_RES_STATUS, i == BC_SETTING_IO_WEIGHT ?
			    BC_STATUS_UNAVAILABLE : BC_STATUS_ENFORCED);
		if (i == BC_SETTING_IO_WEIGHT)
			nla_put_string(msg, BC_A_REASON, "not the module's");
		nla_put_string(msg, BC_A_DESC, "a setting");
		fake_answer_msg(msg);
	}
	fake_done(req, 0, 0);
}

static void fake_device(const struct nlmsghdr *req, uint64_t number, const char *device)
{
	struct nl_msg *msg = fake_new(FAKE_FAMILY, req->nlmsg_seq, NLM_F_MULTI, BC_CMD_IO_GET);
	struct bc_io_times times = {
		.wait[BC_IO_READ] = { [0] = 100 },
		.service[BC_IO_READ] = { [7] = 90, [11] = 10 },
		.service[BC_IO_WRITE] = { [BC_IO_BUCKETS - 1] = 1 },
	};

	if (fake_mode("spread"))
		times.wait[BC_IO_WRITE][6] = 3;
	if (device)
		nla_put_string(msg, BC_A_DEVICE, device);
	fake_put_io(msg, number, number ? 0 : BC_IO_F_STACKED);
	nla_put(msg, BC_A_IO_TIMES, sizeof(times) - (fake_mode("shortflow") ? 8 : 0), &times);
	fake_answer_msg(msg);
}

static void fake_devices(const struct nlmsghdr *req, struct nlattr **tb)
{
	struct fake_pool *pool = fake_find(tb);

	if (pool) {
		fake_device(req, pool->id, NULL);
		fake_device(req, pool->id, "8:0");
		fake_device(req, 0, "259:7");
	}
	fake_done(req, 0, pool ? 0 : -ENOENT);
}

static void fake_readers(const struct nlmsghdr *req)
{
	struct nl_msg *msg = fake_new(FAKE_FAMILY, req->nlmsg_seq, NLM_F_MULTI,
				      BC_CMD_READER_GET);

	nla_put_string(msg, BC_A_READER, "hourly");
	nla_put_u64(msg, BC_A_TIME, 123456789);
	fake_answer_msg(msg);
	fake_done(req, 0, 0);
}

static void fake_reader_del(const struct nlmsghdr *req, struct nlattr **tb)
{
	bool known = tb[BC_A_READER] && !strcmp(nla_get_string(tb[BC_A_READER]), "hourly");

	fake_ack(req, known ? 0 : -ENOENT, known ? NULL : "there is no such reader", 0);
}

static void fake_dump_res(const struct nlmsghdr *req)
{
	struct nl_msg *msg;
	int i;

	for (i = 0; i < FAKE_RES; i++) {
		msg = fake_new(FAKE_FAMILY, req->nlmsg_seq, NLM_F_MULTI, BC_CMD_RES_GET);
		nla_put_u32(msg, BC_A_RES, fake_res[i].id);
		nla_put_string(msg, BC_A_RES_NAME, fake_res[i].name);
		nla_put_u32(msg, BC_A_RES_UNIT, fake_res[i].unit);
		nla_put_u32(msg, BC_A_RES_KIND, fake_res[i].kind);
		nla_put_u32(msg, BC_A_RES_STATUS, fake_res[i].status);
		if (fake_res[i].reason)
			nla_put_string(msg, BC_A_REASON, fake_res[i].reason);
		nla_put_string(msg, BC_A_DESC, fake_res[i].desc);
		fake_answer_msg(msg);
	}
	fake_done(req, 0, 0);
}

/* Take the limits; NULL, or what is wrong with them and where. */
static const char *fake_limits(const struct nlmsghdr *req, struct fake_pool *pool,
			       uint32_t *offset)
{
	struct nlattr *tb[BC_LIMIT_A_MAX + 1], *pos;
	struct genlmsghdr *genl = nlmsg_data(req);
	struct fake_pool copy = *pool;
	int rem, i;

	nla_for_each_attr(pos, genlmsg_attrdata(genl, 0), genlmsg_attrlen(genl, 0), rem) {
		if (nla_type(pos) != BC_A_LIMIT)
			continue;
		*offset = (char *)pos - (char *)req;
		if (nla_parse_nested(tb, BC_LIMIT_A_MAX, pos, NULL) || !tb[BC_LIMIT_A_RES] ||
		    !tb[BC_LIMIT_A_BARRIER] || !tb[BC_LIMIT_A_LIMIT])
			return "malformed limit";
		for (i = 0; i < FAKE_RES; i++)
			if (fake_res[i].id == nla_get_u32(tb[BC_LIMIT_A_RES]))
				break;
		if (i >= FAKE_COUNTED)
			return "this resource cannot be limited on this kernel";
		copy.barrier[i] = nla_get_u64(tb[BC_LIMIT_A_BARRIER]);
		copy.limit[i] = nla_get_u64(tb[BC_LIMIT_A_LIMIT]);
	}
	*pool = copy;
	return NULL;
}

/* Take the settings; NULL, or what is wrong with them and where. */
static const char *fake_tune(const struct nlmsghdr *req, struct fake_pool *pool,
			     uint32_t *offset)
{
	struct nlattr *tb[BC_SETTING_A_MAX + 1], *pos;
	struct genlmsghdr *genl = nlmsg_data(req);
	struct fake_pool copy = *pool;
	uint64_t value;
	uint32_t id;
	int rem;

	nla_for_each_attr(pos, genlmsg_attrdata(genl, 0), genlmsg_attrlen(genl, 0), rem) {
		if (nla_type(pos) != BC_A_SETTING)
			continue;
		*offset = (char *)pos - (char *)req;
		if (nla_parse_nested(tb, BC_SETTING_A_MAX, pos, NULL) || !tb[BC_SETTING_A_ID] ||
		    !tb[BC_SETTING_A_VALUE])
			return "malformed setting";
		id = nla_get_u32(tb[BC_SETTING_A_ID]);
		value = nla_get_u64(tb[BC_SETTING_A_VALUE]);
		if (id >= FAKE_SETTINGS || (value == BC_UNLIMITED ? !fake_settings[id].unlimited :
		    value < fake_settings[id].lowest || value > fake_settings[id].highest))
			return "value is out of range, see bctl resources";
		copy.setting[id] = value;
		copy.set[id] = true;
	}
	*pool = copy;
	return NULL;
}

static void fake_set(const struct nlmsghdr *req, struct nlattr **tb)
{
	struct fake_pool *pool = fake_find(tb), copy;
	const char *words;
	uint32_t offset;
	int err = -EOPNOTSUPP;

	if (!pool) {
		fake_ack(req, -ENOENT, "no such pool", 0);
		return;
	}
	copy = *pool;
	words = fake_limits(req, &copy, &offset);
	if (!words) {
		words = fake_tune(req, &copy, &offset);
		err = -ERANGE;
	}
	if (!words)
		*pool = copy;
	fake_ack(req, words ? err : 0, words, offset);
}

/* The path of an open directory below the made-up cgroup2 mount, or NULL. */
static const char *fake_below(int fd, const char *mount)
{
	static char path[PATH_MAX];
	char link[64], top[PATH_MAX];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len < 0 || !realpath(fake_path(mount), top))
		return NULL;
	path[len] = '\0';
	if (strncmp(path, top, strlen(top)))
		return NULL;
	if (path[strlen(top)] == '/')
		return path + strlen(top) + 1;
	return path[strlen(top)] ? NULL : "";
}

static const char *fake_fill(const struct nlmsghdr *req, struct nlattr **tb,
			     struct fake_pool *pool, int *err, uint32_t *offset)
{
	const char *path = fake_below(nla_get_s32(tb[BC_A_CGROUP_FD]), "cgroup");
	size_t best = 0, len;
	const char *words;
	struct stat st;
	int i;

	*err = -EINVAL;
	if (!path || !*path)
		return "no cgroup, or the root cgroup";
	snprintf(pool->name, sizeof(pool->name), "%s", nla_get_string(tb[BC_A_NAME]));
	if (strpbrk(pool->name, " /!\n"))
		return "bad name";
	snprintf(pool->cgroup, sizeof(pool->cgroup), "%s", path);
	fstat(nla_get_s32(tb[BC_A_CGROUP_FD]), &st);
	pool->cgroup_id = st.st_ino;
	for (i = 1; i < FAKE_POOLS; i++) {
		len = strlen(fake_pools[i].cgroup);
		if (fake_pools[i].used && len > best && !strncmp(path, fake_pools[i].cgroup, len) &&
		    path[len] == '/') {
			best = len;
			pool->parent = i;
		}
	}
	if (tb[BC_A_PARENT] &&
	    strcmp(nla_get_string(tb[BC_A_PARENT]), fake_pools[pool->parent].name))
		return "the parent is another pool";
	words = fake_limits(req, pool, offset);
	return words ? words : fake_tune(req, pool, offset);
}

static void fake_create(const struct nlmsghdr *req, struct nlattr **tb)
{
	struct fake_pool pool = { .used = true };
	uint32_t id = tb[BC_A_ID] ? nla_get_u32(tb[BC_A_ID]) : 1, offset = 0;
	const char *words;
	struct nl_msg *msg;
	int err, i;

	if (fake_find(tb) || fake_pools[id].used) {
		if (fake_find(tb) || tb[BC_A_ID]) {
			fake_ack(req, -EEXIST, "the name or the id is taken", 0);
			return;
		}
		while (fake_pools[id].used)
			id++;
	}
	for (i = 0; i < FAKE_RES; i++)
		pool.barrier[i] = pool.limit[i] = BC_UNLIMITED;
	for (i = 0; i < FAKE_SETTINGS; i++)
		pool.setting[i] = fake_settings[i].initial;
	words = fake_fill(req, tb, &pool, &err, &offset);
	if (!words && fake_mode("full")) {
		words = "there are too many pools";
		err = -ENOSPC;
	}
	if (words) {
		fake_ack(req, err, words, offset);
		return;
	}
	pool.id = id;
	if (fake_mode("born"))
		pool.created = pool.incarnation = fake_uptime();
	fake_pools[id] = pool;
	msg = fake_new(FAKE_FAMILY, req->nlmsg_seq, 0, BC_CMD_POOL_NEW);
	fake_put_pool(msg, &fake_pools[id]);
	fake_answer_msg(msg);
	fake_ack(req, 0, NULL, 0);
}

static void fake_delete(const struct nlmsghdr *req, struct nlattr **tb)
{
	struct fake_pool *pool = fake_find(tb);
	int i;

	if (!pool) {
		fake_ack(req, -ENOENT, "no such pool", 0);
		return;
	}
	for (i = 1; i < FAKE_POOLS; i++)
		if (fake_pools[i].used && fake_pools[i].parent == pool->id && pool->id) {
			fake_ack(req, -EBUSY, "the pool has child pools", 0);
			return;
		}
	if (!pool->id) {
		fake_ack(req, -EINVAL, "the host cannot be deleted", 0);
		return;
	}
	fake_closed_add(pool, BC_CAUSE_DELETED);
	pool->used = false;
	fake_ack(req, 0, NULL, 0);
}

static void fake_info(const struct nlmsghdr *req)
{
	struct nl_msg *msg = fake_new(FAKE_FAMILY, req->nlmsg_seq, 0, BC_CMD_INFO_GET);

	nla_put_string(msg, BC_A_VERSION, "0.1.0");
	nla_put_u32(msg, BC_A_POOLS, 1);
	nla_put_u32(msg, BC_A_POOLS_MAX, 4096);
	nla_put_u32(msg, BC_A_DYING, 0);
	nla_put_u64(msg, BC_A_GENERATION, 12);
	nla_put_u32(msg, BC_A_HOOKED, 1);
	nla_put_u64(msg, BC_A_SUPPRESSED, 4);
	nla_put_u64(msg, BC_A_UNBALANCED, 0);
	nla_put_u64(msg, BC_A_UNTRACKED, 0);
	nla_put_u32(msg, BC_A_PAGE_SIZE, 4096);
	if (!fake_mode("old"))
		fake_closed_info(msg);
	fake_answer_msg(msg);
	fake_ack(req, 0, NULL, 0);
}

static void fake_state(bool save)
{
	FILE *f = fopen(fake_path("state"), save ? "w" : "r");

	if (!save) {
		memset(fake_pools, 0, sizeof(fake_pools));
		fake_pools[0].used = true;
		strcpy(fake_pools[0].name, "host");
		memset(fake_pools[0].barrier, 0xff, sizeof(fake_pools[0].barrier));
		memset(fake_pools[0].limit, 0xff, sizeof(fake_pools[0].limit));
	}
	if (!f)
		return;
	if (save)
		fwrite(fake_pools, sizeof(fake_pools), 1, f);
	else if (fread(fake_pools, sizeof(fake_pools), 1, f) != 1)
		abort();
	fclose(f);
}

static void fake_log(const char *line)
{
	FILE *f = NULL;

	if (getenv("BCTL_FAKE_DIR") && !fake_mode("readonly"))
		f = fopen(fake_path("log"), "a");
	if (!f)
		return;
	fprintf(f, "%s\n", line);
	fclose(f);
}

static void fake_log_request(const struct nlmsghdr *req, uint8_t cmd)
{
	char line[80];

	snprintf(line, sizeof(line), "cmd=%u ack=%d dump=%d len=%u", cmd,
		 !!(req->nlmsg_flags & NLM_F_ACK),
		 (req->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP, req->nlmsg_len);
	fake_log(line);
}

static void fake_request(const struct nlmsghdr *req, uint8_t cmd)
{
	struct nlattr *tb[BC_A_MAX + 1];

	if (genlmsg_parse((struct nlmsghdr *)req, 0, tb, BC_A_MAX, NULL) < 0)
		abort();
	fake_reader = tb[BC_A_READER] ? nla_get_string(tb[BC_A_READER]) : NULL;
	switch (cmd) {
	case BC_CMD_POOL_NEW:
		return fake_create(req, tb);
	case BC_CMD_POOL_SET:
		return fake_set(req, tb);
	case BC_CMD_POOL_DEL:
		return fake_delete(req, tb);
	case BC_CMD_POOL_GET:
		return req->nlmsg_flags & NLM_F_DUMP ? fake_dump(req, tb) : fake_get(req, tb);
	case BC_CMD_RES_GET:
		return fake_dump_res(req);
	case BC_CMD_INFO_GET:
		return fake_info(req);
	case BC_CMD_SETTING_GET:
		return fake_mode("nosettings") ? fake_ack(req, -EOPNOTSUPP, NULL, 0) :
						 fake_dump_settings(req);
	case BC_CMD_IO_GET:
		return fake_devices(req, tb);
	case BC_CMD_REFUSAL_GET:
		return fake_refusals(req, tb);
	case BC_CMD_THRESHOLD_SET:
		return fake_threshold(req, tb);
	case BC_CMD_READER_GET:
		return fake_readers(req);
	case BC_CMD_READER_DEL:
		return fake_reader_del(req, tb);
	}
	if (cmd == BC_CMD_CLOSED_GET && !fake_mode("old"))
		return fake_closed_dump(req, tb);
	if (cmd == BC_CMD_CLOSED_ACK && !fake_mode("old"))
		return fake_closed_ack(req, tb);
	fake_ack(req, -EOPNOTSUPP, NULL, 0);
}

/* Two bctl at a time have one kernel. */
static int fake_lock(void)
{
	int fd = open(fake_path("lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	fake_numbers.count = 0;
	if (fd >= 0)
		flock(fd, LOCK_EX);
	return fd;
}

static void fake_kernel(const struct nlmsghdr *req)
{
	uint8_t cmd = ((struct genlmsghdr *)nlmsg_data(req))->cmd;
	static uint64_t reloads;
	int lock;

	fake_numbers.count = 0;
	if (req->nlmsg_type == GENL_ID_CTRL) {
		reloads = fake_number("reloads");
		if (fake_mode("absent") || !access(fake_path("gone"), F_OK))
			fake_ack(req, -ENOENT, NULL, 0);
		else
			fake_family(req);
		return;
	}
	if (!access(fake_path("gone"), F_OK) || reloads != fake_number("reloads")) {
		fake_ack(req, -ENOENT, NULL, 0);
		return;
	}
	fake_log_request(req, cmd);
	if (fake_mode("eperm")) {
		fake_ack(req, -EPERM, NULL, 0);
		return;
	}
	if (fake_mode("bad-ack")) {
		fake_ack(req, 17, NULL, 0);
		return;
	}
	lock = fake_lock();
	fake_state(false);
	fake_request(req, cmd);
	if (!fake_mode("readonly"))
		fake_state(true);
	if (lock >= 0)
		close(lock);
}

/* ---- what happens without being asked ---- */

static struct nl_msg *fake_event(enum bc_event event, const char *name)
{
	struct nl_msg *msg = fake_new(FAKE_FAMILY, 0, 0, BC_CMD_EVENT);

	nla_put_u32(msg, BC_A_EVENT, event);
	nla_put_u64(msg, BC_A_TIME, 12345678901ULL);
	nla_put_u32(msg, BC_A_ID, 3);
	nla_put_string(msg, BC_A_NAME, name);
	nla_put_u64(msg, BC_A_INCARNATION, 7003);
	return msg;
}

static void fake_refusal(const char *comm, bool softirq)
{
	struct nl_msg *msg = fake_event(BC_EVENT_REFUSAL, "web");

	nla_put_u32(msg, BC_A_RES, BC_RES_PRIVVMPAGES);
	nla_put_string(msg, BC_A_RES_NAME, "privvmpages");
	nla_put_u64(msg, BC_A_AMOUNT, 256);
	nla_put_u64(msg, BC_A_HELD, 16384);
	nla_put_u64(msg, BC_A_BARRIER, 16384);
	nla_put_u64(msg, BC_A_LIMIT_VALUE, BC_UNLIMITED);
	nla_put_u32(msg, BC_A_ORIGIN_ID, 4);
	nla_put_string(msg, BC_A_ORIGIN_NAME, "web.worker");
	if (!softirq) {
		nla_put_u32(msg, BC_A_PID, 4711);
		nla_put_string(msg, BC_A_COMM, comm);
	}
	nla_put_u64(msg, BC_A_SUPPRESSED, softirq ? 9 : 0);
	fake_answer_msg(msg);
}

static void fake_crossing(uint32_t direction)
{
	struct nl_msg *msg = fake_event(BC_EVENT_THRESHOLD, "web");

	nla_put_u32(msg, BC_A_RES, BC_RES_PRIVVMPAGES);
	nla_put_string(msg, BC_A_RES_NAME, "privvmpages");
	nla_put_u64(msg, BC_A_HELD, 15000);
	nla_put_u64(msg, BC_A_BARRIER, 16384);
	nla_put_u32(msg, BC_A_PERCENT, 90);
	nla_put_u32(msg, BC_A_DIRECTION, direction);
	nla_put_u64(msg, BC_A_SUPPRESSED, 2);
	fake_answer_msg(msg);
}

/* More refusals than anybody wants to hear of. */
static void fake_storm(void)
{
	int i;

	for (i = 0; i < 500; i++)
		fake_refusal("storm", false);
}

static void fake_usual(void)
{
	const char *comm = getenv("BCTL_FAKE_COMM");

	fake_answer_msg(fake_event(BC_EVENT_POOL_NEW, "web"));
	fake_refusal(comm ? comm : "stress\x1b[2J\xff", false);
	fake_refusal("", true);
	fake_answer_msg(fake_event(77, "web"));
	fake_answer_msg(fake_event(BC_EVENT_POOL_GONE, "web"));
	if (!fake_mode("crossing"))
		return;
	fake_crossing(BC_DIRECTION_UP);
	fake_crossing(BC_DIRECTION_DOWN);
	fake_crossing(9);
}

static void fake_events(void)
{
	fake_to = &fake_told;
	if (fake_mode("storm"))
		fake_storm();
	else
		fake_usual();
	fake_to = &fake_answers;
}

/* ---- sock.h, sys.h ---- */

int bc_sock_open(struct bc_sock **sockp)
{
	*sockp = NULL;
	fake_open++;
	return 0;
}

static void fake_forget(struct fake_queue *q)
{
	for (; q->head != q->tail; q->head++)
		free(q->dgram[q->head % FAKE_DGRAMS].buf);
}

void bc_sock_close(struct bc_sock *sock)
{
	(void)sock;
	fake_log("close");
	fake_forget(&fake_answers);
	if (--fake_open <= 0)
		fake_forget(&fake_told);
	(void)bc_sock_recv(NULL, NULL, 0);
}

int bc_sock_fd(struct bc_sock *sock)
{
	(void)sock;
	return -1;
}

int bc_sock_send(struct bc_sock *sock, const void *buf, size_t len)
{
	(void)sock;
	if (((const struct nlmsghdr *)buf)->nlmsg_len != len)
		return -EINVAL;
	fake_handler(buf);
	return 0;
}

ssize_t bc_sock_recv(struct bc_sock *sock, void **buf, int timeout_ms)
{
	static struct fake_dgram last;
	struct fake_queue *q = &fake_answers;

	(void)sock;
	(void)timeout_ms;
	free(last.buf);
	last.buf = NULL;
	if (!buf)
		return 0;
	if (fake_mode("overrun") && fake_joined == FAKE_GROUPS) {
		fake_joined++;
		return -ENOBUFS;
	}
	if (q->head == q->tail)
		q = &fake_told;
	if (q->head == q->tail)
		return -ETIMEDOUT;
	last = q->dgram[q->head++ % FAKE_DGRAMS];
	*buf = last.buf;
	return last.len;
}

/* What was closed meanwhile, also by the hand of another process. */
static bool fake_more_usage(void)
{
	int lock = fake_lock();

	fake_to = &fake_told;
	fake_state(false);
	fake_usage_tell();
	fake_to = &fake_answers;
	if (lock >= 0)
		close(lock);
	return fake_told.head != fake_told.tail;
}

/* Closing records come from other processes, which nothing tells but their file. */
static int fake_wait_usage(struct pollfd *pfd, int timeout_ms)
{
	int ret;

	do {
		if (fake_more_usage())
			return 0;
		ret = poll(pfd, 1, timeout_ms >= 0 && timeout_ms < 20 ? timeout_ms : 20);
		if (timeout_ms > 0)
			timeout_ms -= timeout_ms < 20 ? timeout_ms : 20;
	} while (!ret && timeout_ms);
	if (ret < 0)
		return -errno;
	return ret ? 0 : -ETIMEDOUT;
}

/*
 * There is no kernel from which events could come later: when all are read, and
 * bctl would wait for ever, this is the end. A time is waited for, as commands run.
 */
int bc_sock_wait(struct bc_sock *sock, int fd, int timeout_ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int ret;

	(void)sock;
	if (fake_told.head != fake_told.tail || (fake_mode("overrun") && fake_joined == 2))
		return 0;
	if (fake_usage_joined())
		return fake_wait_usage(&pfd, timeout_ms);
	if (timeout_ms < 0 && !fake_mode("wait"))
		return -ETIMEDOUT;
	ret = poll(&pfd, 1, timeout_ms);
	if (ret < 0)
		return -errno;
	return ret ? 0 : -ETIMEDOUT;
}

int bc_sock_join(struct bc_sock *sock, uint32_t group)
{
	(void)sock;
	if (group == FAKE_GROUP_USAGE) {
		fake_usage_join();
		return 0;
	}
	if (group != 40u + fake_joined)
		return -EINVAL;
	if (++fake_joined == FAKE_GROUPS)
		fake_events();
	return 0;
}

const char *bc_sys_proc(void)
{
	const char *path = fake_path("proc");

	struct stat st;

	return lstat(path, &st) ? "/proc" : path;
}

const char *bc_sys_mountinfo(void)
{
	return fake_path("mountinfo");
}

const char *bc_sys_compat(void)
{
	return fake_path("compat");
}

const char *bc_sys_user_beancounters(void)
{
	return fake_path("user_beancounters");
}

const char *bc_sys_block(void)
{
	return fake_path("block");
}

static const char *fake_note(int fd, const char *name)
{
	char note[256];
	struct stat st;

	if (fstat(fd, &st))
		abort();
	snprintf(note, sizeof(note), "notes/%llu-%s", (unsigned long long)st.st_ino, name);
	return fake_path(note);
}

int bc_sys_note_get(int fd, const char *name, char *text, size_t size)
{
	FILE *f = fopen(fake_note(fd, name), "r");
	int ret = 0;

	if (!f)
		return -ENODATA;
	if (!fgets(text, size, f))
		ret = -EIO;
	fclose(f);
	return ret;
}

int bc_sys_note_set(int fd, const char *name, const char *text)
{
	const char *path = fake_note(fd, name);
	FILE *f;

	if (!text)
		return unlink(path) && errno != ENOENT ? -errno : 0;
	if (fake_mode("nonotes"))
		return -EPERM;
	mkdir(fake_path("notes"), 0755);
	f = fopen(fake_note(fd, name), "w");
	if (!f)
		return -errno;
	fputs(text, f);
	fclose(f);
	return 0;
}

int bc_sys_fs_magic(int fd, uint32_t *magic)
{
	struct statfs st;

	if (fake_below(fd, "cgroup"))
		*magic = CGROUP2_SUPER_MAGIC;
	else if (fake_below(fd, "v1"))
		*magic = CGROUP_SUPER_MAGIC;
	else if (fstatfs(fd, &st))
		return -errno;
	else
		*magic = st.f_type;
	return 0;
}
