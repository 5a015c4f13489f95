/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libbeancounter - accounts and limits of beancounter.ko for C programs
 *
 * What is here is what the module has; units, ranges and what a refusal means are told
 * by linux/beancounter.h, which is part of this header: amounts are in the base unit of
 * their resource (bcn_res.unit), times are CLOCK_BOOTTIME nanoseconds, BC_UNLIMITED is no
 * figure. libbeancounter(3) has an example.
 *
 * Errors. A function that can fail returns 0 or a negative errno. What the kernel said about
 * it is in bcn_message(), and the attribute that it blamed in bcn_blamed(), both until the
 * next request. A request that was refused has changed nothing. Errors that each request can
 * have, besides those of linux/beancounter.h:
 *	EPERM		CAP_NET_ADMIN and CAP_SYS_RESOURCE in the initial user namespace, and
 *			the initial pid namespace, are what it takes
 *	ENOENT		the module was unloaded; bcn_connect() finds it when it is back, under
 *			another number, which is why the old one is of no use. Or there is no
 *			such pool: then bcn_message() has words
 *	EAGAIN		a list was not consistent in 20 attempts: pools come and go too fast
 *	EBADMSG		the answer is malformed
 *	ETIMEDOUT	no answer in 30 s
 *	EMSGSIZE	there is more to set than a request of 32 KiB has room for
 *	ENOMEM
 *
 * Ownership. A list owns all that it has, strings, too; they are good until
 * bcn_list_free(). Arguments stay the caller's.
 *
 * Blocking. The kernel answers from within the system call, so a request takes as long as the
 * kernel computes. Only bcn_wait() and bcn_next() wait for somebody else.
 *
 * Threads. A connection must not be used by two at a time; different ones may be. The library
 * has no state of its own, prints nothing, does not end the program, and touches no signals.
 *
 * Versions. Members are added at the end of structures only, and none is ever as long as the
 * room in a list's entries: these are reached through functions, not by an index. Structures
 * of the caller are to be initialized as a whole, so that members that he does not know are 0.
 */
#ifndef BEANCOUNTER_H
#define BEANCOUNTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/beancounter.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bcn;
struct bcn_list;
struct nlmsghdr;

/* Room for the bits of so many attributes, times 64; more than there will ever be. */
#define BCN_HAS_WORDS	4

/* Is the attribute in the message that @obj was made from? */
#define BCN_HAS(obj, attr)	(!!((obj)->has[(attr) / 64] & 1ULL << (attr) % 64))
/* As an initializer of @has: the bits of one word. */
#define BCN_HAS_BIT(word, attr)	((attr) / 64 == (word) ? 1ULL << (attr) % 64 : 0)

/**
 * struct bcn_pool - a pool, from BC_CMD_POOL_GET or BC_CMD_POOL_NEW
 * @has: which attributes were sent
 * @id: BC_A_ID
 * @parent_id: BC_A_PARENT_ID
 * @state: BC_A_STATE
 * @children: BC_A_CHILDREN
 * @incarnation: BC_A_INCARNATION
 * @created: BC_A_CREATED
 * @generation: BC_A_GENERATION
 * @changed: BC_A_CHANGED
 * @taken: BC_A_TAKEN
 * @cgroup_id: BC_A_CGROUP_ID
 * @name: BC_A_NAME
 * @parent: BC_A_PARENT
 * @cgroup: BC_A_CGROUP_PATH, without leading slashes
 * @table: BC_A_TABLE
 * @records: how many records @table has
 * @record_size: distance from one record to the next
 * @memory: BC_A_MEMORY
 * @cpu: BC_A_CPU; its mask tells what is known of it
 * @io: BC_A_IO, likewise
 * @settings: BC_A_SETTINGS
 * @nsettings: how many there are
 * @msg: the message itself, for what comes repeatedly; or NULL
 */
struct bcn_pool {
	uint64_t has[BCN_HAS_WORDS];
	uint32_t id;
	uint32_t parent_id;
	uint32_t state;
	uint32_t children;
	uint64_t incarnation;
	uint64_t created;
	uint64_t generation;
	uint64_t changed;
	uint64_t taken;
	uint64_t cgroup_id;
	const char *name;
	const char *parent;
	const char *cgroup;
	const char *table;
	size_t records;
	size_t record_size;
	union {
		struct bc_memory memory;
		/* private: it may grow so far */
		unsigned char memory_room[256];
		/* public: */
	};
	union {
		struct bc_cpu cpu;
		/* private: it may grow so far */
		unsigned char cpu_room[256];
		/* public: */
	};
	union {
		struct bc_io io;
		/* private: it may grow so far */
		unsigned char io_room[256];
		/* public: */
	};
	const char *settings;
	size_t nsettings;
	struct nlmsghdr *msg;
};

