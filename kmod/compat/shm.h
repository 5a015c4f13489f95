/* SPDX-License-Identifier: GPL-2.0 */
/* How often does shmem ask for a page that it does not get? Drop with 6.1. */
#ifndef _BC_COMPAT_SHM_H
#define _BC_COMPAT_SHM_H

#include <linux/version.h>

/* shmem_get_folio_gfp() begins anew after the first ENOSPC. */
#define BC_SHM_ASKS_TWICE	(LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0))

#endif /* _BC_COMPAT_SHM_H */
