/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_CALENDAR_H
#define BCTL_CALENDAR_H

#include <stddef.h>
#include <stdint.h>

/**
 * enum bc_step - how a period is cut
 * @BC_STEP_NONE: not at all
 * @BC_STEP_HOUR: at full hours, UTC
 * @BC_STEP_DAY: at midnight, UTC
 * @BC_STEP_MONTH: at the first of each month, UTC
 * @BC_STEP_5MIN: at multiples of 5 minutes
 * @BC_STEP_30MIN: at multiples of 30 minutes
 * @BC_STEP_6H: at multiples of 6 hours
 */
enum bc_step {
	BC_STEP_NONE, BC_STEP_HOUR, BC_STEP_DAY, BC_STEP_MONTH, BC_STEP_5MIN, BC_STEP_30MIN,
	BC_STEP_6H,
};

/* Room for any time that bc_time_text() writes. */
#define BC_TIME_MAX	40

/* The years that are understood: 0001 to 9999. */
#define BC_TIME_FIRST	(-62135596800000LL)
#define BC_TIME_LAST	253402300800000LL

int64_t bc_now_ms(void);
int64_t bc_step_begin(enum bc_step step, int64_t ms);
int64_t bc_step_next(enum bc_step step, int64_t ms);
int bc_step_parse(const char *text, enum bc_step *step);
const char *bc_step_name(enum bc_step step);
int bc_time_parse(const char *text, int64_t now, int64_t *ms, const char **why);
void bc_time_text(char *text, size_t size, int64_t ms);

#endif /* BCTL_CALENDAR_H */
