#define _GNU_SOURCE
#include "engine.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* The private structs: the guard stands between the T.38 core and T.30. */
#include <spandsp.h>
#include <spandsp/expose.h>

#include "frame_guard.h"
#include "udptl.h"

enum {
    TICK_MS = 20,
    SAMPLES_PER_MS = 8,            /* SpanDSP's clock, 8000 Hz */
    MAX_TICKS_AT_ONCE = 10,        /* after a stall of the host */
    LATE_TICK_MS = 60,
    MAX_PACKETS_PER_TICK = 20,     /* SpanDSP's stream_hdlc can loop for ever */
    MAX_PACKETS_PER_WAKE = 32,
    PAGE_VERDICT_MS = 2500,        /* holding is safe to 3 s with ECM (T4) */
    MAX_TRACES = 4000,
    REDUNDANCY_DEPTH = 3,
    FEC_SPAN = 3,
    BUCKETS = 4096,                /* calls by id; a power of two */
};

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

enum command_type { START, VERDICT, TERMINATE, CLOSE };

struct command {
    struct command *next;
    enum command_type type;
    uint64_t call;
    int durable;
    struct sockaddr_storage peer;
    socklen_t peer_len;
    int recovery, max_datagram, version;
};

struct queued_event {
    struct queued_event *next;
    struct vfx_event event;
};

struct vfx_engine {
    pthread_t thread;
    int epoll_fd, command_fd, event_fd;
    volatile int stopping;

    pthread_mutex_t lock;          /* the three lists below, nothing else */
    struct command *commands, **commands_tail;
    struct queued_event *events, **events_tail;
    struct call *opened;           /* on their way to the reactor */

    struct call *buckets[BUCKETS];
    struct call *slots[TICK_MS];   /* calls by the millisecond of their tick */
    int next_slot;
    int calls;
};

/* SpanDSP's message handler is given no user data: the call that the reactor
 * is working on stands here. */
static _Thread_local struct call *current;

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t) t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void copy_text(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from ? from : "");
}

static void wake(int fd)
{
    uint64_t one = 1;

    if (write(fd, &one, sizeof(one)) < 0) {
        /* The counter is full: the reader has been woken already. */
    }
}

