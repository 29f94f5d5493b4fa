#define _GNU_SOURCE
#include "call.h"

#include <errno.h>
#include <stdlib.h>

#include "audio_media.h"
#include "clock.h"
#include "t30.h"
#include "t38_media.h"

enum {
    LATE_TICK_MS = 60,
    ROUNDS = 32,                   /* of PACKETS_AT_ONCE, in one tick */
    PAGE_VERDICT_MS = 2500,        /* holding is safe to 3 s with ECM (T4) */
    NO_RTP_MS = 8000,              /* without a first packet */
    CHECK_MS = 500,                /* between looks at a page that is coming */
    MAX_ROWS = 30000,              /* of one page: 3.7 m at fine resolution */
};

/* ---- beginning and end ----------------------------------------------------- */

static void close_media(struct session *s)
{
    s->page.t30 = NULL;
    if (s->media != NULL)
        s->media->ops->close(s->media);
    s->media = NULL;
}

/* Close the T.30 session and its file, and report how it ended. */
static void finish(struct call *c)
{
    struct session *s = &c->session;
    struct queued_event *end = c->end;

    if (c->state == OVER)
        return;
    c->state = OVER;
    c->end = NULL;

    /* The figures are T.30's; but the file is closed before anybody learns of the end. */
    struct vfx_event event = session_end_event(s);
    close_media(s);
    page_free(&s->page);
    event_queue_send(s->events, &event, offsetof(struct vfx_event, stats) + sizeof(event.stats), end);
}

void call_end(struct call *c, enum vfx_cause cause)
{
    struct session *s = &c->session;
    t30_state_t *t30 = session_t30(s);

    if (c->state == OVER)
        return;
    if (!s->phase_e) {
        if (t30 != NULL) {
            t30_log_to(s);
            t30_terminate(t30);
            t30_log_to(NULL);
        }
        if (!s->phase_e)
            s->t30_code = T30_ERR_CALLDROPPED;
    }
    s->cause = (int) cause;
    finish(c);
}

/* T.38 may follow tones, or audio that has no page yet; audio may follow tones. */
static int begin(struct call *c, enum vfx_media kind, const struct vfx_peer *peer)
{
    struct session *s = &c->session;

    if (kind == VFX_T38)
        close_media(s);
    s->kind = kind;
    if (s->media == NULL) {
        s->media = kind == VFX_T38 ? t38_media_ops.open(s, &c->t38_socket, peer)
                                   : audio_media_ops.open(s, &c->audio_socket, peer);
        if (s->media == NULL)
            return -ENOMEM;
    }
    return kind == VFX_TONES ? 0 : s->media->ops->start_t30(s->media);
}

void call_start(struct call *c, enum vfx_media kind, const struct vfx_peer *peer)
{
    struct session *s = &c->session;
    struct peer_socket *socket = kind == VFX_T38 ? &c->t38_socket : &c->audio_socket;

    if (c->state == OVER)
        return;
    if (peer_socket_set_peer(socket, peer->address, peer->port) < 0) {
        call_end(c, VFX_BY_COMMAND);
        return;
    }
    if (s->kind == kind || (s->kind == VFX_AUDIO && kind == VFX_TONES)
        || (s->kind == VFX_T38 && kind != VFX_T38) || s->pages > 0)
        return;   /* a later SDP moved the peer; what runs goes on */
    if (c->state == OPENED)
        s->started_ms = now_ms();
    s->last_tick_ms = s->last_packet_ms = now_ms();
    s->interval_ms = TICK_MS;
    c->state = RUNNING;
    t30_log_to(s);
    int error = begin(c, kind, peer);
    t30_log_to(NULL);
    if (error < 0) {
        s->t30_code = T30_ERR_NOMEM;
        finish(c);
    }
}

/* ---- packets ------------------------------------------------------------------ */

static bool is_from_peer(struct call *c, struct peer_socket *socket, const struct packet *packet)
{
    struct session *s = &c->session;

    switch (peer_socket_judge(socket, packet)) {
    case FROM_STRANGER:
        return false;
    case FROM_SDP_AFTER_ALL:
        if (s->media != NULL)
            s->media->ops->forget_peer(s->media);
        session_trace(s, "! the peer sends from its SDP's address after all; back to that");
        return true;
    case FROM_NEW_ADDRESS:
        session_trace(s, "! the peer sends from another address than its SDP says; following it once");
        return true;
    default:
        return true;
    }
}

void call_receive(struct call *c, const uint8_t *packet, size_t len)
{
    struct session *s = &c->session;

    t30_log_to(s);
    s->media->ops->receive(s->media, packet, len);
    t30_log_to(NULL);
    if (s->phase_e)
        finish(c);
}

/* A flood beyond ROUNDS stays in the socket, and is lost there. */
static void read_packets(struct call *c, struct peer_socket *socket)
{
    struct packet packets[PACKETS_AT_ONCE];
    int count = PACKETS_AT_ONCE;

    for (int round = 0; round < ROUNDS && count == PACKETS_AT_ONCE; round++) {
        count = peer_socket_read(socket, packets);
        for (int i = 0; i < count; i++)
            if (c->state == RUNNING && c->session.media != NULL && is_from_peer(c, socket, &packets[i]))
                call_receive(c, packets[i].octets, packets[i].len);
    }
}

