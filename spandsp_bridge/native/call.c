#define _GNU_SOURCE
#include "call.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LATE_TICK_MS = 60,
    PACKETS_AT_ONCE = 6,
    ROUNDS = 32,                   /* of so many packets, in one tick */
    PAGE_VERDICT_MS = 2500,        /* holding is safe to 3 s with ECM (T4) */
    REPEATED_MS = 5000,            /* a command is repeated after T4, 3 s */
    NO_RTP_MS = 8000,              /* without a first packet */
    LOOK_MS = 500,                 /* between looks at a page that is coming */
    MAX_TRACES = 4000,
    MAX_ROWS = 30000,              /* of one page: 3.7 m at fine resolution */
};

/* SpanDSP's message handler is given no user data: the call that the reactor
 * is working on stands here. */
static struct call *current;

static void copy_text(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from ? from : "");
}

t30_state_t *call_t30(struct call *c)
{
    if (c->t38 != NULL && c->t38->terminal != NULL)
        return t38_terminal_get_t30_state(c->t38->terminal);
    if (c->audio != NULL && c->audio->fax != NULL)
        return fax_get_t30_state(c->audio->fax);
    return NULL;
}

/* ---- events ---------------------------------------------------------- */

static void collect_stats(struct call *c, struct vfx_stats *s)
{
    t30_state_t *t30 = call_t30(c);
    t30_stats_t t;

    memset(s, 0, sizeof(*s));
    if (t30 != NULL) {
        t30_get_transfer_statistics(t30, &t);
        s->bit_rate = t.bit_rate;
        s->ecm = t.error_correcting_mode;
        s->encoding = t.encoding;
        s->width = t.width;
        s->length = t.length;
        s->x_resolution = t.x_resolution;
        s->y_resolution = t.y_resolution;
        s->image_size = t.image_size;
        s->bad_rows = t.bad_rows;
        copy_text(s->remote_station_id, sizeof(s->remote_station_id), t30_get_rx_ident(t30));
        copy_text(s->remote_vendor, sizeof(s->remote_vendor), t30_get_rx_vendor(t30));
    }
    s->media = c->media;
    s->pages = c->pages;
    s->ecm_retries = c->ecm_retries;
    s->frames_refused = c->guard.refused;
    s->late_ticks = c->late_ticks;
    if (c->t38 != NULL) {
        const struct udptl_counts *u = &c->t38->udptl.counts;

        s->packets_received = u->received;
        s->packets_sent = u->sent;
        s->packets_lost = u->lost;
        s->packets_repaired = u->repaired;
        s->packets_late = u->late;
        s->packets_duplicate = u->duplicate;
        s->packets_malformed = u->malformed;
    }
    if (c->audio != NULL) {
        const struct rtp *r = &c->audio->rtp;

        s->heard = c->audio->heard;
        if (c->t38 == NULL) {
            s->packets_received = r->received;
            s->packets_sent = r->sent;
            s->packets_lost = r->lost;
            s->packets_late = r->late;
            s->packets_malformed = r->malformed;
        }
    }
}

static struct vfx_event new_event(struct call *c, enum vfx_event_type type, int code)
{
    struct vfx_event event = { .call = c->id, .type = type, .code = code, .cause = c->cause };

    if (c->started_ms)
        event.seconds = (double) (now_ms() - c->started_ms) / 1000.0;
    return event;
}

static void report(struct call *c, enum vfx_event_type type, int code)
{
    struct vfx_event event = new_event(c, type, code);

    collect_stats(c, &event.stats);
    engine_send_event(c->engine, &event, offsetof(struct vfx_event, stats) + sizeof(event.stats));
}

void call_trace(struct call *c, const char *format, ...)
{
    struct vfx_event event = new_event(c, VFX_TRACE, 0);
    va_list args;

    if (c->traces++ >= MAX_TRACES)
        return;
    va_start(args, format);
    vsnprintf(event.text, sizeof(event.text), format, args);
    va_end(args);
    engine_send_event(c->engine, &event, offsetof(struct vfx_event, text) + strlen(event.text) + 1);
}

