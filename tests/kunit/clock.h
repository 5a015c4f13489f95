/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_KUNIT_CLOCK_H
#define _BC_KUNIT_CLOCK_H

#include <linux/types.h>

/* The time of integrals, in ticks: it passes when a test says so. */
extern u64 test_ticks;

#endif /* _BC_KUNIT_CLOCK_H */
