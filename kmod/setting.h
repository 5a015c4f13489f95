/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_SETTING_H
#define _BC_SETTING_H

#include <linux/types.h>
#include <linux/beancounter.h>

struct nlattr;

#define BC_NR_SETTINGS	BC_SETTING_ID_END

/**
 * struct bc_setting_type - what is to be known of a setting
 * @name: public name
 * @unit: unit of its value
 * @min: smallest value
 * @max: largest value
 * @unlimited: BC_UNLIMITED is a value as well
 * @initial: what a new pool has
 * @desc: one line for people
 */
struct bc_setting_type {
	const char	*name;
	enum bc_unit	unit;
	u64		min;
	u64		max;
	bool		unlimited;
	u64		initial;
	const char	*desc;
};

/**
 * struct bc_wish - a wanted setting
 * @set: it is wanted
 * @attr: where it is in the request, for messages, or NULL
 * @value: new value, in its range
 */
struct bc_wish {
	bool			set;
	const struct nlattr	*attr;
	u64			value;
};

extern const struct bc_setting_type bc_setting_types[BC_NR_SETTINGS];

void bc_settings_init(u64 values[BC_NR_SETTINGS]);
bool bc_setting_in_range(enum bc_setting_id id, u64 value);

#endif /* _BC_SETTING_H */
