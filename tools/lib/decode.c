// SPDX-License-Identifier: GPL-2.0
/*
 * From messages to structures
 *
 * A newer module may send attributes, values of enums and members of a record
 * that are not known here: the first are skipped, the second passed on as
 * numbers, the third cut off. A record that begins with a mask of what is known
 * may be shorter, too: an older module has sent it. Any other attribute that is
 * too short, or a string without its end, makes the whole message malformed:
 * -EBADMSG.
 *
 * Which attribute goes where is told by one table for each kind of message.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>

#include "decode.h"

enum bc_ctype { BC_C_U32, BC_C_U64, BC_C_STRING };

/* One attribute and the member that takes it. */
struct bc_member {
	uint16_t attr;
	uint8_t ctype;
	size_t offset;
};

#define BC_MEMBER(type, member, attr_, ctype_) \
	{ .attr = (attr_), .ctype = (ctype_), .offset = offsetof(struct type, member) }
#define BC_U32(type, member, attr)	BC_MEMBER(type, member, attr, BC_C_U32)
#define BC_U64(type, member, attr)	BC_MEMBER(type, member, attr, BC_C_U64)
#define BC_STR(type, member, attr)	BC_MEMBER(type, member, attr, BC_C_STRING)

_Static_assert(BC_A_MAX < 64 * BCN_HAS_WORDS, "the bits of has do not suffice");
/* A larger one takes another version of the library: the room is part of its interface. */
_Static_assert(sizeof(((struct bcn_pool *)0)->cpu) <= 256 &&
	       sizeof(((struct bcn_pool *)0)->io) <= 256 &&
	       sizeof(((struct bcn_pool *)0)->memory) <= 256, "the room does not suffice");

static const struct bc_member bcn_pool_members[] = {
	BC_U32(bcn_pool, id, BC_A_ID),
	BC_U32(bcn_pool, parent_id, BC_A_PARENT_ID),
	BC_U32(bcn_pool, state, BC_A_STATE),
	BC_U32(bcn_pool, children, BC_A_CHILDREN),
	BC_U64(bcn_pool, incarnation, BC_A_INCARNATION),
	BC_U64(bcn_pool, created, BC_A_CREATED),
	BC_U64(bcn_pool, generation, BC_A_GENERATION),
	BC_U64(bcn_pool, changed, BC_A_CHANGED),
	BC_U64(bcn_pool, taken, BC_A_TAKEN),
	BC_U64(bcn_pool, cgroup_id, BC_A_CGROUP_ID),
	BC_STR(bcn_pool, name, BC_A_NAME),
	BC_STR(bcn_pool, parent, BC_A_PARENT),
	BC_STR(bcn_pool, cgroup, BC_A_CGROUP_PATH),
	{ 0 },
};

static const struct bc_member bcn_closed_members[] = {
	BC_U64(bcn_closed, serial, BC_A_SERIAL),
	BC_U64(bcn_closed, closed, BC_A_CLOSED),
	BC_U64(bcn_closed, died, BC_A_DIED),
	BC_U64(bcn_closed, parent_incarnation, BC_A_PARENT_INCARNATION),
	BC_U32(bcn_closed, cause, BC_A_CAUSE),
	{ 0 },
};

static const struct bc_member bcn_res_members[] = {
	BC_U32(bcn_res, id, BC_A_RES),
	BC_U32(bcn_res, unit, BC_A_RES_UNIT),
	BC_U32(bcn_res, kind, BC_A_RES_KIND),
	BC_U32(bcn_res, status, BC_A_RES_STATUS),
	BC_STR(bcn_res, name, BC_A_RES_NAME),
	BC_STR(bcn_res, reason, BC_A_REASON),
	BC_STR(bcn_res, desc, BC_A_DESC),
	{ 0 },
};

