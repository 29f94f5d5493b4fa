#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "call.h"

enum {
    MAX_TICKS_AT_ONCE = 10,        /* after a stall of the host */
    MAX_PACKETS_PER_TICK = 20,     /* SpanDSP's stream_hdlc can loop for ever */
    CONTROL_DEPTH = 5,             /* redundancy of indicators and V.21 frames */
    IMAGE_DEPTH = 3,
    FEC_SPAN = 3,
    DATA_TYPE_V21 = 0,             /* T.38 Table 4 */
};

/* T.38 §7.2: the first octet of an IFP packet says indicator or data, and of what kind. */
static int is_control(const uint8_t *ifp)
{
    return (ifp[0] & 0x40) == 0 || ((ifp[0] >> 1) & 0x1F) == DATA_TYPE_V21;
}

static int ends_signal(int field_type)
{
    return field_type == T38_FIELD_HDLC_SIG_END || field_type == T38_FIELD_HDLC_FCS_OK_SIG_END
           || field_type == T38_FIELD_HDLC_FCS_BAD_SIG_END || field_type == T38_FIELD_T4_NON_ECM_SIG_END;
}

static int on_send_ifp(t38_core_state_t *t38, void *user_data, const uint8_t *buf, int len, int count)
{
    struct call *c = user_data;
    uint8_t packet[UDPTL_MAX_PACKET];
    size_t size;

    (void) t38;
    if (++c->t38->packets_this_tick > MAX_PACKETS_PER_TICK || len <= 0)
        return -1;
    if (c->t38->udptl.recovery == UDPTL_REDUNDANCY)
        c->t38->udptl.depth = is_control(buf) ? CONTROL_DEPTH : IMAGE_DEPTH;
    c->calm = c->options.sending && !is_control(buf);
    size = udptl_build(&c->t38->udptl, buf, (size_t) len, packet, sizeof(packet));
    if (size == 0)
        return -1;
    /* Redundancy cannot save the last packet of a burst; repeating it does. */
    for (int i = 0; i < count; i++)
        sendto(c->t38_source.fd, packet, size, MSG_DONTWAIT | MSG_NOSIGNAL,
               (const struct sockaddr *) &c->t38_source.peer, c->t38_source.peer_len);
    return 0;
}

static int guarded_indicator(t38_core_state_t *t38, void *user_data, int indicator)
{
    struct call *c = user_data;

    c->calm = 0;
    frame_guard_reset(&c->guard);
    return c->t38->on_indicator(t38, c->t38->terminal, indicator);
}

static int guarded_missing(t38_core_state_t *t38, void *user_data, int rx_seq_no, int expected_seq_no)
{
    struct call *c = user_data;

    return c->t38->on_missing(t38, c->t38->terminal, rx_seq_no, expected_seq_no);
}

static int guarded_data(t38_core_state_t *t38, void *user_data, int data_type, int field_type,
                        const uint8_t *buf, int len)
{
    struct call *c = user_data;

    c->calm = data_type != DATA_TYPE_V21 && !ends_signal(field_type);
    switch (field_type) {
    case T38_FIELD_T4_NON_ECM_DATA:
    case T38_FIELD_T4_NON_ECM_SIG_END:
        if (len > 0)
            c->image_seen = 1;
        break;
    case T38_FIELD_HDLC_DATA:
        if (len > 0)
            frame_guard_add(&c->guard, buf, (size_t) len);
        break;
    case T38_FIELD_HDLC_FCS_OK:
    case T38_FIELD_HDLC_FCS_OK_SIG_END:
        if (len > 0)    /* seen from some peers, and honoured by SpanDSP */
            frame_guard_add(&c->guard, buf, (size_t) len);
        if (!frame_guard_finish(&c->guard)) {
            call_trace(c, "! a harmful T.30 frame was turned away");
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
    return c->t38->on_data(t38, c->t38->terminal, data_type, field_type, buf, len);
}

int t38_media_start(struct call *c, const struct vfx_peer *peer)
{
    struct t38_media *m = calloc(1, sizeof(*m));

    if (m == NULL)
        return -1;
    c->t38 = m;
    udptl_init(&m->udptl, (enum udptl_recovery) peer->recovery, IMAGE_DEPTH, FEC_SPAN,
               peer->max_datagram);
    m->terminal = t38_terminal_init(NULL, c->options.calling, on_send_ifp, c);
    if (m->terminal == NULL)
        return -1;

    t38_core_state_t *t38 = t38_terminal_get_t38_core_state(m->terminal);

    m->on_indicator = t38->rx_indicator_handler;
    m->on_data = t38->rx_data_handler;
    m->on_missing = t38->rx_missing_handler;
    t38->rx_indicator_handler = guarded_indicator;
    t38->rx_data_handler = guarded_data;
    t38->rx_missing_handler = guarded_missing;
    t38->rx_user_data = c;

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
    call_prepare_t30(c, t38_terminal_get_t30_state(m->terminal));
    /* The first packets open NAT pinholes. */
    t38_core_send_indicator(t38, 0x100 | T38_IND_NO_SIGNAL);
    return 0;
}

void t38_media_take(struct call *c, const uint8_t *packet, size_t len)
{
    struct udptl_ifp out[UDPTL_MAX_OUT];
    int count = udptl_receive(&c->t38->udptl, packet, len, out);

    if (count < 0)
        return;
    c->last_packet_ms = now_ms();
    for (int i = 0; i < count && !c->phase_e; i++)
        t38_core_rx_ifp_packet(t38_terminal_get_t38_core_state(c->t38->terminal), out[i].data,
                               out[i].len, out[i].seq);
}

void t38_media_tick(struct call *c, int64_t now)
{
    for (int i = 0; now > c->last_tick_ms && i < MAX_TICKS_AT_ONCE && !c->phase_e && !c->held; i++) {
        int64_t ms = now - c->last_tick_ms < c->interval_ms ? now - c->last_tick_ms : c->interval_ms;

        c->last_tick_ms += ms;
        c->t38->packets_this_tick = 0;
        if (t38_terminal_send_timeout(c->t38->terminal, (int) ms * SAMPLES_PER_MS))
            break;
    }
}

void t38_media_forget(struct call *c)
{
    struct udptl *u = &c->t38->udptl;

    u->started = 0;
    memset(u->rx, 0, sizeof(u->rx));
    t38_terminal_get_t38_core_state(c->t38->terminal)->rx_expected_seq_no = -1;
}

void t38_media_free(struct call *c)
{
    if (c->t38 == NULL)
        return;
    if (c->t38->terminal != NULL) {
        t38_terminal_release(c->t38->terminal);
        t38_terminal_free(c->t38->terminal);
    }
    free(c->t38);
    c->t38 = NULL;
}
