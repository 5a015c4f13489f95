// SPDX-License-Identifier: GPL-2.0
/*
 * Configuration files in the syntax of OpenVZ, read and written, never run
 *
 *	# comment
 *	KEY="value"	# double quotes: \" \\ \$ \` stand for the second character
 *	KEY='value'	single quotes: as it is
 *	KEY=value	up to the first blank
 *
 * The file stays the admin's: what is not changed is written back byte for byte, comments,
 * unknown keys, lines that make no sense and all. A change replaces the value alone, within
 * its line. Shell scripts source these files, too, so a value is written in a form that a
 * shell reads as the same string; nothing in a file is ever expanded. If a key is assigned
 * twice the first one counts, as in OpenVZ.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf.h"

static bool ct_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool ct_is_key(char c, bool first)
{
	return c == '_' || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (!first && c >= '0' && c <= '9');
}

/* What a backslash inside double quotes makes literal. */
static bool ct_is_escaped(char c)
{
	return c == '"' || c == '\\' || c == '$' || c == '`';
}

/* A value in quotes at @pos; where it ends, or 0 if the quote is not closed. */
static size_t ct_quoted(const char *text, size_t end, size_t pos, char *out, size_t *used)
{
	char quote = text[pos++];

	for (*used = 0; pos < end && text[pos]; pos++) {
		if (text[pos] == quote)
			return pos + 1;
		if (quote == '"' && text[pos] == '\\' && pos + 1 < end &&
		    ct_is_escaped(text[pos + 1]))
			pos++;
		out[(*used)++] = text[pos];
	}
	return 0;
}

/* A value without quotes; where it ends, or 0 if it has a character that needs some. */
static size_t ct_plain(const char *text, size_t end, size_t pos, char *out, size_t *used)
{
	for (*used = 0; pos < end && !ct_is_blank(text[pos]); pos++) {
		if (!text[pos] || strchr("\"'`\\$;&|<>()", text[pos]))
			return 0;
		out[(*used)++] = text[pos];
	}
	return pos;
}

/* Find key and value of a line. */
static void ct_line_split(struct ct_line *line, size_t end, char *out)
{
	const char *text = line->text;
	size_t pos = 0, start, used, val;

	while (pos < end && ct_is_blank(text[pos]))
		pos++;
	if (pos == end || text[pos] == '#')
		return;
	line->bad = true;
	start = pos;
	while (pos < end && ct_is_key(text[pos], pos == start))
		pos++;
	if (pos == start || pos == end || text[pos] != '=')
		return;
	line->key = start;
	val = pos + 1;
	if (val < end && (text[val] == '"' || text[val] == '\''))
		start = ct_quoted(text, end, val, out, &used);
	else
		start = ct_plain(text, end, val, out, &used);
	if (!start)
		return;
	/* Behind the value there may be blanks, and a comment after those. */
	for (end = end > start ? end : start, line->val_len = start - val; start < end; start++)
		if (!ct_is_blank(text[start]))
			break;
	if (start < end && (text[start] != '#' || start == val + line->val_len))
		return;
	out[used] = '\0';
	line->key_len = pos - line->key;
	line->val = val;
	line->value = out;
	line->bad = false;
}

static int ct_line_parse(struct ct_line *line, const char *text, size_t len)
{
	size_t end = len && text[len - 1] == '\n' ? len - 1 : len;
	char *out = malloc(len + 1);

	memset(line, 0, sizeof(*line));
	line->text = malloc(len + 1);
	if (!out || !line->text) {
		free(out);
		free(line->text);
		line->text = NULL;
		return -ENOMEM;
	}
	memcpy(line->text, text, len);
	line->text[len] = '\0';
	line->len = len;
	ct_line_split(line, end, out);
	if (!line->value)
		free(out);
	return 0;
}

static void ct_line_clear(struct ct_line *line)
{
	free(line->text);
	free(line->value);
}

/**
 * ct_conf_clear() - forget a configuration
 * @conf: the configuration, empty afterwards
 */
void ct_conf_clear(struct ct_conf *conf)
{
	size_t i;

	for (i = 0; i < conf->count; i++)
		ct_line_clear(&conf->line[i]);
	free(conf->line);
	memset(conf, 0, sizeof(*conf));
}

