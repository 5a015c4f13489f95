/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_PROCFS_H
#define _BC_PROCFS_H

int bc_procfs_init(void);
void bc_procfs_exit(void);
void bc_procfs_changed(void);
void bc_procfs_settle(void);

#endif /* _BC_PROCFS_H */
