// SPDX-License-Identifier: GPL-2.0
/*
 * What "docker save" writes: manifest.json names a configuration and the layers, and the
 * configuration has the digests of the layers, uncompressed
 */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "image.h"
#include "template.h"

static bool ct_docker_tagged(struct json_object *item, const char *tag)
{
	struct json_object *tags = ct_image_array(item, "RepoTags");
	size_t i, count = tags ? json_object_array_length(tags) : 0;
	const char *text;

	for (i = 0; i < count; i++) {
		text = json_object_get_string(json_object_array_get_idx(tags, i));
		if (text && !strcmp(text, tag))
			return true;
	}
	return false;
}

/* Which of the images in the archive is it? */
static int ct_docker_choose(const struct ct_image *image, struct json_object *list,
			    struct json_object **item)
{
	size_t i, count, found = 0;

	count = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
	for (i = 0; i < count; i++) {
		struct json_object *one = json_object_array_get_idx(list, i);

		if (!json_object_is_type(one, json_type_object) ||
		    (image->tag && !ct_docker_tagged(one, image->tag)))
			continue;
		found++;
		*item = one;
	}
	if (!found)
		return ct_image_bad(image, image->tag ? "no image in it has that tag" :
				     "manifest.json names no image");
	return found > 1 ? ct_image_bad(image, "it has several images; --tag chooses one") : CT_OK;
}

/* The digests of the layers, by the configuration, whose name is its own digest. */
static int ct_docker_digests(const struct ct_image *image, struct json_object *item,
			     struct json_object **config, struct json_object **ids)
{
	const char *name = ct_image_text(item, "Config"), *last;
	struct json_object *rootfs = NULL;
	char digest[80];
	int fd, status;

	if (!name)
		return ct_image_bad(image, "manifest.json names no configuration");
	status = ct_image_json(image, name, config);
	if (status)
		return status;
	last = strrchr(name, '/') ? strrchr(name, '/') + 1 : name;
	snprintf(digest, sizeof(digest), "sha256:%.64s", last);
	status = ct_image_file(image, name, &fd);
	if (!status) {
		status = ct_image_check(image, name, fd, digest);
		close(fd);
	}
	json_object_object_get_ex(*config, "rootfs", &rootfs);
	*ids = ct_image_array(rootfs, "diff_ids");
	return status || *ids ? status :
		ct_image_bad(image, "its configuration has no digests of layers");
}

static int ct_docker_layer(struct ct_image *image, const char *name, const char *digest)
{
	char path[64], hex[CT_SHA256_HEX];
	int fd, status;

	if (!name || !digest)
		return ct_image_bad(image, "a layer has no name or no digest");
	status = ct_image_file(image, name, &fd);
	if (status)
		return status;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (strncmp(digest, "sha256:", 7) || ct_sha256_inside(path, hex) ||
	    strcmp(digest + 7, hex)) {
		close(fd);
		return ct_fail(image->run, CT_E_BAD_TEMPLATE, image->name,
			       "image: %.200s does not have the digest %.80s", name, digest);
	}
	return ct_image_add(image, name, fd);
}

/**
 * ct_docker_layers() - find the layers of an image that docker has saved
 * @image: the image; receives them
 *
 * Return: CT_OK or CT_E_BAD_TEMPLATE.
 */
int ct_docker_layers(struct ct_image *image)
{
	struct json_object *list, *item = NULL, *config = NULL, *ids = NULL, *layers;
	int status = ct_image_json(image, "manifest.json", &list);
	size_t i, count;

	if (status)
		return status;
	status = ct_docker_choose(image, list, &item);
	if (!status)
		status = ct_docker_digests(image, item, &config, &ids);
	layers = status ? NULL : ct_image_array(item, "Layers");
	count = layers ? json_object_array_length(layers) : 0;
	if (!status && (!count || count != json_object_array_length(ids)))
		status = ct_image_bad(image, "layers and their digests are not as many");
	for (i = 0; i < count && !status; i++)
		status = ct_docker_layer(image,
					 json_object_get_string(json_object_array_get_idx(layers, i)),
					 json_object_get_string(json_object_array_get_idx(ids, i)));
	json_object_put(config);
	json_object_put(list);
	return status;
}
