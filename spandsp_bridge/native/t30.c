#define _GNU_SOURCE
#include "t30.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"

enum { REPEATED_MS = 5000 };       /* a command is repeated after T4, 3 s */

static struct session *log_session;   /* borrowed from the caller of t30_log_to() */

static void on_log(int level, const char *text)
{
    if (log_session != NULL && level <= SPAN_LOG_PROTOCOL_WARNING)
        session_trace(log_session, "! %.*s", (int) strcspn(text, "\r\n"), text);
}

void t30_capture_log(void)
{
    span_set_message_handler(on_log);
}

void t30_log_to(struct session *s)
{
    log_session = s;
}

/* SpanDSP confirms a post-page command that it takes for a repeated one, as if its MCF had been
 * lost. Without ECM that may be a page whose whole signal was lost: it would be confirmed, and
 * be nowhere. The MCF is queued now and leaves from a later tick, which does not come. */
static void note_answer(struct session *s, t30_state_t *t30, uint8_t fcf)
{
    t30_stats_t t;

    fcf &= 0xFE;
    if (fcf == (T30_CFR & 0xFE) || fcf == (T30_FTT & 0xFE)) {
        s->image_seen = false;
        page_take_over(&s->page, t30, s->options.file, s->pages == 0);
    } else if (fcf == (T30_MCF & 0xFE)) {
        t30_get_transfer_statistics(t30, &t);
        if (!t.error_correcting_mode
            && (s->kind == VFX_T38 ? s->image_seen : now_ms() - s->answered_ms > REPEATED_MS))
            s->false_mcf = true;
    } else {
        return;
    }
    s->answered_ms = now_ms();
}

static void on_frame(t30_state_t *t30, void *user_data, int incoming, const uint8_t msg[], int len)
{
    struct session *s = user_data;
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
    if (!incoming && !s->options.sending)
        note_answer(s, t30, msg[2]);
    session_trace(s, "%c %s%s", incoming ? '<' : '>', t30_frametype(msg[2]), fif);
}

static int on_phase_b(t30_state_t *t30, void *user_data, int result)
{
    (void) t30;
    session_report(user_data, VFX_NEGOTIATED, result);
    return T30_ERR_OK;
}

/* Phase D also fires for pages that were rejected: only a page count that grew is a
 * page, and sending, only with an answer that confirms. SpanDSP ignores what this returns. */
static int on_phase_d(t30_state_t *t30, void *user_data, int result)
{
    struct session *s = user_data;
    t30_stats_t t;
    int counted, fcf = result & 0xFE;

    if (s->page.fault != NULL)
        session_trace(s, "! %s", s->page.fault);
    s->page.fault = NULL;
    t30_get_transfer_statistics(t30, &t);
    counted = s->options.sending ? t.pages_tx : t.pages_rx;
    if (counted <= s->pages_counted)
        return T30_ERR_OK;
    s->pages_counted = counted;
    if (s->options.sending && fcf != (T30_MCF & 0xFE) && fcf != (T30_RTP & 0xFE)
        && fcf != (T30_PIP & 0xFE))
        return T30_ERR_OK;
    s->pages++;
    s->image_seen = false;
    s->answered_ms = now_ms();
    s->ecm_retries += t.error_correcting_mode_retries;
    if (!s->options.sending) {
        /* MCF leaves from a later tick: no tick before the verdict. */
        s->held = true;
        s->held_since_ms = now_ms();
    }
    s->page.first = false;
    session_report(s, VFX_PAGE, fcf);
    return T30_ERR_OK;
}

static void on_phase_e(t30_state_t *t30, void *user_data, int completion_code)
{
    struct session *s = user_data;

    (void) t30;
    s->phase_e = true;
    s->t30_code = completion_code;
}

static int modems_for(int max_bit_rate)
{
    int modems = T30_SUPPORT_V27TER;

    if (max_bit_rate >= 7200)
        modems |= T30_SUPPORT_V29;
    if (max_bit_rate >= 12000)
        modems |= T30_SUPPORT_V17;
    return modems;
}

void t30_prepare(struct session *s, t30_state_t *t30)
{
    const struct vfx_options *o = &s->options;
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
    t30_set_phase_b_handler(t30, on_phase_b, s);
    t30_set_phase_d_handler(t30, on_phase_d, s);
    t30_set_phase_e_handler(t30, on_phase_e, s);
    t30_set_real_time_frame_handler(t30, on_frame, s);
    span_log_set_message_handler(log, on_log);
    span_log_set_level(log, SPAN_LOG_PROTOCOL_WARNING | SPAN_LOG_SUPPRESS_LABELLING);
}
