/* SPDX-License-Identifier: GPL-2.0 */
/* Images of containers in the formats of OCI and docker. */
#ifndef BCTL_CT_IMAGE_H
#define BCTL_CT_IMAGE_H

#include <stdbool.h>

#include "ct.h"

struct json_object;

#define CT_LAYERS_MAX	128

/**
 * struct ct_image - an image whose layers are known and checked
 * @run: the run
 * @name: what to call it
 * @dir: descriptor of the directory that everything is in
 * @tag: which one of several, or NULL
 * @layer: descriptors of the layers, the lowest first
 * @layers: how many
 */
struct ct_image {
	const struct ct_run *run;
	const char *name;
	int dir;
	const char *tag;
	int layer[CT_LAYERS_MAX];
	size_t layers;
};

/* image.c */
int ct_image_file(const struct ct_image *image, const char *name, int *fd);
int ct_image_json(const struct ct_image *image, const char *name, struct json_object **json);
int ct_image_check(const struct ct_image *image, const char *name, int fd, const char *digest);
int ct_image_add(struct ct_image *image, const char *name, int fd);
int ct_image_bad(const struct ct_image *image, const char *what);
const char *ct_image_text(struct json_object *obj, const char *key);
struct json_object *ct_image_array(struct json_object *obj, const char *key);
void ct_image_close(struct ct_image *image);

/* oci.c, docker.c: find the layers */
int ct_oci_layers(struct ct_image *image);
int ct_docker_layers(struct ct_image *image);

#endif /* BCTL_CT_IMAGE_H */
