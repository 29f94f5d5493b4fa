#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <tiffio.h>

#include "call.h"

/* SpanDSP 0.0.6 keeps all rows of a page, half a megabyte, until the page ends, and then has
 * libtiff encode them at once. Here the rows are encoded while they come, and leave its buffer. */

enum { ROWS_AT_ONCE = 32 };

#define CM_PER_INCH 2.54

static t4_rx_state_t *receiver_of(t30_state_t *t30)
{
    return &t30->t4.rx;
}

/* Encode the rows that are in the buffer and new. Returns how many rows the buffer has. */
static int encode(struct call *c, const t4_rx_state_t *rx)
{
    struct page *p = &c->page;
    int there = rx->bytes_per_row ? rx->image_size / rx->bytes_per_row : 0;

    /* Not one row has left the buffer: this is a page of its own, whatever came before. */
    if (there == rx->image_length) {
        t6_begin(&p->t6, rx->image_width);
        if (c->pages == 0)
            thumbnail_begin(&p->thumbnail, rx->image_width, rx->x_resolution, rx->y_resolution);
        p->kept = 0;
    }
    for (int row = p->kept; row < there; row++) {
        const uint8_t *pixels = rx->image_buffer + (size_t) row * (size_t) rx->bytes_per_row;

        t6_row(&p->t6, pixels);
        thumbnail_row(&p->thumbnail, pixels);
    }
    p->kept = there;
    return there;
}

void page_encode_rows(struct call *c, t30_state_t *t30)
{
    t4_rx_state_t *rx = receiver_of(t30);
    size_t row = (size_t) rx->bytes_per_row;

    if (rx->t4_t6_rx.row_write_user_data != c || rx->image_buffer == NULL
        || rx->image_size < ROWS_AT_ONCE * rx->bytes_per_row)
        return;
    /* The last row stays: a bad one is replaced by the one before it. */
    int there = encode(c, rx);
    uint8_t *last = malloc(row);

    if (last == NULL)
        return;
    memcpy(last, rx->image_buffer + (size_t) (there - 1) * row, row);
    free(rx->image_buffer);
    rx->image_buffer = last;
    rx->image_buffer_size = rx->image_size = (int) row;
    rx->t4_t6_rx.last_row_starts_at = 0;
    c->page.kept = 1;
}

/* The directory of TIFF-F (RFC 2306, and RFC 3949 for G4); resolutions in inches, as all readers
 * understand them. */
static void describe(TIFF *tiff, t4_rx_state_t *rx, int rows)
{
    char at[32];
    time_t now = time(NULL);
    struct tm tm;

    localtime_r(&now, &tm);
    strftime(at, sizeof(at), "%Y:%m:%d %H:%M:%S", &tm);
    TIFFSetField(tiff, TIFFTAG_COMPRESSION, COMPRESSION_CCITTFAX4);
    TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, rx->image_width);
    TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, rows);
    TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, rows);
    TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, 1);
    TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, 1);
    TIFFSetField(tiff, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);
    TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
    TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISWHITE);
    TIFFSetField(tiff, TIFFTAG_FILLORDER, FILLORDER_MSB2LSB);
    TIFFSetField(tiff, TIFFTAG_RESOLUTIONUNIT, RESUNIT_INCH);
    TIFFSetField(tiff, TIFFTAG_XRESOLUTION, (double) (int) (rx->x_resolution * CM_PER_INCH / 100 + 0.5));
    TIFFSetField(tiff, TIFFTAG_YRESOLUTION, (double) (int) (rx->y_resolution * CM_PER_INCH / 100 + 0.5));
    TIFFSetField(tiff, TIFFTAG_SOFTWARE, "virtualfax");
    TIFFSetField(tiff, TIFFTAG_DATETIME, at);
    /* SpanDSP writes how many there are when it closes the file, by this count. */
    TIFFSetField(tiff, TIFFTAG_PAGENUMBER, rx->current_page++, 1);
    rx->tiff.pages_in_file = rx->current_page;
}

/* A page that cannot be written is not in the file: who reads it back refuses its MCF. */
static void write_page(struct call *c, t4_rx_state_t *rx)
{
    struct t6 *t6 = &c->page.t6;
    TIFF *tiff = rx->tiff.tiff_file;

    encode(c, rx);
    if (tiff == NULL || t6_end(t6) < 0) {
        call_trace(c, "! no memory for a page: it is not kept");
        return;
    }
    describe(tiff, rx, t6->rows);
    if (TIFFWriteRawStrip(tiff, 0, t6->octets, (tmsize_t) t6->len) < 0 || !TIFFWriteDirectory(tiff))
        call_trace(c, "! a page could not be written: it is not kept");
    if (c->pages == 0) {
        char path[sizeof(c->options.file) + sizeof(".pgm")];

        snprintf(path, sizeof(path), "%s.pgm", c->options.file);
        thumbnail_write(&c->page.thumbnail, path);
    }
}

void page_free(struct page *p)
{
    t6_free(&p->t6);
    thumbnail_free(&p->thumbnail);
    p->kept = 0;
}

/* SpanDSP calls this for each row of its buffer when the page ends, as if the buffer had all of
 * them: those calls say nothing. Without a row it is the end itself. */
static int on_row(void *user_data, const uint8_t row[], size_t len)
{
    struct call *c = user_data;
    t4_rx_state_t *rx;

    (void) row;
    if (len > 0)
        return 0;
    rx = receiver_of(call_t30(c));
    write_page(c, rx);
    page_free(&c->page);
    free(rx->image_buffer);
    rx->image_buffer = NULL;
    rx->image_buffer_size = 0;
    return 0;
}

void page_take_over(struct call *c, t30_state_t *t30)
{
    t4_rx_set_row_write_handler(receiver_of(t30), on_row, c);
}
