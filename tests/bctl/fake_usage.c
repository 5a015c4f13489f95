// SPDX-License-Identifier: GPL-2.0
/*
 * Closing records of the made-up kernel
 *
 * They are kept in the file "closed", so that another run finds them. Whoever has
 * joined the group of usage gets those that were added since, also by another
 * process; once the file "gone" is there, the module is unloaded: all pools are
 * closed, and that is told, too.
 *
 *	BCTL_FAKE_MODE	closed	there are three closing records from the beginning
 *			hoarder	room is for four only
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/genetlink.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>

#include "fake.h"

#define FAKE_CLOSED_MAX	1300
/* Serials begin here; the record before the first one is nobody's. */
#define FAKE_SERIAL	1000

struct fake_closed {
	uint64_t serial, closed, died, parent_incarnation;
	uint32_t cause;
	struct fake_pool pool;
};

static struct fake_books {
	uint64_t last, lost;
	size_t count, nreaders;
	struct {
		char name[BC_READER_NAME_MAX + 1];
		uint64_t serial;
	} reader[BC_READERS_MAX];
	struct fake_closed rec[FAKE_CLOSED_MAX];
} fake_books;

/* All up to this one were told, or were there before anybody listened. */
static uint64_t fake_told_serial;
static bool fake_joined_usage, fake_unloaded;

static size_t fake_closed_max(void)
{
	return fake_mode("hoarder") ? 4 : FAKE_CLOSED_MAX;
}

static void fake_books_save(void)
{
	FILE *f = fake_mode("readonly") ? NULL : fopen(fake_path("closed"), "w");
	size_t size = offsetof(struct fake_books, rec) +
		      fake_books.count * sizeof(fake_books.rec[0]);

	if (!f)
		return;
	if (fwrite(&fake_books, size, 1, f) != 1)
		abort();
	fclose(f);
}

static void fake_books_drop(size_t count)
{
	fake_books.count -= count;
	memmove(fake_books.rec, fake_books.rec + count,
		fake_books.count * sizeof(fake_books.rec[0]));
}

static void fake_books_add(const struct fake_pool *pool, uint32_t cause)
{
	struct fake_closed *rec;

	if (fake_books.count == fake_closed_max()) {
		fake_books_drop(1);
		fake_books.lost++;
	}
	rec = &fake_books.rec[fake_books.count++];
	*rec = (struct fake_closed){
		.serial = ++fake_books.last, .closed = fake_uptime(), .died = fake_uptime(),
		.parent_incarnation = fake_incarnation(fake_pool_at(pool->parent)),
		.cause = cause, .pool = *pool,
	};
}

static void fake_books_load(void)
{
	FILE *f = fopen(fake_path("closed"), "r");
	static const struct fake_pool gone[3] = {
		{ .id = 31, .name = "gone1", .cgroup = "bc/gone1" },
		{ .id = 32, .name = "gone2", .cgroup = "bc/gone2" },
		{ .id = 33, .name = "gone3", .cgroup = "bc/gone3" },
	};
	size_t i;

	memset(&fake_books, 0, sizeof(fake_books));
	fake_books.last = FAKE_SERIAL;
	if (f && fread(&fake_books, 1, sizeof(fake_books), f) <
		 offsetof(struct fake_books, rec))
		abort();
	if (f)
		fclose(f);
	for (i = 0; !f && fake_mode("closed") && i < 3; i++)
		fake_books_add(&gone[i], i);
}

/* A pool is released. */
void fake_closed_add(const struct fake_pool *pool, uint32_t cause)
{
	fake_books_load();
	fake_books_add(pool, cause);
	fake_books_save();
}

static struct nl_msg *fake_closed_msg(const struct fake_closed *rec, uint32_t seq, int flags)
{
	struct nl_msg *msg = fake_new(FAKE_FAMILY, seq, flags, BC_CMD_CLOSED_GET);

	nla_put_u64(msg, BC_A_SERIAL, rec->serial);
	nla_put_u64(msg, BC_A_CLOSED, rec->closed);
	nla_put_u64(msg, BC_A_DIED, rec->died);
	nla_put_u32(msg, BC_A_CAUSE, rec->cause);
	nla_put_u64(msg, BC_A_PARENT_INCARNATION, rec->parent_incarnation);
	fake_at = rec->closed;
	fake_put_closed_pool(msg, &rec->pool);
	fake_at = 0;
	return msg;
}