static const struct bc_member bcn_info_members[] = {
	BC_STR(bcn_info, version, BC_A_VERSION),
	BC_U32(bcn_info, pools, BC_A_POOLS),
	BC_U32(bcn_info, pools_max, BC_A_POOLS_MAX),
	BC_U32(bcn_info, dying, BC_A_DYING),
	BC_U32(bcn_info, hooked, BC_A_HOOKED),
	BC_U32(bcn_info, page_size, BC_A_PAGE_SIZE),
	BC_U64(bcn_info, generation, BC_A_GENERATION),
	BC_U64(bcn_info, suppressed, BC_A_SUPPRESSED),
	BC_U64(bcn_info, unbalanced, BC_A_UNBALANCED),
	BC_U64(bcn_info, untracked, BC_A_UNTRACKED),
	BC_U64(bcn_info, instance, BC_A_INSTANCE),
	BC_U64(bcn_info, serial, BC_A_SERIAL),
	BC_U32(bcn_info, closed_kept, BC_A_CLOSED_KEPT),
	BC_U32(bcn_info, closed_max, BC_A_CLOSED_MAX),
	BC_U64(bcn_info, closed_lost, BC_A_CLOSED_LOST),
	{ 0 },
};

static const struct bc_member bcn_notice_members[] = {
	BC_U32(bcn_notice, event, BC_A_EVENT),
	BC_U32(bcn_notice, id, BC_A_ID),
	BC_U32(bcn_notice, res, BC_A_RES),
	BC_U32(bcn_notice, origin_id, BC_A_ORIGIN_ID),
	BC_U32(bcn_notice, pid, BC_A_PID),
	BC_U64(bcn_notice, time, BC_A_TIME),
	BC_U64(bcn_notice, incarnation, BC_A_INCARNATION),
	BC_U64(bcn_notice, amount, BC_A_AMOUNT),
	BC_U64(bcn_notice, held, BC_A_HELD),
	BC_U64(bcn_notice, barrier, BC_A_BARRIER),
	BC_U64(bcn_notice, limit, BC_A_LIMIT_VALUE),
	BC_U64(bcn_notice, suppressed, BC_A_SUPPRESSED),
	BC_STR(bcn_notice, name, BC_A_NAME),
	BC_STR(bcn_notice, res_name, BC_A_RES_NAME),
	BC_STR(bcn_notice, origin, BC_A_ORIGIN_NAME),
	BC_STR(bcn_notice, comm, BC_A_COMM),
	BC_U32(bcn_notice, bound, BC_A_BOUND),
	BC_U32(bcn_notice, percent, BC_A_PERCENT),
	BC_U32(bcn_notice, direction, BC_A_DIRECTION),
	BC_U64(bcn_notice, count, BC_A_COUNT),
	BC_U64(bcn_notice, first, BC_A_FIRST),
	BC_U64(bcn_notice, largest, BC_A_LARGEST),
	BC_U64(bcn_notice, origin_incarnation, BC_A_ORIGIN_INCARNATION),
	BC_U64(bcn_notice, serial, BC_A_SERIAL),
	{ 0 },
};

static const struct bc_member bcn_reader_members[] = {
	BC_U64(bcn_reader, taken, BC_A_TIME),
	BC_STR(bcn_reader, name, BC_A_READER),
	{ 0 },
};

static const struct bc_member bcn_tunable_members[] = {
	BC_U32(bcn_tunable, status, BC_A_RES_STATUS),
	BC_STR(bcn_tunable, reason, BC_A_REASON),
	BC_STR(bcn_tunable, desc, BC_A_DESC),
	{ 0 },
};

static const struct bc_member bcn_device_members[] = {
	BC_STR(bcn_device, device, BC_A_DEVICE),
	{ 0 },
};

