/* SPDX-License-Identifier: GPL-2.0 */
/*
 * libbeancounter - what the module sends, taken apart
 *
 * Strings and tables point into the message and live as long as that does. An
 * attribute that was not sent has its bit in @has clear; a string is NULL.
 */
#ifndef BEANCOUNTER_H
#define BEANCOUNTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/beancounter.h>

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
	struct bc_memory memory;
	struct bc_cpu cpu;
	struct bc_io io;
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
	struct bc_io io;
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

void bcn_pool_record(const struct bcn_pool *pool, size_t i, struct bc_record *rec);
void bcn_pool_setting(const struct bcn_pool *pool, size_t i, struct bc_setting *setting);
bool bcn_pool_threshold(const struct bcn_pool *pool, uint32_t res, struct bcn_threshold *th);

#endif /* BEANCOUNTER_H */
