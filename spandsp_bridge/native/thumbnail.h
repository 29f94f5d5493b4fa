/* A page in grey, an eighth of its size, while its rows go by. */
#ifndef VFAX_THUMBNAIL_H
#define VFAX_THUMBNAIL_H

#include <stddef.h>
#include <stdint.h>

struct thumbnail {
    int width;                     /* octets of a row, and pixels of the thumbnail */
    int x_resolution, y_resolution;
    int row, cells;                /* rows of the page, and of the thumbnail, so far */
    int rows_of_cell;
    uint8_t *black;                /* black pixels of each cell; in words, so padded to eight */
    uint8_t *grey;
    size_t len, capacity;
};

/* Begin a page of a width in pixels, resolutions in pixels per metre. */
void thumbnail_begin(struct thumbnail *t, int width, int x_resolution, int y_resolution);
void thumbnail_row(struct thumbnail *t, const uint8_t *pixels);
/* Write a PGM, as good as it has become; nothing tells whether that worked. */
void thumbnail_write(const struct thumbnail *t, const char *path);
void thumbnail_free(struct thumbnail *t);

#endif