static int bc_decode_member(const struct bc_member *m, struct nlattr *nla, void *obj)
{
	void *to = (char *)obj + m->offset;
	const char *data = nla_data(nla);
	int len = nla_len(nla);

	switch (m->ctype) {
	case BC_C_U32:
		if (len < (int)sizeof(uint32_t))
			return -EBADMSG;
		memcpy(to, data, sizeof(uint32_t));
		return 0;
	case BC_C_U64:
		if (len < (int)sizeof(uint64_t))
			return -EBADMSG;
		memcpy(to, data, sizeof(uint64_t));
		return 0;
	default:
		if (len < 1 || !memchr(data, '\0', len))
			return -EBADMSG;
		memcpy(to, &data, sizeof(data));
		return 0;
	}
}

static void bc_has_set(uint64_t *has, int attr)
{
	has[attr / 64] |= 1ULL << attr % 64;
}

/* Fill @obj, which begins with its "has", with what @hdr carries. */
static int bc_decode(struct nlmsghdr *hdr, const struct bc_member *m, void *obj,
		     struct nlattr **tb)
{
	uint64_t *has = obj;
	int ret;

	if (genlmsg_parse(hdr, 0, tb, BC_A_MAX, NULL) < 0)
		return -EBADMSG;
	for (; m->attr; m++) {
		if (!tb[m->attr])
			continue;
		ret = bc_decode_member(m, tb[m->attr], obj);
		if (ret)
			return ret;
		bc_has_set(has, m->attr);
	}
	return 0;
}

/* The first version of the interface ended before this member. */
#define BC_RECORD_MIN	offsetof(struct bc_record, integral)

static int bc_decode_table(struct nlattr **tb, struct bcn_pool *pool)
{
	uint32_t size = sizeof(struct bc_record);

	if (!tb[BC_A_TABLE])
		return 0;
	if (tb[BC_A_RECORD_SIZE]) {
		if (nla_len(tb[BC_A_RECORD_SIZE]) < (int)sizeof(size))
			return -EBADMSG;
		size = nla_get_u32(tb[BC_A_RECORD_SIZE]);
	}
	if (size < BC_RECORD_MIN || nla_len(tb[BC_A_TABLE]) % size)
		return -EBADMSG;
	pool->table = nla_data(tb[BC_A_TABLE]);
	pool->record_size = size;
	pool->records = nla_len(tb[BC_A_TABLE]) / size;
	return 0;
}

static int bc_decode_memory(struct nlattr **tb, struct bcn_pool *pool)
{
	if (!tb[BC_A_MEMORY])
		return 0;
	if (nla_len(tb[BC_A_MEMORY]) < (int)sizeof(pool->memory))
		return -EBADMSG;
	memcpy(&pool->memory, nla_data(tb[BC_A_MEMORY]), sizeof(pool->memory));
	bc_has_set(pool->has, BC_A_MEMORY);
	return 0;
}

/* A bit of a record's mask, and where the members end that it speaks of. */
struct bc_part {
	uint64_t flag;
	size_t end;
};

#define BC_PART(type, last, flag_) \
	{ .flag = (flag_), .end = offsetof(struct type, last) + sizeof(((struct type *)0)->last) }

static const struct bc_part bc_cpu_parts[] = {
	BC_PART(bc_cpu, system, BC_CPU_F_USAGE),
	BC_PART(bc_cpu, preemptions, BC_CPU_F_WAIT),
	BC_PART(bc_cpu, nr_throttled, BC_CPU_F_THROTTLED),
	BC_PART(bc_cpu, load, BC_CPU_F_LOAD),
	BC_PART(bc_cpu, reservable, BC_CPU_F_ENTITLEMENT),
	{ 0 },
};

static const struct bc_part bc_io_parts[] = {
	BC_PART(bc_io, ios, BC_IO_F_AMOUNT),
	BC_PART(bc_io, service, BC_IO_F_TIMES),
	BC_PART(bc_io, nr_throttled, BC_IO_F_THROTTLED),
	BC_PART(bc_io, cancelled, BC_IO_F_DIRTY),
	{ 0 },
};

/*
 * A record that begins with a mask of what is known. Of a shorter one, from an
 * older module, only what it has in full is known.
 */
