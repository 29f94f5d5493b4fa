#include "t38_media.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "session.h"
#include "spandsp_private.h"
#include "t30.h"
#include "udptl.h"

enum {
    MAX_TICKS_AT_ONCE = 10,        /* after a stall of the host */
    MAX_PACKETS_PER_TICK = 20,     /* SpanDSP's stream_hdlc can loop endlessly */
    CONTROL_DEPTH = 5,             /* redundancy of indicators and V.21 frames */
    IMAGE_DEPTH = 3,
    FEC_SPAN = 3,
    DATA_TYPE_V21 = 0,             /* T.38 Table 4 */
};

struct t38_media {
    struct media media;            /* first: the ops are given this */
    struct session *session;       /* borrowed */
    struct peer_socket *socket;    /* borrowed */
    t38_terminal_state_t *terminal;          /* owned */
    struct spandsp_t38_handlers handlers;    /* the terminal's own */
    struct udptl udptl;
    int packets_this_tick;
};

/* T.38 §7.2: the first octet of an IFP packet says indicator or data, and of what kind. */
static bool is_control(const uint8_t *ifp)
{
    return (ifp[0] & 0x40) == 0 || ((ifp[0] >> 1) & 0x1F) == DATA_TYPE_V21;
}

static bool ends_signal(int field_type)
{
    return field_type == T38_FIELD_HDLC_SIG_END || field_type == T38_FIELD_HDLC_FCS_OK_SIG_END
           || field_type == T38_FIELD_HDLC_FCS_BAD_SIG_END || field_type == T38_FIELD_T4_NON_ECM_SIG_END;
}

static int on_send_ifp(t38_core_state_t *t38, void *user_data, const uint8_t *buf, int len, int count)
{
    struct t38_media *m = user_data;
    uint8_t packet[UDPTL_MAX_PACKET];
    size_t size;

    (void) t38;
    if (++m->packets_this_tick > MAX_PACKETS_PER_TICK || len <= 0)
        return -1;
    if (m->udptl.recovery == UDPTL_REDUNDANCY)
        m->udptl.depth = is_control(buf) ? CONTROL_DEPTH : IMAGE_DEPTH;
    m->session->in_page_data = m->session->options.sending && !is_control(buf);
    size = udptl_build(&m->udptl, buf, (size_t) len, packet, sizeof(packet));
    if (size == 0)
        return -1;
    /* Redundancy cannot save the last packet of a burst; repeating it does. */
    for (int i = 0; i < count; i++)
        peer_socket_send(m->socket, packet, size);
    return 0;
}

static int guarded_indicator(t38_core_state_t *t38, void *user_data, int indicator)
{
    struct t38_media *m = user_data;

    m->session->in_page_data = false;
    frame_guard_reset(&m->session->guard);
    return m->handlers.indicator(t38, m->terminal, indicator);
}

static int guarded_missing(t38_core_state_t *t38, void *user_data, int rx_seq_no, int expected_seq_no)
{
    struct t38_media *m = user_data;

    return m->handlers.missing(t38, m->terminal, rx_seq_no, expected_seq_no);
}

static int guarded_data(t38_core_state_t *t38, void *user_data, int data_type, int field_type,
                        const uint8_t *buf, int len)
{
    struct t38_media *m = user_data;
    struct session *session = m->session;

    session->in_page_data = data_type != DATA_TYPE_V21 && !ends_signal(field_type);
    switch (field_type) {
    case T38_FIELD_T4_NON_ECM_DATA:
    case T38_FIELD_T4_NON_ECM_SIG_END:
        if (len > 0)
            session->image_seen = true;
        break;
    case T38_FIELD_HDLC_DATA:
        if (len > 0)
            frame_guard_add(&session->guard, buf, (size_t) len);
        break;
    case T38_FIELD_HDLC_FCS_OK:
    case T38_FIELD_HDLC_FCS_OK_SIG_END:
        if (len > 0)    /* seen from some peers, and honoured by SpanDSP */
            frame_guard_add(&session->guard, buf, (size_t) len);
        if (!frame_guard_finish(&session->guard)) {
            session_trace(session, "! a harmful T.30 frame was turned away");
            field_type = field_type == T38_FIELD_HDLC_FCS_OK ? T38_FIELD_HDLC_FCS_BAD
                                                             : T38_FIELD_HDLC_FCS_BAD_SIG_END;
        }
        break;
    case T38_FIELD_HDLC_FCS_BAD:
    case T38_FIELD_HDLC_FCS_BAD_SIG_END:
    case T38_FIELD_HDLC_SIG_END:
        frame_guard_reset(&session->guard);
        break;
    default:
        break;
    }
    return m->handlers.data(t38, m->terminal, data_type, field_type, buf, len);
}