/**
 * struct bcn_closed - a closing record, from BC_CMD_CLOSED_GET or the group BC_MCGRP_USAGE
 * @has: which attributes were sent that @pool has no member for
 * @serial: BC_A_SERIAL
 * @closed: BC_A_CLOSED
 * @died: BC_A_DIED
 * @parent_incarnation: BC_A_PARENT_INCARNATION
 * @cause: BC_A_CAUSE
 * @pool: what it was
 */
struct bcn_closed {
	uint64_t has[BCN_HAS_WORDS];
	uint64_t serial;
	uint64_t closed;
	uint64_t died;
	uint64_t parent_incarnation;
	uint32_t cause;
	struct bcn_pool pool;
};

/**
 * struct bcn_threshold - a BC_A_THRESHOLD of a pool
 * @rise: percent of the barrier that are told when they are reached
 * @fall: percent of the barrier down to which that is not told again
 * @above: the last crossing was upwards
 */
struct bcn_threshold {
	uint32_t rise;
	uint32_t fall;
	bool above;
};

/**
 * struct bcn_reader - a reader of peaks, from BC_CMD_READER_GET
 * @has: which attributes were sent
 * @taken: BC_A_TIME
 * @name: BC_A_READER
 */
struct bcn_reader {
	uint64_t has[BCN_HAS_WORDS];
	uint64_t taken;
	const char *name;
};

/**
 * struct bcn_res - a resource, from BC_CMD_RES_GET
 * @has: which attributes were sent
 * @id: BC_A_RES
 * @unit: BC_A_RES_UNIT
 * @kind: BC_A_RES_KIND
 * @status: BC_A_RES_STATUS
 * @name: BC_A_RES_NAME
 * @reason: BC_A_REASON
 * @desc: BC_A_DESC
 */
struct bcn_res {
	uint64_t has[BCN_HAS_WORDS];
	uint32_t id;
	uint32_t unit;
	uint32_t kind;
	uint32_t status;
	const char *name;
	const char *reason;
	const char *desc;
};

/**
 * struct bcn_tunable - what can be set besides barriers and limits, from BC_CMD_SETTING_GET
 * @has: which attributes were sent beside the nest
 * @status: BC_A_RES_STATUS
 * @reason: BC_A_REASON
 * @desc: BC_A_DESC
 * @id: BC_SETTING_A_ID
 * @unit: BC_SETTING_A_UNIT
 * @name: BC_SETTING_A_NAME
 * @ranged: the rest was sent
 * @lowest: BC_SETTING_A_LOWEST
 * @highest: BC_SETTING_A_HIGHEST
 * @initial: BC_SETTING_A_VALUE
 * @unlimited: BC_UNLIMITED is a value, too
 */
struct bcn_tunable {
	uint64_t has[BCN_HAS_WORDS];
	uint32_t status;
	const char *reason;
	const char *desc;
	uint32_t id;
	uint32_t unit;
	const char *name;
	bool ranged;
	uint64_t lowest;
	uint64_t highest;
	uint64_t initial;
	bool unlimited;
};

/**
 * struct bcn_device - block I/O of a pool on one device, from BC_CMD_IO_GET
 * @has: which attributes were sent
 * @device: BC_A_DEVICE, NULL for all devices
 * @io: BC_A_IO
 * @times: BC_A_IO_TIMES
 */
struct bcn_device {
	uint64_t has[BCN_HAS_WORDS];
	const char *device;
	union {
		struct bc_io io;
		/* private: it may grow so far */
		unsigned char io_room[256];
		/* public: */
	};
	struct bc_io_times times;
};

/**
 * struct bcn_info - the module, from BC_CMD_INFO_GET
 * @has: which attributes were sent
 * @version: BC_A_VERSION
 * @pools: BC_A_POOLS
 * @pools_max: BC_A_POOLS_MAX
 * @dying: BC_A_DYING
 * @hooked: BC_A_HOOKED
 * @page_size: BC_A_PAGE_SIZE
 * @generation: BC_A_GENERATION
 * @suppressed: BC_A_SUPPRESSED
 * @unbalanced: BC_A_UNBALANCED
 * @untracked: BC_A_UNTRACKED
 * @instance: BC_A_INSTANCE
 * @serial: BC_A_SERIAL
 * @closed_kept: BC_A_CLOSED_KEPT
 * @closed_max: BC_A_CLOSED_MAX
 * @closed_lost: BC_A_CLOSED_LOST
 */