/* ---- SpanDSP's callbacks --------------------------------------------- */

static void on_log(int level, const char *text)
{
    if (current != NULL && level <= SPAN_LOG_PROTOCOL_WARNING)
        call_trace(current, "! %.*s", (int) strcspn(text, "\r\n"), text);
}

/* SpanDSP confirms a post-page command that it takes for a repeated one, as if its MCF had been
 * lost. Without ECM that may be a page whose whole signal was lost: it would be confirmed, and
 * be nowhere. The MCF is queued now and leaves from a later tick, which does not come. */
static void note_answer(struct call *c, t30_state_t *t30, uint8_t fcf)
{
    t30_stats_t t;

    fcf &= 0xFE;
    if (fcf == (T30_CFR & 0xFE) || fcf == (T30_FTT & 0xFE)) {
        c->image_seen = 0;
        page_take_over(c, t30);
    } else if (fcf == (T30_MCF & 0xFE)) {
        t30_get_transfer_statistics(t30, &t);
        if (!t.error_correcting_mode
            && (c->media == VFX_T38 ? c->image_seen : now_ms() - c->answered_ms > REPEATED_MS))
            c->false_mcf = 1;
    } else {
        return;
    }
    c->answered_ms = now_ms();
}

static void on_frame(t30_state_t *t30, void *user_data, int incoming, const uint8_t msg[], int len)
{
    struct call *c = user_data;
    char fif[3 * 24 + 1] = "";
    int at = 0;

    if (len < 3 || msg[2] == T4_FCD || msg[2] == T4_RCP)
        return;
    if ((msg[2] & 0xFE) == T30_CSI || (msg[2] & 0xFE) == T30_TSI) {
        /* CSI, CIG and TSI: the station id, its last character first (T.30 §5.3.6.2.4) */
        fif[at++] = ' ';
        for (int i = len - 1; i >= 3 && at < 24; i--)
            fif[at++] = (char) (msg[i] > ' ' && msg[i] < 0x7F ? msg[i] : ' ');
        fif[at] = '\0';
    } else {
        for (int i = 3; i < len && i < 3 + 24; i++)
            at += snprintf(fif + at, sizeof(fif) - (size_t) at, " %02X", msg[i]);
    }
    if (!incoming && !c->options.sending)
        note_answer(c, t30, msg[2]);
    call_trace(c, "%c %s%s", incoming ? '<' : '>', t30_frametype(msg[2]), fif);
}

static int on_phase_b(t30_state_t *t30, void *user_data, int result)
{
    (void) t30;
    report(user_data, VFX_NEGOTIATED, result);
    return T30_ERR_OK;
}

/* Phase D also fires for pages that were rejected: only a page count that grew is a
 * page, and sending, only with an answer that confirms. SpanDSP ignores what this returns. */
static int on_phase_d(t30_state_t *t30, void *user_data, int result)
{
    struct call *c = user_data;
    t30_stats_t t;
    int moved, fcf = result & 0xFE;

    t30_get_transfer_statistics(t30, &t);
    moved = c->options.sending ? t.pages_tx : t.pages_rx;
    if (moved <= c->pages_moved)
        return T30_ERR_OK;
    c->pages_moved = moved;
    if (c->options.sending && fcf != (T30_MCF & 0xFE) && fcf != (T30_RTP & 0xFE)
        && fcf != (T30_PIP & 0xFE))
        return T30_ERR_OK;
    c->pages++;
    c->image_seen = 0;
    c->answered_ms = now_ms();
    c->ecm_retries += t.error_correcting_mode_retries;
    if (!c->options.sending) {
        /* MCF leaves from a later tick: no tick before the verdict. */
        c->held = 1;
        c->held_since_ms = now_ms();
    }
    report(c, VFX_PAGE, fcf);
    return T30_ERR_OK;
}

