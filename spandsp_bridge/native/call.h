/* One T.38 call: its sockets, its SpanDSP terminal, its UDPTL, its guard. Everything but
 * call_new() runs in the engine's reactor thread. */
#ifndef VFAX_CALL_H
#define VFAX_CALL_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

/* The private structs: the guard stands between the T.38 core and T.30. */
#include <spandsp.h>
#include <spandsp/expose.h>

#include "engine.h"
#include "frame_guard.h"
#include "udptl.h"

enum { TICK_MS = 20 };

enum call_state { OPENED, RUNNING, OVER };

struct call {
    uint64_t id;
    struct call *next_in_bucket;
    struct call *next_in_slot, **link_in_slot;
    struct vfx_engine *engine;
    int slot;

    int t38_fd, audio_fd;
    struct sockaddr_storage peer;
    socklen_t peer_len;
    int peer_seen;                 /* a packet came from the SDP's address */
    int latched;                   /* the address was moved, once */

    enum call_state state;
    t38_terminal_state_t *terminal;
    t38_rx_indicator_handler_t *on_indicator;
    t38_rx_data_handler_t *on_data;
    t38_rx_missing_handler_t *on_missing;
    struct udptl udptl;
    struct frame_guard guard;

    int sending, start_page, calling, ecm, max_bit_rate, max_seconds, silence_seconds;
    char file[256], station_id[24], header_line[64], time_zone[64];

    int64_t started_ms, last_tick_ms, last_packet_ms;
    int packets_this_tick;
    int held;                      /* a received page awaits its verdict */
    int64_t held_since_ms;
    int pages;                     /* confirmed (sending) or whole (receiving) so far */
    int pages_moved;               /* SpanDSP's own count, which rejected pages may move too */
    int ecm_retries;
    int phase_e;                   /* the phase E handler ran */
    int t30_code;
    int cause;
    int traces;
    uint32_t late_ticks;
};

struct call_peer {
    struct sockaddr_storage address;
    socklen_t address_len;
    int recovery, max_datagram, version;
};

struct queued_event {
    struct queued_event *next;
    struct vfx_event event;
};

/* The engine's end of the event queue; takes ownership, NULL is ignored. */
void engine_push_event(struct vfx_engine *e, struct queued_event *q);

int64_t now_ms(void);   /* CLOCK_MONOTONIC */

/* Send SpanDSP's log to the call that it speaks of, and nothing to stderr. */
void call_capture_log(void);

/* Returns 0 and a call with its two sockets bound, or -errno. Any thread. */
int call_new(struct vfx_engine *e, uint64_t id, const struct vfx_options *o, struct call **out,
             uint16_t *audio_port, uint16_t *t38_port);
void call_free(struct call *c);

/* An IP literal, v4 or v6. Returns 0 or -EINVAL. */
int parse_address(const char *text, uint16_t port, struct sockaddr_storage *out, socklen_t *len);

void call_start(struct call *c, const struct call_peer *peer);
void call_page_verdict(struct call *c, int durable);
void call_end(struct call *c, enum vfx_cause cause);
void call_read_packets(struct call *c);
void call_discard_audio(struct call *c);
void call_tick(struct call *c, int64_t now);

#endif
