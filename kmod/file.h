/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_FILE_H
#define _BC_FILE_H

struct bc_pool;
struct file;
struct task_struct;

void bc_file_adopt_process(struct task_struct *leader, struct bc_pool *pool);
void bc_flock_adopt(struct file *file, struct bc_pool *pool);
void bc_pty_adopt(struct file *file, struct bc_pool *pool);

#endif /* _BC_FILE_H */
