/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BCTL_CT_CONF_H
#define BCTL_CT_CONF_H

#include <stdbool.h>
#include <stddef.h>

/* No file of this kind is larger; one that is was not meant. */
#define CT_CONF_MAX	(1 << 20)

/**
 * struct ct_line - one line of a configuration file
 * @text: its bytes, the newline included
 * @len: how many
 * @key_len: length of the key, which begins at @key; 0 for a line that assigns nothing
 * @key: where the key begins in @text
 * @val: where the value begins in @text, its quote included
 * @val_len: its length, both quotes included
 * @value: the value without quotes, NULL for a line that assigns nothing
 * @bad: it is neither an assignment nor a comment nor blank
 */
struct ct_line {
	char *text;
	size_t len;
	size_t key;
	size_t key_len;
	size_t val;
	size_t val_len;
	char *value;
	bool bad;
};

/**
 * struct ct_conf - a configuration file
 * @line: its lines
 * @count: how many
 */
struct ct_conf {
	struct ct_line *line;
	size_t count;
};

int ct_conf_parse(struct ct_conf *conf, const char *buf, size_t len);
const char *ct_conf_get(const struct ct_conf *conf, const char *key);
int ct_conf_set(struct ct_conf *conf, const char *key, const char *value);
void ct_conf_unset(struct ct_conf *conf, const char *key);
bool ct_conf_first(const struct ct_conf *conf, size_t i);
int ct_conf_text(const struct ct_conf *conf, char **buf, size_t *len);
int ct_conf_load(struct ct_conf *conf, const char *path);
int ct_conf_save(const struct ct_conf *conf, const char *path);
int ct_conf_save_volatile(const struct ct_conf *conf, const char *path);
int ct_conf_write(const struct ct_conf *conf, const char *path);
int ct_conf_sync(const char *path);
int ct_sync_dir(const char *path);
void ct_conf_clear(struct ct_conf *conf);

#endif /* BCTL_CT_CONF_H */
