#define _GNU_SOURCE
#include "engine.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "call.h"
#include "clock.h"

enum {
    BUCKETS = 1024,                /* calls by id; a power of two */
};

struct waiting {                   /* an event that the socket had no room for */
    struct waiting *next;
    size_t size;
    struct vfx_event event;
};

struct engine {
    int fd;
    int closed;                    /* the socket's other end is gone */
    struct waiting *waiting, **waiting_tail;
    struct call *buckets[BUCKETS];
    struct call *calls;
    int64_t next_tick;             /* ms */
    unsigned tick;
};

/* ---- events out --------------------------------------------------------- */

/* Returns 0 when the socket is full. */
static int send_now(struct engine *e, const struct vfx_event *event, size_t size)
{
    while (send(e->fd, event, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)
            return 0;
        if (errno != EINTR) {
            e->closed = 1;
            return 1;
        }
    }
    return 1;
}

void engine_send_event(struct engine *e, const struct vfx_event *event, size_t size)
{
    struct waiting *w;

    if (e->closed || (e->waiting == NULL && send_now(e, event, size)))
        return;
    if ((w = malloc(sizeof(*w))) == NULL)
        return;
    w->next = NULL;
    w->size = size;
    memcpy(&w->event, event, size);
    *e->waiting_tail = w;
    e->waiting_tail = &w->next;
}

static void send_waiting(struct engine *e)
{
    while (e->waiting != NULL) {
        struct waiting *w = e->waiting;

        if (!e->closed && !send_now(e, &w->event, w->size))
            return;
        e->waiting = w->next;
        free(w);
    }
    e->waiting_tail = &e->waiting;
}

/* ---- commands in ---------------------------------------------------------- */

static struct call **find(struct engine *e, uint64_t id)
{
    struct call **at = &e->buckets[id & (BUCKETS - 1)];

    while (*at != NULL && (*at)->id != id)
        at = &(*at)->next_in_bucket;
    return at;
}

static void adopt(struct engine *e, struct call *c)
{
    struct call **bucket = &e->buckets[c->id & (BUCKETS - 1)];

    c->next_in_bucket = *bucket;
    *bucket = c;
    c->next = e->calls;
    if (c->next != NULL)
        c->next->link = &c->next;
    else
        e->next_tick = now_ms();
    c->link = &e->calls;
    e->calls = c;
}

static void drop(struct call **at)
{
    struct call *c = *at;

    *at = c->next_in_bucket;
    *c->link = c->next;
    if (c->next != NULL)
        c->next->link = c->link;
    call_free(c);
}

static void open_call(struct engine *e, const struct vfx_command *command)
{
    struct vfx_event event = { .call = command->call, .type = VFX_OPENED };
    struct call *c;
    int error = call_new(e, command->call, &command->options, &c, &event.audio_port, &event.t38_port);

    if (error < 0) {
        event.type = VFX_REFUSED;
        event.code = -error;
    } else {
        adopt(e, c);
    }
    engine_send_event(e, &event, offsetof(struct vfx_event, stats));
}

static void obey(struct engine *e, struct vfx_command *command)
{
    struct vfx_options *o = &command->options;
    struct call **at = find(e, command->call);
    struct call *c = *at;

    o->bind_address[sizeof(o->bind_address) - 1] = o->station_id[sizeof(o->station_id) - 1] = '\0';
    o->header_line[sizeof(o->header_line) - 1] = o->time_zone[sizeof(o->time_zone) - 1] = '\0';
    o->file[sizeof(o->file) - 1] = command->peer.address[sizeof(command->peer.address) - 1] = '\0';
    if (command->type == VFX_OPEN && c == NULL)
        open_call(e, command);
    if (c == NULL)
        return;   /* it may have just ended */
    switch (command->type) {
    case VFX_START_T38:
        call_start(c, VFX_T38, &command->peer);
        break;
    case VFX_START_TONES:
        call_start(c, VFX_TONES, &command->peer);
        break;
    case VFX_START_AUDIO:
        call_start(c, VFX_AUDIO, &command->peer);
        break;
    case VFX_VERDICT:
        call_page_verdict(c, command->durable);
        break;
    case VFX_TERMINATE:
        call_end(c, VFX_BY_COMMAND);
        break;
    case VFX_CLOSE:
        drop(at);
        break;
    default:
        break;
    }
}

static void read_commands(struct engine *e)
{
    struct vfx_command command;
    ssize_t len;

    while ((len = recv(e->fd, &command, sizeof(command), MSG_DONTWAIT)) > 0)
        if (len == (ssize_t) sizeof(command))
            obey(e, &command);
    if (len == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
        e->closed = 1;
}

/* ---- the reactor ------------------------------------------------------ */

/* Wait for commands, or for the time of the next tick. */
static void wait_for_work(struct engine *e)
{
    struct pollfd commands = { .fd = e->fd, .events = POLLIN };
    struct timespec timeout = { .tv_sec = 0, .tv_nsec = clock_wait_ns(e->next_tick - now_ms()) };

    if (e->waiting != NULL)
        commands.events |= POLLOUT;
    if (ppoll(&commands, 1, e->calls != NULL ? &timeout : NULL, NULL) <= 0)
        return;
    if (commands.revents & POLLOUT)
        send_waiting(e);
    if (commands.revents & ~POLLOUT)
        read_commands(e);
}

int vfx_serve(int fd)
{
    struct engine *e = calloc(1, sizeof(*e));

    if (e == NULL)
        return -ENOMEM;
    e->fd = fd;
    e->waiting_tail = &e->waiting;
    call_capture_log();
    srandom((unsigned) (now_ms() ^ (int64_t) getpid() << 16));

    while (!e->closed) {
        wait_for_work(e);

        /* No socket wakes the process: a packet waits for the next tick, and so one wake-up
         * serves all calls. Processes tick at different times, as they happened to begin. */
        int64_t now = now_ms();

        if (e->calls == NULL || now < e->next_tick)
            continue;
        unsigned ticks = e->tick % CALM_TICKS == 0 ? CALM_TICKS : 1;

        for (struct call *c = e->calls; c != NULL; c = c->next) {
            call_read(c, e->tick);
            call_tick(c, now);
            if (!call_may_rest(c))
                ticks = 1;
        }
        e->tick += ticks;
        e->next_tick += ticks * TICK_MS;
        if (e->next_tick < now)
            e->next_tick = now;   /* the host stood still */
    }
    for (int i = 0; i < BUCKETS; i++)
        while (e->buckets[i] != NULL)
            drop(&e->buckets[i]);
    while (e->waiting != NULL) {
        struct waiting *w = e->waiting;

        e->waiting = w->next;
        free(w);
    }
    free(e);
    return 0;
}
