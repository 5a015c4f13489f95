/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_MHZ_H
#define BCTL_MHZ_H

#include <stdint.h>

uint32_t bc_mhz(void);

#endif /* BCTL_MHZ_H */
