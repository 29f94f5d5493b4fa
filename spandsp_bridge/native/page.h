/* A page that is received: its rows become T.6 while they come, and TIFF-F when it ends.
 *
 * SpanDSP 0.0.6 keeps all rows of a page, half a megabyte, until the page ends, and then has
 * libtiff encode them at once: 11 to 34 ms in which no other call of the process ticks.
 */
#ifndef VFAX_PAGE_H
#define VFAX_PAGE_H

#include <stdbool.h>

#include <spandsp.h>

#include "t6.h"
#include "thumbnail.h"

struct page {
    t30_state_t *t30;              /* borrowed from the media, from page_take_over() on */
    const char *file;              /* borrowed from the session's options */
    bool first;                    /* of the file: it gets a thumbnail */
    const char *fault;             /* a constant: why the last page is not in the file; or NULL */
    int consumed_rows;             /* at the start of SpanDSP's buffer: they are encoded */
    struct t6 t6;
    struct thumbnail thumbnail;
};

/* Have the rows of the pages to come, before the first of them. */
void page_take_over(struct page *p, t30_state_t *t30, const char *file, bool first);
/* Now and then: encode what came of a page. */
void page_encode_rows(struct page *p);
/* Free what is encoded; SpanDSP is not touched. */
void page_free(struct page *p);

#endif
