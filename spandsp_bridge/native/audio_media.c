#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "call.h"

enum {
    MAX_TICKS_AT_ONCE = 5,
    EARLY_MS = 2,                  /* a tick may come so much early: the slots are of 1 ms */
    SOUND_LEVEL = 300,             /* mean amplitude of 20 ms: about -38 dBm0 */
    SOUND_MS = 400,                /* so much of it is a voice, not a click */
};

/* Frames from the audio modems pass the same guard as those from T.38. */
static void guarded_frame(void *user_data, const uint8_t *msg, int len, int ok)
{
    struct call *c = user_data;

    if (ok && len > 0 && !frame_guard_judge(&c->guard, msg, len)) {
        call_trace(c, "! a harmful T.30 frame was turned away");
        ok = 0;
    }
    c->audio->on_frame(c->audio->on_frame_data, msg, len, ok);
}

static void keep_guard(struct call *c)
{
    hdlc_rx_state_t *hdlc = &c->audio->fax->modems.hdlc_rx;

    if (hdlc->frame_handler == guarded_frame)
        return;
    c->audio->on_frame = hdlc->frame_handler;
    c->audio->on_frame_data = hdlc->frame_user_data;
    hdlc->frame_handler = guarded_frame;
    hdlc->frame_user_data = c;
}

int audio_media_start(struct call *c, const struct vfx_peer *peer)
{
    struct audio_media *m = calloc(1, sizeof(*m));

    if (m == NULL)
        return -1;
    c->audio = m;
    rtp_init(&m->rtp, peer->payload_type, (uint32_t) random(),
             (int) clock_jitter_ms() * SAMPLES_PER_MS);
    m->tone_out = modem_connect_tones_tx_init(NULL, c->options.calling ? MODEM_CONNECT_TONES_FAX_CNG
                                                                       : MODEM_CONNECT_TONES_FAX_CED);
    m->tone_in = modem_connect_tones_rx_init(
        NULL,
        c->options.calling ? MODEM_CONNECT_TONES_FAX_CED_OR_PREAMBLE : MODEM_CONNECT_TONES_FAX_CNG,
        NULL, NULL);
    return m->tone_out != NULL && m->tone_in != NULL ? 0 : -1;
}

int audio_media_begin_fax(struct call *c)
{
    struct audio_media *m = c->audio;

    m->fax = fax_init(NULL, c->options.calling);
    if (m->fax == NULL)
        return -1;
    fax_set_transmit_on_idle(m->fax, 1);
    span_log_set_level(fax_get_logging_state(m->fax), SPAN_LOG_NONE);
    call_prepare_t30(c, fax_get_t30_state(m->fax));
    keep_guard(c);
    return 0;
}

void audio_media_take(struct call *c, const uint8_t *packet, size_t len)
{
    if (rtp_receive(&c->audio->rtp, packet, len) == 0)
        c->last_packet_ms = now_ms();
}

static void note(struct call *c, enum vfx_heard heard, const char *what)
{
    if ((int) heard <= c->audio->heard)
        return;
    c->audio->heard = heard;
    call_trace(c, "! heard %s", what);
}

static void hear(struct call *c, const int16_t in[], int there)
{
    struct audio_media *m = c->audio;
    long sum = 0;
    int tone;

    if (there == 0)
        return;
    modem_connect_tones_rx(m->tone_in, in, TICK_SAMPLES);
    tone = modem_connect_tones_rx_get(m->tone_in);
    if (tone != MODEM_CONNECT_TONES_NONE) {
        note(c, VFX_HEARD_FAX, modem_connect_tone_to_str(tone));
        return;
    }
    for (int i = 0; i < TICK_SAMPLES; i++)
        sum += abs(in[i]);
    if (sum / TICK_SAMPLES > SOUND_LEVEL && (m->sound_ms += TICK_MS) >= SOUND_MS)
        note(c, VFX_HEARD_SOUND, "a voice, or another sound");
    else
        note(c, VFX_HEARD_SILENCE, "silence");
}

static void one_tick(struct call *c)
{
    struct audio_media *m = c->audio;
    int16_t in[TICK_SAMPLES], out[TICK_SAMPLES];
    uint8_t packet[RTP_MAX_PACKET];
    int made = 0;
    int there = rtp_play(&m->rtp, in, TICK_SAMPLES);

    if (m->fax == NULL) {
        hear(c, in, there);
        made = modem_connect_tones_tx(m->tone_out, out, TICK_SAMPLES);
    } else if (!c->held) {
        keep_guard(c);
        if (there)
            fax_rx(m->fax, in, TICK_SAMPLES);
        else
            fax_rx_fillin(m->fax, TICK_SAMPLES);
        if (!c->held && !c->phase_e)
            made = fax_tx(m->fax, out, TICK_SAMPLES);
    }
    memset(out + made, 0, sizeof(out[0]) * (size_t) (TICK_SAMPLES - made));
    size_t size = rtp_build(&m->rtp, out, TICK_SAMPLES, packet);
    sendto(c->audio_source.fd, packet, size, MSG_DONTWAIT | MSG_NOSIGNAL,
           (const struct sockaddr *) &c->audio_source.peer, c->audio_source.peer_len);
}

void audio_media_tick(struct call *c, int64_t now)
{
    for (int i = 0; now - c->last_tick_ms >= TICK_MS - EARLY_MS && i < MAX_TICKS_AT_ONCE && !c->phase_e;
         i++) {
        c->last_tick_ms += TICK_MS;
        one_tick(c);
    }
}

void audio_media_free(struct call *c)
{
    if (c->audio == NULL)
        return;
    if (c->audio->fax != NULL) {
        fax_release(c->audio->fax);
        fax_free(c->audio->fax);
    }
    if (c->audio->tone_out != NULL)
        modem_connect_tones_tx_free(c->audio->tone_out);
    if (c->audio->tone_in != NULL)
        modem_connect_tones_rx_free(c->audio->tone_in);
    free(c->audio);
    c->audio = NULL;
}