static void drain(int fd)
{
    uint64_t count;

    if (read(fd, &count, sizeof(count)) < 0) {
        /* Nothing to drain. */
    }
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

static void push_event(struct vfx_engine *e, struct queued_event *q)
{
    if (q == NULL)
        return;
    pthread_mutex_lock(&e->lock);
    *e->events_tail = q;
    e->events_tail = &q->next;
    pthread_mutex_unlock(&e->lock);
    wake(e->event_fd);
}

static void report(struct call *c, enum vfx_event_type type, int code)
{
    struct queued_event *q = new_event(c, type, code);

    if (q != NULL) {
        q->event.cause = c->cause;
        collect_stats(c, &q->event.stats);
    }
    push_event(c->engine, q);
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
    push_event(c->engine, q);
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
    char hex[3 * 24 + 1] = "";
    int at = 0;

    (void) t30;
    if (len < 3 || msg[2] == T4_FCD || msg[2] == T4_RCP)
        return;
    for (int i = 3; i < len && i < 3 + 24; i++)
        at += snprintf(hex + at, sizeof(hex) - (size_t) at, " %02X", msg[i]);
    trace(c, "%c %s%s", incoming ? '<' : '>', t30_frametype(msg[2]), hex);
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
    push_event(c->engine, q);
}

static void end_t30(struct call *c, enum vfx_cause cause)
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

static void start(struct call *c, const struct command *command)
{
    if (c->state != OPENED) {
        /* A later SDP moved the peer; the T.30 session goes on. */
        if (c->state == RUNNING) {
            c->peer = command->peer;
            c->peer_len = command->peer_len;
            c->peer_seen = c->latched = 0;
        }
        return;
    }
    c->peer = command->peer;
    c->peer_len = command->peer_len;
    udptl_init(&c->udptl, command->recovery, REDUNDANCY_DEPTH, FEC_SPAN, command->max_datagram);
    c->started_ms = c->last_tick_ms = c->last_packet_ms = now_ms();
    if (set_up_t30(c, command->version) < 0) {
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

static void read_packets(struct call *c)
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

static void discard_audio(struct call *c)
{
    uint8_t packet[UDPTL_MAX_PACKET];

    for (int i = 0; i < MAX_PACKETS_PER_WAKE; i++)
        if (recv(c->audio_fd, packet, sizeof(packet), MSG_DONTWAIT) < 0)
            return;
}

static void tick(struct call *c, int64_t now)
{
    if (c->state != RUNNING)
        return;
    if (now - c->started_ms > (int64_t) c->max_seconds * 1000) {
        end_t30(c, VFX_BY_CLOCK);
        return;
    }
    if (c->held) {
        c->last_tick_ms = now;
        if (now - c->held_since_ms > PAGE_VERDICT_MS)
            end_t30(c, VFX_BY_PAGE_STALLED);
        return;
    }
    if (!c->sending && now - c->last_packet_ms > (int64_t) c->silence_seconds * 1000) {
        end_t30(c, VFX_BY_SILENCE);
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

/* ---- the reactor ------------------------------------------------------ */

static struct call **find(struct vfx_engine *e, uint64_t id)
{
    struct call **at = &e->buckets[id & (BUCKETS - 1)];

    while (*at != NULL && (*at)->id != id)
        at = &(*at)->next_in_bucket;
    return at;
}

static void free_call(struct call *c)
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

static void adopt(struct vfx_engine *e, struct call *c)
{
    struct call **bucket = &e->buckets[c->id & (BUCKETS - 1)];
    struct epoll_event on_t38 = { .events = EPOLLIN, .data.ptr = c };
    /* The lowest bit tells the two sockets apart; calls are aligned. */
    struct epoll_event on_audio = { .events = EPOLLIN, .data.u64 = (uint64_t) (uintptr_t) c | 1 };

    c->next_in_bucket = *bucket;
    *bucket = c;
    c->slot = e->next_slot;
    e->next_slot = (e->next_slot + 1) % TICK_MS;
    c->next_in_slot = e->slots[c->slot];
    if (c->next_in_slot != NULL)
        c->next_in_slot->link_in_slot = &c->next_in_slot;
    c->link_in_slot = &e->slots[c->slot];
    e->slots[c->slot] = c;
    e->calls++;
    epoll_ctl(e->epoll_fd, EPOLL_CTL_ADD, c->t38_fd, &on_t38);
    epoll_ctl(e->epoll_fd, EPOLL_CTL_ADD, c->audio_fd, &on_audio);
}

static void drop(struct vfx_engine *e, struct call **at)
{
    struct call *c = *at;

    *at = c->next_in_bucket;
    *c->link_in_slot = c->next_in_slot;
    if (c->next_in_slot != NULL)
        c->next_in_slot->link_in_slot = c->link_in_slot;
    e->calls--;
    free_call(c);
}

static void obey(struct vfx_engine *e, const struct command *command)
{
    struct call **at = find(e, command->call);
    struct call *c = *at;

    if (c == NULL)
        return;
    switch (command->type) {
    case START:
        start(c, command);
        break;
    case VERDICT:
        if (!c->held)
            break;
        c->held = 0;
        c->last_tick_ms = c->last_packet_ms = now_ms();
        if (!command->durable)
            end_t30(c, VFX_BY_PAGE_REFUSED);
        break;
    case TERMINATE:
        end_t30(c, VFX_BY_COMMAND);
        break;
    case CLOSE:
        end_t30(c, VFX_BY_COMMAND);
        drop(e, at);
        break;
    }
}

static void run_commands(struct vfx_engine *e)
{
    struct command *command;
    struct call *opened;

    drain(e->command_fd);
    pthread_mutex_lock(&e->lock);
    opened = e->opened;
    e->opened = NULL;
    command = e->commands;
    e->commands = NULL;
    e->commands_tail = &e->commands;
    pthread_mutex_unlock(&e->lock);

    while (opened != NULL) {
        struct call *next = opened->next_in_bucket;

        adopt(e, opened);
        opened = next;
    }
    while (command != NULL) {
        struct command *next = command->next;

        obey(e, command);
        free(command);
        command = next;
    }
}

static void run_ticks(struct vfx_engine *e, int64_t from, int64_t now)
{
    int64_t behind = now - from;

    for (int64_t ms = behind >= TICK_MS ? now - TICK_MS + 1 : from + 1; ms <= now; ms++)
        for (struct call *c = e->slots[ms % TICK_MS]; c != NULL; c = c->next_in_slot)
            tick(c, now);
}

static void *reactor(void *argument)
{
    struct vfx_engine *e = argument;
    int64_t ticked = now_ms();

    while (!e->stopping) {
        struct epoll_event ready[256];
        int count = epoll_wait(e->epoll_fd, ready, 256, e->calls > 0 ? 1 : -1);
        int commands = 0;

        for (int i = 0; i < count; i++) {
            uint64_t tag = ready[i].data.u64;

            if (tag == 0)
                commands = 1;
            else if (tag & 1)
                discard_audio((struct call *) (uintptr_t) (tag & ~(uint64_t) 1));
            else
                read_packets((struct call *) (uintptr_t) tag);
        }
        /* Only after the sockets: a command may free a call that stood in `ready`. */
        if (commands)
            run_commands(e);
        int64_t now = now_ms();
        if (now > ticked) {
            run_ticks(e, ticked, now);
            ticked = now;
        }
    }
    return NULL;
}

/* ---- the interface ---------------------------------------------------- */

struct vfx_engine *vfx_engine_new(void)
{
    struct vfx_engine *e = calloc(1, sizeof(*e));
    struct epoll_event on_command = { .events = EPOLLIN, .data.u64 = 0 };
    sigset_t all, before;

    if (e == NULL)
        return NULL;
    e->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    e->command_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    e->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    e->commands_tail = &e->commands;
    e->events_tail = &e->events;
    pthread_mutex_init(&e->lock, NULL);
    /* The handlers of a new state are taken from these; nothing goes to stderr. */
    span_set_message_handler(on_log);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (e->epoll_fd < 0 || e->command_fd < 0 || e->event_fd < 0
        || epoll_ctl(e->epoll_fd, EPOLL_CTL_ADD, e->command_fd, &on_command) < 0
        || pthread_create(&e->thread, NULL, reactor, e) != 0) {
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        free(e);
        return NULL;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return e;
}

void vfx_engine_free(struct vfx_engine *e)
{
    struct vfx_event ignored;

    e->stopping = 1;
    wake(e->command_fd);
    pthread_join(e->thread, NULL);
    run_commands(e);
    for (int i = 0; i < BUCKETS; i++)
        while (e->buckets[i] != NULL)
            drop(e, &e->buckets[i]);
    while (vfx_next_event(e, &ignored))
        ;
    close(e->epoll_fd);
    close(e->command_fd);
    close(e->event_fd);
    pthread_mutex_destroy(&e->lock);
    free(e);
}

int vfx_engine_event_fd(struct vfx_engine *e)
{
    return e->event_fd;
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

int vfx_call_open(struct vfx_engine *e, uint64_t id, const struct vfx_options *o,
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
        free_call(c);
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

    pthread_mutex_lock(&e->lock);
    c->next_in_bucket = e->opened;
    e->opened = c;
    pthread_mutex_unlock(&e->lock);
    wake(e->command_fd);
    return 0;
}

static int send_command(struct vfx_engine *e, const struct command *what)
{
    struct command *command = malloc(sizeof(*command));

    if (command == NULL)
        return -ENOMEM;
    *command = *what;
    command->next = NULL;
    pthread_mutex_lock(&e->lock);
    *e->commands_tail = command;
    e->commands_tail = &command->next;
    pthread_mutex_unlock(&e->lock);
    wake(e->command_fd);
    return 0;
}

int vfx_call_start(struct vfx_engine *e, uint64_t call, const struct vfx_peer *peer)
{
    struct command command = {
        .type = START, .call = call, .recovery = peer->recovery,
        .max_datagram = peer->max_datagram, .version = peer->version,
    };
    int error = parse_address(peer->address, peer->port, &command.peer, &command.peer_len);

    return error < 0 ? error : send_command(e, &command);
}

int vfx_call_page_verdict(struct vfx_engine *e, uint64_t call, int durable)
{
    return send_command(e, &(struct command) { .type = VERDICT, .call = call, .durable = durable });
}

int vfx_call_terminate(struct vfx_engine *e, uint64_t call)
{
    return send_command(e, &(struct command) { .type = TERMINATE, .call = call });
}

int vfx_call_close(struct vfx_engine *e, uint64_t call)
{
    return send_command(e, &(struct command) { .type = CLOSE, .call = call });
}

int vfx_next_event(struct vfx_engine *e, struct vfx_event *out)
{
    struct queued_event *q;

    pthread_mutex_lock(&e->lock);
    q = e->events;
    if (q == NULL) {
        drain(e->event_fd);
        pthread_mutex_unlock(&e->lock);
        return 0;
    }
    e->events = q->next;
    if (e->events == NULL)
        e->events_tail = &e->events;
    pthread_mutex_unlock(&e->lock);
    *out = q->event;
    free(q);
    return 1;
}
