/* One fax call: T.30 over UDPTL or over RTP, its sockets, its limits, its events. */
#ifndef VFAX_CALL_H
#define VFAX_CALL_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

/* The private structs: the guard stands between the modems' side and T.30. */
#include <spandsp.h>
#include <spandsp/expose.h>

#include "clock.h"
#include "engine.h"
#include "frame_guard.h"
#include "rtp.h"
#include "t6.h"
#include "thumbnail.h"
#include "udptl.h"

enum {
    TICK_MS = 20,
    SAMPLES_PER_MS = 8,            /* SpanDSP's clock, 8000 Hz */
    TICK_SAMPLES = TICK_MS * SAMPLES_PER_MS,
    CALM_TICKS = 3,                /* while a page is on the line, so many are one */
};

struct engine;

enum call_state { OPENED, RUNNING, OVER };

struct source {                    /* where one kind of media comes from and goes to */
    int fd;
    struct sockaddr_storage sdp, peer;   /* where the SDP says, and where packets go */
    socklen_t peer_len;
    int peer_seen;                 /* a packet came from the SDP's address */
    int latched;                   /* the address was moved, once */
};

struct t38_media {
    t38_terminal_state_t *terminal;
    t38_rx_indicator_handler_t *on_indicator;
    t38_rx_data_handler_t *on_data;
    t38_rx_missing_handler_t *on_missing;
    struct udptl udptl;
    int packets_this_tick;
};

struct audio_media {
    struct rtp rtp;
    fax_state_t *fax;              /* NULL: tones only */
    hdlc_frame_handler_t on_frame;
    void *on_frame_data;
    modem_connect_tones_tx_state_t *tone_out;
    modem_connect_tones_rx_state_t *tone_in;
    int heard, sound_ms;
};

struct page {                      /* being received */
    struct t6 t6;
    struct thumbnail thumbnail;    /* of the first page */
    int kept;                      /* rows at the start of SpanDSP's buffer that are encoded */
};

struct call {
    uint64_t id;
    struct call *next_in_bucket;
    struct call *next, **link;
    struct engine *engine;

    struct source t38_source, audio_source;
    enum call_state state;
    enum vfx_media media;
    struct t38_media *t38;
    struct audio_media *audio;

    int64_t started_ms, last_tick_ms, last_packet_ms, looked_ms;
    int calm;                      /* T.38: image data flows, and nobody answers until it ends */
    int resting;                   /* ... and so it does nothing in this tick */
    int interval_ms;               /* from the last tick to the next */
    int held;                      /* a received page awaits its verdict */
    int64_t held_since_ms;
    int pages;                     /* confirmed (sending) or whole (receiving) so far */
    int pages_moved;               /* SpanDSP's own count, which rejected pages may move too */
    int ecm_retries;
    int image_seen;                /* T.38, no ECM: image data came that is no page yet */
    int64_t answered_ms;           /* our last CFR, FTT or MCF, or the last page */
    int false_mcf;                 /* an MCF is queued for a page that is not there */
    int phase_e;                   /* the phase E handler ran */
    int t30_code;
    int cause;
    int traces;
    uint32_t late_ticks;

    /* What is looked at in every tick stands above, close together. */
    struct vfx_options options;
    struct frame_guard guard;
    struct page page;
};

/* The engine's end of the events; takes a copy. */
void engine_send_event(struct engine *e, const struct vfx_event *event, size_t size);

/* Send SpanDSP's log to the call that it speaks of, and nothing to stderr. */
void call_capture_log(void);

/* Returns 0 and a call with its two sockets bound, or -errno. */
int call_new(struct engine *e, uint64_t id, const struct vfx_options *o, struct call **out,
             uint16_t *audio_port, uint16_t *t38_port);
void call_free(struct call *c);

void call_start(struct call *c, enum vfx_media media, const struct vfx_peer *peer);
void call_page_verdict(struct call *c, int durable);
void call_end(struct call *c, enum vfx_cause cause);
/* Every TICK_MS: take what came, then let time pass. A calm call rests but for every
 * CALM_TICKS-th tick. */
void call_read(struct call *c, unsigned tick);
void call_tick(struct call *c, int64_t now);
/* 1: it has nothing to do in any tick but those. */
int call_may_rest(const struct call *c);

/* ---- between call.c and the media ---- */

__attribute__((format(printf, 2, 3)))
void call_trace(struct call *c, const char *format, ...);
/* The T.30 of whatever carries it now, or NULL. */
t30_state_t *call_t30(struct call *c);
/* Give T.30 its document, its abilities and its handlers. */
void call_prepare_t30(struct call *c, t30_state_t *t30);

/* Before the first page: its rows come to us. */
void page_take_over(struct call *c, t30_state_t *t30);
/* Now and then: encode what came of a page. */
void page_encode_rows(struct call *c, t30_state_t *t30);
void page_free(struct page *p);

int t38_media_start(struct call *c, const struct vfx_peer *peer);
void t38_media_take(struct call *c, const uint8_t *packet, size_t len);
void t38_media_tick(struct call *c, int64_t now);
void t38_media_forget(struct call *c);   /* what came so far was not from the peer */
void t38_media_free(struct call *c);

int audio_media_start(struct call *c, const struct vfx_peer *peer);
int audio_media_begin_fax(struct call *c);
void audio_media_take(struct call *c, const uint8_t *packet, size_t len);
void audio_media_tick(struct call *c, int64_t now);
void audio_media_free(struct call *c);

#endif
