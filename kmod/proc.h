/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_PROC_H
#define _BC_PROC_H

#include "tree.h"

int bc_proc_init(unsigned int bits);
void bc_proc_exit(void);
void bc_proc_resync(bool adopt);
void bc_proc_settle(void);

#endif /* _BC_PROC_H */
