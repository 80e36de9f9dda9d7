/* What a terminal gets to see: foreign texts quoted, times local, columns aligned. One thread. */
#ifndef SERVER_CTL_TEXT_H
#define SERVER_CTL_TEXT_H

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

enum {
	CTL_COLUMNS_MAX = 12,
	CTL_CELL_MAX = 512
};

/* The member at a path of names ("policy.applied.serial") as text: strings quoted by log_quote(), numbers
 * in decimal, true and false as yes and no, null and what is not there as "". Returns out. */
const char *ctl_text(char *out, size_t cap, const json_t *json, const char *path);
/* The same for a time ("2026-11-23T00:00:00.123Z"): "2026-11-23 01:00:00" in local time. */
const char *ctl_time(char *out, size_t cap, const json_t *json, const char *path);

/* A table: cells are gathered, then printed with every column as wide as its widest cell. */
struct ctl_table {
	size_t columns;

	char **cells;
	size_t used, room;
};
/* Starts with the head, a list of names ending in NULL. */
void ctl_table_start(struct ctl_table *table, const char *const *head);
/* Appends the next cell, "" shown as "-"; a copy is made. Running out of memory ends the program. */
void ctl_table_cell(struct ctl_table *table, const char *text);
/* Prints and frees. */
void ctl_table_finish(struct ctl_table *table, FILE *out);

#endif
