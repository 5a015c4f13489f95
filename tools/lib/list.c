// SPDX-License-Identifier: GPL-2.0
/*
 * Lists of what the module sent
 *
 * A list owns the messages and what was made of them. What a message becomes is told by one
 * table; notifications of different kinds may be in one list, so each entry knows its kind.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <netlink/msg.h>

#include "decode.h"
#include "list.h"

/**
 * struct bc_form - what the answers to a command become
 * @cmd: enum bc_cmd
 * @size: size of the structure
 * @decode: makes it
 */
struct bc_form {
	uint8_t cmd;
	size_t size;
	int (*decode)(struct nlmsghdr *hdr, void *to);
};

static const struct bc_form bc_forms[] = {
	{ BC_CMD_POOL_GET, sizeof(struct bcn_pool), bc_decode_pool },
	{ BC_CMD_POOL_NEW, sizeof(struct bcn_pool), bc_decode_pool },
	{ BC_CMD_CLOSED_GET, sizeof(struct bcn_closed), bc_decode_closed },
	{ BC_CMD_RES_GET, sizeof(struct bcn_res), bc_decode_res },
	{ BC_CMD_SETTING_GET, sizeof(struct bcn_tunable), bc_decode_tunable },
	{ BC_CMD_IO_GET, sizeof(struct bcn_device), bc_decode_device },
	{ BC_CMD_REFUSAL_GET, sizeof(struct bcn_notice), bc_decode_culprit },
	{ BC_CMD_EVENT, sizeof(struct bcn_notice), bc_decode_notice },
	{ BC_CMD_READER_GET, sizeof(struct bcn_reader), bc_decode_reader },
	{ BC_CMD_INFO_GET, sizeof(struct bcn_info), bc_decode_info },
};

/* One entry: what it is, and the structure. */
struct bc_entry {
	const struct bc_form *form;
	void *what;
};

/**
 * struct bcn_list - what the module sent
 * @msgs: the messages
 * @entries: what was made of them
 * @count: how many there are; fewer than @msgs if some were of no use
 */
struct bcn_list {
	struct bc_msgs msgs;
	struct bc_entry *entries;
	size_t count;
};

static const struct bc_form *bc_form_of(struct nlmsghdr *hdr)
{
	size_t i;

	for (i = 0; i < sizeof(bc_forms) / sizeof(bc_forms[0]); i++)
		if (bc_forms[i].cmd == bc_message_cmd(hdr))
			return &bc_forms[i];
	return NULL;
}

/* What could not be read. */
static const struct bc_form bc_form_bad;

/*
 * A message of a kind that is not known comes from a newer module: it is left out. One
 * that is malformed is an error, or, if it is not @strict, an entry that is nothing.
 */
static int bc_list_add(struct bcn_list *list, struct nlmsghdr *hdr, bool strict)
{
	struct bc_entry *entry = &list->entries[list->count];
	int ret;

	entry->form = bc_form_of(hdr);
	if (!entry->form)
		return 0;
	entry->what = malloc(entry->form->size);
	if (!entry->what)
		return -ENOMEM;
	list->count++;
	ret = entry->form->decode(hdr, entry->what);
	if (!ret || strict)
		return ret;
	entry->form = &bc_form_bad;
	return 0;
}

/**
 * bc_list_take() - make a list of messages
 * @msgs: the messages; empty afterwards
 * @strict: a malformed one is an error
 * @listp: receives the list; NULL after an error
 *
 * Return: 0, -EBADMSG, -ENOMEM.
 */
int bc_list_take(struct bc_msgs *msgs, bool strict, struct bcn_list **listp)
{
	struct bcn_list *list = calloc(1, sizeof(*list));
	int ret = 0;
	size_t i;

	*listp = NULL;
	if (!list)
		return -ENOMEM;
	list->entries = calloc(msgs->count + 1, sizeof(*list->entries));
	if (!list->entries) {
		free(list);
		return -ENOMEM;
	}
	list->msgs = *msgs;
	memset(msgs, 0, sizeof(*msgs));
	for (i = 0; i < list->msgs.count && !ret; i++)
		ret = bc_list_add(list, list->msgs.hdr[i], strict);
	if (ret)
		bcn_list_free(list);
	else
		*listp = list;
	return ret;
}

/**
 * bcn_list_free() - forget a list
 * @list: the list, or NULL
 *
 * All that was got from it is gone with it.
 */
void bcn_list_free(struct bcn_list *list)
{
	if (!list)
		return;
	while (list->count)
		free(list->entries[--list->count].what);
	free(list->entries);
	bc_msgs_clear(&list->msgs);
	free(list);
}

/**
 * bcn_list_count() - how many entries a list has
 * @list: the list, or NULL for an empty one
 *
 * Return: the number.
 */
size_t bcn_list_count(const struct bcn_list *list)
{
	return list ? list->count : 0;
}

/* An entry if it is there and was made by @decode. */
static const void *bc_list_entry(const struct bcn_list *list, size_t i,
				 int (*decode)(struct nlmsghdr *hdr, void *to))
{
	if (!list || i >= list->count || list->entries[i].form->decode != decode)
		return NULL;
	return list->entries[i].what;
}

/**
 * bcn_list_pool() - get a pool from a list
 * @list: from bcn_pools() or bcn_pool_new()
 * @i: which, below bcn_list_count()
 *
 * Return: the pool, good as long as the list; NULL if that entry is none.
 */
const struct bcn_pool *bcn_list_pool(const struct bcn_list *list, size_t i)
{
	return bc_list_entry(list, i, bc_decode_pool);
}