static int ct_conf_add(struct ct_conf *conf, const char *text, size_t len)
{
	struct ct_line *grown = conf->line;
	int ret;

	/* Room for a power of two of lines. */
	if (!(conf->count & (conf->count - 1)))
		grown = realloc(conf->line, (conf->count ? conf->count * 2 : 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	conf->line = grown;
	ret = ct_line_parse(&conf->line[conf->count], text, len);
	if (!ret)
		conf->count++;
	return ret;
}

/**
 * ct_conf_parse() - take a configuration apart
 * @conf: receives it; to be cleared by the caller
 * @buf: the file
 * @len: its length
 *
 * No file is refused; lines that make no sense are marked.
 *
 * Return: 0 or -ENOMEM, with @conf empty.
 */
int ct_conf_parse(struct ct_conf *conf, const char *buf, size_t len)
{
	const char *pos = buf, *end = buf + len, *newline;
	int ret = 0;

	memset(conf, 0, sizeof(*conf));
	while (pos < end && !ret) {
		newline = memchr(pos, '\n', end - pos);
		newline = newline ? newline + 1 : end;
		ret = ct_conf_add(conf, pos, newline - pos);
		pos = newline;
	}
	if (ret)
		ct_conf_clear(conf);
	return ret;
}

static bool ct_line_is(const struct ct_line *line, const char *key)
{
	return line->key_len && line->key_len == strlen(key) &&
	       !memcmp(line->text + line->key, key, line->key_len);
}

static struct ct_line *ct_conf_find(const struct ct_conf *conf, const char *key)
{
	size_t i;

	for (i = 0; i < conf->count; i++)
		if (ct_line_is(&conf->line[i], key))
			return &conf->line[i];
	return NULL;
}

/**
 * ct_conf_get() - look a key up
 * @conf: the configuration
 * @key: the key
 *
 * Return: its value, which lives until the configuration changes, or NULL.
 */
const char *ct_conf_get(const struct ct_conf *conf, const char *key)
{
	const struct ct_line *line = ct_conf_find(conf, key);

	return line ? line->value : NULL;
}

/**
 * ct_conf_first() - is this the line that counts for its key?
 * @conf: the configuration
 * @i: number of a line that assigns something
 *
 * Return: whether no line above assigns the same key.
 */
bool ct_conf_first(const struct ct_conf *conf, size_t i)
{
	const struct ct_line *line = &conf->line[i], *pos;

	for (pos = conf->line; pos < line; pos++)
		if (pos->key_len == line->key_len &&
		    !memcmp(pos->text + pos->key, line->text + line->key, line->key_len))
			return false;
	return true;
}

/* The value in double quotes behind what stands before it, with what stands behind it. */
static char *ct_line_build(const char *head, size_t head_len, const char *value,
			   const char *tail, size_t tail_len, size_t *len)
{
	char *text = malloc(head_len + 2 * strlen(value) + 2 + tail_len), *pos = text;

	if (!text)
		return NULL;
	memcpy(pos, head, head_len);
	pos += head_len;
	*pos++ = '"';
	for (; *value; value++) {
		if (ct_is_escaped(*value))
			*pos++ = '\\';
		*pos++ = *value;
	}
	*pos++ = '"';
	memcpy(pos, tail, tail_len);
	*len = pos + tail_len - text;
	return text;
}

static int ct_line_change(struct ct_line *line, const char *value)
{
	size_t end = line->val + line->val_len, len;
	struct ct_line changed;
	char *text;
	int ret;

	text = ct_line_build(line->text, line->val, value, line->text + end, line->len - end,
			     &len);
	ret = text ? ct_line_parse(&changed, text, len) : -ENOMEM;
	free(text);
	if (ret)
		return ret;
	ct_line_clear(line);
	*line = changed;
	return 0;
}

/* A last line without newline gets one before another is put behind it. */
static int ct_conf_end_line(struct ct_conf *conf)
{
	struct ct_line *last;
	char *text;

	if (!conf->count)
		return 0;
	last = &conf->line[conf->count - 1];
	if (last->text[last->len - 1] == '\n')
		return 0;
	text = realloc(last->text, last->len + 2);
	if (!text)
		return -ENOMEM;
	text[last->len++] = '\n';
	text[last->len] = '\0';
	last->text = text;
	return 0;
}

/**
 * ct_conf_set() - assign to a key
 * @conf: the configuration
 * @key: the key
 * @value: its new value
 *
 * Return: 0, -EINVAL for a value with control characters, or -ENOMEM.
 */
int ct_conf_set(struct ct_conf *conf, const char *key, const char *value)
{
	struct ct_line *line = ct_conf_find(conf, key);
	const char *pos;
	char *head, *text;
	size_t len;
	int ret;

	for (pos = value; *pos; pos++)
		if (iscntrl((unsigned char)*pos) && *pos != '\t')
			return -EINVAL;
	if (line)
		return strcmp(line->value, value) ? ct_line_change(line, value) : 0;
	ret = ct_conf_end_line(conf);
	if (ret || asprintf(&head, "%s=", key) < 0)
		return -ENOMEM;
	text = ct_line_build(head, strlen(head), value, "\n", 1, &len);
	ret = text ? ct_conf_add(conf, text, len) : -ENOMEM;
	free(text);
	free(head);
	return ret;
}

/**
 * ct_conf_unset() - remove a key
 * @conf: the configuration
 * @key: the key; every line that assigns it goes
 */
void ct_conf_unset(struct ct_conf *conf, const char *key)
{
	size_t i, count = 0;

	for (i = 0; i < conf->count; i++) {
		if (ct_line_is(&conf->line[i], key))
			ct_line_clear(&conf->line[i]);
		else
			conf->line[count++] = conf->line[i];
	}
	/* There is room for more than that, which ct_conf_add() needs not know. */
	conf->count = count;
}

/**
 * ct_conf_text() - put a configuration together
 * @conf: the configuration
 * @buf: receives the file, to be freed by the caller
 * @len: receives its length
 *
 * Return: 0 or -ENOMEM.
 */
int ct_conf_text(const struct ct_conf *conf, char **buf, size_t *len)
{
	char *pos;
	size_t i;

	for (*len = 0, i = 0; i < conf->count; i++)
		*len += conf->line[i].len;
	pos = malloc(*len + 1);
	if (!pos)
		return -ENOMEM;
	*buf = pos;
	for (i = 0; i < conf->count; i++) {
		memcpy(pos, conf->line[i].text, conf->line[i].len);
		pos += conf->line[i].len;
	}
	*pos = '\0';
	return 0;
}

/**
 * ct_conf_load() - read a file
 * @conf: receives it; to be cleared by the caller
 * @path: the file
 *
 * Return: 0, -EFBIG, or another negative errno, with @conf empty.
 */
int ct_conf_load(struct ct_conf *conf, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), ret = 0;
	size_t used = 0;
	struct stat st;
	ssize_t got = 1;
	char *buf;

	memset(conf, 0, sizeof(*conf));
	if (fd < 0)
		return -errno;
	buf = malloc(CT_CONF_MAX + 1);
	if (!buf)
		ret = -ENOMEM;
	else if (fstat(fd, &st))
		ret = -errno;
	else if (!S_ISREG(st.st_mode))
		ret = -EINVAL;
	while (!ret && got && used <= CT_CONF_MAX) {
		got = read(fd, buf + used, CT_CONF_MAX + 1 - used);
		if (got < 0 && errno != EINTR)
			ret = -errno;
		used += got > 0 ? got : 0;
	}
	close(fd);
	if (!ret && used > CT_CONF_MAX)
		ret = -EFBIG;
	if (!ret)
		ret = ct_conf_parse(conf, buf, used);
	free(buf);
	return ret;
}

static int ct_write_all(int fd, const char *buf, size_t len, bool sync)
{
	ssize_t put;

	while (len) {
		put = write(fd, buf, len);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		buf += put;
		len -= put;
	}
	return sync && fsync(fd) ? -errno : 0;
}

static int ct_conf_put(const struct ct_conf *conf, const char *path, bool sync)
{
	char *buf;
	size_t len;
	int fd, ret = ct_conf_text(conf, &buf, &len);

	if (ret)
		return ret;
	(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	ret = fd < 0 ? -errno : ct_write_all(fd, buf, len, sync);
	if (fd >= 0)
		close(fd);
	if (ret && fd >= 0)
		(void)unlink(path);
	free(buf);
	return ret;
}

/**
 * ct_conf_write() - write a file that is not there, and have it on the disk
 * @conf: the configuration
 * @path: the file; one of that name that is left over is replaced
 *
 * Return: 0 or a negative errno, with no such file.
 */
int ct_conf_write(const struct ct_conf *conf, const char *path)
{
	return ct_conf_put(conf, path, true);
}

/**
 * ct_sync_dir() - have the names in a directory on the disk
 * @path: a file in it
 *
 * Return: 0 or a negative errno.
 */
int ct_sync_dir(const char *path)
{
	char dir[PATH_MAX];
	int fd, ret = 0;

	if ((size_t)snprintf(dir, sizeof(dir), "%s", path) >= sizeof(dir))
		return -ENAMETOOLONG;
	fd = open(dirname(dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fsync(fd))
		ret = -errno;
	close(fd);
	return ret;
}

/**
 * ct_conf_sync() - have a file that was saved without that on the disk, and its name
 * @path: the file
 *
 * Return: 0 or a negative errno.
 */
int ct_conf_sync(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), ret = 0;

	if (fd < 0)
		return -errno;
	if (fsync(fd))
		ret = -errno;
	close(fd);
	return ret ? ret : ct_sync_dir(path);
}

static int ct_conf_replace(const struct ct_conf *conf, const char *path, bool sync)
{
	char tmp[PATH_MAX];
	int ret;

	if ((size_t)snprintf(tmp, sizeof(tmp), "%s.tmp", path) >= sizeof(tmp))
		return -ENAMETOOLONG;
	ret = ct_conf_put(conf, tmp, sync);
	if (ret)
		return ret;
	if (rename(tmp, path)) {
		ret = -errno;
		(void)unlink(tmp);
		return ret;
	}
	return sync ? ct_sync_dir(path) : 0;
}

/**
 * ct_conf_save() - replace a file, as a whole or not at all
 * @conf: the configuration
 * @path: the file
 *
 * Return: 0 or a negative errno.
 */
int ct_conf_save(const struct ct_conf *conf, const char *path)
{
	return ct_conf_replace(conf, path, true);
}

/**
 * ct_conf_save_volatile() - the same for what means nothing after a reset of the machine,
 *	or is had on the disk later
 * @conf: the configuration
 * @path: the file; it is there as a whole or not at all as long as the machine runs
 *
 * Return: 0 or a negative errno.
 */
int ct_conf_save_volatile(const struct ct_conf *conf, const char *path)
{
	return ct_conf_replace(conf, path, false);
}
