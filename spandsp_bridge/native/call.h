/* One fax call: its sockets, its limits, its life from open to close. */
#ifndef VFAX_CALL_H
#define VFAX_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol.h"
#include "event_queue.h"
#include "peer_socket.h"
#include "session.h"

enum { PAGE_DATA_TICKS = 3 };      /* while a page is on the line, this many ticks are joined */

enum call_state { OPENED, RUNNING, OVER };

struct call {
    struct call *next_in_bucket;   /* borrowed: the engine owns all calls */
    struct call *next, **link;     /* likewise */
    enum call_state state;
    bool skip_tick;                /* page data flows: it does nothing in this tick */
    int64_t checked_ms;            /* when its page was last looked at */
    struct peer_socket t38_socket, audio_socket;
    struct queued_event *end;      /* owned until the call is over: the event that says so */
    struct session session;
};

/* Returns 0 and a call, owned by the caller, with its two sockets bound, or -errno. The queue is
 * borrowed until call_free(). */
int call_new(struct event_queue *events, uint64_t id, const struct vfx_options *o, struct call **out,
             uint16_t *audio_port, uint16_t *t38_port);
void call_free(struct call *c);

void call_start(struct call *c, enum vfx_media kind, const struct vfx_peer *peer);
void call_page_verdict(struct call *c, bool durable);
void call_end(struct call *c, enum vfx_cause cause);
/* Every TICK_MS: take what came, then let time pass. A call in page data skips all ticks but
 * each PAGE_DATA_TICKS-th one. */
void call_read(struct call *c, unsigned tick);
void call_receive(struct call *c, const uint8_t *packet, size_t len);
void call_tick(struct call *c, int64_t now);
/* It has nothing to do in any tick but each PAGE_DATA_TICKS-th one. */
bool call_may_skip_ticks(const struct call *c);

#endif
