// SPDX-License-Identifier: GPL-2.0
/*
 * Plots over time as SVG, and text in HTML
 *
 * A value that is an average over some time is drawn as a step of that width, so that
 * what is not known stays empty and nothing is drawn between two values that were not
 * there. Colours and fonts come from the style sheet of the page. Floating point is
 * good enough for drawing; no figure that is told elsewhere is made here.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include <json-c/json.h>

#include "calendar.h"
#include "plot.h"
#include "print.h"

#define BC_WIDTH	560.0
#define BC_HEIGHT	150.0
#define BC_LEFT		68.0
#define BC_RIGHT	10.0
#define BC_TOP		10.0
#define BC_BOTTOM	22.0
#define BC_PLOT_W	(BC_WIDTH - BC_LEFT - BC_RIGHT)
#define BC_PLOT_H	(BC_HEIGHT - BC_TOP - BC_BOTTOM)

/**
 * bc_html() - write text so that it is nothing but text
 * @out: the file
 * @text: anything, or NULL
 */
void bc_html(FILE *out, const char *text)
{
	json_object *str = bc_new_str(text ? text : "-");	/* is UTF-8 then */
	const char *s = str ? json_object_get_string(str) : "?";

	for (; *s; s++)
		switch (*s) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		case '\'':
			fputs("&#39;", out);
			break;
		default:
			if ((unsigned char)*s < ' ' || *s == 0x7f)
				fputs("\xef\xbf\xbd", out);
			else
				fputc(*s, out);
		}
	json_object_put(str);
}

/**
 * bc_plot_value() - write a value for people
 * @text: receives it
 * @size: room there
 * @unit: how
 * @value: the value
 */
void bc_plot_value(char *text, size_t size, enum bc_plot_unit unit, double value)
{
	static const char * const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
	static const char * const many[] = { "", "k", "M", "G", "T" };
	double step = unit == BC_PLOT_NUMBER ? 1000 : 1024;
	size_t i = 0, most = unit == BC_PLOT_NUMBER ? 4 : 5;

	while (value >= step && i < most) {
		value /= step;
		i++;
	}
	if (value <= 0) {
		snprintf(text, size, "0");
		return;
	}
	snprintf(text, size, "%.*f%s%s%s", value >= 100 || value == floor(value) ? 0 :
		 value >= 10 ? 1 : value >= 0.1 ? 2 : 4, value, unit == BC_PLOT_NUMBER ? "" : " ",
		 unit == BC_PLOT_NUMBER ? many[i] : units[i], unit == BC_PLOT_RATE ? "/s" : "");
}

static double bc_plot_x(const struct bc_plot *plot, int64_t ms)
{
	return BC_LEFT + BC_PLOT_W * (ms - plot->period->begin) /
	       (plot->period->end - plot->period->begin);
}

static double bc_plot_y(double top, double value)
{
	return BC_TOP + BC_PLOT_H * (1 - value / top);
}

static double bc_plot_most(const struct bc_plot *plot)
{
	double most = 0;
	size_t i, j;

	for (i = 0; i < plot->count; i++)
		for (j = 0; j < plot->series[i].count; j++)
			if (plot->series[i].v[j].known && plot->series[i].v[j].value > most)
				most = plot->series[i].v[j].value;
	return most;
}

/**
 * bc_plot_empty() - is there nothing to be seen on a plot?
 * @plot: the plot
 *
 * Return: true if no value is above 0.
 */
bool bc_plot_empty(const struct bc_plot *plot)
{
	return bc_plot_most(plot) <= 0;
}

/* The distance of lines across the plot: 1, 2 or 5 times a power of 10 or of 2. */
static double bc_plot_step(enum bc_plot_unit unit, double most)
{
	static const double decimal[] = { 1, 2, 5, 10 }, binary[] = { 1, 2, 4, 8, 16, 32, 64, 128,
		256, 512, 1024 };
	bool bytes = unit != BC_PLOT_NUMBER;
	const double *nice = bytes ? binary : decimal;
	size_t count = bytes ? 11 : 4, i;
	double want = most / 3, power;

	if (want <= 0)
		return 1;
	power = pow(bytes ? 1024 : 10, floor(log(want) / log(bytes ? 1024 : 10) + 1e-9));
	for (i = 0; i < count - 1 && nice[i] * power < want * 0.999; i++)
		;
	return nice[i] * power;
}