static void drop_packets(struct peer_socket *socket)
{
    struct packet packets[PACKETS_AT_ONCE];

    for (int round = 0; round < ROUNDS; round++)
        if (peer_socket_read(socket, packets) < PACKETS_AT_ONCE)
            return;
}

bool call_may_skip_ticks(const struct call *c)
{
    return c->state != RUNNING || (c->session.in_page_data && !c->session.options.sending);
}

void call_read(struct call *c, unsigned tick)
{
    c->skip_tick = c->session.in_page_data && tick % PAGE_DATA_TICKS != 0;
    if (c->skip_tick || c->session.kind == VFX_NO_MEDIA)
        return;
    read_packets(c, c->session.kind == VFX_T38 ? &c->t38_socket : &c->audio_socket);
}

/* ---- time ------------------------------------------------------------------------ */

/* Encode what came of a page. True when what is being received has grown too large. */
static bool page_is_too_large(struct session *s)
{
    t30_state_t *t30 = session_t30(s);
    t30_stats_t t;

    if (s->options.sending || t30 == NULL)
        return false;
    if (s->pages > s->options.max_pages)
        return true;
    page_encode_rows(&s->page);
    t30_get_transfer_statistics(t30, &t);
    return t.length > MAX_ROWS || t.image_size > s->options.max_page_bytes;
}

/* Receiving, a peer may not be silent for long; over RTP it may not be silent at all. */
static bool is_silent(const struct session *s, int64_t now)
{
    int64_t limit = (int64_t) s->options.silence_seconds * 1000;

    if (s->held || s->options.sending)
        return false;
    if (s->kind == VFX_AUDIO && !s->packet_seen && limit > NO_RTP_MS)
        limit = NO_RTP_MS;
    return now - s->last_packet_ms > limit;
}

void call_tick(struct call *c, int64_t now)
{
    struct session *s = &c->session;

    /* A sender's pages leave at their pace whatever comes in. */
    if (c->state != RUNNING || (c->skip_tick && !s->options.sending))
        return;
    if (now - s->started_ms > (int64_t) s->options.max_seconds * 1000) {
        call_end(c, VFX_BY_CLOCK);
        return;
    }
    if (s->false_mcf) {
        session_trace(s, "! a page was lost on the line: it is not confirmed");
        call_end(c, VFX_BY_PAGE_LOST);
        return;
    }
    if (now - c->checked_ms >= CHECK_MS) {
        c->checked_ms = now;
        /* Packets that are not awaited may not fill the socket. */
        drop_packets(s->kind == VFX_T38 ? &c->audio_socket : &c->t38_socket);
        if (page_is_too_large(s)) {
            call_end(c, VFX_BY_LIMIT);
            return;
        }
    }
    if (s->held && now - s->held_since_ms > PAGE_VERDICT_MS) {
        call_end(c, VFX_BY_PAGE_STALLED);
        return;
    }
    if (is_silent(s, now)) {
        call_end(c, VFX_BY_SILENCE);
        return;
    }
    if (now - s->last_tick_ms > s->interval_ms + LATE_TICK_MS)
        s->late_ticks++;
    t30_log_to(s);
    s->media->ops->tick(s->media, now);
    t30_log_to(NULL);
    s->interval_ms = call_may_skip_ticks(c) ? PAGE_DATA_TICKS * TICK_MS : TICK_MS;
    if (s->phase_e)
        finish(c);
}

void call_page_verdict(struct call *c, bool durable)
{
    struct session *s = &c->session;

    if (!s->held)
        return;
    if (!durable) {
        call_end(c, VFX_BY_PAGE_REFUSED);
    } else if (s->pages > s->options.max_pages) {
        call_end(c, VFX_BY_LIMIT);
    } else {
        s->held = false;
        s->last_packet_ms = now_ms();
    }
}

/* ---- open and free ------------------------------------------------------------------ */

int call_new(struct event_queue *events, uint64_t id, const struct vfx_options *o, struct call **out,
             uint16_t *audio_port, uint16_t *t38_port)
{
    struct call *c;
    int port;

    if (o->first_port == 0 || o->last_port <= o->first_port)
        return -EINVAL;
    if ((c = calloc(1, sizeof(*c))) == NULL)
        return -ENOMEM;
    c->t38_socket.fd = c->audio_socket.fd = -1;
    c->session.options = *o;
    c->session.call = id;
    c->session.events = events;
    if ((c->end = malloc(sizeof(*c->end))) == NULL) {
        call_free(c);
        return -ENOMEM;
    }
    port = peer_socket_open_pair(&c->audio_socket, &c->t38_socket, o->bind_address, o->first_port,
                                 o->last_port);
    if (port < 0) {
        call_free(c);
        return port;
    }
    *audio_port = (uint16_t) port;
    *t38_port = (uint16_t) (port + 1);
    *out = c;
    return 0;
}

void call_free(struct call *c)
{
    close_media(&c->session);
    page_free(&c->session.page);
    peer_socket_close(&c->t38_socket);
    peer_socket_close(&c->audio_socket);
    free(c->end);
    free(c);
}
