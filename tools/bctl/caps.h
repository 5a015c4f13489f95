/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_CAPS_H
#define BCTL_CAPS_H

int bc_caps_drop(void);

#endif /* BCTL_CAPS_H */
