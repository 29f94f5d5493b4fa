#include "udptl.h"

#include <errno.h>
#include <string.h>

/* A bounded reader: every length is checked against `end` before use. */
struct reader {
    const uint8_t *at;
    const uint8_t *end;
};

/* ASN.1 aligned PER length determinant (X.691 §10.9). Fragmented lengths
 * (top bits 11, 16 KiB and more) cannot occur inside a datagram. */
static int read_length(struct reader *r, size_t *len)
{
    if (r->at >= r->end)
        return -EBADMSG;
    if ((*r->at & 0x80) == 0) {
        *len = *r->at++;
        return 0;
    }
    if ((*r->at & 0x40) != 0 || r->end - r->at < 2)
        return -EBADMSG;
    *len = (size_t) (r->at[0] & 0x3F) << 8 | r->at[1];
    r->at += 2;
    return 0;
}

static int read_octets(struct reader *r, const uint8_t **data, size_t *len)
{
    if (read_length(r, len) < 0 || (size_t) (r->end - r->at) < *len)
        return -EBADMSG;
    *data = r->at;
    r->at += *len;
    return 0;
}

static struct udptl_kept *kept(struct udptl_kept ring[], uint16_t seq)
{
    struct udptl_kept *k = &ring[seq % UDPTL_HISTORY];

    return k->valid && k->seq == seq ? k : NULL;
}

static void keep(struct udptl_kept ring[], uint16_t seq, const uint8_t *data, size_t len)
{
    struct udptl_kept *k = &ring[seq % UDPTL_HISTORY];

    k->valid = len <= UDPTL_MAX_IFP;
    if (!k->valid)
        return;
    k->seq = seq;
    k->len = (uint16_t) len;
    memcpy(k->data, data, len);
}

void udptl_init(struct udptl *u, enum udptl_recovery recovery, int depth, int span, int max_datagram)
{
    memset(u, 0, sizeof(*u));
    u->recovery = recovery;
    u->depth = depth < UDPTL_MAX_ENTRIES ? depth : UDPTL_MAX_ENTRIES;
    u->span = span;
    if (recovery == UDPTL_FEC && u->depth * span >= UDPTL_HISTORY)
        u->span = (UDPTL_HISTORY - 1) / (u->depth ? u->depth : 1);
    u->max_datagram = max_datagram;
}

/* Secondary IFP packets: entry i repeats sequence number seq - 1 - i. */
static void repair_by_redundancy(struct udptl *u, uint16_t seq, int gap,
                                 const struct udptl_ifp entries[], int count)
{
    for (int back = gap < count ? gap : count; back >= 1; back--) {
        const struct udptl_ifp *e = &entries[back - 1];
        uint16_t missing = (uint16_t) (seq - back);

        if (e->len == 0 || kept(u->rx, missing) != NULL)
            continue;
        keep(u->rx, missing, e->data, e->len);
        if (kept(u->rx, missing) != NULL)
            u->counts.repaired++;
    }
}

/* Parity entry m covers seq + m - count * k for k = 1..span. One missing packet
 * under an entry comes back as the XOR of the entry and all the others. */
static void repair_by_fec(struct udptl *u, uint16_t seq, int span,
                          const struct udptl_ifp entries[], int count)
{
    bool progress = true;

    while (progress) {
        progress = false;
        for (int m = 0; m < count; m++) {
            uint8_t parity[UDPTL_MAX_IFP];
            uint16_t missing = 0;
            int absent = 0;

            if (entries[m].len == 0 || entries[m].len > UDPTL_MAX_IFP)
                continue;
            memcpy(parity, entries[m].data, entries[m].len);
            for (int k = 1; k <= span && absent < 2; k++) {
                uint16_t covered = (uint16_t) (seq + m - count * k);
                const struct udptl_kept *have = kept(u->rx, covered);

                if (have == NULL) {
                    missing = covered;
                    absent++;
                    continue;
                }
                for (int i = 0; i < have->len && i < entries[m].len; i++)
                    parity[i] ^= have->data[i];
            }
            if (absent != 1 || (int16_t) (missing - u->expected) < 0)
                continue;
            keep(u->rx, missing, parity, entries[m].len);
            u->counts.repaired++;
            progress = true;
        }
    }
}

