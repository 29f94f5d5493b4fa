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
#include "event_queue.h"
#include "spandsp_release.h"
#include "t30.h"

enum {
    BUCKETS = 1024,                /* calls by id; a power of two */
};

struct engine {
    struct event_queue events;     /* its socket brings the commands too */
    struct call *buckets[BUCKETS]; /* owned */
    struct call *calls;            /* the same ones, in a list */
    int64_t next_tick;             /* ms */
    unsigned tick;
};

/* ---- commands in ---------------------------------------------------------- */

static struct call **find_call(struct engine *e, uint64_t id)
{
    struct call **at = &e->buckets[id & (BUCKETS - 1)];

    while (*at != NULL && (*at)->session.call != id)
        at = &(*at)->next_in_bucket;
    return at;
}

static void insert_call(struct engine *e, struct call *c)
{
    struct call **bucket = &e->buckets[c->session.call & (BUCKETS - 1)];

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

static void remove_call(struct call **at)
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
    int error = call_new(&e->events, command->call, &command->options, &c, &event.audio_port, &event.t38_port);

    if (error < 0) {
        event.type = VFX_REFUSED;
        event.code = -error;
    } else {
        insert_call(e, c);
    }
    event_queue_send(&e->events, &event, offsetof(struct vfx_event, stats), NULL);
}

static void handle_command(struct engine *e, struct vfx_command *command)
{
    struct vfx_options *o = &command->options;
    struct call **at = find_call(e, command->call);
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
        remove_call(at);
        break;
    default:
        break;
    }
}

static void read_commands(struct engine *e)
{
    struct vfx_command command;
    ssize_t len;

    while ((len = recv(e->events.fd, &command, sizeof(command), MSG_DONTWAIT)) > 0)
        if (len == (ssize_t) sizeof(command))
            handle_command(e, &command);
    if (len == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
        e->events.closed = true;
}

/* ---- the reactor ------------------------------------------------------ */

/* Wait for commands, or for the time of the next tick. */
static void wait_for_work(struct engine *e)
{
    struct pollfd commands = { .fd = e->events.fd, .events = POLLIN };
    struct timespec timeout = { .tv_sec = 0, .tv_nsec = clock_wait_ns(e->next_tick - now_ms()) };

    if (e->events.first != NULL)
        commands.events |= POLLOUT;
    if (ppoll(&commands, 1, e->calls != NULL ? &timeout : NULL, NULL) <= 0)
        return;
    if (commands.revents & POLLOUT)
        event_queue_flush(&e->events);
    if (commands.revents & ~POLLOUT)
        read_commands(e);
}

int vfx_serve(int fd)
{
    char release[VFX_RELEASE_SIZE];
    int error = vfx_check_spandsp(release);

    if (error < 0)
        return error;

    struct engine *e = calloc(1, sizeof(*e));

    if (e == NULL)
        return -ENOMEM;
    event_queue_init(&e->events, fd);
    t30_capture_log();
    srandom((unsigned) (now_ms() ^ (int64_t) getpid() << 16));

    while (!e->events.closed) {
        wait_for_work(e);

        /* No socket wakes the process: a packet waits for the next tick, and so one wake-up
         * serves all calls. Processes tick at different times, as they happened to begin. */
        int64_t now = now_ms();

        if (e->calls == NULL || now < e->next_tick)
            continue;
        unsigned ticks = e->tick % PAGE_DATA_TICKS == 0 ? PAGE_DATA_TICKS : 1;

        for (struct call *c = e->calls; c != NULL; c = c->next) {
            call_read(c, e->tick);
            call_tick(c, now);
            if (!call_may_skip_ticks(c))
                ticks = 1;
        }
        e->tick += ticks;
        e->next_tick += ticks * TICK_MS;
        if (e->next_tick < now)
            e->next_tick = now;   /* the host stood still */
    }
    for (int i = 0; i < BUCKETS; i++)
        while (e->buckets[i] != NULL)
            remove_call(&e->buckets[i]);
    event_queue_free(&e->events);
    free(e);
    return 0;
}
