#define _GNU_SOURCE
#include "call.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    SAMPLES_PER_MS = 8,            /* SpanDSP's clock, 8000 Hz */
    MAX_TICKS_AT_ONCE = 10,        /* after a stall of the host */
    LATE_TICK_MS = 60,
    MAX_PACKETS_PER_TICK = 20,     /* SpanDSP's stream_hdlc can loop for ever */
    MAX_PACKETS_PER_WAKE = 32,
    PAGE_VERDICT_MS = 2500,        /* holding is safe to 3 s with ECM (T4) */
    MAX_TRACES = 4000,
    REDUNDANCY_DEPTH = 3,
    FEC_SPAN = 3,
};

/* SpanDSP's message handler is given no user data: the call that the reactor
 * is working on stands here. */
static _Thread_local struct call *current;

int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t) t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void copy_text(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from ? from : "");
}

/* ---- events ---------------------------------------------------------- */

static void collect_stats(struct call *c, struct vfx_stats *s)
{
    const struct udptl_counts *u = &c->udptl.counts;
    t30_stats_t t;

    memset(s, 0, sizeof(*s));
    if (c->terminal != NULL) {
        t30_state_t *t30 = t38_terminal_get_t30_state(c->terminal);

        t30_get_transfer_statistics(t30, &t);
        s->bit_rate = t.bit_rate;
        s->ecm = t.error_correcting_mode;
        s->encoding = t.encoding;
        s->pages = c->pages;
        s->width = t.width;
        s->length = t.length;
        s->x_resolution = t.x_resolution;
        s->y_resolution = t.y_resolution;
        s->image_size = t.image_size;
        s->bad_rows = t.bad_rows;
        copy_text(s->remote_station_id, sizeof(s->remote_station_id), t30_get_rx_ident(t30));
        copy_text(s->remote_vendor, sizeof(s->remote_vendor), t30_get_rx_vendor(t30));
    }
    s->ecm_retries = c->ecm_retries;
    s->packets_received = u->received;
    s->packets_sent = u->sent;
    s->packets_lost = u->lost;
    s->packets_repaired = u->repaired;
    s->packets_late = u->late;
    s->packets_duplicate = u->duplicate;
    s->packets_malformed = u->malformed;
    s->frames_refused = c->guard.refused;
    s->late_ticks = c->late_ticks;
}

static struct queued_event *new_event(struct call *c, enum vfx_event_type type, int code)
{
    struct queued_event *q = calloc(1, sizeof(*q));

    if (q == NULL)
        return NULL;
    q->event.call = c->id;
    q->event.type = type;
    q->event.code = code;
    if (c->started_ms)
        q->event.seconds = (double) (now_ms() - c->started_ms) / 1000.0;
    return q;
}

static void report(struct call *c, enum vfx_event_type type, int code)
{
    struct queued_event *q = new_event(c, type, code);

    if (q != NULL) {
        q->event.cause = c->cause;
        collect_stats(c, &q->event.stats);
    }
    engine_push_event(c->engine, q);
}

__attribute__((format(printf, 2, 3)))
static void trace(struct call *c, const char *format, ...)
{
    struct queued_event *q;
    va_list args;

    if (c->traces++ >= MAX_TRACES || (q = new_event(c, VFX_TRACE, 0)) == NULL)
        return;
    va_start(args, format);
    vsnprintf(q->event.text, sizeof(q->event.text), format, args);
    va_end(args);
    engine_push_event(c->engine, q);
}

/* ---- SpanDSP's callbacks --------------------------------------------- */

static void on_log(int level, const char *text)
{
    if (current != NULL && level <= SPAN_LOG_PROTOCOL_WARNING)
        trace(current, "! %.*s", (int) strcspn(text, "\r\n"), text);
}