static int bc_decode_masked(struct nlattr *nla, const struct bc_part *part, void *to, size_t size)
{
	uint64_t known;
	size_t len;

	if (!nla)
		return 0;
	len = nla_len(nla);
	if (len < sizeof(known))
		return -EBADMSG;
	memcpy(to, nla_data(nla), len < size ? len : size);
	memcpy(&known, to, sizeof(known));
	for (; part->flag; part++)
		if (part->end > len)
			known &= ~part->flag;
	memcpy(to, &known, sizeof(known));
	return 0;
}

static int bc_decode_settings(struct nlattr **tb, struct bcn_pool *pool)
{
	if (!tb[BC_A_SETTINGS])
		return 0;
	if (nla_len(tb[BC_A_SETTINGS]) % sizeof(struct bc_setting))
		return -EBADMSG;
	pool->settings = nla_data(tb[BC_A_SETTINGS]);
	pool->nsettings = nla_len(tb[BC_A_SETTINGS]) / sizeof(struct bc_setting);
	return 0;
}

/* All of a pool that is not a single number or string. */
static int bc_decode_parts(struct nlattr **tb, struct bcn_pool *pool)
{
	int ret = bc_decode_table(tb, pool);

	if (!ret)
		ret = bc_decode_memory(tb, pool);
	if (!ret)
		ret = bc_decode_masked(tb[BC_A_CPU], bc_cpu_parts, &pool->cpu, sizeof(pool->cpu));
	if (!ret)
		ret = bc_decode_masked(tb[BC_A_IO], bc_io_parts, &pool->io, sizeof(pool->io));
	return ret ? ret : bc_decode_settings(tb, pool);
}

/**
 * bc_decode_pool() - take a description of a pool apart
 * @hdr: the message
 * @to: receives it, a struct bcn_pool that is good as long as @hdr
 *
 * Return: 0 or -EBADMSG.
 */
int bc_decode_pool(struct nlmsghdr *hdr, void *to)
{
	struct bcn_pool *pool = to;
	struct nlattr *tb[BC_A_MAX + 1];
	int ret;

	memset(pool, 0, sizeof(*pool));
	ret = bc_decode(hdr, bcn_pool_members, pool, tb);
	if (!ret)
		ret = bc_decode_parts(tb, pool);
	if (!ret && (!BCN_HAS(pool, BC_A_ID) || !pool->name))
		ret = -EBADMSG;
	while (!ret && pool->cgroup && *pool->cgroup == '/')
		pool->cgroup++;
	pool->msg = hdr;
	return ret;
}

/**
 * bc_decode_closed() - take a closing record apart
 * @hdr: the message
 * @to: receives it, a struct bcn_closed that is good as long as @hdr
 *
 * Return: 0 or -EBADMSG.
 */
int bc_decode_closed(struct nlmsghdr *hdr, void *to)
{
	struct bcn_closed *closed = to;
	struct nlattr *tb[BC_A_MAX + 1];
	int ret;

	memset(closed, 0, sizeof(*closed));
	ret = bc_decode(hdr, bcn_closed_members, closed, tb);
	if (!ret)
		ret = bc_decode_pool(hdr, &closed->pool);
	if (!ret && (!BCN_HAS(closed, BC_A_SERIAL) || !BCN_HAS(&closed->pool, BC_A_INCARNATION)))
		ret = -EBADMSG;
	return ret;
}

static bool bc_nla_u32(struct nlattr **tb, int attr, uint32_t *val)
{
	if (!tb[attr] || nla_len(tb[attr]) < (int)sizeof(*val))
		return false;
	*val = nla_get_u32(tb[attr]);
	return true;
}

static bool bc_nla_u64(struct nlattr **tb, int attr, uint64_t *val)
{
	if (!tb[attr] || nla_len(tb[attr]) < (int)sizeof(*val))
		return false;
	*val = nla_get_u64(tb[attr]);
	return true;
}