static void on_phase_e(t30_state_t *t30, void *user_data, int completion_code)
{
    struct call *c = user_data;

    (void) t30;
    c->phase_e = 1;
    c->t30_code = completion_code;
}

void call_capture_log(void)
{
    span_set_message_handler(on_log);
}

/* ---- T.30 --------------------------------------------------------------- */

static int modems_for(int max_bit_rate)
{
    int modems = T30_SUPPORT_V27TER;

    if (max_bit_rate >= 7200)
        modems |= T30_SUPPORT_V29;
    if (max_bit_rate >= 12000)
        modems |= T30_SUPPORT_V17;
    return modems;
}

void call_prepare_t30(struct call *c, t30_state_t *t30)
{
    const struct vfx_options *o = &c->options;
    logging_state_t *log = t30_get_logging_state(t30);

    t30_set_tx_ident(t30, o->station_id);
    t30_set_supported_modems(t30, modems_for(o->max_bit_rate));
    t30_set_ecm_capability(t30, o->ecm);
    t30_set_supported_compressions(t30, T30_SUPPORT_T4_1D_COMPRESSION | T30_SUPPORT_T4_2D_COMPRESSION
                                            | T30_SUPPORT_T6_COMPRESSION);
    t30_set_supported_resolutions(t30, T30_SUPPORT_STANDARD_RESOLUTION | T30_SUPPORT_FINE_RESOLUTION
                                           | T30_SUPPORT_SUPERFINE_RESOLUTION | T30_SUPPORT_R8_RESOLUTION
                                           | T30_SUPPORT_R16_RESOLUTION);
    t30_set_supported_image_sizes(t30, T30_SUPPORT_215MM_WIDTH | T30_SUPPORT_255MM_WIDTH
                                           | T30_SUPPORT_303MM_WIDTH | T30_SUPPORT_UNLIMITED_LENGTH
                                           | T30_SUPPORT_A4_LENGTH | T30_SUPPORT_B4_LENGTH
                                           | T30_SUPPORT_US_LETTER_LENGTH | T30_SUPPORT_US_LEGAL_LENGTH);
    if (o->sending) {
        t30_set_tx_file(t30, o->file, o->start_page, -1);
        if (o->header_line[0] != '\0') {
            t30_set_tx_page_header_info(t30, o->header_line);
            if (o->time_zone[0] != '\0')
                t30_set_tx_page_header_tz(t30, o->time_zone);
        }
    } else {
        /* G4 in the file: it becomes PDF without another encoding. */
        t30_set_rx_encoding(t30, T4_COMPRESSION_ITU_T6);
        t30_set_rx_file(t30, o->file, -1);
    }
    t30_set_phase_b_handler(t30, on_phase_b, c);
    t30_set_phase_d_handler(t30, on_phase_d, c);
    t30_set_phase_e_handler(t30, on_phase_e, c);
    t30_set_real_time_frame_handler(t30, on_frame, c);
    span_log_set_message_handler(log, on_log);
    span_log_set_level(log, SPAN_LOG_PROTOCOL_WARNING | SPAN_LOG_SUPPRESS_LABELLING);
}

/* ---- beginning and end ----------------------------------------------------- */

/* Close the T.30 session and its file, and say how it ended. */
static void finish(struct call *c)
{
    if (c->state == OVER)
        return;
    c->state = OVER;

    struct vfx_event event = new_event(c, VFX_FINISHED, c->t30_code);
    collect_stats(c, &event.stats);
    /* The file is closed before anybody is told. */
    t38_media_free(c);
    audio_media_free(c);
    page_free(&c->page);
    engine_send_event(c->engine, &event, offsetof(struct vfx_event, stats) + sizeof(event.stats));
}

