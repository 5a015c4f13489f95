/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Plots over time as SVG, and text in HTML
 */
#ifndef BCTL_PLOT_H
#define BCTL_PLOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "spans.h"

/**
 * enum bc_plot_unit - how values are written
 * @BC_PLOT_NUMBER: as they are
 * @BC_PLOT_BYTES: powers of 1024
 * @BC_PLOT_RATE: likewise, per second
 */
enum bc_plot_unit { BC_PLOT_NUMBER, BC_PLOT_BYTES, BC_PLOT_RATE };

/**
 * struct bc_point - what was from one time to another
 * @begin: beginning, ms
 * @end: end
 * @known: there is a value
 * @value: the value
 */
struct bc_point {
	int64_t begin;
	int64_t end;
	bool known;
	double value;
};

/**
 * struct bc_series - one line of a plot
 * @name: what it is
 * @class: how it looks, a class of the style sheet
 * @area: the space below it is filled
 * @v: its points, in order
 * @count: how many
 */
struct bc_series {
	const char *name;
	const char *class;
	bool area;
	struct bc_point *v;
	size_t count;
};

/**
 * struct bc_plot - a plot
 * @title: its heading
 * @unit: how values are written
 * @period: from left to right
 * @gaps: time of which nothing is known, sorted
 * @series: the lines
 * @count: how many
 * @hints: values are told when one points at them
 */
struct bc_plot {
	const char *title;
	enum bc_plot_unit unit;
	const struct bc_span *period;
	const struct bc_spans *gaps;
	const struct bc_series *series;
	size_t count;
	bool hints;
};

void bc_html(FILE *out, const char *text);
void bc_plot_value(char *text, size_t size, enum bc_plot_unit unit, double value);
void bc_plot_date(char *text, size_t size, int64_t ms);
bool bc_plot_empty(const struct bc_plot *plot);
void bc_plot_out(FILE *out, const struct bc_plot *plot);
void bc_plot_defs(FILE *out);

#endif /* BCTL_PLOT_H */
