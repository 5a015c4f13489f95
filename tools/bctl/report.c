// SPDX-License-Identifier: GPL-2.0
/*
 * A page about what pools used
 *
 * One file that needs nothing else: no script, no font, no image, no network, and
 * the page itself forbids them. It follows the reader's choice of light or dark.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "grid.h"
#include "plot.h"
#include "print.h"
#include "report.h"
#include "report_part.h"
#include "wide.h"

/* So many values are told of a plot at most. */
#define BC_POINTS_MAX	400

static const char bc_report_style[] =
":root{color-scheme:light dark;--back:#f4f5f7;--card:#fff;--text:#1c2128;--soft:#5b6472;"
"--line:#e2e5ea;--grid:#edeff2;--c1:#2563c9;--c2:#c96a12;--c3:#8a94a3;--bad:#c2322b;"
"--good:#1d8348;--gap1:#f1dcd9;--gap2:#d9a49d}\n"
"@media (prefers-color-scheme:dark){:root{--back:#12151a;--card:#1a1f26;--text:#e4e8ee;"
"--soft:#97a1b0;--line:#2c333d;--grid:#262c35;--c1:#6ea8fe;--c2:#f0a054;--c3:#8a94a3;"
"--bad:#ff7b72;--good:#56d364;--gap1:#3a2624;--gap2:#7d4640}}\n"
"*{box-sizing:border-box}body{margin:0 auto;max-width:1180px;padding:28px 20px 60px;"
"background:var(--back);color:var(--text);font:15px/1.45 system-ui,-apple-system,'Segoe UI',"
"Roboto,'DejaVu Sans',sans-serif}\n"
"h1{font-size:26px;margin:0 0 4px}h2{font-size:19px;margin:0 0 12px;overflow-wrap:anywhere}"
"h2 small{font-weight:400;font-size:14px;color:var(--soft);margin-left:8px}"
".soft,footer{color:var(--soft)}a{color:var(--c1);text-decoration:none}a:hover{text-decoration:underline}\n"
"section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:18px 20px;"
"margin:18px 0;break-inside:avoid}\n"
".scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:14px;"
"font-variant-numeric:tabular-nums}th,td{text-align:right;padding:6px 10px;"
"border-bottom:1px solid var(--line);white-space:nowrap}th{color:var(--soft);font-weight:600}"
"tr:last-child td{border-bottom:0}th.l,td.l{text-align:left}td.name{white-space:normal;"
"overflow-wrap:anywhere;min-width:8em}.bad{color:var(--bad);font-weight:600}.zero{color:var(--soft)}\n"
".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(114px,1fr));gap:10px;margin-bottom:14px}"
".tiles div{border:1px solid var(--line);border-radius:8px;padding:9px 12px}"
".tiles b{display:block;font-size:18px;font-weight:600;font-variant-numeric:tabular-nums}"
".tiles small{color:var(--soft);font-size:12.5px}\n"
".plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,480px),1fr));gap:14px 22px}"
"figure{margin:0}figcaption{font-size:13.5px;font-weight:600;margin-bottom:2px}"
".key{font-weight:400;color:var(--soft);margin-left:10px;white-space:nowrap}"
".key i{display:inline-block;width:14px;height:3px;border-radius:2px;margin-right:5px;vertical-align:middle}"
"i.c1{background:var(--c1)}i.c2{background:var(--c2)}i.c3{background:var(--c3)}i.bad{background:var(--bad)}\n"
"svg{display:block;width:100%;height:auto}svg.defs{position:absolute;width:0;height:0}"
"svg text{font-size:11px;fill:var(--soft);font-variant-numeric:tabular-nums}.y{text-anchor:end}"
".x{text-anchor:middle}.grid{stroke:var(--grid)}.base{stroke:var(--line)}"
".line{fill:none;stroke-width:1.6;stroke-linejoin:round}.area{stroke:none;opacity:.16}"
".line.c1{stroke:var(--c1)}.line.c2{stroke:var(--c2)}.line.c3{stroke:var(--c3);stroke-dasharray:5 4}"
".line.bad{stroke:var(--bad)}.area.c1{fill:var(--c1)}.area.c2{fill:var(--c2)}.area.bad{fill:var(--bad)}"
".gap{fill:url(#hatch)}.hatch-back{fill:var(--gap1)}.hatch-line{stroke:var(--gap2);stroke-width:2.5}"
".hint{fill:transparent}.hint:hover{fill:var(--soft);opacity:.18}\n"
"details{margin-top:12px}summary{cursor:pointer;color:var(--soft);font-size:14px}"
".legend{display:inline-block;width:26px;height:12px;vertical-align:-1px;margin-right:6px}\n"
"@media print{body{background:#fff;padding:0}section{border-color:#ccc}}\n";

