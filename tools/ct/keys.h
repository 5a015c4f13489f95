/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_CT_KEYS_H
#define BCTL_CT_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf.h"

/* Numbers with decimals are kept in millionths. */
#define CT_MILLION	((unsigned __int128)1000000)

#define CT_ID_MAX	2147483644U
/* UBC resources, and so of settings */
#define CT_UBC_COUNT	21
#define CT_MAP_MAX	(CT_UBC_COUNT + 6)

/**
 * enum ct_key_kind - what becomes of a key
 * @CT_KEY_UBC: barrier and limit of a resource
 * @CT_KEY_SETTING: a setting of the pool
 * @CT_KEY_USED: used by this program
 * @CT_KEY_KEPT: kept in the file, but nothing acts on it
 */
enum ct_key_kind { CT_KEY_UBC, CT_KEY_SETTING, CT_KEY_USED, CT_KEY_KEPT };

/**
 * struct ct_key - a key that OpenVZ knew
 * @key: the key
 * @alias: another name for it, or NULL
 * @kind: what becomes of it
 * @word: the word of bctl for it: a resource, or a setting
 * @unit: enum bc_unit of its amounts, for CT_KEY_UBC
 * @counted: the module counts it and limits nothing
 */
struct ct_key {
	const char *key;
	const char *alias;
	enum ct_key_kind kind;
	const char *word;
	uint32_t unit;
	bool counted;
};

/**
 * struct ct_value - a barrier and a limit in base units, BC_UNLIMITED for none
 * @barrier: the former
 * @limit: the latter
 * @given: there is such a key
 */
struct ct_value {
	uint64_t barrier;
	uint64_t limit;
	bool given;
};

/**
 * struct ct_ubc - barriers and limits of a configuration
 * @v: for each resource, in the order of the table
 * @page_size: bytes in a page
 */
struct ct_ubc {
	struct ct_value v[CT_UBC_COUNT];
	uint64_t page_size;
};

/**
 * struct ct_map - a configuration as arguments of "bctl pool set"
 * @arg: RES=VALUE each
 * @count: how many
 */
struct ct_map {
	char arg[CT_MAP_MAX][96];
	size_t count;
};

extern const struct ct_key ct_keys[];

const struct ct_key *ct_key_find(const char *name, size_t len);
const char *ct_key_get(const struct ct_conf *conf, const struct ct_key *key);
const char *ct_get(const struct ct_conf *conf, const char *name);
const char *ct_number(const char *text, unsigned __int128 *micro, bool *decimals);
int ct_value_parse(const char *text, uint32_t unit, uint64_t page_size,
		   struct ct_value *val, const char **why);
int ct_rate_parse(const char *text, uint64_t plain, uint64_t *rate, const char **why);
int ct_ubc_read(const struct ct_conf *conf, uint64_t page_size, struct ct_ubc *ubc,
		const char **key, const char **why);
bool ct_ubc_vswap(const struct ct_ubc *ubc);
const char *ct_ubc_missing(const struct ct_ubc *ubc);
struct ct_value *ct_ubc_value(struct ct_ubc *ubc, const char *key);
int ct_map_conf(const struct ct_conf *conf, uint64_t page_size, struct ct_map *map,
		const char **key, const char **why);
int ct_id_parse(const char *text, uint32_t *id);
bool ct_name_ok(const char *name);

#endif /* BCTL_CT_KEYS_H */