struct bcn_info {
	uint64_t has[BCN_HAS_WORDS];
	const char *version;
	uint32_t pools;
	uint32_t pools_max;
	uint32_t dying;
	uint32_t hooked;
	uint32_t page_size;
	uint64_t generation;
	uint64_t suppressed;
	uint64_t unbalanced;
	uint64_t untracked;
	uint64_t instance;
	uint64_t serial;
	uint32_t closed_kept;
	uint32_t closed_max;
	uint64_t closed_lost;
};

/**
 * struct bcn_notice - an event, from BC_CMD_EVENT, or a culprit, from BC_CMD_REFUSAL_GET
 * @has: which attributes were sent
 * @event: BC_A_EVENT
 * @id: BC_A_ID
 * @res: BC_A_RES
 * @origin_id: BC_A_ORIGIN_ID
 * @pid: BC_A_PID
 * @time: BC_A_TIME
 * @incarnation: BC_A_INCARNATION
 * @amount: BC_A_AMOUNT
 * @held: BC_A_HELD
 * @barrier: BC_A_BARRIER
 * @limit: BC_A_LIMIT_VALUE
 * @suppressed: BC_A_SUPPRESSED
 * @name: BC_A_NAME
 * @res_name: BC_A_RES_NAME
 * @origin: BC_A_ORIGIN_NAME
 * @comm: BC_A_COMM
 * @bound: BC_A_BOUND
 * @percent: BC_A_PERCENT
 * @direction: BC_A_DIRECTION
 * @count: BC_A_COUNT
 * @first: BC_A_FIRST
 * @largest: BC_A_LARGEST
 * @origin_incarnation: BC_A_ORIGIN_INCARNATION
 * @serial: BC_A_SERIAL
 */
struct bcn_notice {
	uint64_t has[BCN_HAS_WORDS];
	uint32_t event;
	uint32_t id;
	uint32_t res;
	uint32_t origin_id;
	uint32_t pid;
	uint64_t time;
	uint64_t incarnation;
	uint64_t amount;
	uint64_t held;
	uint64_t barrier;
	uint64_t limit;
	uint64_t suppressed;
	const char *name;
	const char *res_name;
	const char *origin;
	const char *comm;
	uint32_t bound;
	uint32_t percent;
	uint32_t direction;
	uint64_t count;
	uint64_t first;
	uint64_t largest;
	uint64_t origin_incarnation;
	uint64_t serial;
};

/**
 * struct bcn_query - which pools, and what of them
 * @name: just this one; NULL for all
 * @reader: take the peaks of this reader, see linux/beancounter.h; or NULL
 * @since: just those whose figures or limits changed after this generation; 0 for all
 * @detail: what takes the kernel long to find out, too
 */
struct bcn_query {
	const char *name;
	const char *reader;
	uint64_t since;
	bool detail;
};

/**
 * struct bcn_limit - barrier and limit of one resource
 * @res: enum bc_res_id
 * @barrier: 0..BC_AMOUNT_MAX or BC_UNLIMITED, in the resource's unit
 * @limit: likewise, not below @barrier
 */
struct bcn_limit {
	uint32_t res;
	uint64_t barrier;
	uint64_t limit;
};

/**
 * struct bcn_value - a setting and its value
 * @setting: enum bc_setting_id
 * @value: in the range that bcn_settings() tells
 */
struct bcn_value {
	uint32_t setting;
	uint64_t value;
};

/**
 * struct bcn_mark - a threshold to be set
 * @res: enum bc_res_id
 * @rise: percent of the barrier, 1..100; 0 removes the threshold
 * @fall: percent, below @rise
 */
struct bcn_mark {
	uint32_t res;
	uint32_t rise;
	uint32_t fall;
};

/**
 * struct bcn_change - what is to be set, all of it or none
 * @limits: the limits; a resource may be named once
 * @nlimits: how many
 * @values: the settings; each may be named once
 * @nvalues: how many
 */
struct bcn_change {
	const struct bcn_limit *limits;
	size_t nlimits;
	const struct bcn_value *values;
	size_t nvalues;
};

