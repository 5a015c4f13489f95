/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_WAKE_H
#define BCTL_WAKE_H

int bc_wake_init(void);
int bc_wake_ended(int fd);

#endif /* BCTL_WAKE_H */
