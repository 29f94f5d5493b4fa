#include "audio_media.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "rtp.h"
#include "session.h"
#include "spandsp_private.h"
#include "t30.h"

enum {
    MAX_TICKS_AT_ONCE = 5,
    EARLY_MS = 2,                  /* a tick may come so much early: the slots are of 1 ms */
    SOUND_LEVEL = 300,             /* mean amplitude of 20 ms: about -38 dBm0 */
    SOUND_MS = 400,                /* so much of it is a voice, not a click */
};

struct audio_media {
    struct media media;            /* first: the ops are given this */
    struct session *session;       /* borrowed */
    struct peer_socket *socket;    /* borrowed */
    struct rtp rtp;
    fax_state_t *fax;              /* owned; NULL: tones only */
    hdlc_frame_handler_t on_frame; /* T.30's own */
    void *on_frame_data;           /* borrowed from T.30 */
    modem_connect_tones_tx_state_t *tone_out;   /* owned */
    modem_connect_tones_rx_state_t *tone_in;    /* owned */
    int audio_class, sound_ms;
};

/* Frames from the audio modems pass the same guard as those from T.38. */
static void guarded_frame(void *user_data, const uint8_t *msg, int len, int ok)
{
    struct audio_media *m = user_data;

    if (ok && len > 0 && !frame_guard_judge(&m->session->guard, msg, len)) {
        session_trace(m->session, "! a harmful T.30 frame was turned away");
        ok = 0;
    }
    m->on_frame(m->on_frame_data, msg, len, ok);
}

static void keep_guard(struct audio_media *m)
{
    spandsp_replace_hdlc_handler(m->fax, guarded_frame, m, &m->on_frame, &m->on_frame_data);
}

static void close_media(struct media *media)
{
    struct audio_media *m = (struct audio_media *) media;

    if (m->fax != NULL) {
        fax_release(m->fax);
        fax_free(m->fax);
    }
    if (m->tone_out != NULL)
        modem_connect_tones_tx_free(m->tone_out);
    if (m->tone_in != NULL)
        modem_connect_tones_rx_free(m->tone_in);
    free(m);
}

static struct media *open_media(struct session *session, struct peer_socket *socket,
                                const struct vfx_peer *peer)
{
    struct audio_media *m = calloc(1, sizeof(*m));
    bool calling = session->options.calling;

    if (m == NULL)
        return NULL;
    m->media.ops = &audio_media_ops;
    m->session = session;
    m->socket = socket;
    rtp_init(&m->rtp, peer->payload_type, (uint32_t) random(),
             (int) clock_jitter_ms() * SAMPLES_PER_MS);
    m->tone_out = modem_connect_tones_tx_init(NULL, calling ? MODEM_CONNECT_TONES_FAX_CNG
                                                            : MODEM_CONNECT_TONES_FAX_CED);
    m->tone_in = modem_connect_tones_rx_init(
        NULL, calling ? MODEM_CONNECT_TONES_FAX_CED_OR_PREAMBLE : MODEM_CONNECT_TONES_FAX_CNG, NULL,
        NULL);
    if (m->tone_out == NULL || m->tone_in == NULL) {
        close_media(&m->media);
        return NULL;
    }
    return &m->media;
}

static int start_t30(struct media *media)
{
    struct audio_media *m = (struct audio_media *) media;

    m->fax = fax_init(NULL, m->session->options.calling);
    if (m->fax == NULL)
        return -ENOMEM;
    fax_set_transmit_on_idle(m->fax, 1);
    span_log_set_level(fax_get_logging_state(m->fax), SPAN_LOG_NONE);
    t30_prepare(m->session, fax_get_t30_state(m->fax));
    keep_guard(m);
    return 0;
}

static void receive(struct media *media, const uint8_t *packet, size_t len)
{
    struct audio_media *m = (struct audio_media *) media;

    if (rtp_receive(&m->rtp, packet, len) < 0)
        return;
    m->session->packet_seen = true;
    m->session->last_packet_ms = now_ms();
}

static void note_class(struct audio_media *m, enum vfx_heard class, const char *sound)
{
    if ((int) class <= m->audio_class)
        return;
    m->audio_class = class;
    session_trace(m->session, "! heard %s", sound);
}

static void classify_audio(struct audio_media *m, const int16_t in[], int received)
{
    long sum = 0;
    int tone;

    if (received == 0)
        return;
    modem_connect_tones_rx(m->tone_in, in, TICK_SAMPLES);
    tone = modem_connect_tones_rx_get(m->tone_in);
    if (tone != MODEM_CONNECT_TONES_NONE) {
        note_class(m, VFX_HEARD_FAX, modem_connect_tone_to_str(tone));
        return;
    }
    for (int i = 0; i < TICK_SAMPLES; i++)
        sum += abs(in[i]);
    if (sum / TICK_SAMPLES > SOUND_LEVEL && (m->sound_ms += TICK_MS) >= SOUND_MS)
        note_class(m, VFX_HEARD_SOUND, "a voice, or another sound");
    else
        note_class(m, VFX_HEARD_SILENCE, "silence");
}

static void one_tick(struct audio_media *m)
{
    struct session *s = m->session;
    int16_t in[TICK_SAMPLES], out[TICK_SAMPLES];
    uint8_t packet[RTP_MAX_PACKET];
    int samples = 0;
    int received = rtp_play(&m->rtp, in, TICK_SAMPLES);

    if (m->fax == NULL) {
        classify_audio(m, in, received);
        samples = modem_connect_tones_tx(m->tone_out, out, TICK_SAMPLES);
    } else if (!s->held) {
        keep_guard(m);
        if (received)
            fax_rx(m->fax, in, TICK_SAMPLES);
        else
            fax_rx_fillin(m->fax, TICK_SAMPLES);
        if (!s->held && !s->phase_e)
            samples = fax_tx(m->fax, out, TICK_SAMPLES);
    }
    memset(out + samples, 0, sizeof(out[0]) * (size_t) (TICK_SAMPLES - samples));
    peer_socket_send(m->socket, packet, rtp_build(&m->rtp, out, TICK_SAMPLES, packet));
}

static void tick(struct media *media, int64_t now)
{
    struct audio_media *m = (struct audio_media *) media;
    struct session *s = m->session;

    for (int i = 0; now - s->last_tick_ms >= TICK_MS - EARLY_MS && i < MAX_TICKS_AT_ONCE && !s->phase_e;
         i++) {
        s->last_tick_ms += TICK_MS;
        one_tick(m);
    }
}

static t30_state_t *t30_of(struct media *media)
{
    struct audio_media *m = (struct audio_media *) media;

    return m->fax != NULL ? fax_get_t30_state(m->fax) : NULL;
}

static void count_packets(const struct media *media, struct vfx_stats *stats)
{
    const struct audio_media *m = (const struct audio_media *) media;

    stats->heard = m->audio_class;
    stats->packets_received = m->rtp.received;
    stats->packets_sent = m->rtp.sent;
    stats->packets_lost = m->rtp.lost;
    stats->packets_late = m->rtp.late;
    stats->packets_malformed = m->rtp.malformed;
}

static void forget_peer(struct media *media)
{
    (void) media;   /* another SSRC begins a new stream by itself */
}

const struct media_ops audio_media_ops = {
    open_media, start_t30, receive, tick, t30_of, count_packets, forget_peer, close_media,
};
