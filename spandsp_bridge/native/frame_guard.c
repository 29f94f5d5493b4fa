#include "frame_guard.h"

#include <spandsp.h>

/* T.30 §5.3: address, control, facsimile control field, then the FIF. */
enum { FCF = 2, HEADER = 3 };

enum {
    FCF_MASK = 0xFE,      /* without the X bit, which tells the direction */
    MAX_DCS = 22,         /* T30_MAX_DIS_DTC_DCS_LEN: rx_dcs_string holds no more */
    MAX_FCD_DATA = 256,   /* T.4 Annex A: one ECM frame's data */
    RATE_BITS = 0x3C,     /* bits 11 to 14 of the FIF: the modem and its rate */
    WIDTH_BITS = 0x03,    /* bits 17 and 18: the recording width */
};

void frame_guard_add(struct frame_guard *g, const uint8_t *octets, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (g->len < GUARD_MAX_FRAME)
            g->frame[g->len] = bit_reverse8(octets[i]);
        if (g->len <= GUARD_MAX_FRAME)
            g->len++;
    }
}

void frame_guard_reset(struct frame_guard *g)
{
    g->len = 0;
}

/* The codes of SpanDSP's fallback table; any other becomes an index of -1. */
static bool known_modem(uint8_t rate)
{
    switch (rate & RATE_BITS) {
    case 0x20: /* V.17 14400 */
    case 0x28: /* V.17 12000 */
    case 0x24: /* V.17 9600 */
    case 0x04: /* V.29 9600 */
    case 0x2C: /* V.17 7200 */
    case 0x0C: /* V.29 7200 */
    case 0x08: /* V.27ter 4800 */
    case 0x00: /* V.27ter 2400 */
        return true;
    default:
        return false;
    }
}

static bool harmless(const uint8_t *frame, int len)
{
    if (len > GUARD_MAX_FRAME)
        return false;
    if (len < HEADER)
        return true;   /* SpanDSP looks at the length before anything else */
    switch (frame[FCF] & FCF_MASK) {
    case T4_FCD & FCF_MASK:
        /* memcpy() of len - 4 octets: a frame without a number makes that -1 */
        return len >= HEADER + 1 && len <= HEADER + 1 + MAX_FCD_DATA;
    case T30_DCS & FCF_MASK:
        if (len < HEADER + 3)
            return true;   /* refused by SpanDSP itself */
        return len <= MAX_DCS && known_modem(frame[4]) && (frame[5] & WIDTH_BITS) != WIDTH_BITS;
    case T30_CTC & FCF_MASK:
        return len >= HEADER + 2 && known_modem(frame[4]);
    default:
        return true;
    }
}

bool frame_guard_judge(struct frame_guard *g, const uint8_t *frame, int len)
{
    bool ok = harmless(frame, len);

    if (!ok)
        g->refused++;
    return ok;
}

bool frame_guard_finish(struct frame_guard *g)
{
    bool ok = frame_guard_judge(g, g->frame, g->len);

    g->len = 0;
    return ok;
}
