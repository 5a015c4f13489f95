/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _BC_VERSION_H
#define _BC_VERSION_H

#define BC_VERSION	"0.1.0"

#endif /* _BC_VERSION_H */