void call_end(struct call *c, enum vfx_cause cause)
{
    t30_state_t *t30 = call_t30(c);

    if (c->state == OVER)
        return;
    if (!c->phase_e) {
        if (t30 != NULL) {
            current = c;
            t30_terminate(t30);
            current = NULL;
        }
        if (!c->phase_e)
            c->t30_code = T30_ERR_CALLDROPPED;
    }
    c->cause = cause;
    finish(c);
}

static int parse_address(const char *text, uint16_t port, struct sockaddr_storage *out, socklen_t *len)
{
    struct sockaddr_in *v4 = (void *) out;
    struct sockaddr_in6 *v6 = (void *) out;

    memset(out, 0, sizeof(*out));
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        *len = sizeof(*v4);
        return 0;
    }
    if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        *len = sizeof(*v6);
        return 0;
    }
    return -EINVAL;
}

static void follow(struct source *s, const struct sockaddr_storage *peer, socklen_t len)
{
    s->sdp = s->peer = *peer;
    s->peer_len = len;
    s->peer_seen = s->latched = 0;
}

/* T.38 may follow tones, or audio that has no page yet; audio may follow tones. */
static int begin(struct call *c, enum vfx_media media, const struct vfx_peer *peer)
{
    if (media == VFX_T38) {
        audio_media_free(c);
        c->media = VFX_T38;
        return t38_media_start(c, peer);
    }
    if (c->audio == NULL && audio_media_start(c, peer) < 0)
        return -1;
    c->media = media;
    return media == VFX_AUDIO ? audio_media_begin_fax(c) : 0;
}

void call_start(struct call *c, enum vfx_media media, const struct vfx_peer *peer)
{
    struct source *source = media == VFX_T38 ? &c->t38_source : &c->audio_source;
    struct sockaddr_storage address;
    socklen_t len;

    if (c->state == OVER)
        return;
    if (parse_address(peer->address, peer->port, &address, &len) < 0) {
        call_end(c, VFX_BY_COMMAND);
        return;
    }
    follow(source, &address, len);
    if (c->media == media || (c->media == VFX_AUDIO && media == VFX_TONES)
        || (c->media == VFX_T38 && media != VFX_T38) || c->pages > 0)
        return;   /* a later SDP moved the peer; what runs goes on */
    if (c->state == OPENED)
        c->started_ms = now_ms();
    c->last_tick_ms = c->last_packet_ms = now_ms();
    c->interval_ms = TICK_MS;
    c->state = RUNNING;
    current = c;
    int failed = begin(c, media, peer) < 0;
    current = NULL;
    if (failed) {
        c->t30_code = T30_ERR_NOMEM;
        finish(c);
    }
}

/* ---- packets ------------------------------------------------------------------ */

static int same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    if (a->ss_family != b->ss_family)
        return 0;
    if (a->ss_family == AF_INET) {
        const struct sockaddr_in *x = (const void *) a, *y = (const void *) b;

        return x->sin_port == y->sin_port && x->sin_addr.s_addr == y->sin_addr.s_addr;
    }
    const struct sockaddr_in6 *x = (const void *) a, *y = (const void *) b;

    return x->sin6_port == y->sin6_port && memcmp(&x->sin6_addr, &y->sin6_addr, 16) == 0;
}

/* The SDP's address, or the one address that it turns out to be behind NAT. What comes from the
 * SDP's own address always counts: the other one was a stray, of a call that had the port before. */
static int from_peer(struct call *c, struct source *s, const struct sockaddr_storage *from, socklen_t len)
{
    if (same_address(from, &s->sdp)) {
        if (s->latched && !s->peer_seen) {
            s->peer = s->sdp;
            if (c->t38 != NULL)
                t38_media_forget(c);
            call_trace(c, "! the peer sends from its SDP's address after all; back to that");
        }
        s->peer_seen = 1;
        return 1;
    }
    if (s->peer_seen)
        return 0;
    if (s->latched)
        return same_address(from, &s->peer);
    s->peer = *from;
    s->peer_len = len;
    s->latched = 1;
    call_trace(c, "! the peer sends from another address than its SDP says; following it once");
    return 1;
}

