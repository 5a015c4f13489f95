// SPDX-License-Identifier: GPL-2.0
/*
 * Files of an image, none of which is trusted: each is opened below the directory of the
 * image, and used by its descriptor, so that what was checked is what is unpacked.
 */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "image.h"
#include "template.h"

/* No document of an image is larger. */
#define CT_JSON_MAX	(4 << 20)

/**
 * ct_image_file() - open a file of an image
 * @image: the image
 * @name: its name below the directory; links that stay in there are followed
 * @fd: receives a descriptor
 *
 * Return: CT_OK or CT_E_BAD_TEMPLATE.
 */
int ct_image_file(const struct ct_image *image, const char *name, int *fd)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	struct stat st;

	*fd = syscall(SYS_openat2, image->dir, name, &how, sizeof(how));
	if (*fd < 0)
		return ct_fail(image->run, CT_E_BAD_TEMPLATE, image->name, "image: %.200s: %s",
			       name, strerror(errno));
	if (!fstat(*fd, &st) && S_ISREG(st.st_mode))
		return CT_OK;
	close(*fd);
	return ct_fail(image->run, CT_E_BAD_TEMPLATE, image->name, "image: %.200s is no file",
		       name);
}

static char *ct_read_text(int fd, size_t *len)
{
	char *buf = malloc(CT_JSON_MAX + 1);
	ssize_t got = 1;

	for (*len = 0; buf && got > 0 && *len <= CT_JSON_MAX; *len += got > 0 ? got : 0)
		got = pread(fd, buf + *len, CT_JSON_MAX + 1 - *len, *len);
	if (buf && !got && *len <= CT_JSON_MAX)
		return buf;
	free(buf);
	return NULL;
}

/**
 * ct_image_json() - read a document of an image
 * @image: the image
 * @name: its name
 * @json: receives it; to be put by the caller
 *
 * Return: CT_OK or CT_E_BAD_TEMPLATE.
 */
int ct_image_json(const struct ct_image *image, const char *name, struct json_object **json)
{
	struct json_tokener *tok;
	size_t len;
	char *buf;
	int fd, status = ct_image_file(image, name, &fd);

	if (status)
		return status;
	buf = ct_read_text(fd, &len);
	close(fd);
	tok = json_tokener_new();
	*json = buf && tok ? json_tokener_parse_ex(tok, buf, len) : NULL;
	if (tok)
		json_tokener_free(tok);
	free(buf);
	return *json ? CT_OK : ct_fail(image->run, CT_E_BAD_TEMPLATE, image->name,
				       "image: %.200s is no JSON document, or too large", name);
}

/**
 * ct_image_check() - compare a file with its digest
 * @image: the image
 * @name: its name, for the message
 * @fd: its descriptor
 * @digest: "sha256:" and 64 digits
 *
 * Return: CT_OK or CT_E_BAD_TEMPLATE.
 */
int ct_image_check(const struct ct_image *image, const char *name, int fd, const char *digest)
{
	char path[64], hex[CT_SHA256_HEX];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!strncmp(digest, "sha256:", 7) && !ct_sha256_file(path, hex) &&
	    !strcmp(digest + 7, hex))
		return CT_OK;
	return ct_fail(image->run, CT_E_BAD_TEMPLATE, image->name,
		       "image: %.200s does not have the digest %.80s", name, digest);
}

/**
 * ct_image_add() - a layer was found
 * @image: the image
 * @name: its name, for the message
 * @fd: its descriptor, which is the image's from now on
 *
 * Return: CT_OK or CT_E_BAD_TEMPLATE.
 */
int ct_image_add(struct ct_image *image, const char *name, int fd)
{
	if (image->layers < CT_LAYERS_MAX) {
		image->layer[image->layers++] = fd;
		return CT_OK;
	}
	close(fd);
	return ct_fail(image->run, CT_E_BAD_TEMPLATE, image->name,
		       "image: %.200s: more than %d layers", name, CT_LAYERS_MAX);
}

/**
 * ct_image_bad() - an image is not what it has to be
 * @image: the image
 * @what: what is wrong with it
 *
 * Return: CT_E_BAD_TEMPLATE.
 */
int ct_image_bad(const struct ct_image *image, const char *what)
{
	return ct_fail(image->run, CT_E_BAD_TEMPLATE, image->name, "image: %s", what);
}

/**
 * ct_image_text() - a text in a document
 * @obj: an object, or something else
 * @key: the key
 *
 * Return: the text, or NULL if there is none.
 */
const char *ct_image_text(struct json_object *obj, const char *key)
{
	struct json_object *value;

	if (!json_object_is_type(obj, json_type_object) ||
	    !json_object_object_get_ex(obj, key, &value) ||
	    !json_object_is_type(value, json_type_string))
		return NULL;
	return json_object_get_string(value);
}

/**
 * ct_image_array() - an array in a document
 * @obj: an object, or something else
 * @key: the key
 *
 * Return: the array, which is the document's, or NULL if there is none.
 */
struct json_object *ct_image_array(struct json_object *obj, const char *key)
{
	struct json_object *array;

	if (!json_object_is_type(obj, json_type_object) ||
	    !json_object_object_get_ex(obj, key, &array) ||
	    !json_object_is_type(array, json_type_array))
		return NULL;
	return array;
}

/**
 * ct_image_close() - done with an image
 * @image: the image
 */
void ct_image_close(struct ct_image *image)
{
	while (image->layers)
		close(image->layer[--image->layers]);
	if (image->dir >= 0)
		close(image->dir);
	image->dir = -1;
}
