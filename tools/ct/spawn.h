/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_CT_SPAWN_H
#define BCTL_CT_SPAWN_H

#include <sys/types.h>

pid_t ct_run_piped(char * const *argv, int *from);
int ct_wait(pid_t pid);

#endif /* BCTL_CT_SPAWN_H */