static void read_packets(struct call *c, struct source *s, int wanted,
                         void (*take)(struct call *c, const uint8_t *packet, size_t len))
{
    static uint8_t packets[PACKETS_AT_ONCE][UDPTL_MAX_PACKET + 1];
    static struct sockaddr_storage from[PACKETS_AT_ONCE];
    static struct iovec vectors[PACKETS_AT_ONCE];
    static struct mmsghdr messages[PACKETS_AT_ONCE];
    int count = PACKETS_AT_ONCE;

    for (int i = 0; i < PACKETS_AT_ONCE && messages[i].msg_hdr.msg_name == NULL; i++) {
        vectors[i] = (struct iovec) { packets[i], sizeof(packets[i]) };
        messages[i].msg_hdr.msg_name = &from[i];
        messages[i].msg_hdr.msg_iov = &vectors[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    /* A flood beyond this stays in the socket, and is lost there. */
    for (int round = 0; round < ROUNDS && count == PACKETS_AT_ONCE; round++) {
        for (int i = 0; i < PACKETS_AT_ONCE; i++)
            messages[i].msg_hdr.msg_namelen = sizeof(from[i]);
        count = recvmmsg(s->fd, messages, PACKETS_AT_ONCE, MSG_DONTWAIT, NULL);
        for (int i = 0; i < count; i++) {
            if (c->state != RUNNING || !wanted
                || !from_peer(c, s, &from[i], messages[i].msg_hdr.msg_namelen))
                continue;
            current = c;
            take(c, packets[i], messages[i].msg_len);
            current = NULL;
            if (c->phase_e)
                finish(c);
        }
    }
}

int call_may_rest(const struct call *c)
{
    return c->state != RUNNING || (c->calm && !c->options.sending);
}

void call_read(struct call *c, unsigned tick)
{
    c->resting = c->calm && tick % CALM_TICKS != 0;
    if (c->resting)
        return;
    if (c->media == VFX_T38)
        read_packets(c, &c->t38_source, c->t38 != NULL, t38_media_take);
    else if (c->media != VFX_NO_MEDIA)
        read_packets(c, &c->audio_source, c->audio != NULL, audio_media_take);
}

/* ---- time ------------------------------------------------------------------------ */

/* Encode what came of a page. Returns 1 when what is being received has grown too large. */
static int look_at_page(struct call *c)
{
    t30_state_t *t30 = call_t30(c);
    t30_stats_t t;

    if (c->options.sending || t30 == NULL)
        return 0;
    if (c->pages > c->options.max_pages)
        return 1;
    page_encode_rows(c, t30);
    t30_get_transfer_statistics(t30, &t);
    return t.length > MAX_ROWS || t.image_size > c->options.max_page_bytes;
}

/* Receiving, a peer may not be silent for long; over RTP it may not be silent at all. */
static int is_silent(struct call *c, int64_t now)
{
    int64_t limit = (int64_t) c->options.silence_seconds * 1000;

    if (c->held || c->options.sending)
        return 0;
    if (c->media == VFX_AUDIO && c->audio->rtp.received == 0 && limit > NO_RTP_MS)
        limit = NO_RTP_MS;
    return now - c->last_packet_ms > limit;
}

void call_tick(struct call *c, int64_t now)
{
    /* A sender's pages leave at their pace whatever comes in. */
    if (c->state != RUNNING || (c->resting && !c->options.sending))
        return;
    if (now - c->started_ms > (int64_t) c->options.max_seconds * 1000) {
        call_end(c, VFX_BY_CLOCK);
        return;
    }
    if (c->false_mcf) {
        call_trace(c, "! a page was lost on the line: it is not confirmed");
        call_end(c, VFX_BY_PAGE_LOST);
        return;
    }
    if (now - c->looked_ms >= LOOK_MS) {
        c->looked_ms = now;
        /* What comes where nobody listens may not fill the socket. */
        read_packets(c, c->media == VFX_T38 ? &c->audio_source : &c->t38_source, 0, NULL);
        if (look_at_page(c)) {
            call_end(c, VFX_BY_LIMIT);
            return;
        }
    }
    if (c->held && now - c->held_since_ms > PAGE_VERDICT_MS) {
        call_end(c, VFX_BY_PAGE_STALLED);
        return;
    }
    if (is_silent(c, now)) {
        call_end(c, VFX_BY_SILENCE);
        return;
    }
    if (now - c->last_tick_ms > c->interval_ms + LATE_TICK_MS)
        c->late_ticks++;
    current = c;
    if (c->media != VFX_T38)
        audio_media_tick(c, now);
    else if (c->held)
        c->last_tick_ms = now;
    else
        t38_media_tick(c, now);
    current = NULL;
    c->interval_ms = call_may_rest(c) ? CALM_TICKS * TICK_MS : TICK_MS;
    if (c->phase_e)
        finish(c);
}

void call_page_verdict(struct call *c, int durable)
{
    if (!c->held)
        return;
    if (!durable) {
        call_end(c, VFX_BY_PAGE_REFUSED);
    } else if (c->pages > c->options.max_pages) {
        call_end(c, VFX_BY_LIMIT);
    } else {
        c->held = 0;
        c->last_packet_ms = now_ms();
    }
}

/* ---- coming and going --------------------------------------------------- */

static int bound_socket(const char *address, uint16_t port)
{
    struct sockaddr_storage a;
    socklen_t len;
    int fd, error;

    if ((error = parse_address(address, port, &a, &len)) < 0)
        return error;
    fd = socket(a.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (bind(fd, (struct sockaddr *) &a, len) < 0) {
        error = -errno;
        close(fd);
        return error;
    }
    return fd;
}

/* Bind two neighbouring ports; the search starts anywhere, so that a port that was just
 * given back, and may still get packets, rests. Returns the lower one, or -errno. */
static int bind_pair(struct call *c)
{
    const struct vfx_options *o = &c->options;
    int pairs = (o->last_port - o->first_port + 1) / 2;
    int offset = (int) (random() % pairs), error = -EADDRINUSE;

    for (int i = 0; i < pairs; i++) {
        int port = o->first_port + 2 * ((offset + i) % pairs);

        c->audio_source.fd = bound_socket(o->bind_address, (uint16_t) port);
        if (c->audio_source.fd >= 0) {
            c->t38_source.fd = bound_socket(o->bind_address, (uint16_t) (port + 1));
            if (c->t38_source.fd >= 0)
                return port;
            close(c->audio_source.fd);
            error = c->t38_source.fd;
        } else {
            error = c->audio_source.fd;
        }
        c->audio_source.fd = -1;
        if (error != -EADDRINUSE)
            break;
    }
    return error;
}

int call_new(struct engine *e, uint64_t id, const struct vfx_options *o, struct call **out,
             uint16_t *audio_port, uint16_t *t38_port)
{
    struct call *c;
    int port;

    if (o->first_port == 0 || o->last_port <= o->first_port)
        return -EINVAL;
    if ((c = calloc(1, sizeof(*c))) == NULL)
        return -ENOMEM;
    c->options = *o;
    c->t38_source.fd = c->audio_source.fd = -1;
    if ((port = bind_pair(c)) < 0) {
        call_free(c);
        return port;
    }
    c->id = id;
    c->engine = e;
    *audio_port = (uint16_t) port;
    *t38_port = (uint16_t) (port + 1);
    *out = c;
    return 0;
}

void call_free(struct call *c)
{
    t38_media_free(c);
    audio_media_free(c);
    page_free(&c->page);
    if (c->t38_source.fd >= 0)
        close(c->t38_source.fd);
    if (c->audio_source.fd >= 0)
        close(c->audio_source.fd);
    free(c);
}
