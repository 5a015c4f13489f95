/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_BESIDE_H
#define BCTL_BESIDE_H

void bc_exec_beside(const char *name, char **args);

#endif /* BCTL_BESIDE_H */
