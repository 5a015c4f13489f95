/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_CT_RIGHTS_H
#define BCTL_CT_RIGHTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf.h"

#define CT_DEVICES_MAX	32
#define CT_CAP_SYS_ADMIN	21

/**
 * struct ct_device - a device that a container may use
 * @name: its name below /dev, empty if it is known by its numbers alone
 * @type: b or c; what it is a name does not tell
 * @major: its number
 * @minor: likewise, -1 for all
 * @read: it may be read
 * @write: it may be written
 */
struct ct_device {
	char name[64];
	char type;
	uint32_t major;
	int64_t minor;
	bool read;
	bool write;
};

/**
 * struct ct_rights - what a configuration gives and takes beyond what is usual
 * @on: capabilities, bits by their numbers
 * @off: likewise
 * @no_sysfs: there is no /sys
 * @dev: devices
 * @ndev: how many
 * @ignored: words that meant something to OpenVZ's kernel only, separated by blanks
 */
struct ct_rights {
	uint64_t on;
	uint64_t off;
	bool no_sysfs;
	struct ct_device dev[CT_DEVICES_MAX];
	size_t ndev;
	char ignored[128];
};

/**
 * struct ct_wrong - what is wrong with a configuration
 * @key: the key
 * @word: the word in its value
 * @why: what is wrong with it
 */
struct ct_wrong {
	const char *key;
	char word[64];
	const char *why;
};

int ct_rights_read(const struct ct_conf *conf, struct ct_rights *rights, struct ct_wrong *wrong);
const char *ct_cap_name(unsigned int number);
uint64_t ct_cap_default(bool mapped);
int ct_words_merge(const char *old, const char *more, char *out, size_t size);

#endif /* BCTL_CT_RIGHTS_H */