/* Exactly @num / @den, rounded to so many decimals. */
static void bc_cell(FILE *out, const struct bc_sum *sum, __int128 den, int decimals)
{
	char text[BC_WIDE_MAX];
	__int128 num = sum ? sum->sum : 0;
	int i;

	if (!sum || !sum->count) {
		fputs("\xe2\x80\x93", out);
		return;
	}
	for (i = 0; i < decimals; i++)
		num *= 10;
	bc_decimal_text(text, sizeof(text), bc_wide_divide(num, den, BC_ROUND_HALF_UP), decimals);
	fputs(text, out);
}

static void bc_cell_bytes(FILE *out, bool known, double bytes)
{
	char text[64] = "\xe2\x80\x93";

	if (known)
		bc_plot_value(text, sizeof(text), BC_PLOT_BYTES, bytes);
	fputs(text, out);
}

static void bc_covered(FILE *out, const struct bc_slice *slice)
{
	int tenths = slice->existed > 0 ?
		(__int128)slice->covered * 1000 / slice->existed : 1000;

	if (tenths >= 1000)
		fputs("100 %", out);
	else
		fprintf(out, "<span class=\"bad\">%d.%d %%</span>", tenths / 10, tenths % 10);
}

static void bc_report_row(struct bc_report *r, size_t number, const struct bc_sums *sums)
{
	const struct bc_slice *s = sums->slices;
	const struct bc_held *mem = bc_report_memory(r, s);
	const struct bc_sum failures = bc_report_failures(r, s);

	fprintf(r->out, "<tr><td class=\"l name\"><a href=\"#p%zu\">", number);
	bc_html(r->out, r->groups->v[number].name);
	fputs("</a></td><td>", r->out);
	bc_cell(r->out, &s->flow[BC_M_CPU], 3600000000000, 3);
	fputs("</td><td>", r->out);
	bc_cell(r->out, mem ? &mem->time : NULL, ((__int128)3600 << 30) / r->db->page_size, 3);
	fputs("</td><td>", r->out);
	bc_cell_bytes(r->out, mem && mem->known & 1U << BC_F_PEAK,
		      mem ? mem->peak * bc_report_unit(r, r->mem) : 0);
	fputs("</td><td>", r->out);
	bc_cell_bytes(r->out, s->flow[BC_M_IO_READ_BYTES].count, s->flow[BC_M_IO_READ_BYTES].sum);
	fputs("</td><td>", r->out);
	bc_cell_bytes(r->out, s->flow[BC_M_IO_WRITE_BYTES].count, s->flow[BC_M_IO_WRITE_BYTES].sum);
	fprintf(r->out, "</td><td%s>", failures.sum ? " class=\"bad\"" : " class=\"zero\"");
	bc_cell(r->out, &failures, 1, 0);
	fputs("</td><td>", r->out);
	bc_covered(r->out, s);
	fputs("</td></tr>\n", r->out);
}

static void bc_tile(struct bc_report *r, const char *name)
{
	fprintf(r->out, "</b><small>%s</small></div>", name);
}

static void bc_report_tiles(struct bc_report *r, const struct bc_sums *sums)
{
	const struct bc_slice *s = sums->slices;
	const struct bc_held *mem = bc_report_memory(r, s);
	const struct bc_sum *cpu = &s->flow[BC_M_CPU];
	const struct bc_sum failures = bc_report_failures(r, s);
	const struct bc_sum p95 = { .sum = cpu->p95, .count = cpu->buckets };

	fputs("<div class=\"tiles\"><div><b>", r->out);
	bc_cell(r->out, cpu, 3600000000000, 3);
	bc_tile(r, "CPU hours");
	fputs("<div><b>", r->out);
	bc_cell(r->out, &p95, BC_BUCKET_MS * 1000000, 3);
	bc_tile(r, "CPUs, p95");
	fputs("<div><b>", r->out);
	bc_cell(r->out, mem ? &mem->time : NULL, ((__int128)3600 << 30) / r->db->page_size, 3);
	bc_tile(r, "memory, GiB h");
	fputs("<div><b>", r->out);
	bc_cell_bytes(r->out, mem && mem->known & 1U << BC_F_PEAK,
		      mem ? mem->peak * bc_report_unit(r, r->mem) : 0);
	bc_tile(r, "memory peak");
	fputs("<div><b>", r->out);
	bc_cell_bytes(r->out, s->flow[BC_M_IO_READ_BYTES].count, s->flow[BC_M_IO_READ_BYTES].sum);
	bc_tile(r, "read");
	fputs("<div><b>", r->out);
	bc_cell_bytes(r->out, s->flow[BC_M_IO_WRITE_BYTES].count, s->flow[BC_M_IO_WRITE_BYTES].sum);
	bc_tile(r, "written");
	fprintf(r->out, "<div><b%s>", failures.sum ? " class=\"bad\"" : "");
	bc_cell(r->out, &failures, 1, 0);
	bc_tile(r, "refused");
	fputs("<div><b>", r->out);
	bc_covered(r->out, s);
	bc_tile(r, "recorded");
	fputs("</div>\n", r->out);
}

