/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_WAKE_H
#define BCTL_WAKE_H

int bc_wake_init(void);
int bc_wake_ended(int fd);
void bc_wake_forget(void);

#endif /* BCTL_WAKE_H */
