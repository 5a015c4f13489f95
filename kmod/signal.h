/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_SIGNAL_H
#define _BC_SIGNAL_H

#include "proc.h"

void bc_sig_lock_lists(unsigned long *flags);
void bc_sig_unlock_lists(unsigned long flags);
void bc_sig_link(struct bc_task *rec);
void bc_sig_move(struct bc_task *rec, struct bc_pool *from, struct bc_pool *to);
void bc_sig_forget(struct bc_task *rec, struct bc_pool *pool);

#endif /* _BC_SIGNAL_H */
