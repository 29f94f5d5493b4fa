/* One fax session: what T.30 and its media note, and the events that are made of it. */
#ifndef VFAX_SESSION_H
#define VFAX_SESSION_H

#include <stdbool.h>

#include "protocol.h"
#include "event_queue.h"
#include "frame_guard.h"
#include "media.h"
#include "page.h"

enum {
    TICK_MS = 20,
    SAMPLES_PER_MS = 8,            /* SpanDSP's clock, 8000 Hz */
    TICK_SAMPLES = TICK_MS * SAMPLES_PER_MS,
};

struct session {
    uint64_t call;
    struct event_queue *events;    /* borrowed from the engine, which outlives all calls */
    struct media *media;           /* owned by the call; NULL: none */
    enum vfx_media kind;

    int64_t started_ms;            /* 0: not started */
    int64_t last_tick_ms, last_packet_ms;
    int interval_ms;               /* from the last tick to the next */
    bool in_page_data;             /* T.38: image data flows, and no answer is due until it ends */
    bool packet_seen;              /* a good packet came over these media */
    bool held;                     /* a received page awaits its verdict */
    bool phase_e;                  /* T.30 is over */
    bool false_mcf;                /* an MCF is queued for a page that is not there */
    bool image_seen;               /* T.38, no ECM: image data came that is not a page yet */
    int64_t held_since_ms;
    int64_t answered_ms;           /* our last CFR, FTT or MCF, or the last page */
    int pages;                     /* confirmed (sending) or whole (receiving) so far */
    int pages_counted;             /* SpanDSP's own count, which rejected pages may move too */
    int ecm_retries;
    int t30_code;
    int cause;
    int traces;
    uint32_t late_ticks;

    /* What is looked at in every tick stands above, close together. */
    struct vfx_options options;
    struct frame_guard guard;
    struct page page;
};

/* The T.30 of whatever carries it now, borrowed until the media close; NULL: there is none. */
t30_state_t *session_t30(const struct session *s);
/* Send an event with the session's figures. */
void session_report(struct session *s, enum vfx_event_type type, int code);
/* The last event, with the figures of now. */
struct vfx_event session_end_event(struct session *s);
__attribute__((format(printf, 2, 3)))
void session_trace(struct session *s, const char *format, ...);

#endif
