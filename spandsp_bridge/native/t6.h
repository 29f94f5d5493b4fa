/* T.6 (Group 4) encoding, a row at a time, into memory that grows.
 *
 * Not libtiff's: SpanDSP has it encode a page at once when it has ended, which took a third of the
 * engine's CPU and held up all calls of the process for 11 to 34 ms (docs/performance.md). Not
 * SpanDSP's t4_t6_encode: it pulls each row through a callback of its own into a page that it keeps.
 * The tests compare what is encoded here with libtiff, row by row.
 */
#ifndef VFAX_T6_H
#define VFAX_T6_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { T6_MAX_WIDTH = 4864 };      /* A3 at 400 dpi */

struct t6 {
    int width;                     /* pixels of a row; 0: no page has begun */
    int rows;
    bool failed;                   /* there was no memory: what is encoded is of no use */
    uint8_t *octets;
    size_t len, capacity;
    uint64_t bits;                 /* the last `pending` of them are not in `octets` yet */
    int pending;
    uint16_t *row, *reference;     /* where the colour changes, beginning with the first black */
};

/* Begin a page; what was encoded before is dropped. */
void t6_begin(struct t6 *t, int width);
/* Encode a row of (width + 7) / 8 octets, the leftmost pixel in the highest bit, 1 is black. */
void t6_row(struct t6 *t, const uint8_t *pixels);
/* End the page. Returns 0, and `len` octets, or -ENOMEM. */
int t6_end(struct t6 *t);
void t6_free(struct t6 *t);

#endif