static void bc_plot_grid(FILE *out, const struct bc_plot *plot, double top, double step)
{
	char text[64];
	int i;

	for (i = 0; i * step <= top * 1.001; i++) {
		double y = bc_plot_y(top, i * step);

		fprintf(out, "<path class=\"%s\" d=\"M%.0f %.1fH%.0f\"/>", i ? "grid" : "base",
			BC_LEFT, y, BC_WIDTH - BC_RIGHT);
		bc_plot_value(text, sizeof(text), plot->unit, i * step);
		fprintf(out, "<text class=\"y\" x=\"%.0f\" y=\"%.1f\">%s</text>", BC_LEFT - 6, y + 3.5,
			text);
	}
}

/**
 * bc_plot_date() - write a time to the minute
 * @text: receives it
 * @size: room there
 * @ms: the time
 */
void bc_plot_date(char *text, size_t size, int64_t ms)
{
	char iso[BC_TIME_MAX];

	bc_time_text(iso, sizeof(iso), ms);
	iso[10] = ' ';
	snprintf(text, size, "%.16s", iso);
}

/* Marks below the plot, some 6 of them, at beginnings of hours, days or months. */
static void bc_plot_dates(FILE *out, const struct bc_plot *plot)
{
	static const int64_t steps[] = { 300000, 900000, 1800000, 3600000, 7200000, 10800000,
		21600000, 43200000, 86400000, 172800000, 432000000, 864000000, 2592000000 };
	int64_t length = plot->period->end - plot->period->begin, at, step;
	char text[32], iso[BC_TIME_MAX];
	size_t i;

	for (i = 0; i < 12 && length / steps[i] > 8; i++)
		;
	step = steps[i];
	if (length / step > 8)
		step = length / 8 / 86400000 * 86400000;
	for (at = (plot->period->begin + step - 1) / step * step; at <= plot->period->end;
	     at += step) {
		double x = bc_plot_x(plot, at);

		bc_time_text(iso, sizeof(iso), at);
		/* the day where one begins, else the hour */
		snprintf(text, sizeof(text), "%.5s", at % 86400000 ? iso + 11 : iso + 5);
		if (x > BC_WIDTH - BC_RIGHT - 16)
			break;
		fprintf(out, "<path class=\"base\" d=\"M%.1f %.1fv4\"/><text class=\"x\" x=\"%.1f\" y=\"%.0f\">%s</text>",
			x, BC_TOP + BC_PLOT_H, x, BC_HEIGHT - 6, text);
	}
}

static void bc_plot_gaps(FILE *out, const struct bc_plot *plot)
{
	char begin[32], end[32];
	size_t i;

	for (i = 0; i < plot->gaps->count; i++) {
		const struct bc_span *gap = &plot->gaps->v[i];
		double x = bc_plot_x(plot, gap->begin), width = bc_plot_x(plot, gap->end) - x;

		bc_plot_date(begin, sizeof(begin), gap->begin);
		bc_plot_date(end, sizeof(end), gap->end);
		fprintf(out, "<rect class=\"gap\" x=\"%.1f\" y=\"%.0f\" width=\"%.1f\" height=\"%.0f\"><title>%s to %s: nothing is known (",
			x, BC_TOP, width < 2 ? 2 : width, BC_PLOT_H, begin, end);
		bc_html(out, gap->why);
		fputs(")</title></rect>", out);
	}
}

