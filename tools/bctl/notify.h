/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_NOTIFY_H
#define BCTL_NOTIFY_H

void bc_notify(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int bc_notify_watchdog_ms(void);

#endif /* BCTL_NOTIFY_H */
