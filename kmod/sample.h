/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_SAMPLE_H
#define _BC_SAMPLE_H

void bc_sampler_init(void);
void bc_sampler_start(void);
void bc_sampler_stop(void);

#endif /* _BC_SAMPLE_H */
