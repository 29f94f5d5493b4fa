/* UDPTL, the packet layer of T.38 over UDP (ITU-T T.38 §9.1): sequence numbers,
 * and the two error recovery schemes, redundancy and parity FEC.
 *
 * No sockets and no clock here: bytes in, IFP packets out, and the other way.
 */
#ifndef VFAX_UDPTL_H
#define VFAX_UDPTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    UDPTL_MAX_IFP = 512,      /* longest IFP packet that is kept for repair */
    UDPTL_HISTORY = 32,       /* IFP packets kept in each direction; divides 65536 */
    UDPTL_MAX_ENTRIES = 16,   /* redundancy or FEC entries accepted in a packet */
    UDPTL_MAX_OUT = UDPTL_HISTORY + 1,
    UDPTL_MAX_PACKET = 2048,
    UDPTL_RESTART_GAP = 128,  /* a jump of more than this restarts the sequence */
};

enum udptl_recovery { UDPTL_NONE = 0, UDPTL_REDUNDANCY = 1, UDPTL_FEC = 2 };

struct udptl_kept {
    bool valid;
    uint16_t seq;
    uint16_t len;
    uint8_t data[UDPTL_MAX_IFP];
};

/* One IFP packet to hand on. `data` points into the packet given to
 * udptl_receive() or into the state, and lives until the next call. */
struct udptl_ifp {
    uint16_t seq;
    uint16_t len;
    const uint8_t *data;
};

struct udptl_counts {
    uint32_t received;   /* well-formed packets */
    uint32_t malformed;  /* refused whole */
    uint32_t duplicate;  /* sequence numbers seen before */
    uint32_t late;       /* behind the expected one, never seen */
    uint32_t repaired;   /* IFP packets won back by redundancy or FEC */
    uint32_t lost;       /* IFP packets that never came */
    uint32_t sent;       /* distinct packets sent */
};

struct udptl {
    struct udptl_counts counts;
    bool started;
    uint16_t expected;
    uint16_t tx_seq;
    enum udptl_recovery recovery;
    int depth;           /* redundancy: earlier IFP packets in each packet; FEC: entries */
    int span;            /* FEC: packets under each parity entry */
    int max_datagram;    /* octets; redundancy is dropped before data is */
    struct udptl_kept rx[UDPTL_HISTORY];
    struct udptl_kept tx[UDPTL_HISTORY];
};

void udptl_init(struct udptl *u, enum udptl_recovery recovery, int depth, int span, int max_datagram);

/* Take one datagram. Returns how many IFP packets stand in `out`, in sequence
 * (repaired ones first, the packet's own last), or -EBADMSG for a malformed one. */
int udptl_receive(struct udptl *u, const uint8_t *packet, size_t len, struct udptl_ifp out[UDPTL_MAX_OUT]);

/* Build the next datagram around `ifp`. Returns its length, or 0 when it
 * does not fit `capacity`. */
size_t udptl_build(struct udptl *u, const uint8_t *ifp, size_t len, uint8_t *out, size_t capacity);

#endif
