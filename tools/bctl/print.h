/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Output
 *
 * What a command has to say is first put into one document. -j prints the
 * document; the text is made from the document, never from the messages, so
 * that the two cannot tell different stories.
 */
#ifndef BCTL_PRINT_H
#define BCTL_PRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json_object;
struct bcn_pool;
struct bcn_res;
struct bcn_info;
struct bcn_notice;
struct bc_fair;
struct bc_fair_pool;
struct bc_pagewalk;
struct bcn_reader;
struct bc_reason;
struct bc_device_list;
struct bc_board;
struct bc_flows;
struct bcn_tunable;

/**
 * struct bc_doc - a document
 * @root: the object at its top
 * @list: the array in it that bc_doc_pool() and the like append to
 * @err: set once something could not be added
 */
struct bc_doc {
	struct json_object *root;
	struct json_object *list;
	int err;
};

/**
 * enum bc_view - how the text looks
 * @BC_VIEW_LIST: a line for each pool
 * @BC_VIEW_NAMES: the names and nothing else
 * @BC_VIEW_TREE: the pools as a tree
 * @BC_VIEW_SHOW: each pool with all that is known of it
 * @BC_VIEW_STAT: a line for each resource of each pool
 * @BC_VIEW_DELTA: the same, with what is new
 * @BC_VIEW_FAIR: a line for the pages of each pool
 * @BC_VIEW_RESOURCES: a line for each resource
 * @BC_VIEW_INFO: a line for each fact
 * @BC_VIEW_EVENT: one line
 * @BC_VIEW_READERS: a line for each reader of peaks
 * @BC_VIEW_EXPLAIN: some lines for each cause of refusals
 * @BC_VIEW_RATES: a line for what each pool did in an interval
 * @BC_VIEW_USAGE: a line for what each pool used in a period
 * @BC_VIEW_USAGE_FULL: the same, and a line for each resource
 * @BC_VIEW_INVOICE: a line for each item of an invoice
 * @BC_VIEW_INVOICE_CSV: the same, comma separated
 */
enum bc_view {
	BC_VIEW_LIST,
	BC_VIEW_NAMES,
	BC_VIEW_TREE,
	BC_VIEW_SHOW,
	BC_VIEW_STAT,
	BC_VIEW_DELTA,
	BC_VIEW_FAIR,
	BC_VIEW_RESOURCES,
	BC_VIEW_INFO,
	BC_VIEW_EVENT,
	BC_VIEW_READERS,
	BC_VIEW_EXPLAIN,
	BC_VIEW_RATES,
	BC_VIEW_USAGE,
	BC_VIEW_USAGE_FULL,
	BC_VIEW_INVOICE,
	BC_VIEW_INVOICE_CSV,
};

/**
 * struct bc_printer - where and how to print
 * @out: the file
 * @json: print the document itself
 * @raw: print amounts in the base unit of their resource
 * @page_size: bytes in a page
 */
struct bc_printer {
	FILE *out;
	bool json;
	bool raw;
	uint64_t page_size;
};

uint64_t bc_page_size(void);
uint64_t bc_boottime(void);

void bc_put(struct bc_doc *doc, struct json_object *obj, const char *key,
	    struct json_object *val);
void bc_put_int(struct bc_doc *doc, struct json_object *obj, const char *key, uint64_t val);
void bc_put_str(struct bc_doc *doc, struct json_object *obj, const char *key, const char *val);
struct json_object *bc_new_str(const char *val);
const char *bc_event_name(uint32_t event);

void bc_doc_begin(struct bc_doc *doc, const char *schema, const char *list, uint64_t taken);
void bc_doc_page_size(struct bc_doc *doc, uint64_t page_size);
void bc_doc_pool(struct bc_doc *doc, const struct bcn_pool *pool,
		 const struct bcn_res *res, size_t nres);
void bc_doc_flows(struct bc_doc *doc, const struct bcn_pool *pool,
		  const struct bcn_tunable *tunables, size_t ntunables,
		  const struct bc_device_list *devices);
void bc_doc_tunables(struct bc_doc *doc, const struct bcn_tunable *tunables, size_t count);
void bc_doc_rates(struct bc_doc *doc, const struct bc_flows *flows, const struct bc_board *board);
void bc_doc_reader(struct bc_doc *doc, const char *reader);
void bc_doc_add_reader(struct bc_doc *doc, const struct bcn_reader *reader);
void bc_doc_explain(struct bc_doc *doc, const struct bcn_pool *pool, uint64_t realtime);
void bc_doc_cause(struct bc_doc *doc, const struct bc_reason *cause, uint64_t page_size);
void bc_doc_res(struct bc_doc *doc, const struct bcn_res *res);
void bc_doc_info(struct bc_doc *doc, const struct bcn_info *info);
void bc_doc_notice(struct bc_doc *doc, const struct bcn_notice *notice,
		   const struct bcn_res *res, size_t nres);
void bc_doc_lost(struct bc_doc *doc, uint64_t now);
void bc_doc_fair(struct bc_doc *doc, const struct bc_fair *fair,
		 const struct bc_pagewalk *walk, uint64_t took);
void bc_doc_fair_pool(struct bc_doc *doc, const struct bcn_pool *pool,
		      const struct bc_fair_pool *fair, uint64_t page_size);
void bc_doc_end(struct bc_doc *doc);

int bc_usage_head(const struct bc_printer *p, struct bc_doc *doc);
int bc_usage_pools(const struct bc_printer *p, struct bc_doc *doc, size_t *count);
void bc_usage_tail(const struct bc_printer *p);
int bc_print(const struct bc_printer *p, const struct bc_doc *doc, enum bc_view view);
void bc_human(char *text, size_t size, unsigned __int128 bytes);

#endif /* BCTL_PRINT_H */
