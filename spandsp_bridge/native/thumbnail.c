#define _GNU_SOURCE
#include "thumbnail.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CELL = 8, MAX_CELLS = 8192, MOST_ROWS_OF_CELL = 255 / CELL };

void thumbnail_begin(struct thumbnail *t, int width, int x_resolution, int y_resolution)
{
    thumbnail_free(t);
    t->width = width / CELL;
    t->x_resolution = x_resolution;
    t->y_resolution = y_resolution;
    if (t->width > 0 && x_resolution > 0 && y_resolution > 0)
        t->black = calloc((size_t) t->width / 8 + 1, 8);
}

/* A cell is as high as it is wide: at fine resolution some have seven rows, most have eight. */
static bool cell_is_full(const struct thumbnail *t)
{
    return t->rows_of_cell == MOST_ROWS_OF_CELL
           || (int64_t) t->row * t->x_resolution >= (int64_t) (t->cells + 1) * CELL * t->y_resolution;
}

static void end_cells(struct thumbnail *t)
{
    size_t needed = t->len + (size_t) t->width;

    if (needed > t->capacity) {
        size_t capacity = needed * 2;
        uint8_t *grey = t->cells < MAX_CELLS ? realloc(t->grey, capacity) : NULL;

        if (grey == NULL)
            return;
        t->grey = grey;
        t->capacity = capacity;
    }
    for (int i = 0; i < t->width; i++)
        t->grey[t->len++] = (uint8_t) (255 - t->black[i] * 255 / (CELL * t->rows_of_cell));
    t->cells++;
    t->rows_of_cell = 0;
    memset(t->black, 0, (size_t) t->width);
}

void thumbnail_row(struct thumbnail *t, const uint8_t *pixels)
{
    if (t->black == NULL)
        return;
    for (int at = 0; at < t->width; at += 8) {
        size_t octets = t->width - at < 8 ? (size_t) (t->width - at) : 8;
        uint64_t bits = 0, black;

        /* The bits that are set in each octet, all eight at once. */
        memcpy(&bits, pixels + at, octets);
        bits -= bits >> 1 & 0x5555555555555555u;
        bits = (bits & 0x3333333333333333u) + (bits >> 2 & 0x3333333333333333u);
        bits = (bits + (bits >> 4)) & 0x0F0F0F0F0F0F0F0Fu;
        memcpy(&black, t->black + at, 8);
        black += bits;
        memcpy(t->black + at, &black, 8);
    }
    t->row++;
    t->rows_of_cell++;
    if (cell_is_full(t))
        end_cells(t);
}

void thumbnail_write(const struct thumbnail *t, const char *path)
{
    FILE *file = t->cells > 0 ? fopen(path, "wb") : NULL;

    if (file == NULL)
        return;
    fprintf(file, "P5 %d %d 255\n", t->width, t->cells);
    fwrite(t->grey, 1, t->len, file);
    fclose(file);
}

void thumbnail_free(struct thumbnail *t)
{
    free(t->black);
    free(t->grey);
    memset(t, 0, sizeof(*t));
}