int udptl_receive(struct udptl *u, const uint8_t *packet, size_t len, struct udptl_ifp out[UDPTL_MAX_OUT])
{
    struct reader r = { packet, packet + len };
    struct udptl_ifp entries[UDPTL_MAX_ENTRIES];
    const uint8_t *primary;
    size_t primary_len;
    int count = 0;
    int span = 0;
    bool fec = false;
    int made = 0;

    if (len < 4 || len > UDPTL_MAX_PACKET)
        goto malformed;
    uint16_t seq = (uint16_t) (packet[0] << 8 | packet[1]);
    r.at += 2;
    if (read_octets(&r, &primary, &primary_len) < 0 || primary_len == 0)
        goto malformed;
    if (r.at < r.end) {
        size_t n;

        fec = (*r.at++ & 0x80) != 0;
        if (fec) {
            const uint8_t *value;
            size_t value_len;

            if (read_octets(&r, &value, &value_len) < 0 || value_len != 1)
                goto malformed;
            span = value[0];
        }
        if (read_length(&r, &n) < 0)
            goto malformed;
        if (fec && (span * (int) n > UDPTL_HISTORY || n > UDPTL_MAX_ENTRIES))
            goto malformed;
        /* Older redundancy than we can use is read over, never stored. */
        for (size_t i = 0; i < n; i++) {
            const uint8_t *data;
            size_t data_len;

            if (read_octets(&r, &data, &data_len) < 0)
                goto malformed;
            if (count < UDPTL_MAX_ENTRIES) {
                entries[count].data = data;
                entries[count].len = (uint16_t) data_len;
                count++;
            }
        }
    }
    u->counts.received++;

    if (!u->started) {
        u->started = true;
        u->expected = seq;
    }
    int gap = (int16_t) (seq - u->expected);
    if (gap < 0 && gap >= -UDPTL_RESTART_GAP) {
        if (kept(u->rx, seq) != NULL)
            u->counts.duplicate++;
        else
            u->counts.late++;
        return 0;
    }
    if (gap < 0 || gap > UDPTL_RESTART_GAP) {
        memset(u->rx, 0, sizeof(u->rx));
        gap = 0;
    }
    if (gap > 0) {
        if (fec)
            repair_by_fec(u, seq, span, entries, count);
        else
            repair_by_redundancy(u, seq, gap, entries, count);
        for (int back = gap; back >= 1; back--) {
            const struct udptl_kept *k = kept(u->rx, (uint16_t) (seq - back));

            if (k == NULL || back >= UDPTL_HISTORY) {
                u->counts.lost++;
                continue;
            }
            out[made++] = (struct udptl_ifp) { k->seq, k->len, k->data };
        }
    }
    out[made++] = (struct udptl_ifp) { seq, (uint16_t) primary_len, primary };
    /* Never the slot of a packet in `out`: those are at most HISTORY - 1 behind. */
    keep(u->rx, seq, primary, primary_len);
    u->expected = (uint16_t) (seq + 1);
    return made;

malformed:
    u->counts.malformed++;
    return -EBADMSG;
}

static uint8_t *write_octets(uint8_t *at, const uint8_t *data, size_t len)
{
    if (len < 0x80) {
        *at++ = (uint8_t) len;
    } else {
        *at++ = (uint8_t) (0x80 | len >> 8);
        *at++ = (uint8_t) len;
    }
    memcpy(at, data, len);
    return at + len;
}

static uint8_t *write_redundancy(const struct udptl *u, uint8_t *start, uint8_t *at, const uint8_t *end)
{
    uint8_t *count = at + 1;

    *at = 0x00;
    *count = 0;
    at += 2;
    for (int back = 1; back <= u->depth; back++) {
        const struct udptl_kept *k = kept((struct udptl_kept *) u->tx, (uint16_t) (u->tx_seq - back));

        if (k == NULL || at + k->len + 2 > end || (at - start) + k->len + 2 > u->max_datagram)
            break;
        at = write_octets(at, k->data, k->len);
        (*count)++;
    }
    return at;
}

static uint8_t *write_fec(const struct udptl *u, uint8_t *start, uint8_t *at, const uint8_t *end)
{
    uint8_t parity[UDPTL_MAX_ENTRIES][UDPTL_MAX_IFP];
    size_t sizes[UDPTL_MAX_ENTRIES] = { 0 };
    size_t total = 4;
    /* At the start there is less behind us than the parity wants to cover. */
    int behind = u->counts.sent < UDPTL_HISTORY - 1 ? (int) u->counts.sent : UDPTL_HISTORY - 1;
    int entries = u->depth < behind ? u->depth : behind;
    int span = entries == 0 ? 0 : u->span < behind / entries ? u->span : behind / entries;

    for (int m = 0; m < entries; m++) {
        memset(parity[m], 0, sizeof(parity[m]));
        for (int k = 1; k <= span; k++) {
            const struct udptl_kept *t =
                kept((struct udptl_kept *) u->tx, (uint16_t) (u->tx_seq + m - entries * k));

            if (t == NULL) {
                sizes[m] = 0;   /* one was too long to be kept: an empty entry repairs nothing */
                break;
            }
            if (t->len > sizes[m])
                sizes[m] = t->len;
            for (int i = 0; i < t->len; i++)
                parity[m][i] ^= t->data[i];
        }
        total += sizes[m] + 2;
    }
    if (entries == 0 || at + total > end || (size_t) (at - start) + total > (size_t) u->max_datagram) {
        *at++ = 0x00;
        *at++ = 0;
        return at;
    }
    *at++ = 0x80;
    *at++ = 1;
    *at++ = (uint8_t) span;
    *at++ = (uint8_t) entries;
    for (int m = 0; m < entries; m++)
        at = write_octets(at, parity[m], sizes[m]);
    return at;
}

size_t udptl_build(struct udptl *u, const uint8_t *ifp, size_t len, uint8_t *out, size_t capacity)
{
    uint8_t *at = out;

    if (len == 0 || len > 0x3FFF || capacity < len + 8)
        return 0;
    *at++ = (uint8_t) (u->tx_seq >> 8);
    *at++ = (uint8_t) u->tx_seq;
    at = write_octets(at, ifp, len);
    if (u->recovery == UDPTL_REDUNDANCY) {
        at = write_redundancy(u, out, at, out + capacity);
    } else if (u->recovery == UDPTL_FEC) {
        at = write_fec(u, out, at, out + capacity);
    } else {
        *at++ = 0x00;
        *at++ = 0;
    }
    keep(u->tx, u->tx_seq, ifp, len);
    u->tx_seq++;
    u->counts.sent++;
    return (size_t) (at - out);
}