/**
 * bcn_list_closed() - get a closing record from a list
 * @list: from bcn_closed() or bcn_next()
 * @i: which
 *
 * Return: the record, good as long as the list; NULL if that entry is none.
 */
const struct bcn_closed *bcn_list_closed(const struct bcn_list *list, size_t i)
{
	return bc_list_entry(list, i, bc_decode_closed);
}

/**
 * bcn_list_resource() - get a resource from a list
 * @list: from bcn_resources()
 * @i: which
 *
 * Return: the resource, good as long as the list; NULL if that entry is none.
 */
const struct bcn_res *bcn_list_resource(const struct bcn_list *list, size_t i)
{
	return bc_list_entry(list, i, bc_decode_res);
}

/**
 * bcn_list_setting() - get the description of a setting from a list
 * @list: from bcn_settings()
 * @i: which
 *
 * Return: the description, good as long as the list; NULL if that entry is none.
 */
const struct bcn_tunable *bcn_list_setting(const struct bcn_list *list, size_t i)
{
	return bc_list_entry(list, i, bc_decode_tunable);
}

/**
 * bcn_list_device() - get the block I/O on one device from a list
 * @list: from bcn_devices()
 * @i: which; the first one is all devices together
 *
 * Return: the device, good as long as the list; NULL if that entry is none.
 */
const struct bcn_device *bcn_list_device(const struct bcn_list *list, size_t i)
{
	return bc_list_entry(list, i, bc_decode_device);
}

/**
 * bcn_list_notice() - get an event, or a refusal of the log, from a list
 * @list: from bcn_next() or bcn_refusals()
 * @i: which
 *
 * Return: the notice, good as long as the list; NULL if that entry is none.
 */
const struct bcn_notice *bcn_list_notice(const struct bcn_list *list, size_t i)
{
	const struct bcn_notice *notice = bc_list_entry(list, i, bc_decode_notice);

	return notice ? notice : bc_list_entry(list, i, bc_decode_culprit);
}

/**
 * bcn_list_reader() - get a reader of peaks from a list
 * @list: from bcn_readers()
 * @i: which
 *
 * Return: the reader, good as long as the list; NULL if that entry is none.
 */
const struct bcn_reader *bcn_list_reader(const struct bcn_list *list, size_t i)
{
	return bc_list_entry(list, i, bc_decode_reader);
}

/**
 * bcn_list_info() - get the state of the module
 * @list: from bcn_module()
 *
 * Return: the state, good as long as the list; NULL if there is none in it.
 */
const struct bcn_info *bcn_list_info(const struct bcn_list *list)
{
	return bc_list_entry(list, 0, bc_decode_info);
}

/**
 * bcn_next() - wait for notifications
 * @bcn: a connection that has subscribed
 * @timeout_ms: how long at most, -1 for ever
 * @listp: receives one or more, in order; an entry that is neither an event nor a closing
 *	record was malformed. NULL after an error
 *
 * Return: 0; -ETIMEDOUT; -EINTR after a signal; -ENOBUFS when some were lost because they
 * came faster than they were taken; -EBADMSG for a datagram that is none; another negative
 * errno when there is no use in going on.
 */
int bcn_next(struct bcn *bcn, int timeout_ms, struct bcn_list **listp)
{
	struct bc_msgs msgs = { 0 };
	int ret = bc_nl_next(bcn, timeout_ms, &msgs);

	*listp = NULL;
	if (!ret)
		ret = bc_list_take(&msgs, false, listp);
	bc_msgs_clear(&msgs);
	return ret;
}

/**
 * bcn_record_at() - get the figures of one resource; see bcn_pool_record()
 * @pool: the pool
 * @i: which record, below @pool->records
 * @rec: receives a copy; what an older module does not send is marked as not known
 * @size: size of the structure as the caller knows it
 *
 * Return: whether there is one.
 */
bool bcn_record_at(const struct bcn_pool *pool, size_t i, void *rec, size_t size)
{
	struct bc_record copy = { 0 };

	if (i >= pool->records)
		return false;
	memcpy(&copy, pool->table + i * pool->record_size,
	       pool->record_size < sizeof(copy) ? pool->record_size : sizeof(copy));
	if (pool->record_size < sizeof(copy))
		copy.flags &= ~BC_RECORD_F_INTEGRAL;
	memset(rec, 0, size);
	memcpy(rec, &copy, size < sizeof(copy) ? size : sizeof(copy));
	return true;
}

/**
 * bcn_record_of() - look the figures of a resource up
 * @pool: the pool
 * @res: enum bc_res_id
 * @rec: receives a copy, as of bcn_record_at()
 * @size: size of the structure as the caller knows it
 *
 * Return: whether the resource is counted for that pool.
 */
bool bcn_record_of(const struct bcn_pool *pool, uint32_t res, void *rec, size_t size)
{
	uint32_t have;
	size_t i;

	for (i = 0; i < pool->records; i++) {
		memcpy(&have, pool->table + i * pool->record_size, sizeof(have));
		if (have == res)
			return bcn_record_at(pool, i, rec, size);
	}
	return false;
}

/**
 * bcn_pool_setting() - get one setting
 * @pool: the pool
 * @i: which, below @pool->nsettings
 * @setting: receives a copy
 *
 * Return: whether there is one.
 */
bool bcn_pool_setting(const struct bcn_pool *pool, size_t i, struct bc_setting *setting)
{
	if (i >= pool->nsettings)
		return false;
	memcpy(setting, pool->settings + i * sizeof(*setting), sizeof(*setting));
	return true;
}
