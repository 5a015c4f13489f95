/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_PROC_H
#define _BC_PROC_H

#include "tree.h"

void bc_proc_resync(bool adopt);
void bc_proc_settle(void);

#endif /* _BC_PROC_H */