static void bc_report_bound(struct bc_report *r, const struct bc_held *held, int64_t bound,
			    size_t res)
{
	char text[64] = "\xe2\x80\x93";

	if (held->known & 1U << BC_F_BARRIER && bound == BC_ROW_UNLIMITED)
		snprintf(text, sizeof(text), "unlimited");
	else if (held->known & 1U << BC_F_BARRIER)
		bc_plot_value(text, sizeof(text), r->db->res[res].measure == BC_IN_ITEMS ?
			      BC_PLOT_NUMBER : BC_PLOT_BYTES, bound * bc_report_unit(r, res));
	fprintf(r->out, "<td>%s%s</td>", text, held->changed ? " *" : "");
}

static void bc_report_amount(struct bc_report *r, bool known, double amount, size_t res)
{
	char text[64] = "\xe2\x80\x93";

	if (known)
		bc_plot_value(text, sizeof(text), r->db->res[res].measure == BC_IN_ITEMS ?
			      BC_PLOT_NUMBER : BC_PLOT_BYTES, amount * bc_report_unit(r, res));
	fprintf(r->out, "<td>%s</td>", text);
}

static void bc_report_resources(struct bc_report *r, const struct bc_slice *s)
{
	const struct bc_held *held;
	bool changed = false;
	size_t i;

	if (!s->res)
		return;
	fputs("<details><summary>All resources</summary><div class=\"scroll\"><table><tr><th class=\"l\">Resource</th>"
	      "<th>Average</th><th>95th percentile</th><th>Peak</th><th>Barrier</th><th>Limit</th>"
	      "<th>Refused</th></tr>\n", r->out);
	for (i = 0; i < r->db->nres; i++) {
		held = &s->res[i];
		if (!held->known && !held->time.count)
			continue;
		changed |= held->changed;
		fputs("<tr><td class=\"l\">", r->out);
		bc_html(r->out, r->db->res[i].name);
		fputs("</td>", r->out);
		bc_report_amount(r, held->time.count && s->covered, s->covered ?
				 (double)held->time.sum * 1000 / s->covered : 0, i);
		bc_report_amount(r, held->time.buckets,
				 (double)held->time.p95 * 1000 / BC_BUCKET_MS, i);
		bc_report_amount(r, held->known & 1U << BC_F_PEAK, held->peak, i);
		bc_report_bound(r, held, held->barrier, i);
		bc_report_bound(r, held, held->limit, i);
		fprintf(r->out, "<td%s>", held->failcnt.sum ? " class=\"bad\"" : " class=\"zero\"");
		bc_cell(r->out, &held->failcnt, 1, 0);
		fputs("</td></tr>\n", r->out);
	}
	fprintf(r->out, "</table></div>%s</details>\n", changed ?
		"<p class=\"soft\">* was another before, in this period</p>" : "");
}

static void bc_report_gaps(struct bc_report *r, const struct bc_sums *sums)
{
	char begin[32], end[32], length[BC_WIDE_MAX];
	const struct bc_span *gap;
	size_t i;

	if (!sums->gaps.count)
		return;
	fputs("<details open><summary>Gaps: nothing is known of these times</summary><div class=\"scroll\">"
	      "<table><tr><th class=\"l\">From</th><th class=\"l\">To</th><th>Seconds</th>"
	      "<th class=\"l\">Reason</th></tr>\n", r->out);
	for (i = 0; i < sums->gaps.count; i++) {
		gap = &sums->gaps.v[i];
		bc_time_text(begin, sizeof(begin), gap->begin);
		bc_time_text(end, sizeof(end), gap->end);
		bc_decimal_text(length, sizeof(length), gap->end - gap->begin, 3);
		fprintf(r->out, "<tr><td class=\"l\">%s</td><td class=\"l\">%s</td><td>%s</td><td class=\"l\">",
			begin, end, length);
		bc_html(r->out, gap->why);
		fputs("</td></tr>\n", r->out);
	}
	fputs("</table></div></details>\n", r->out);
}

/* How a period is cut so that a plot of it has neither too few nor too many values. */
static enum bc_step bc_report_step(const struct bc_span *period)
{
	static const struct {
		enum bc_step step;
		int64_t ms;
	} steps[] = {
		{ BC_STEP_5MIN, 300000 }, { BC_STEP_30MIN, 1800000 }, { BC_STEP_HOUR, 3600000 },
		{ BC_STEP_6H, 21600000 }, { BC_STEP_DAY, 86400000 },
	};
	size_t i;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if ((period->end - period->begin) / steps[i].ms <= BC_POINTS_MAX)
			return steps[i].step;
	return BC_STEP_MONTH;
}

