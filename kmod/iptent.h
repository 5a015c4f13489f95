/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_IPTENT_H
#define _BC_IPTENT_H

void bc_iptent_refresh(void);
void bc_iptent_refresh_seldom(void);

#endif /* _BC_IPTENT_H */
