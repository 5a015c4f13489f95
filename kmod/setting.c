// SPDX-License-Identifier: GPL-2.0
/*
 * The one table of settings
 *
 * What can be set for a pool besides barriers and limits. A new setting is one
 * line here, one in enum bc_setting_id, and the source that acts on it.
 */
#include <linux/kernel.h>
#include <linux/time64.h>

#include "setting.h"

#define BC_SETTING(index, unit_, min_, max_, unlimited_, initial_, name_, desc_) \
	[BC_SETTING_##index] = {	\
		.name = name_,		\
		.unit = BC_UNIT_##unit_,\
		.min = min_,		\
		.max = max_,		\
		.unlimited = unlimited_,\
		.initial = initial_,	\
		.desc = desc_,		\
	}

/* The kernel's smallest quota is 1 ms of its period, which is 100 ms here. */
#define BC_CPU_LIMIT_MIN	(NSEC_PER_SEC / 100)
#define BC_CPU_MAX		(NSEC_PER_SEC * 8192ULL)
#define BC_RATE_MAX		(1ULL << 50)

const struct bc_setting_type bc_setting_types[BC_NR_SETTINGS] = {
	BC_SETTING(CPU_SHARES, SHARES, 8, 500000, false, 1000,
		   "cpu.shares", "part of the CPU time under contention"),
	BC_SETTING(CPU_LIMIT, NS_PER_SEC, BC_CPU_LIMIT_MIN, BC_CPU_MAX, true, BC_UNLIMITED,
		   "cpu.limit", "CPU time that is never exceeded"),
	BC_SETTING(CPU_RESERVATION, NS_PER_SEC, 0, BC_CPU_MAX, false, 0,
		   "cpu.reservation", "CPU time that is guaranteed"),
	BC_SETTING(CPU_EXPANDABLE, BOOL, 0, 1, false, 0,
		   "cpu.expandable", "pools below may reserve what the pools above have left"),
	BC_SETTING(IO_BPS, BYTES_PER_SEC, 4096, BC_RATE_MAX, true, BC_UNLIMITED,
		   "io.bps", "block I/O, reads and writes together"),
	BC_SETTING(IO_RBPS, BYTES_PER_SEC, 4096, BC_RATE_MAX, true, BC_UNLIMITED,
		   "io.rbps", "block I/O, reads"),
	BC_SETTING(IO_WBPS, BYTES_PER_SEC, 4096, BC_RATE_MAX, true, BC_UNLIMITED,
		   "io.wbps", "block I/O, writes"),
	BC_SETTING(IO_IOPS, PER_SEC, 1, BC_RATE_MAX, true, BC_UNLIMITED,
		   "io.iops", "requests of block I/O, reads and writes together"),
	BC_SETTING(IO_RIOPS, PER_SEC, 1, BC_RATE_MAX, true, BC_UNLIMITED,
		   "io.riops", "requests of block I/O, reads"),
	BC_SETTING(IO_WIOPS, PER_SEC, 1, BC_RATE_MAX, true, BC_UNLIMITED,
		   "io.wiops", "requests of block I/O, writes"),
	BC_SETTING(IO_BURST, MS, 1, 60000, false, 100,
		   "io.burst", "how long an idle pool may save up for each limit of block I/O"),
	BC_SETTING(IO_WEIGHT, SHARES, 1, 10000, false, 100,
		   "io.weight", "part of a block device under contention"),
};

/**
 * bc_settings_init() - what a new pool has
 * @values: to be filled
 */
void bc_settings_init(u64 values[BC_NR_SETTINGS])
{
	int id;

	for (id = 0; id < BC_NR_SETTINGS; id++)
		values[id] = bc_setting_types[id].initial;
}

/**
 * bc_setting_in_range() - can a setting have this value at all?
 * @id: setting
 * @value: value
 *
 * Return: true when it can.
 */
bool bc_setting_in_range(enum bc_setting_id id, u64 value)
{
	const struct bc_setting_type *type = &bc_setting_types[id];

	if (value == BC_UNLIMITED)
		return type->unlimited;
	return value >= type->min && value <= type->max;
}