static int start_t30(struct media *media)
{
    struct t38_media *m = (struct t38_media *) media;
    t38_core_state_t *t38 = t38_terminal_get_t38_core_state(m->terminal);

    t30_prepare(m->session, t38_terminal_get_t30_state(m->terminal));
    /* The first packets open NAT pinholes. */
    t38_core_send_indicator(t38, 0x100 | T38_IND_NO_SIGNAL);
    return 0;
}

static struct media *open_media(struct session *session, struct peer_socket *socket,
                                const struct vfx_peer *peer)
{
    static const struct spandsp_t38_handlers guarded = { guarded_indicator, guarded_data,
                                                         guarded_missing };
    struct t38_media *m = calloc(1, sizeof(*m));

    if (m == NULL)
        return NULL;
    m->media.ops = &t38_media_ops;
    m->session = session;
    m->socket = socket;
    udptl_init(&m->udptl, (enum udptl_recovery) peer->recovery, IMAGE_DEPTH, FEC_SPAN,
               peer->max_datagram);
    m->terminal = t38_terminal_init(NULL, session->options.calling, on_send_ifp, m);
    if (m->terminal == NULL) {
        free(m);
        return NULL;
    }

    t38_core_state_t *t38 = t38_terminal_get_t38_core_state(m->terminal);

    m->handlers = spandsp_replace_t38_handlers(t38, &guarded, m);
    t38_set_t38_version(t38, peer->version);
    t38_set_data_transport_protocol(t38, T38_TRANSPORT_UDPTL);
    t38_set_data_rate_management_method(t38, T38_DATA_RATE_MANAGEMENT_TRANSFERRED_TCF);
    t38_terminal_set_config(m->terminal, 0);
    t38_set_redundancy_control(t38, T38_PACKET_CATEGORY_INDICATOR, 3);
    t38_set_redundancy_control(t38, T38_PACKET_CATEGORY_CONTROL_DATA, 1);
    t38_set_redundancy_control(t38, T38_PACKET_CATEGORY_CONTROL_DATA_END, 3);
    t38_set_redundancy_control(t38, T38_PACKET_CATEGORY_IMAGE_DATA, 1);
    t38_set_redundancy_control(t38, T38_PACKET_CATEGORY_IMAGE_DATA_END, 3);
    span_log_set_level(t38_terminal_get_logging_state(m->terminal), SPAN_LOG_NONE);
    return &m->media;
}

static void receive(struct media *media, const uint8_t *packet, size_t len)
{
    struct t38_media *m = (struct t38_media *) media;
    struct udptl_ifp out[UDPTL_MAX_OUT];
    int count = udptl_receive(&m->udptl, packet, len, out);

    if (count < 0)
        return;
    m->session->last_packet_ms = now_ms();
    for (int i = 0; i < count && !m->session->phase_e; i++)
        t38_core_rx_ifp_packet(t38_terminal_get_t38_core_state(m->terminal), out[i].data, out[i].len,
                               out[i].seq);
}

static void tick(struct media *media, int64_t now)
{
    struct t38_media *m = (struct t38_media *) media;
    struct session *s = m->session;

    for (int i = 0; now > s->last_tick_ms && i < MAX_TICKS_AT_ONCE && !s->phase_e && !s->held; i++) {
        int64_t ms = now - s->last_tick_ms < s->interval_ms ? now - s->last_tick_ms : s->interval_ms;

        s->last_tick_ms += ms;
        m->packets_this_tick = 0;
        if (t38_terminal_send_timeout(m->terminal, (int) ms * SAMPLES_PER_MS))
            break;
    }
    if (s->held)
        s->last_tick_ms = now;   /* T.30's clock stands still until the verdict */
}

static t30_state_t *t30_of(struct media *media)
{
    return t38_terminal_get_t30_state(((struct t38_media *) media)->terminal);
}

static void count_packets(const struct media *media, struct vfx_stats *stats)
{
    const struct udptl_counts *u = &((const struct t38_media *) media)->udptl.counts;

    stats->packets_received = u->received;
    stats->packets_sent = u->sent;
    stats->packets_lost = u->lost;
    stats->packets_repaired = u->repaired;
    stats->packets_late = u->late;
    stats->packets_duplicate = u->duplicate;
    stats->packets_malformed = u->malformed;
}

static void forget_peer(struct media *media)
{
    struct t38_media *m = (struct t38_media *) media;

    m->udptl.started = false;
    memset(m->udptl.rx, 0, sizeof(m->udptl.rx));
    spandsp_restart_t38_sequence(t38_terminal_get_t38_core_state(m->terminal));
}

static void close_media(struct media *media)
{
    struct t38_media *m = (struct t38_media *) media;

    t38_terminal_release(m->terminal);
    t38_terminal_free(m->terminal);
    free(m);
}

const struct media_ops t38_media_ops = {
    open_media, start_t30, receive, tick, t30_of, count_packets, forget_peer, close_media,
};