static void on_frame(t30_state_t *t30, void *user_data, int incoming, const uint8_t msg[], int len)
{
    struct call *c = user_data;
    char fif[3 * 24 + 1] = "";
    int at = 0;

    (void) t30;
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
    trace(c, "%c %s%s", incoming ? '<' : '>', t30_frametype(msg[2]), fif);
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
    moved = c->sending ? t.pages_tx : t.pages_rx;
    if (moved <= c->pages_moved)
        return T30_ERR_OK;
    c->pages_moved = moved;
    if (c->sending && fcf != (T30_MCF & 0xFE) && fcf != (T30_RTP & 0xFE) && fcf != (T30_PIP & 0xFE))
        return T30_ERR_OK;
    c->pages++;
    c->ecm_retries += t.error_correcting_mode_retries;
    if (!c->sending) {
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

static int on_send_ifp(t38_core_state_t *t38, void *user_data, const uint8_t *buf, int len, int count)
{
    struct call *c = user_data;
    uint8_t packet[UDPTL_MAX_PACKET];
    size_t size;

    (void) t38;
    if (++c->packets_this_tick > MAX_PACKETS_PER_TICK)
        return -1;
    if (len <= 0 || (size = udptl_build(&c->udptl, buf, (size_t) len, packet, sizeof(packet))) == 0)
        return -1;
    /* Redundancy cannot save the last packet of a burst; repeating it does. */
    for (int i = 0; i < count; i++)
        sendto(c->t38_fd, packet, size, MSG_DONTWAIT | MSG_NOSIGNAL,
               (const struct sockaddr *) &c->peer, c->peer_len);
    return 0;
}

static int guarded_indicator(t38_core_state_t *t38, void *user_data, int indicator)
{
    struct call *c = user_data;

    frame_guard_reset(&c->guard);
    return c->on_indicator(t38, c->terminal, indicator);
}

static int guarded_missing(t38_core_state_t *t38, void *user_data, int rx_seq_no, int expected_seq_no)
{
    struct call *c = user_data;

    return c->on_missing(t38, c->terminal, rx_seq_no, expected_seq_no);
}

static int guarded_data(t38_core_state_t *t38, void *user_data, int data_type, int field_type,
                        const uint8_t *buf, int len)
{
    struct call *c = user_data;

    switch (field_type) {
    case T38_FIELD_HDLC_DATA:
        if (len > 0)
            frame_guard_add(&c->guard, buf, (size_t) len);
        break;
    case T38_FIELD_HDLC_FCS_OK:
    case T38_FIELD_HDLC_FCS_OK_SIG_END:
        if (len > 0)    /* seen from some peers, and honoured by SpanDSP */
            frame_guard_add(&c->guard, buf, (size_t) len);
        if (!frame_guard_finish(&c->guard)) {
            trace(c, "! a harmful T.30 frame was turned away");
            field_type = field_type == T38_FIELD_HDLC_FCS_OK ? T38_FIELD_HDLC_FCS_BAD
                                                             : T38_FIELD_HDLC_FCS_BAD_SIG_END;
        }
        break;
    case T38_FIELD_HDLC_FCS_BAD:
    case T38_FIELD_HDLC_FCS_BAD_SIG_END:
    case T38_FIELD_HDLC_SIG_END:
        frame_guard_reset(&c->guard);
        break;
    default:
        break;
    }
    return c->on_data(t38, c->terminal, data_type, field_type, buf, len);
}

void call_capture_log(void)
{
    span_set_message_handler(on_log);
}

/* ---- one call --------------------------------------------------------- */

static int modems_for(int max_bit_rate)
{
    int modems = T30_SUPPORT_V27TER;

    if (max_bit_rate >= 7200)
        modems |= T30_SUPPORT_V29;
    if (max_bit_rate >= 12000)
        modems |= T30_SUPPORT_V17;
    return modems;
}

static int set_up_t30(struct call *c, int version)
{
    c->terminal = t38_terminal_init(NULL, c->calling, on_send_ifp, c);
    if (c->terminal == NULL)
        return -1;

    t38_core_state_t *t38 = t38_terminal_get_t38_core_state(c->terminal);
    t30_state_t *t30 = t38_terminal_get_t30_state(c->terminal);

    c->on_indicator = t38->rx_indicator_handler;
    c->on_data = t38->rx_data_handler;
    c->on_missing = t38->rx_missing_handler;
    t38->rx_indicator_handler = guarded_indicator;
    t38->rx_data_handler = guarded_data;
    t38->rx_missing_handler = guarded_missing;
    t38->rx_user_data = c;

    t38_set_t38_version(t38, version);
    t38_set_data_transport_protocol(t38, T38_TRANSPORT_UDPTL);
    t38_set_data_rate_management_method(t38, T38_DATA_RATE_MANAGEMENT_TRANSFERRED_TCF);
    t38_terminal_set_config(c->terminal, 0);
    t38_set_redundancy_control(t38, T38_PACKET_CATEGORY_INDICATOR, 3);
    t38_set_redundancy_control(t38, T38_PACKET_CATEGORY_CONTROL_DATA, 1);
    t38_set_redundancy_control(t38, T38_PACKET_CATEGORY_CONTROL_DATA_END, 3);
    t38_set_redundancy_control(t38, T38_PACKET_CATEGORY_IMAGE_DATA, 1);
    t38_set_redundancy_control(t38, T38_PACKET_CATEGORY_IMAGE_DATA_END, 3);

    t30_set_tx_ident(t30, c->station_id);
    t30_set_supported_modems(t30, modems_for(c->max_bit_rate));
    t30_set_ecm_capability(t30, c->ecm);
    t30_set_supported_compressions(t30, T30_SUPPORT_T4_1D_COMPRESSION | T30_SUPPORT_T4_2D_COMPRESSION
                                            | T30_SUPPORT_T6_COMPRESSION);
    t30_set_supported_resolutions(t30, T30_SUPPORT_STANDARD_RESOLUTION | T30_SUPPORT_FINE_RESOLUTION
                                           | T30_SUPPORT_SUPERFINE_RESOLUTION | T30_SUPPORT_R8_RESOLUTION
                                           | T30_SUPPORT_R16_RESOLUTION);
    t30_set_supported_image_sizes(t30, T30_SUPPORT_215MM_WIDTH | T30_SUPPORT_255MM_WIDTH
                                           | T30_SUPPORT_303MM_WIDTH | T30_SUPPORT_UNLIMITED_LENGTH
                                           | T30_SUPPORT_A4_LENGTH | T30_SUPPORT_B4_LENGTH
                                           | T30_SUPPORT_US_LETTER_LENGTH | T30_SUPPORT_US_LEGAL_LENGTH);
    if (c->sending) {
        t30_set_tx_file(t30, c->file, c->start_page, -1);
        if (c->header_line[0] != '\0') {
            t30_set_tx_page_header_info(t30, c->header_line);
            if (c->time_zone[0] != '\0')
                t30_set_tx_page_header_tz(t30, c->time_zone);
        }
    } else {
        /* G4 in the file: it becomes PDF without another encoding. */
        t30_set_rx_encoding(t30, T4_COMPRESSION_ITU_T6);
        t30_set_rx_file(t30, c->file, -1);
    }
    t30_set_phase_b_handler(t30, on_phase_b, c);
    t30_set_phase_d_handler(t30, on_phase_d, c);
    t30_set_phase_e_handler(t30, on_phase_e, c);
    t30_set_real_time_frame_handler(t30, on_frame, c);

    logging_state_t *log = t30_get_logging_state(t30);
    span_log_set_message_handler(log, on_log);
    span_log_set_level(log, SPAN_LOG_PROTOCOL_WARNING | SPAN_LOG_SUPPRESS_LABELLING);
    log = t38_terminal_get_logging_state(c->terminal);
    span_log_set_message_handler(log, on_log);
    span_log_set_level(log, SPAN_LOG_NONE);
    return 0;
}

/* Close the T.30 session and its file, and say how it ended. */
static void finish(struct call *c)
{
    if (c->state == OVER)
        return;
    c->state = OVER;

    struct queued_event *q = new_event(c, VFX_FINISHED, c->t30_code);
    if (q != NULL) {
        q->event.cause = c->cause;
        collect_stats(c, &q->event.stats);
    }
    if (c->terminal != NULL) {
        t38_terminal_release(c->terminal);
        t38_terminal_free(c->terminal);
        c->terminal = NULL;
    }
    engine_push_event(c->engine, q);
}

void call_end(struct call *c, enum vfx_cause cause)
{
    if (c->state == OVER)
        return;
    if (c->state == OPENED) {
        c->t30_code = T30_ERR_CALLDROPPED;
    } else if (!c->phase_e) {
        current = c;
        t30_terminate(t38_terminal_get_t30_state(c->terminal));
        current = NULL;
        if (!c->phase_e)
            c->t30_code = T30_ERR_CALLDROPPED;
    }
    c->cause = cause;
    finish(c);
}

void call_start(struct call *c, const struct call_peer *peer)
{
    if (c->state != OPENED) {
        /* A later SDP moved the peer; the T.30 session goes on. */
        if (c->state == RUNNING) {
            c->peer = peer->address;
            c->peer_len = peer->address_len;
            c->peer_seen = c->latched = 0;
        }
        return;
    }
    c->peer = peer->address;
    c->peer_len = peer->address_len;
    udptl_init(&c->udptl, peer->recovery, REDUNDANCY_DEPTH, FEC_SPAN, peer->max_datagram);
    c->started_ms = c->last_tick_ms = c->last_packet_ms = now_ms();
    if (set_up_t30(c, peer->version) < 0) {
        c->t30_code = T30_ERR_NOMEM;
        finish(c);
        return;
    }
    c->state = RUNNING;
    /* The first packets open NAT pinholes. */
    current = c;
    c->packets_this_tick = 0;
    t38_core_send_indicator(t38_terminal_get_t38_core_state(c->terminal), 0x100 | T38_IND_NO_SIGNAL);
    current = NULL;
}

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

/* The SDP's address, or the one address that it turns out to be behind NAT. */
static int from_peer(struct call *c, const struct sockaddr_storage *from, socklen_t len)
{
    if (same_address(from, &c->peer)) {
        c->peer_seen = 1;
        return 1;
    }
    if (c->peer_seen || c->latched)
        return 0;
    c->peer = *from;
    c->peer_len = len;
    c->latched = c->peer_seen = 1;
    trace(c, "! the peer sends from another address than its SDP says; following it once");
    return 1;
}

static void take_packet(struct call *c, const uint8_t *packet, size_t len)
{
    struct udptl_ifp out[UDPTL_MAX_OUT];
    int count = udptl_receive(&c->udptl, packet, len, out);

    if (count < 0)
        return;
    c->last_packet_ms = now_ms();
    current = c;
    for (int i = 0; i < count && !c->phase_e; i++)
        t38_core_rx_ifp_packet(t38_terminal_get_t38_core_state(c->terminal), out[i].data, out[i].len,
                               out[i].seq);
    current = NULL;
    if (c->phase_e)
        finish(c);
}

void call_read_packets(struct call *c)
{
    uint8_t packet[UDPTL_MAX_PACKET + 1];

    for (int i = 0; i < MAX_PACKETS_PER_WAKE; i++) {
        struct sockaddr_storage from;
        socklen_t from_len = sizeof(from);
        ssize_t len = recvfrom(c->t38_fd, packet, sizeof(packet), MSG_DONTWAIT,
                               (struct sockaddr *) &from, &from_len);

        if (len < 0)
            return;
        if (c->state != RUNNING)
            continue;
        if (!from_peer(c, &from, from_len))
            continue;
        take_packet(c, packet, (size_t) len);
    }
}

void call_discard_audio(struct call *c)
{
    uint8_t packet[UDPTL_MAX_PACKET];

    for (int i = 0; i < MAX_PACKETS_PER_WAKE; i++)
        if (recv(c->audio_fd, packet, sizeof(packet), MSG_DONTWAIT) < 0)
            return;
}

void call_tick(struct call *c, int64_t now)
{
    if (c->state != RUNNING)
        return;
    if (now - c->started_ms > (int64_t) c->max_seconds * 1000) {
        call_end(c, VFX_BY_CLOCK);
        return;
    }
    if (c->held) {
        c->last_tick_ms = now;
        if (now - c->held_since_ms > PAGE_VERDICT_MS)
            call_end(c, VFX_BY_PAGE_STALLED);
        return;
    }
    if (!c->sending && now - c->last_packet_ms > (int64_t) c->silence_seconds * 1000) {
        call_end(c, VFX_BY_SILENCE);
        return;
    }
    if (now - c->last_tick_ms > TICK_MS + LATE_TICK_MS)
        c->late_ticks++;
    current = c;
    for (int i = 0; now > c->last_tick_ms && i < MAX_TICKS_AT_ONCE && !c->phase_e && !c->held; i++) {
        int64_t ms = now - c->last_tick_ms < TICK_MS ? now - c->last_tick_ms : TICK_MS;

        c->last_tick_ms += ms;
        c->packets_this_tick = 0;
        if (t38_terminal_send_timeout(c->terminal, (int) ms * SAMPLES_PER_MS))
            break;
    }
    current = NULL;
    if (c->phase_e)
        finish(c);
}

void call_page_verdict(struct call *c, int durable)
{
    if (!c->held)
        return;
    c->held = 0;
    c->last_tick_ms = c->last_packet_ms = now_ms();
    if (!durable)
        call_end(c, VFX_BY_PAGE_REFUSED);
}

/* ---- coming and going --------------------------------------------------- */

int parse_address(const char *text, uint16_t port, struct sockaddr_storage *out, socklen_t *len)
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

int call_new(struct vfx_engine *e, uint64_t id, const struct vfx_options *o, struct call **out,
             uint16_t *audio_port, uint16_t *t38_port)
{
    struct call *c = calloc(1, sizeof(*c));
    int error = -EADDRINUSE;

    if (c == NULL)
        return -ENOMEM;
    c->t38_fd = c->audio_fd = -1;
    if (strlen(o->file) >= sizeof(c->file) || o->first_port == 0 || o->last_port <= o->first_port) {
        free(c);
        return -EINVAL;
    }
    for (int port = o->first_port; port + 1 <= o->last_port; port += 2) {
        c->audio_fd = bound_socket(o->bind_address, (uint16_t) port);
        if (c->audio_fd < 0 && (error = c->audio_fd) != -EADDRINUSE)
            break;
        if (c->audio_fd < 0)
            continue;
        c->t38_fd = bound_socket(o->bind_address, (uint16_t) (port + 1));
        if (c->t38_fd >= 0) {
            *audio_port = (uint16_t) port;
            *t38_port = (uint16_t) (port + 1);
            break;
        }
        error = c->t38_fd;
        close(c->audio_fd);
        c->audio_fd = -1;
    }
    if (c->t38_fd < 0) {
        call_free(c);
        return error;
    }
    c->id = id;
    c->engine = e;
    c->sending = o->sending;
    c->start_page = o->start_page;
    c->calling = o->calling;
    c->ecm = o->ecm;
    c->max_bit_rate = o->max_bit_rate;
    c->max_seconds = o->max_seconds;
    c->silence_seconds = o->silence_seconds;
    copy_text(c->file, sizeof(c->file), o->file);
    copy_text(c->station_id, sizeof(c->station_id), o->station_id);
    copy_text(c->header_line, sizeof(c->header_line), o->header_line);
    copy_text(c->time_zone, sizeof(c->time_zone), o->time_zone);
    *out = c;
    return 0;
}

void call_free(struct call *c)
{
    if (c->terminal != NULL) {
        t38_terminal_release(c->terminal);
        t38_terminal_free(c->terminal);
    }
    if (c->t38_fd >= 0)
        close(c->t38_fd);
    if (c->audio_fd >= 0)
        close(c->audio_fd);
    free(c);
}
