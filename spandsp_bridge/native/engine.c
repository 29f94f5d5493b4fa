#define _GNU_SOURCE
#include "engine.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "call.h"

enum { BUCKETS = 4096 };           /* calls by id; a power of two */

enum command_type { START, VERDICT, TERMINATE, CLOSE };

struct command {
    struct command *next;
    enum command_type type;
    uint64_t call;
    int durable;
    struct call_peer peer;
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

void engine_push_event(struct vfx_engine *e, struct queued_event *q)
{
    if (q == NULL)
        return;
    pthread_mutex_lock(&e->lock);
    *e->events_tail = q;
    e->events_tail = &q->next;
    pthread_mutex_unlock(&e->lock);
    wake(e->event_fd);
}

/* ---- the reactor ------------------------------------------------------ */

static struct call **find(struct vfx_engine *e, uint64_t id)
{
    struct call **at = &e->buckets[id & (BUCKETS - 1)];

    while (*at != NULL && (*at)->id != id)
        at = &(*at)->next_in_bucket;
    return at;
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
    call_free(c);
}

static void obey(struct vfx_engine *e, const struct command *command)
{
    struct call **at = find(e, command->call);
    struct call *c = *at;

    if (c == NULL)
        return;
    switch (command->type) {
    case START:
        call_start(c, &command->peer);
        break;
    case VERDICT:
        call_page_verdict(c, command->durable);
        break;
    case TERMINATE:
        call_end(c, VFX_BY_COMMAND);
        break;
    case CLOSE:
        call_end(c, VFX_BY_COMMAND);
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
            call_tick(c, now);
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
                call_discard_audio((struct call *) (uintptr_t) (tag & ~(uint64_t) 1));
            else
                call_read_packets((struct call *) (uintptr_t) tag);
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
    call_capture_log();
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

int vfx_call_open(struct vfx_engine *e, uint64_t id, const struct vfx_options *o,
                  uint16_t *audio_port, uint16_t *t38_port)
{
    struct call *c;
    int error = call_new(e, id, o, &c, audio_port, t38_port);

    if (error < 0)
        return error;
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
        .type = START, .call = call,
        .peer = { .recovery = peer->recovery, .max_datagram = peer->max_datagram,
                  .version = peer->version },
    };
    int error = parse_address(peer->address, peer->port, &command.peer.address,
                              &command.peer.address_len);

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
