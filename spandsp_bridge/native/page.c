#define _GNU_SOURCE
#include "page.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <tiffio.h>

#include "spandsp_private.h"

enum { ROWS_AT_ONCE = 32, PATH_SIZE = 300 };

#define CM_PER_INCH 2.54

/* Encode the rows that are in the buffer and new. */
static void encode(struct page *p, const struct spandsp_rows *rows)
{
    /* Not one row has left the buffer: this is a page of its own, whatever came before. */
    if (rows->count == rows->length) {
        t6_begin(&p->t6, rows->width);
        if (p->first)
            thumbnail_begin(&p->thumbnail, rows->width, rows->x_resolution, rows->y_resolution);
        p->consumed_rows = 0;
    }
    for (int row = p->consumed_rows; row < rows->count; row++) {
        const uint8_t *pixels = rows->pixels + (size_t) row * (size_t) rows->bytes_per_row;

        t6_row(&p->t6, pixels);
        thumbnail_row(&p->thumbnail, pixels);
    }
    p->consumed_rows = rows->count;
}

void page_encode_rows(struct page *p)
{
    struct spandsp_rows rows;

    if (p->t30 == NULL || !spandsp_received_rows(p->t30, p, &rows) || rows.pixels == NULL
        || rows.count < ROWS_AT_ONCE)
        return;
    encode(p, &rows);
    /* The last row stays: a bad one is replaced by the one before it. */
    if (spandsp_drop_rows(p->t30) == 0)
        p->consumed_rows = 1;
}

/* The directory of TIFF-F (RFC 2306, and RFC 3949 for G4); resolutions in inches, as all readers
 * understand them. */
static void describe(TIFF *tiff, const struct spandsp_rows *page, int rows, int number)
{
    char at[32];
    time_t now = time(NULL);
    struct tm tm;

    localtime_r(&now, &tm);
    strftime(at, sizeof(at), "%Y:%m:%d %H:%M:%S", &tm);
    TIFFSetField(tiff, TIFFTAG_COMPRESSION, COMPRESSION_CCITTFAX4);
    TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, page->width);
    TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, rows);
    TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, rows);
    TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, 1);
    TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, 1);
    TIFFSetField(tiff, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);
    TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
    TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISWHITE);
    TIFFSetField(tiff, TIFFTAG_FILLORDER, FILLORDER_MSB2LSB);
    TIFFSetField(tiff, TIFFTAG_RESOLUTIONUNIT, RESUNIT_INCH);
    TIFFSetField(tiff, TIFFTAG_XRESOLUTION, (double) (int) (page->x_resolution * CM_PER_INCH / 100 + 0.5));
    TIFFSetField(tiff, TIFFTAG_YRESOLUTION, (double) (int) (page->y_resolution * CM_PER_INCH / 100 + 0.5));
    TIFFSetField(tiff, TIFFTAG_SOFTWARE, "virtualfax");
    TIFFSetField(tiff, TIFFTAG_DATETIME, at);
    TIFFSetField(tiff, TIFFTAG_PAGENUMBER, number, 1);
}

/* Returns NULL, or why the page is not in the file: who reads it back refuses its MCF. */
static const char *write_page(struct page *p)
{
    struct t6 *t6 = &p->t6;
    TIFF *tiff = spandsp_received_tiff(p->t30);
    const char *fault = NULL;
    struct spandsp_rows rows;

    if (!spandsp_received_rows(p->t30, p, &rows))
        return "the rows of a page went elsewhere: it is not kept";
    encode(p, &rows);
    if (tiff == NULL || t6_end(t6) < 0)
        return "no memory for a page: it is not kept";
    describe(tiff, &rows, t6->rows, spandsp_count_page(p->t30));
    if (TIFFWriteRawStrip(tiff, 0, t6->octets, (tmsize_t) t6->len) < 0 || !TIFFWriteDirectory(tiff))
        fault = "a page could not be written: it is not kept";
    if (p->first) {
        char path[PATH_SIZE];

        snprintf(path, sizeof(path), "%s.pgm", p->file);
        thumbnail_write(&p->thumbnail, path);
    }
    return fault;
}

void page_free(struct page *p)
{
    t6_free(&p->t6);
    thumbnail_free(&p->thumbnail);
    p->consumed_rows = 0;
}

/* SpanDSP calls this for each row of its buffer when the page ends, as if the buffer had all of
 * them: those calls say nothing. Without a row it is the end itself. */
static int on_row(void *user_data, const uint8_t row[], size_t len)
{
    struct page *p = user_data;

    (void) row;
    if (len > 0)
        return 0;
    p->fault = write_page(p);
    page_free(p);
    spandsp_free_rows(p->t30);
    return 0;
}

void page_take_over(struct page *p, t30_state_t *t30, const char *file, bool first)
{
    p->t30 = t30;
    p->file = file;
    p->first = first;
    spandsp_set_row_handler(t30, on_row, p);
}
