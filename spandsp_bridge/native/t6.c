#include "t6.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    PADDING = 4,                   /* after the last change: what b1 and b2 may look at */
    CODES_OF_RUNS = 64 + 40,       /* 0 to 63, then 64 to 2560 in steps of 64 */
    LONGEST_RUN_CODE = 2560,
    MAX_BITS_OF_PIXEL = 8,         /* the costliest is 7: a change moved by three, pixel by pixel */
    FIRST_CAPACITY = 16384,
};

struct code {
    uint8_t len;
    uint16_t bits;
};

/* T.4 Tables 2 and 3 */
static const struct code white_runs[CODES_OF_RUNS] = {
    { 8, 0x35 }, { 6, 0x7 }, { 4, 0x7 }, { 4, 0x8 }, { 4, 0xB }, { 4, 0xC }, { 4, 0xE },
    { 4, 0xF }, { 5, 0x13 }, { 5, 0x14 }, { 5, 0x7 }, { 5, 0x8 }, { 6, 0x8 }, { 6, 0x3 },
    { 6, 0x34 }, { 6, 0x35 }, { 6, 0x2A }, { 6, 0x2B }, { 7, 0x27 }, { 7, 0xC }, { 7, 0x8 },
    { 7, 0x17 }, { 7, 0x3 }, { 7, 0x4 }, { 7, 0x28 }, { 7, 0x2B }, { 7, 0x13 }, { 7, 0x24 },
    { 7, 0x18 }, { 8, 0x2 }, { 8, 0x3 }, { 8, 0x1A }, { 8, 0x1B }, { 8, 0x12 }, { 8, 0x13 },
    { 8, 0x14 }, { 8, 0x15 }, { 8, 0x16 }, { 8, 0x17 }, { 8, 0x28 }, { 8, 0x29 }, { 8, 0x2A },
    { 8, 0x2B }, { 8, 0x2C }, { 8, 0x2D }, { 8, 0x4 }, { 8, 0x5 }, { 8, 0xA }, { 8, 0xB },
    { 8, 0x52 }, { 8, 0x53 }, { 8, 0x54 }, { 8, 0x55 }, { 8, 0x24 }, { 8, 0x25 }, { 8, 0x58 },
    { 8, 0x59 }, { 8, 0x5A }, { 8, 0x5B }, { 8, 0x4A }, { 8, 0x4B }, { 8, 0x32 }, { 8, 0x33 },
    { 8, 0x34 }, { 5, 0x1B }, { 5, 0x12 }, { 6, 0x17 }, { 7, 0x37 }, { 8, 0x36 }, { 8, 0x37 },
    { 8, 0x64 }, { 8, 0x65 }, { 8, 0x68 }, { 8, 0x67 }, { 9, 0xCC }, { 9, 0xCD }, { 9, 0xD2 },
    { 9, 0xD3 }, { 9, 0xD4 }, { 9, 0xD5 }, { 9, 0xD6 }, { 9, 0xD7 }, { 9, 0xD8 }, { 9, 0xD9 },
    { 9, 0xDA }, { 9, 0xDB }, { 9, 0x98 }, { 9, 0x99 }, { 9, 0x9A }, { 6, 0x18 }, { 9, 0x9B },
    { 11, 0x8 }, { 11, 0xC }, { 11, 0xD }, { 12, 0x12 }, { 12, 0x13 }, { 12, 0x14 }, { 12, 0x15 },
    { 12, 0x16 }, { 12, 0x17 }, { 12, 0x1C }, { 12, 0x1D }, { 12, 0x1E }, { 12, 0x1F },
};

