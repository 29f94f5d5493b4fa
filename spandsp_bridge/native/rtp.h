/* RTP with G.711 for fax tones (RFC 3550, RFC 3551): packets in, an even stream of samples out.
 *
 * The playout delay is fixed and never slips: a modem survives a lost packet better than a
 * clock that jumps. No sockets and no clock here.
 */
#ifndef VFAX_RTP_H
#define VFAX_RTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RTP_RING = 8192,          /* samples kept, 1,024 ms; a power of two */
    RTP_MAX_PACKET = 1500,
    RTP_HEADER = 12,
    PCMU = 0,
    PCMA = 8,
};

struct rtp {
    int payload_type;         /* of what we send; A-law and u-law are both understood */
    uint16_t tx_seq;
    uint32_t tx_timestamp, tx_ssrc;
    bool started;
    uint16_t rx_seq;          /* the newest sequence number */
    uint32_t rx_ssrc;
    int delay;                /* samples from arrival to playout */
    uint32_t play;            /* timestamp of the next sample to play */
    uint32_t received, sent, lost, late, malformed;
    int16_t ring[RTP_RING];
    uint8_t filled[RTP_RING];
};

void rtp_init(struct rtp *r, int payload_type, uint32_t ssrc, int delay);

/* Take one packet. Returns 0, or -EBADMSG when it is no RTP packet with G.711. */
int rtp_receive(struct rtp *r, const uint8_t *packet, size_t len);

/* Play the next `len` samples; what is missing is silence. Returns how many there were. */
int rtp_play(struct rtp *r, int16_t amp[], int len);

/* Build a packet of `len` samples (240 at most). Returns its length. */
size_t rtp_build(struct rtp *r, const int16_t amp[], int len, uint8_t out[RTP_MAX_PACKET]);

#endif