static const char *bc_above(const struct bc_report *r, const struct bc_group *group)
{
	int parent = r->db->pools[group->members[group->count - 1]].parent;

	/* That a pool is below the host goes without saying. */
	return parent >= 0 && r->db->pools[parent].parent >= 0 ? r->db->pools[parent].name : NULL;
}

static int bc_report_pool(struct bc_report *r, size_t number, const struct bc_sums *total)
{
	const struct bc_group *group = &r->groups->v[number];
	struct bc_ask ask = *r->ask;
	struct bc_sums sums = { 0 };
	int ret;

	ask.step = bc_report_step(&ask.period);
	ret = bc_group_sums(r->db, group, &ask, &sums);
	if (!ret) {
		fprintf(r->out, "<section id=\"p%zu\"><h2>", number);
		bc_html(r->out, group->name);
		if (bc_above(r, group)) {
			fputs("<small>below ", r->out);
			bc_html(r->out, bc_above(r, group));
			fputs("</small>", r->out);
		}
		fputs("</h2>\n", r->out);
		bc_report_tiles(r, total);
		ret = bc_report_plots(r, &sums);
		bc_report_resources(r, total->slices);
		bc_report_gaps(r, total);
		fputs("</section>\n", r->out);
	}
	bc_sums_clear(&sums);
	return ret;
}

static void bc_report_head(struct bc_report *r)
{
	char begin[32], end[32], reach[32];

	bc_plot_date(begin, sizeof(begin), r->ask->period.begin);
	bc_plot_date(end, sizeof(end), r->ask->period.end);
	bc_plot_date(reach, sizeof(reach), r->db->reach);
	fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
	      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
	      "<title>Usage on ", r->out);
	bc_html(r->out, r->db->node);
	fprintf(r->out, "</title>\n<style>\n%s</style></head><body>\n<header><h1>Usage on ",
		bc_report_style);
	bc_html(r->out, r->db->node);
	fprintf(r->out, "</h1><div class=\"soft\">%s to %s UTC, records up to %s</div></header>\n",
		begin, end, reach);
	bc_plot_defs(r->out);
}

/* The table of all pools, and then each of them. */
static int bc_report_body(struct bc_report *r, struct bc_sums *totals)
{
	int ret = 0;
	size_t i;

	for (i = 0; i < r->groups->count && !ret; i++)
		ret = bc_group_sums(r->db, &r->groups->v[i], r->ask, &totals[i]);
	if (ret)
		return ret;
	bc_report_head(r);
	fputs("<section><h2>All pools</h2><div class=\"scroll\"><table><tr><th class=\"l\">Pool</th><th>CPU hours</th>"
	      "<th>Memory, GiB hours</th><th>Memory, peak</th><th>Read</th><th>Written</th><th>Refused</th>"
	      "<th>Recorded</th></tr>\n", r->out);
	for (i = 0; i < r->groups->count; i++)
		if (totals[i].slices->records || totals[i].slices->existed)
			bc_report_row(r, i, &totals[i]);
	fputs("</table></div></section>\n", r->out);
	for (i = 0; i < r->groups->count && !ret; i++)
		if (totals[i].slices->records || totals[i].slices->existed)
			ret = bc_report_pool(r, i, &totals[i]);
	fputs("<footer>A pool's figures include those of the pools below it, but for refusals, which are counted where they were made. Averages are over the time that is recorded. "
	      "<svg class=\"legend\" viewBox=\"0 0 26 12\"><rect class=\"gap\" width=\"26\" height=\"12\"/></svg>"
	      "marks time of which nothing is known.</footer>\n</body></html>\n", r->out);
	return ret;
}

/**
 * bc_report_html() - write the page
 * @db: the store
 * @groups: the pools
 * @ask: the period
 * @out: the file
 *
 * Return: 0 or a negative errno; @db->why may tell more.
 */
int bc_report_html(struct bc_db *db, const struct bc_groups *groups, const struct bc_ask *ask,
		   FILE *out)
{
	struct bc_report r = { .db = db, .groups = groups, .ask = ask, .out = out,
			       .mem = bc_db_res_by_name(db, "physpages") };
	struct bc_sums *totals = calloc(groups->count + 1, sizeof(*totals));
	int ret = totals ? bc_report_body(&r, totals) : -ENOMEM;
	size_t i;

	for (i = 0; totals && i < groups->count; i++)
		bc_sums_clear(&totals[i]);
	free(totals);
	return ret;
}