static const struct code black_runs[CODES_OF_RUNS] = {
    { 10, 0x37 }, { 3, 0x2 }, { 2, 0x3 }, { 2, 0x2 }, { 3, 0x3 }, { 4, 0x3 }, { 4, 0x2 },
    { 5, 0x3 }, { 6, 0x5 }, { 6, 0x4 }, { 7, 0x4 }, { 7, 0x5 }, { 7, 0x7 }, { 8, 0x4 },
    { 8, 0x7 }, { 9, 0x18 }, { 10, 0x17 }, { 10, 0x18 }, { 10, 0x8 }, { 11, 0x67 }, { 11, 0x68 },
    { 11, 0x6C }, { 11, 0x37 }, { 11, 0x28 }, { 11, 0x17 }, { 11, 0x18 }, { 12, 0xCA },
    { 12, 0xCB }, { 12, 0xCC }, { 12, 0xCD }, { 12, 0x68 }, { 12, 0x69 }, { 12, 0x6A },
    { 12, 0x6B }, { 12, 0xD2 }, { 12, 0xD3 }, { 12, 0xD4 }, { 12, 0xD5 }, { 12, 0xD6 },
    { 12, 0xD7 }, { 12, 0x6C }, { 12, 0x6D }, { 12, 0xDA }, { 12, 0xDB }, { 12, 0x54 },
    { 12, 0x55 }, { 12, 0x56 }, { 12, 0x57 }, { 12, 0x64 }, { 12, 0x65 }, { 12, 0x52 },
    { 12, 0x53 }, { 12, 0x24 }, { 12, 0x37 }, { 12, 0x38 }, { 12, 0x27 }, { 12, 0x28 },
    { 12, 0x58 }, { 12, 0x59 }, { 12, 0x2B }, { 12, 0x2C }, { 12, 0x5A }, { 12, 0x66 },
    { 12, 0x67 }, { 10, 0xF }, { 12, 0xC8 }, { 12, 0xC9 }, { 12, 0x5B }, { 12, 0x33 },
    { 12, 0x34 }, { 12, 0x35 }, { 13, 0x6C }, { 13, 0x6D }, { 13, 0x4A }, { 13, 0x4B },
    { 13, 0x4C }, { 13, 0x4D }, { 13, 0x72 }, { 13, 0x73 }, { 13, 0x74 }, { 13, 0x75 },
    { 13, 0x76 }, { 13, 0x77 }, { 13, 0x52 }, { 13, 0x53 }, { 13, 0x54 }, { 13, 0x55 },
    { 13, 0x5A }, { 13, 0x5B }, { 13, 0x64 }, { 13, 0x65 }, { 11, 0x8 }, { 11, 0xC }, { 11, 0xD },
    { 12, 0x12 }, { 12, 0x13 }, { 12, 0x14 }, { 12, 0x15 }, { 12, 0x16 }, { 12, 0x17 },
    { 12, 0x1C }, { 12, 0x1D }, { 12, 0x1E }, { 12, 0x1F },
};

/* T.4 Table 4 */
static const struct code pass = { 4, 0x1 }, horizontal = { 3, 0x1 }, end_of_line = { 12, 0x1 };
static const struct code vertical[] = {            /* a1 - b1 from -3 to 3 */
    { 7, 0x2 }, { 6, 0x2 }, { 3, 0x2 }, { 1, 0x1 }, { 3, 0x3 }, { 6, 0x3 }, { 7, 0x3 },
};

/* Room was made for the whole row. */
static inline void put(struct t6 *t, struct code code)
{
    t->bits = t->bits << code.len | code.bits;
    t->pending += code.len;
    if (t->pending < 32)
        return;
    t->pending -= 32;

    uint32_t out = __builtin_bswap32((uint32_t) (t->bits >> t->pending));

    memcpy(t->octets + t->len, &out, sizeof(out));
    t->len += sizeof(out);
}

static void put_run(struct t6 *t, const struct code runs[], int pixels)
{
    for (; pixels >= LONGEST_RUN_CODE; pixels -= LONGEST_RUN_CODE)
        put(t, runs[CODES_OF_RUNS - 1]);
    if (pixels >= 64)
        put(t, runs[63 + pixels / 64]);
    put(t, runs[pixels % 64]);
}

