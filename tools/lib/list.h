/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LIBBEANCOUNTER_LIST_H
#define LIBBEANCOUNTER_LIST_H

#include "nl.h"

int bc_list_take(struct bc_msgs *msgs, bool strict, struct bcn_list **listp);

#endif /* LIBBEANCOUNTER_LIST_H */