/* One step for each known value; steps that touch are one path. */
static void bc_plot_path(FILE *out, const struct bc_plot *plot, const struct bc_series *series,
			 double top, bool area)
{
	const struct bc_point *last = NULL, *pos;
	double base = BC_TOP + BC_PLOT_H, y;

	fprintf(out, "<path class=\"%s %s\" d=\"", area ? "area" : "line", series->class);
	for (pos = series->v; pos < series->v + series->count; pos++) {
		if (!pos->known)
			continue;
		y = bc_plot_y(top, pos->value);
		if (!last || last->end != pos->begin) {
			if (last && area)
				fprintf(out, "V%.1fZ", base);
			if (area)
				fprintf(out, "M%.1f %.1fV%.1f", bc_plot_x(plot, pos->begin), base, y);
			else
				fprintf(out, "M%.1f %.1f", bc_plot_x(plot, pos->begin), y);
		} else if (pos->value < last->value || pos->value > last->value) {
			fprintf(out, "V%.1f", y);
		}
		fprintf(out, "H%.1f", bc_plot_x(plot, pos->end));
		last = pos;
	}
	if (last && area)
		fprintf(out, "V%.1fZ", base);
	fputs("\"/>", out);
}

/* An area for each time that tells its values. All series have the same times. */
static void bc_plot_hints(FILE *out, const struct bc_plot *plot)
{
	char date[32], text[64];
	size_t i, j;

	for (i = 0; i < plot->series[0].count; i++) {
		const struct bc_point *pos = &plot->series[0].v[i];
		double x = bc_plot_x(plot, pos->begin);

		if (!pos->known)
			continue;
		bc_plot_date(date, sizeof(date), pos->begin);
		fprintf(out, "<rect class=\"hint\" x=\"%.1f\" y=\"%.0f\" width=\"%.1f\" height=\"%.0f\"><title>%s",
			x, BC_TOP, bc_plot_x(plot, pos->end) - x, BC_PLOT_H, date);
		for (j = 0; j < plot->count; j++) {
			if (i >= plot->series[j].count || !plot->series[j].v[i].known)
				continue;
			bc_plot_value(text, sizeof(text), plot->unit, plot->series[j].v[i].value);
			fprintf(out, "\n%s %s", plot->series[j].name, text);
		}
		fputs("</title></rect>\n", out);
	}
}

/**
 * bc_plot_out() - write a plot
 * @out: the file
 * @plot: the plot
 */
void bc_plot_out(FILE *out, const struct bc_plot *plot)
{
	double most = bc_plot_most(plot), step = bc_plot_step(plot->unit, most);
	double top = most > 0 ? ceil(most / step - 1e-9) * step : step;
	size_t i;

	fputs("<figure><figcaption>", out);
	bc_html(out, plot->title);
	for (i = 0; i < plot->count; i++)
		fprintf(out, " <span class=\"key\"><i class=\"%s\"></i>%s</span>",
			plot->series[i].class, plot->series[i].name);
	fprintf(out, "</figcaption><svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"",
		BC_WIDTH, BC_HEIGHT);
	bc_html(out, plot->title);
	fputs("\">", out);
	bc_plot_grid(out, plot, top, step);
	for (i = 0; i < plot->count; i++)
		if (plot->series[i].area)
			bc_plot_path(out, plot, &plot->series[i], top, true);
	for (i = plot->count; i-- > 0;)
		bc_plot_path(out, plot, &plot->series[i], top, false);
	if (plot->hints && plot->count)
		bc_plot_hints(out, plot);
	bc_plot_gaps(out, plot);
	bc_plot_dates(out, plot);
	fputs("</svg></figure>\n", out);
}

/**
 * bc_plot_defs() - write what all plots of a page refer to
 * @out: the file
 */
void bc_plot_defs(FILE *out)
{
	fputs("<svg class=\"defs\" aria-hidden=\"true\"><defs><pattern id=\"hatch\" width=\"6\" height=\"6\" "
	      "patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><rect width=\"6\" "
	      "height=\"6\" class=\"hatch-back\"/><path d=\"M0 0V6\" class=\"hatch-line\"/></pattern>"
	      "</defs></svg>\n", out);
}
