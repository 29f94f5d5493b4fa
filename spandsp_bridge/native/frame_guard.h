/* A guard between the T.38 core and SpanDSP's T.30: it sees each HDLC frame
 * before SpanDSP does. A frame with a good FCS whose content would harm
 * SpanDSP 0.0.6 is handed on as one with a bad FCS, which T.30 knows how to
 * survive: the peer repeats, or the call ends. */
#ifndef VFAX_FRAME_GUARD_H
#define VFAX_FRAME_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GUARD_MAX_FRAME = 260 };   /* T38_MAX_HDLC_LEN */

struct frame_guard {
    int len;          /* octets of the frame so far, counted past the limit too */
    uint32_t refused; /* frames turned away */
    uint8_t frame[GUARD_MAX_FRAME];   /* in SpanDSP's bit order */
};

/* Add octets as they stand in the IFP packet (most significant bit first). */
void frame_guard_add(struct frame_guard *g, const uint8_t *octets, size_t len);

/* Judge the finished frame, and make ready for the next one.
 * True when SpanDSP may have it. */
bool frame_guard_finish(struct frame_guard *g);

/* Judge a whole frame, in SpanDSP's bit order: the audio modems deliver those. */
bool frame_guard_judge(struct frame_guard *g, const uint8_t *frame, int len);

/* Forget a frame that broke off. */
void frame_guard_reset(struct frame_guard *g);

#endif
