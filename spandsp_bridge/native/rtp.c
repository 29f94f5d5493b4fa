#include "rtp.h"

#include <errno.h>
#include <string.h>

#include <spandsp.h>

enum { RING_MASK = RTP_RING - 1, MAX_SAMPLES = 1024 };

void rtp_init(struct rtp *r, int payload_type, uint32_t ssrc, int delay)
{
    memset(r, 0, sizeof(*r));
    r->payload_type = payload_type;
    r->tx_ssrc = ssrc;
    r->delay = delay;
    r->tx_seq = (uint16_t) (ssrc >> 16);
    r->tx_timestamp = ssrc * 2654435761u;
}

/* The payload behind CSRCs, a header extension and padding (RFC 3550 §5.1). */
static int payload_of(const uint8_t *packet, size_t len, const uint8_t **payload, size_t *size)
{
    size_t at = RTP_HEADER;

    if (len < RTP_HEADER || len > RTP_MAX_PACKET || packet[0] >> 6 != 2)
        return -EBADMSG;
    at += (size_t) (packet[0] & 0x0F) * 4;
    if ((packet[0] & 0x10) != 0) {
        if (len < at + 4)
            return -EBADMSG;
        at += 4 + ((size_t) packet[at + 2] << 8 | packet[at + 3]) * 4;
    }
    if ((packet[0] & 0x20) != 0) {
        if (packet[len - 1] > len)
            return -EBADMSG;
        len -= packet[len - 1];
    }
    if (at >= len || len - at > MAX_SAMPLES)
        return -EBADMSG;
    *payload = packet + at;
    *size = len - at;
    return 0;
}

int rtp_receive(struct rtp *r, const uint8_t *packet, size_t len)
{
    const uint8_t *payload;
    size_t size;

    if (payload_of(packet, len, &payload, &size) < 0
        || ((packet[1] & 0x7F) != PCMA && (packet[1] & 0x7F) != PCMU)) {
        r->malformed++;
        return -EBADMSG;
    }
    bool alaw = (packet[1] & 0x7F) == PCMA;
    uint16_t seq = (uint16_t) (packet[2] << 8 | packet[3]);
    uint32_t timestamp = (uint32_t) packet[4] << 24 | (uint32_t) packet[5] << 16
                         | (uint32_t) packet[6] << 8 | packet[7];
    uint32_t ssrc = (uint32_t) packet[8] << 24 | (uint32_t) packet[9] << 16
                    | (uint32_t) packet[10] << 8 | packet[11];
    int32_t ahead = (int32_t) (timestamp - r->play);

    r->received++;
    if (!r->started || ssrc != r->rx_ssrc || ahead > RTP_RING - MAX_SAMPLES || ahead < -RTP_RING) {
        /* A new stream, or a clock that jumped: begin again. */
        r->started = true;
        r->rx_ssrc = ssrc;
        r->play = timestamp - (uint32_t) r->delay;
        memset(r->filled, 0, sizeof(r->filled));
    } else {
        int16_t step = (int16_t) (seq - r->rx_seq);

        if (step > 1)
            r->lost += (uint32_t) step - 1;
        else if (step < 0 && r->lost > 0)
            r->lost--;   /* it came after all */
        if (ahead < 0) {
            r->late++;
            return 0;
        }
        if (step < 0)
            seq = r->rx_seq;
    }
    r->rx_seq = seq;
    for (size_t i = 0; i < size; i++) {
        uint32_t at = (timestamp + (uint32_t) i) & RING_MASK;

        r->ring[at] = alaw ? alaw_to_linear(payload[i]) : ulaw_to_linear(payload[i]);
        r->filled[at] = 1;
    }
    return 0;
}

int rtp_play(struct rtp *r, int16_t amp[], int len)
{
    int there = 0;

    memset(amp, 0, sizeof(amp[0]) * (size_t) len);
    if (!r->started)
        return 0;
    for (int i = 0; i < len; i++) {
        uint32_t at = r->play++ & RING_MASK;

        if (r->filled[at]) {
            amp[i] = r->ring[at];
            r->filled[at] = 0;
            there++;
        }
    }
    return there;
}

size_t rtp_build(struct rtp *r, const int16_t amp[], int len, uint8_t out[RTP_MAX_PACKET])
{
    uint32_t fields[2] = { r->tx_timestamp, r->tx_ssrc };

    out[0] = 0x80;
    out[1] = (uint8_t) r->payload_type;
    out[2] = (uint8_t) (r->tx_seq >> 8);
    out[3] = (uint8_t) r->tx_seq;
    for (int f = 0; f < 2; f++)
        for (int i = 0; i < 4; i++)
            out[4 + 4 * f + i] = (uint8_t) (fields[f] >> (24 - 8 * i));
    for (int i = 0; i < len; i++)
        out[RTP_HEADER + i] = r->payload_type == PCMA ? linear_to_alaw(amp[i]) : linear_to_ulaw(amp[i]);
    r->tx_seq++;
    r->sent++;
    r->tx_timestamp += (uint32_t) len;
    return RTP_HEADER + (size_t) len;
}
