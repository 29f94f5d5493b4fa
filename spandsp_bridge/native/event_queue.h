/* The events of a process on their way to Python, in order; none of the reactor's calls waits. */
#ifndef VFAX_EVENT_QUEUE_H
#define VFAX_EVENT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "protocol.h"

struct queued_event {              /* what the socket had no room for */
    struct queued_event *next;     /* owned */
    size_t size;
    struct vfx_event event;
};

struct event_queue {
    int fd;                        /* borrowed: a SOCK_SEQPACKET socket */
    bool closed;                   /* the socket's other end is gone: events are dropped */
    struct queued_event *first;    /* owned, with all behind it */
    struct queued_event **tail;
};

void event_queue_init(struct event_queue *q, int fd);
/* Send or queue `size` octets of an event. `reserved` is owned by the queue from here on: with it
 * the event cannot be lost; NULL: it is lost when the socket is full and there is no memory. */
void event_queue_send(struct event_queue *q, const struct vfx_event *event, size_t size,
                      struct queued_event *reserved);
/* Send what waits, as far as the socket has room. */
void event_queue_flush(struct event_queue *q);
void event_queue_free(struct event_queue *q);

#endif