/* The nest of a setting that can be set. */
static int bc_decode_range(struct nlattr *nest, struct bcn_tunable *t)
{
	struct nlattr *tb[BC_SETTING_A_MAX + 1];
	uint32_t unlimited = 0;

	if (!nest || nla_parse_nested(tb, BC_SETTING_A_MAX, nest, NULL) < 0 ||
	    !tb[BC_SETTING_A_NAME] || !bc_nla_u32(tb, BC_SETTING_A_ID, &t->id) ||
	    !bc_nla_u32(tb, BC_SETTING_A_UNIT, &t->unit))
		return -EBADMSG;
	t->name = nla_data(tb[BC_SETTING_A_NAME]);
	if (!memchr(t->name, '\0', nla_len(tb[BC_SETTING_A_NAME])))
		return -EBADMSG;
	t->ranged = bc_nla_u64(tb, BC_SETTING_A_LOWEST, &t->lowest) &&
		    bc_nla_u64(tb, BC_SETTING_A_HIGHEST, &t->highest) &&
		    bc_nla_u64(tb, BC_SETTING_A_VALUE, &t->initial) &&
		    bc_nla_u32(tb, BC_SETTING_A_UNLIMITED, &unlimited);
	t->unlimited = unlimited;
	return 0;
}

/**
 * bc_decode_tunable() - take a description of a setting apart
 * @hdr: the message
 * @to: receives it, a struct bcn_tunable that is good as long as @hdr
 *
 * Return: 0 or -EBADMSG.
 */
int bc_decode_tunable(struct nlmsghdr *hdr, void *to)
{
	struct bcn_tunable *tunable = to;
	struct nlattr *tb[BC_A_MAX + 1];
	int ret;

	memset(tunable, 0, sizeof(*tunable));
	ret = bc_decode(hdr, bcn_tunable_members, tunable, tb);
	return ret ? ret : bc_decode_range(tb[BC_A_SETTING], tunable);
}

/**
 * bc_decode_device() - take the block I/O of a pool on one device apart
 * @hdr: the message
 * @to: receives it, a struct bcn_device that is good as long as @hdr
 *
 * Return: 0 or -EBADMSG.
 */
int bc_decode_device(struct nlmsghdr *hdr, void *to)
{
	struct bcn_device *device = to;
	struct nlattr *tb[BC_A_MAX + 1];
	int ret;

	memset(device, 0, sizeof(*device));
	ret = bc_decode(hdr, bcn_device_members, device, tb);
	if (!ret)
		ret = bc_decode_masked(tb[BC_A_IO], bc_io_parts, &device->io, sizeof(device->io));
	if (ret || !tb[BC_A_IO_TIMES] ||
	    nla_len(tb[BC_A_IO_TIMES]) < (int)sizeof(device->times))
		return ret;
	memcpy(&device->times, nla_data(tb[BC_A_IO_TIMES]), sizeof(device->times));
	bc_has_set(device->has, BC_A_IO_TIMES);
	return 0;
}

/**
 * bcn_pool_threshold() - get the threshold of one resource
 * @pool: the pool
 * @res: number of the resource
 * @th: receives it
 *
 * Return: true if there is one.
 */
bool bcn_pool_threshold(const struct bcn_pool *pool, uint32_t res, struct bcn_threshold *th)
{
	struct nlattr *tb[BC_THRESHOLD_A_MAX + 1], *pos;
	struct genlmsghdr *genl;
	uint32_t id, above;
	int rem;

	if (!pool->msg)
		return false;
	genl = nlmsg_data(pool->msg);
	nla_for_each_attr(pos, genlmsg_attrdata(genl, 0), genlmsg_attrlen(genl, 0), rem) {
		if (nla_type(pos) != BC_A_THRESHOLD ||
		    nla_parse_nested(tb, BC_THRESHOLD_A_MAX, pos, NULL) < 0 ||
		    !bc_nla_u32(tb, BC_THRESHOLD_A_RES, &id) || id != res ||
		    !bc_nla_u32(tb, BC_THRESHOLD_A_RISE, &th->rise) ||
		    !bc_nla_u32(tb, BC_THRESHOLD_A_FALL, &th->fall))
			continue;
		th->above = bc_nla_u32(tb, BC_THRESHOLD_A_ABOVE, &above) && above;
		return true;
	}
	return false;
}

