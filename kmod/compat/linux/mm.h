/* SPDX-License-Identifier: GPL-2.0 */
/* Mappings that the kernel may drop, which are never locked. Drop with 6.1. */
#ifndef _BC_COMPAT_LINUX_MM_H
#define _BC_COMPAT_LINUX_MM_H

#include_next <linux/mm.h>

#ifndef VM_DROPPABLE
#define VM_DROPPABLE	VM_NONE
#endif

#endif /* _BC_COMPAT_LINUX_MM_H */
