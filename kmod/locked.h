/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_LOCKED_H
#define _BC_LOCKED_H

#include <linux/mm_types.h>

bool __must_check bc_locked_may_expand(struct mm_struct *mm, unsigned long flags, u64 npages,
				       unsigned long ip);

#endif /* _BC_LOCKED_H */