static int make_room(struct t6 *t)
{
    size_t needed = t->len + (size_t) t->width * MAX_BITS_OF_PIXEL / 8 + 64;
    size_t capacity = t->capacity ? t->capacity : FIRST_CAPACITY;
    uint8_t *octets;

    if (needed <= t->capacity)
        return 0;
    while (capacity < needed)
        capacity *= 2;
    if ((octets = realloc(t->octets, capacity)) == NULL)
        return -ENOMEM;
    t->octets = octets;
    t->capacity = capacity;
    return 0;
}

static void find_changes(const uint8_t *pixels, int width, uint16_t *changes)
{
    uint64_t before = 0;
    int octets = (width + 7) / 8;

    for (int at = 0; at < octets; at += 8) {
        uint64_t word = 0;

        if (at + 8 <= octets)
            memcpy(&word, pixels + at, 8);
        else
            memcpy(&word, pixels + at, (size_t) (octets - at));
        word = __builtin_bswap64(word);

        uint64_t changed = word ^ (word >> 1 | before << 63);

        before = word & 1;
        while (changed != 0) {
            int bit = __builtin_clzll(changed);

            if (at * 8 + bit >= width)
                break;
            *changes++ = (uint16_t) (at * 8 + bit);
            changed &= ~(UINT64_C(1) << 63 >> bit);
        }
    }
    for (int i = 0; i < PADDING; i++)
        changes[i] = (uint16_t) width;
}

void t6_begin(struct t6 *t, int width)
{
    size_t size = ((size_t) width + PADDING) * sizeof(uint16_t);

    if (width != t->width) {
        free(t->row);
        free(t->reference);
        t->row = malloc(size);
        t->reference = malloc(size);
    }
    t->width = width;
    t->rows = t->pending = 0;
    t->len = 0;
    t->bits = 0;
    t->failed = width <= 0 || width > T6_MAX_WIDTH || t->row == NULL || t->reference == NULL;
    for (int i = 0; i < PADDING && !t->failed; i++)
        t->reference[i] = (uint16_t) width;
}

/* T.6 §2.2: a0, a1, a2 are changes of this row, b1, b2 of the one above it. */
void t6_row(struct t6 *t, const uint8_t *pixels)
{
    const uint16_t *reference = t->reference;
    int a0 = 0, a = 0, b = 0, width = t->width;

    if (t->failed || make_room(t) < 0) {
        t->failed = true;
        return;
    }
    find_changes(pixels, width, t->row);
    while (a0 < width) {
        int a1 = t->row[a];

        /* b1: the first change right of a0, to the colour that a1 changes to. The imaginary
         * pixel before the row is white: at its beginning b1 may be the first pixel. */
        while (b > 0 && reference[b - 1] > a0)
            b--;
        b += (b ^ a) & 1;
        while (reference[b] <= a0 && reference[b] < width && (a0 > 0 || a > 0))
            b += 2;

        int b1 = reference[b], moved = a1 - b1;

        if (b1 < width && reference[b + 1] < a1) {
            put(t, pass);
            a0 = reference[b + 1];
        } else if (moved >= -3 && moved <= 3) {
            put(t, vertical[moved + 3]);
            a0 = a1;
            a++;
        } else {
            int a2 = a1 < width ? t->row[a + 1] : width;

            put(t, horizontal);
            put_run(t, a & 1 ? black_runs : white_runs, a1 - a0);
            put_run(t, a & 1 ? white_runs : black_runs, a2 - a1);
            a0 = a2;
            a += 2;
        }
    }
    t->rows++;

    uint16_t *swap = t->reference;

    t->reference = t->row;
    t->row = swap;
}

int t6_end(struct t6 *t)
{
    if (t->failed || make_room(t) < 0)
        return -ENOMEM;
    put(t, end_of_line);           /* T.6 §2.4.1.1: EOFB is two of them */
    put(t, end_of_line);
    for (; t->pending > 0; t->pending -= 8)
        t->octets[t->len++] = (uint8_t) (t->pending >= 8 ? t->bits >> (t->pending - 8)
                                                         : t->bits << (8 - t->pending));
    return 0;
}

void t6_free(struct t6 *t)
{
    free(t->row);
    free(t->reference);
    free(t->octets);
    memset(t, 0, sizeof(*t));
}
