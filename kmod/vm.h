/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_VM_H
#define _BC_VM_H

#include <linux/mm_types.h>

#include "tree.h"

bool __must_check bc_vm_fork(struct mm_struct *mm, struct bc_pool *pool);
void bc_vm_fix(struct mm_struct *mm, struct bc_pool *pool);

#endif /* _BC_VM_H */
