/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Metrics for Prometheus and its kin
 */
#ifndef BCTL_EXPOSE_H
#define BCTL_EXPOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct bc_record;
struct bc_scrape;
struct bcn_pool;
struct bcn_res;

/**
 * enum bc_exposition - how metrics are written
 * @BC_EXPO_TEXT: the text format 0.0.4 of Prometheus, also for files of node_exporter
 * @BC_EXPO_OPENMETRICS: OpenMetrics 1.0
 */
enum bc_exposition {
	BC_EXPO_TEXT,
	BC_EXPO_OPENMETRICS,
};

enum bc_family_type {
	BC_FAMILY_GAUGE,
	BC_FAMILY_COUNTER,
	BC_FAMILY_INFO,
	BC_FAMILY_HISTOGRAM,
};

/**
 * enum bc_family_of - where the figure is found, and what it is one of
 * @BC_OF_SCRAPE: made by a function, one for all
 * @BC_OF_INFO: struct bcn_info
 * @BC_OF_RES: made by a function for each resource
 * @BC_OF_POOL: made by a function for each pool
 * @BC_OF_CPU: struct bc_cpu of each pool
 * @BC_OF_IO: struct bc_io of each pool
 * @BC_OF_MEMORY: struct bc_memory of each pool
 * @BC_OF_SETTING: a setting of each pool
 * @BC_OF_RECORD: struct bc_record of each pool and resource
 * @BC_OF_TIMES: struct bc_io_times of each pool
 */
enum bc_family_of {
	BC_OF_SCRAPE,
	BC_OF_INFO,
	BC_OF_RES,
	BC_OF_POOL,
	BC_OF_CPU,
	BC_OF_IO,
	BC_OF_MEMORY,
	BC_OF_SETTING,
	BC_OF_RECORD,
	BC_OF_TIMES,
};

/**
 * struct bc_number - a figure, exactly
 * @num: it
 * @digits: how many of its decimal digits stand behind the point
 */
struct bc_number {
	unsigned __int128 num;
	int digits;
};

/**
 * struct bc_point - what a figure is of
 * @s: the scrape
 * @pool: the pool, or NULL
 * @i: which it is in the list of pools, or of resources
 * @rec: the record, or NULL
 * @res: the resource, or NULL
 */
struct bc_point {
	const struct bc_scrape *s;
	const struct bcn_pool *pool;
	size_t i;
	const struct bc_record *rec;
	const struct bcn_res *res;
};

/**
 * struct bc_family - one metric, or the part of one that has a label with some value
 * @name: name, without the suffix of its type; "" in a row that continues the one before it
 * @help: what it is; NULL in such a row
 * @type: enum bc_family_type
 * @of: enum bc_family_of
 * @unit: base unit, which @name ends with, or NULL
 * @label: a label and its value, ready to be written, or NULL
 * @offset: of the member; of the buckets with BC_OF_TIMES
 * @size: of the member; with BC_OF_TIMES where their sum is in struct bc_io
 * @digits: of the member that stand behind the point
 * @known: what has to be known: BC_CPU_F_*, BC_IO_F_*; the attribute with BC_OF_INFO; which
 *	setting with BC_OF_SETTING
 * @unless: BC_RECORD_F_* that must not be set
 * @need: BC_RECORD_F_* that must be set
 * @bytes: with BC_OF_RECORD: for resources in bytes and pages, else for those in items
 * @count: with BC_OF_RECORD: it is a number of something and in no unit, whatever the resource's
 * @res: with BC_OF_RECORD: just this resource, unless @all
 * @all: with BC_OF_RECORD: each resource, and a label that tells which
 * @make: makes the figure where it is no member; false if there is none
 * @labels: writes what other labels there are, at least one; or NULL
 */
struct bc_family {
	const char *name;
	const char *help;
	enum bc_family_type type;
	enum bc_family_of of;
	const char *unit;
	const char *label;
	size_t offset;
	size_t size;
	int digits;
	uint64_t known;
	uint32_t unless;
	uint32_t need;
	bool bytes;
	bool count;
	uint32_t res;
	bool all;
	bool (*make)(const struct bc_point *pt, struct bc_number *to);
	void (*labels)(FILE *out, const struct bc_point *pt);
};

/* The member of a structure, as initializers. */
#define BC_AT(type, member) \
	.offset = offsetof(struct type, member), .size = sizeof(((struct type *)0)->member)

/**
 * struct bc_catalogue - metrics, and how they name a pool
 * @families: the metrics, ended by one without a name
 * @pool: writes the labels that tell a pool
 */
struct bc_catalogue {
	const struct bc_family *families;
	void (*pool)(FILE *out, const struct bcn_pool *pool);
};

extern const struct bc_catalogue bc_own_families;
extern const struct bc_catalogue bc_cadvisor_families;

void bc_label(FILE *out, const char *name, const char *value);
int bc_expose(const struct bc_scrape *s, const struct bc_catalogue *const *cats,
	      enum bc_exposition expo, char **text, size_t *len);

#endif /* BCTL_EXPOSE_H */