/**
 * struct bcn_new - a pool to be made
 * @name: 1..BC_NAME_MAX of [A-Za-z0-9_.:-]
 * @parent: the name that the parent must have, or NULL
 * @cgroup: path of the directory below the cgroup2 root; NULL to use @cgroup_fd
 * @cgroup_fd: the directory, open
 * @has_id: @id is wanted, else it is the lowest free one
 * @id: the id
 * @change: what is to be set from the beginning
 */
struct bcn_new {
	const char *name;
	const char *parent;
	const char *cgroup;
	int cgroup_fd;
	bool has_id;
	uint32_t id;
	struct bcn_change change;
};

/* The connection: nl.c */
int bcn_open(struct bcn **bcnp);
int bcn_connect(struct bcn *bcn);
void bcn_close(struct bcn *bcn);
const char *bcn_message(const struct bcn *bcn);
int bcn_blamed(const struct bcn *bcn, size_t *index);

/* Lists and what they have: list.c */
void bcn_list_free(struct bcn_list *list);
size_t bcn_list_count(const struct bcn_list *list);
const struct bcn_pool *bcn_list_pool(const struct bcn_list *list, size_t i);
const struct bcn_closed *bcn_list_closed(const struct bcn_list *list, size_t i);
const struct bcn_res *bcn_list_resource(const struct bcn_list *list, size_t i);
const struct bcn_tunable *bcn_list_setting(const struct bcn_list *list, size_t i);
const struct bcn_device *bcn_list_device(const struct bcn_list *list, size_t i);
const struct bcn_notice *bcn_list_notice(const struct bcn_list *list, size_t i);
const struct bcn_reader *bcn_list_reader(const struct bcn_list *list, size_t i);
const struct bcn_info *bcn_list_info(const struct bcn_list *list);

bool bcn_record_at(const struct bcn_pool *pool, size_t i, void *rec, size_t size);
bool bcn_record_of(const struct bcn_pool *pool, uint32_t res, void *rec, size_t size);
bool bcn_pool_setting(const struct bcn_pool *pool, size_t i, struct bc_setting *setting);
bool bcn_pool_threshold(const struct bcn_pool *pool, uint32_t res, struct bcn_threshold *th);

/**
 * bcn_pool_record() - get the figures of one resource
 * @pool: the pool
 * @i: which record, below @pool->records
 * @rec: receives a copy; what an older module does not send is marked as not known
 *
 * Return: whether there is one.
 */
static inline bool bcn_pool_record(const struct bcn_pool *pool, size_t i, struct bc_record *rec)
{
	return bcn_record_at(pool, i, rec, sizeof(*rec));
}

/* Asking: get.c */
int bcn_pools(struct bcn *bcn, const struct bcn_query *query, struct bcn_list **listp);
int bcn_resources(struct bcn *bcn, struct bcn_list **listp);
int bcn_settings(struct bcn *bcn, struct bcn_list **listp);
int bcn_devices(struct bcn *bcn, const char *name, struct bcn_list **listp);
int bcn_refusals(struct bcn *bcn, const char *name, struct bcn_list **listp);
int bcn_readers(struct bcn *bcn, struct bcn_list **listp);
int bcn_module(struct bcn *bcn, struct bcn_list **listp);

/* Changing: set.c */
int bcn_pool_new(struct bcn *bcn, const struct bcn_new *what, struct bcn_list **listp);
int bcn_pool_set(struct bcn *bcn, const char *name, const struct bcn_change *change);
int bcn_pool_delete(struct bcn *bcn, const char *name);
int bcn_thresholds(struct bcn *bcn, const char *name, const struct bcn_mark *marks,
		   size_t count);
int bcn_reader_delete(struct bcn *bcn, const char *reader);

/* Listening: nl.c, list.c */
int bcn_subscribe(struct bcn *bcn, const char *group);
int bcn_fd(const struct bcn *bcn);
int bcn_wait(struct bcn *bcn, int fd, int timeout_ms);
int bcn_next(struct bcn *bcn, int timeout_ms, struct bcn_list **listp);

/* Closing records: get.c, set.c */
int bcn_closed(struct bcn *bcn, uint64_t after, struct bcn_list **listp);
int bcn_acknowledge(struct bcn *bcn, const char *reader, uint64_t serial);

#ifdef __cplusplus
}
#endif

#endif /* BEANCOUNTER_H */
