/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Making text from documents; for print.c, print_*.c and text.c only, and bc_safe() for all
 */
#ifndef BCTL_TEXT_H
#define BCTL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <json-c/json.h>

struct bc_printer;

const char *bc_str(json_object *obj, const char *key);
json_object *bc_get(json_object *obj, const char *key);
uint64_t bc_num(json_object *obj, const char *key);
void bc_amount(const struct bc_printer *p, char *text, size_t size,
	       json_object *obj, const char *key);
void bc_time(char *text, size_t size, uint64_t ns);
void bc_percent(char *text, size_t size, uint64_t rate);
void bc_safe(FILE *out, const char *text);
void bc_print_flow_lines(const struct bc_printer *p, json_object *pool);
int bc_print_flow_tables(const struct bc_printer *p, json_object *pools);
int bc_print_settings(const struct bc_printer *p, json_object *pool);
int bc_print_tunables(const struct bc_printer *p, json_object *doc);
int bc_print_rates(const struct bc_printer *p, json_object *doc, json_object *pools);
void bc_cell_time(char *text, json_object *obj, const char *key);
const char *bc_pool_label(json_object *pool);
void bc_print_period(const struct bc_printer *p, json_object *doc);
int bc_print_usage(const struct bc_printer *p, json_object *doc, json_object *pools, bool full);
int bc_print_invoice(const struct bc_printer *p, json_object *doc, json_object *pools);
int bc_print_invoice_csv(const struct bc_printer *p, json_object *doc, json_object *pools);
void bc_csv_text(FILE *out, const char *text);
int bc_print_event(const struct bc_printer *p, json_object *doc);
int bc_print_explain(const struct bc_printer *p, json_object *doc, json_object *causes);

#endif /* BCTL_TEXT_H */
