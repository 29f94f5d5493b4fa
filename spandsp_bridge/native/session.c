#define _GNU_SOURCE
#include "session.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"

enum { MAX_TRACES = 4000 };

t30_state_t *session_t30(const struct session *s)
{
    return s->media != NULL ? s->media->ops->t30(s->media) : NULL;
}

static void copy_text(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from ? from : "");
}

static void collect_stats(struct session *s, struct vfx_stats *stats)
{
    t30_state_t *t30 = session_t30(s);
    t30_stats_t t;

    memset(stats, 0, sizeof(*stats));
    if (t30 != NULL) {
        t30_get_transfer_statistics(t30, &t);
        stats->bit_rate = t.bit_rate;
        stats->ecm = t.error_correcting_mode;
        stats->encoding = t.encoding;
        stats->width = t.width;
        stats->length = t.length;
        stats->x_resolution = t.x_resolution;
        stats->y_resolution = t.y_resolution;
        stats->image_size = t.image_size;
        stats->bad_rows = t.bad_rows;
        copy_text(stats->remote_station_id, sizeof(stats->remote_station_id), t30_get_rx_ident(t30));
        copy_text(stats->remote_vendor, sizeof(stats->remote_vendor), t30_get_rx_vendor(t30));
    }
    stats->media = (int32_t) s->kind;
    stats->pages = s->pages;
    stats->ecm_retries = s->ecm_retries;
    stats->frames_refused = s->guard.refused;
    stats->late_ticks = s->late_ticks;
    if (s->media != NULL)
        s->media->ops->count_packets(s->media, stats);
}

static struct vfx_event new_event(const struct session *s, enum vfx_event_type type, int code)
{
    struct vfx_event event = { .call = s->call, .type = type, .code = code, .cause = s->cause };

    if (s->started_ms)
        event.seconds = (double) (now_ms() - s->started_ms) / 1000.0;
    return event;
}

static struct vfx_event event_with_stats(struct session *s, enum vfx_event_type type, int code)
{
    struct vfx_event event = new_event(s, type, code);

    collect_stats(s, &event.stats);
    return event;
}

void session_report(struct session *s, enum vfx_event_type type, int code)
{
    struct vfx_event event = event_with_stats(s, type, code);

    event_queue_send(s->events, &event, offsetof(struct vfx_event, stats) + sizeof(event.stats), NULL);
}

struct vfx_event session_end_event(struct session *s)
{
    return event_with_stats(s, VFX_FINISHED, s->t30_code);
}

void session_trace(struct session *s, const char *format, ...)
{
    struct vfx_event event = new_event(s, VFX_TRACE, 0);
    va_list args;

    if (s->traces++ >= MAX_TRACES)
        return;
    va_start(args, format);
    vsnprintf(event.text, sizeof(event.text), format, args);
    va_end(args);
    event_queue_send(s->events, &event, offsetof(struct vfx_event, text) + strlen(event.text) + 1, NULL);
}
