// SPDX-License-Identifier: GPL-2.0
/*
 * Images laid out as OCI says: index.json names manifests, a manifest names layers, and
 * each of them but the first is a blob whose name is its digest
 *
 * Every blob that is used is compared with its digest. An index can name another index;
 * of several manifests that one counts that has the tag, or is for this machine.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "image.h"

#define CT_OCI_DEPTH	4
#define CT_OCI_DIGEST	71	/* "sha256:" and 64 digits */

/* Open the blob that a descriptor names, and compare it. */
static int ct_oci_blob(const struct ct_image *image, struct json_object *desc, char *name,
		       size_t size, int *fd)
{
	const char *digest = ct_image_text(desc, "digest");
	int status;

	if (!digest || strlen(digest) != CT_OCI_DIGEST || strncmp(digest, "sha256:", 7) ||
	    strspn(digest + 7, "0123456789abcdef") != CT_OCI_DIGEST - 7)
		return ct_image_bad(image, "a descriptor has no digest of SHA-256");
	if (ct_path(name, size, "blobs/sha256/%s", digest + 7))
		return ct_image_bad(image, "a name is too long");
	status = ct_image_file(image, name, fd);
	if (!status)
		status = ct_image_check(image, name, *fd, digest);
	if (status && *fd >= 0)
		close(*fd);
	return status;
}

static int ct_oci_document(const struct ct_image *image, struct json_object *desc,
			   struct json_object **json)
{
	char name[128];
	int fd = -1, status = ct_oci_blob(image, desc, name, sizeof(name), &fd);

	if (status)
		return status;
	close(fd);
	return ct_image_json(image, name, json);
}

static bool ct_oci_type(struct json_object *desc, const char *word)
{
	const char *type = ct_image_text(desc, "mediaType");

	return type && strstr(type, word);
}

/* For which machine a manifest is; one that does not say is for any. */
static bool ct_oci_here(struct json_object *desc)
{
	static const char * const names[][2] = {
		{ "x86_64", "amd64" }, { "aarch64", "arm64" }, { "i686", "386" },
	};
	struct json_object *platform = NULL;
	const char *arch, *os;
	struct utsname uts;
	size_t i;

	json_object_object_get_ex(desc, "platform", &platform);
	arch = ct_image_text(platform, "architecture");
	os = ct_image_text(platform, "os");
	if (!arch || uname(&uts))
		return true;
	for (i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(names[i][0], uts.machine))
			return !strcmp(names[i][1], arch) && (!os || !strcmp(os, "linux"));
	return !strcmp(arch, uts.machine);
}

static bool ct_oci_tagged(const struct ct_image *image, struct json_object *desc)
{
	struct json_object *notes = NULL;
	const char *tag;

	json_object_object_get_ex(desc, "annotations", &notes);
	tag = ct_image_text(notes, "org.opencontainers.image.ref.name");
	return tag && !strcmp(tag, image->tag);
}

/* Which of the manifests of an index is it? */
static int ct_oci_choose(const struct ct_image *image, struct json_object *index, bool top,
			 struct json_object **chosen)
{
	struct json_object *list = ct_image_array(index, "manifests"), *desc;
	size_t i, count = list ? json_object_array_length(list) : 0, found = 0;

	for (i = 0; i < count; i++) {
		desc = json_object_array_get_idx(list, i);
		if (!json_object_is_type(desc, json_type_object) || !ct_oci_here(desc) ||
		    (top && image->tag && !ct_oci_tagged(image, desc)))
			continue;
		/* The first one counts in an index that has several for one machine. */
		if (!found++)
			*chosen = desc;
	}
	if (!found)
		return ct_image_bad(image, image->tag ? "no manifest has that tag, and is for this machine"
				  : "no manifest is for this machine");
	if (top && !image->tag && found > 1)
		return ct_image_bad(image, "it has several manifests; --tag chooses one");
	return CT_OK;
}

static int ct_oci_manifest(struct ct_image *image, struct json_object *manifest)
{
	struct json_object *list = ct_image_array(manifest, "layers"), *desc;
	size_t i, count = list ? json_object_array_length(list) : 0;
	int status = CT_OK, fd;
	char name[128];

	if (!count)
		return ct_image_bad(image, "a manifest has no layers");
	for (i = 0; i < count && !status; i++) {
		desc = json_object_array_get_idx(list, i);
		fd = -1;
		if (!ct_oci_type(desc, "tar") || ct_oci_type(desc, "foreign") ||
		    ct_oci_type(desc, "nondistributable") || ct_oci_type(desc, "encrypted"))
			return ct_image_bad(image, "a layer is no archive that could be read");
		status = ct_oci_blob(image, desc, name, sizeof(name), &fd);
		if (!status)
			status = ct_image_add(image, name, fd);
	}
	return status;
}

/**
 * ct_oci_layers() - find the layers of an image laid out as OCI says
 * @image: the image; receives them
 *
 * Return: CT_OK or CT_E_BAD_TEMPLATE.
 */
int ct_oci_layers(struct ct_image *image)
{
	struct json_object *doc, *desc, *next;
	int status = ct_image_json(image, "index.json", &doc), depth;

	if (status)
		return status;
	for (depth = 0; !status && ct_image_array(doc, "manifests"); depth++) {
		desc = NULL;
		next = NULL;
		if (depth == CT_OCI_DEPTH)
			status = ct_image_bad(image, "an index in an index in an index");
		else
			status = ct_oci_choose(image, doc, !depth, &desc);
		if (!status)
			status = ct_oci_document(image, desc, &next);
		if (!status) {
			json_object_put(doc);
			doc = next;
		}
	}
	if (!status)
		status = ct_oci_manifest(image, doc);
	json_object_put(doc);
	return status;
}