/**
 * bc_decode_reader() - take a reader of peaks apart
 * @hdr: the message
 * @to: receives it, a struct bcn_reader that is good as long as @hdr
 *
 * Return: 0 or -EBADMSG.
 */
int bc_decode_reader(struct nlmsghdr *hdr, void *to)
{
	struct bcn_reader *reader = to;
	struct nlattr *tb[BC_A_MAX + 1];
	int ret;

	memset(reader, 0, sizeof(*reader));
	ret = bc_decode(hdr, bcn_reader_members, reader, tb);
	return !ret && !reader->name ? -EBADMSG : ret;
}

/**
 * bc_decode_res() - take a description of a resource apart
 * @hdr: the message
 * @to: receives it, a struct bcn_res that is good as long as @hdr
 *
 * Return: 0 or -EBADMSG.
 */
int bc_decode_res(struct nlmsghdr *hdr, void *to)
{
	struct bcn_res *res = to;
	struct nlattr *tb[BC_A_MAX + 1];
	int ret;

	memset(res, 0, sizeof(*res));
	ret = bc_decode(hdr, bcn_res_members, res, tb);
	if (!ret && (!BCN_HAS(res, BC_A_RES) || !BCN_HAS(res, BC_A_RES_UNIT) || !res->name))
		ret = -EBADMSG;
	return ret;
}

/**
 * bc_decode_info() - take the state of the module apart
 * @hdr: the message
 * @to: receives it, a struct bcn_info that is good as long as @hdr
 *
 * Return: 0 or -EBADMSG.
 */
int bc_decode_info(struct nlmsghdr *hdr, void *to)
{
	struct bcn_info *info = to;
	struct nlattr *tb[BC_A_MAX + 1];

	memset(info, 0, sizeof(*info));
	return bc_decode(hdr, bcn_info_members, info, tb);
}

/**
 * bc_decode_notice() - take an event apart
 * @hdr: the message
 * @to: receives it, a struct bcn_notice that is good as long as @hdr
 *
 * Return: 0 or -EBADMSG.
 */
int bc_decode_notice(struct nlmsghdr *hdr, void *to)
{
	struct bcn_notice *notice = to;
	struct nlattr *tb[BC_A_MAX + 1];
	int ret;

	memset(notice, 0, sizeof(*notice));
	ret = bc_decode(hdr, bcn_notice_members, notice, tb);
	if (!ret && !BCN_HAS(notice, BC_A_EVENT))
		ret = -EBADMSG;
	return ret;
}

/**
 * bc_decode_culprit() - take a refusal of the log apart
 * @hdr: the message
 * @to: receives it, a struct bcn_notice that is good as long as @hdr
 *
 * Return: 0 or -EBADMSG.
 */
int bc_decode_culprit(struct nlmsghdr *hdr, void *to)
{
	struct bcn_notice *notice = to;
	struct nlattr *tb[BC_A_MAX + 1];
	int ret;

	memset(notice, 0, sizeof(*notice));
	ret = bc_decode(hdr, bcn_notice_members, notice, tb);
	if (!ret && (!BCN_HAS(notice, BC_A_RES) || !BCN_HAS(notice, BC_A_TIME) ||
		     !BCN_HAS(notice, BC_A_COUNT)))
		ret = -EBADMSG;
	return ret;
}

/**
 * bc_message_cmd() - which command a message is of
 * @hdr: the message, whose generic header has been checked
 *
 * Return: enum bc_cmd.
 */
uint8_t bc_message_cmd(struct nlmsghdr *hdr)
{
	return ((struct genlmsghdr *)nlmsg_data(hdr))->cmd;
}
