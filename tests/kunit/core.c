// SPDX-License-Identifier: GPL-2.0
/*
 * The pure core once more, for the tests
 *
 * beancounter_kunit.ko brings its own copy: it loads without beancounter.ko,
 * and nothing is exported only to be tested. The sources are included here
 * because kbuild warns of an object that belongs to two modules.
 */
#include <linux/module.h>

#include "clock.h"

#define BC_TICKS()	READ_ONCE(test_ticks)
u64 test_ticks;

#include "../../kmod/bucket.c"
#include "../../kmod/closing.c"
#include "../../kmod/counter.c"
#include "../../kmod/integral.c"
#include "../../kmod/iobook.c"
#include "../../kmod/object.c"
#include "../../kmod/ptrmap.c"
#include "../../kmod/reader.c"
#include "../../kmod/reflog.c"
#include "../../kmod/refusal.c"
#include "../../kmod/resource.c"
#include "../../kmod/setting.c"
#include "../../kmod/solver.c"
#include "../../kmod/threshold.c"
#include "../../kmod/tree.c"

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("KUnit tests of the core of beancounter");
MODULE_AUTHOR("The beancounter developers");