/* Answer BC_CMD_CLOSED_GET. */
void fake_closed_dump(const struct nlmsghdr *req, struct nlattr **tb)
{
	uint64_t after = tb[BC_A_SERIAL] ? nla_get_u64(tb[BC_A_SERIAL]) : 0;
	size_t i;

	fake_books_load();
	for (i = 0; i < fake_books.count; i++)
		if (fake_books.rec[i].serial > after)
			fake_answer_msg(fake_closed_msg(&fake_books.rec[i], req->nlmsg_seq,
							NLM_F_MULTI));
	fake_done(req, 0, 0);
}

/* The lowest serial that some reader has not got beyond. */
static uint64_t fake_books_acked(void)
{
	uint64_t low = ~0ULL;
	size_t i;

	for (i = 0; i < fake_books.nreaders; i++)
		if (fake_books.reader[i].serial < low)
			low = fake_books.reader[i].serial;
	return low;
}

/* Answer BC_CMD_CLOSED_ACK. */
void fake_closed_ack(const struct nlmsghdr *req, struct nlattr **tb)
{
	uint64_t serial = tb[BC_A_SERIAL] ? nla_get_u64(tb[BC_A_SERIAL]) : 0;
	const char *name = tb[BC_A_READER] ? nla_get_string(tb[BC_A_READER]) : "";
	size_t i, n;

	fake_books_load();
	if (!*name || strlen(name) > BC_READER_NAME_MAX || strpbrk(name, " /!\n"))
		return fake_ack(req, -EINVAL, "bad name of a reader", 0);
	if (!tb[BC_A_SERIAL] || serial > fake_books.last)
		return fake_ack(req, -EINVAL, "no record has had this serial", 0);
	for (i = 0; i < fake_books.nreaders; i++)
		if (!strcmp(fake_books.reader[i].name, name))
			break;
	if (i == BC_READERS_MAX)
		return fake_ack(req, -ENOSPC, "there are too many readers", 0);
	if (i == fake_books.nreaders) {
		fake_books.nreaders++;
		strcpy(fake_books.reader[i].name, name);
	}
	if (serial > fake_books.reader[i].serial)
		fake_books.reader[i].serial = serial;
	for (n = 0; n < fake_books.count && fake_books.rec[n].serial <= fake_books_acked(); n++)
		;
	fake_books_drop(n);
	fake_books_save();
	fake_ack(req, 0, NULL, 0);
}

/* What BC_CMD_INFO_GET tells of them. */
void fake_closed_info(struct nl_msg *msg)
{
	fake_books_load();
	nla_put_u64(msg, BC_A_INSTANCE, 4000000000ULL + fake_number("reloads"));
	nla_put_u64(msg, BC_A_SERIAL, fake_books.last);
	nla_put_u32(msg, BC_A_CLOSED_KEPT, fake_books.count);
	nla_put_u32(msg, BC_A_CLOSED_MAX, fake_closed_max());
	nla_put_u64(msg, BC_A_CLOSED_LOST, fake_books.lost);
}

/* Somebody joins the group of usage. */
void fake_usage_join(void)
{
	fake_books_load();
	fake_told_serial = fake_books.last;
	fake_joined_usage = true;
	fake_unloaded = false;
}

/* Has anybody? */
bool fake_usage_joined(void)
{
	return fake_joined_usage;
}

static void fake_unload(void)
{
	struct nl_msg *msg;
	size_t i;

	for (i = 1; fake_pool_at(i); i++)
		if (fake_pool_at(i)->used)
			fake_books_add(fake_pool_at(i), BC_CAUSE_UNLOAD);
	for (i = 0; i < fake_books.count; i++)
		if (fake_books.rec[i].serial > fake_told_serial)
			fake_answer_msg(fake_closed_msg(&fake_books.rec[i], 0, 0));
	msg = fake_new(FAKE_FAMILY, 0, 0, BC_CMD_EVENT);
	nla_put_u32(msg, BC_A_EVENT, BC_EVENT_UNLOAD);
	nla_put_u64(msg, BC_A_TIME, fake_uptime());
	nla_put_u64(msg, BC_A_SERIAL, fake_books.last);
	fake_answer_msg(msg);
	fake_unloaded = true;
}

/* Tell who has joined what is new. */
void fake_usage_tell(void)
{
	size_t i;

	fake_books_load();
	if (!access(fake_path("gone"), F_OK) && !fake_unloaded)
		return fake_unload();
	for (i = 0; i < fake_books.count; i++) {
		if (fake_books.rec[i].serial <= fake_told_serial)
			continue;
		fake_told_serial = fake_books.rec[i].serial;
		fake_answer_msg(fake_closed_msg(&fake_books.rec[i], 0, 0));
	}
}
