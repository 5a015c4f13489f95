/* SPDX-License-Identifier: GPL-2.0 */
/* What a private area is made of. */
#ifndef BCTL_CT_STORAGE_H
#define BCTL_CT_STORAGE_H

#include "ct.h"
#include "template.h"

/**
 * enum ct_storage - how a container comes by the files of its template
 * @CT_STORE_COPY: they are unpacked for it
 * @CT_STORE_OVERLAY: it sees those of the unpacked template, and its own above them
 * @CT_STORE_REFLINK: they are copied from the unpacked template, block by block shared
 */
enum ct_storage { CT_STORE_COPY, CT_STORE_OVERLAY, CT_STORE_REFLINK };

int ct_storage_parse(const struct ct *ct, const char *layout, enum ct_storage *how);
int ct_storage_option(const struct ct *ct, const char *word, enum ct_storage *how);
int ct_storage_check(const struct ct *ct);
int ct_storage_prepare(struct ct *ct, enum ct_storage how, struct ct_tmpl *tmpl);
int ct_storage_fill(struct ct *ct, enum ct_storage how, struct ct_tmpl *tmpl, const char *dir);

/* overlay.c */
bool ct_is_overlay(const struct ct *ct);
int ct_overlay_mount(struct ct *ct);

#endif /* BCTL_CT_STORAGE_H */
