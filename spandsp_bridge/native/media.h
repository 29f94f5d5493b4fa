/* What carries T.30: UDPTL or RTP. An implementation knows the session and the socket that it was
 * opened with, and nothing of calls: what it learns, it notes in the session. */
#ifndef VFAX_MEDIA_H
#define VFAX_MEDIA_H

#include <stddef.h>
#include <stdint.h>

#include <spandsp.h>

#include "protocol.h"
#include "peer_socket.h"

struct session;

struct media {
    const struct media_ops *ops;
};

struct media_ops {
    /* Returns media that the caller owns, or NULL: no memory. Session and socket are borrowed
     * until close(). */
    struct media *(*open)(struct session *session, struct peer_socket *socket,
                          const struct vfx_peer *peer);
    /* Begin T.30 over open media. Returns 0 or -ENOMEM. */
    int (*start_t30)(struct media *media);
    void (*receive)(struct media *media, const uint8_t *packet, size_t len);
    /* Let the time go by up to `now`. */
    void (*tick)(struct media *media, int64_t now);
    /* T.30 of this media, borrowed until close(); NULL: it has not begun. */
    t30_state_t *(*t30)(struct media *media);
    void (*count_packets)(const struct media *media, struct vfx_stats *stats);
    /* What came so far was not the peer's: forget it. */
    void (*forget_peer)(struct media *media);
    void (*close)(struct media *media);
};

#endif
