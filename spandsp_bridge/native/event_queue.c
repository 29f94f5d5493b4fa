#include "event_queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

void event_queue_init(struct event_queue *q, int fd)
{
    *q = (struct event_queue) { .fd = fd };
    q->tail = &q->first;
}

/* False when the socket is full. */
static bool send_now(struct event_queue *q, const struct vfx_event *event, size_t size)
{
    while (send(q->fd, event, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)
            return false;
        if (errno != EINTR) {
            q->closed = true;
            return true;
        }
    }
    return true;
}

void event_queue_send(struct event_queue *q, const struct vfx_event *event, size_t size,
                      struct queued_event *reserved)
{
    struct queued_event *e = reserved;

    if (q->closed || (q->first == NULL && send_now(q, event, size))) {
        free(reserved);
        return;
    }
    if (e == NULL && (e = malloc(sizeof(*e))) == NULL)
        return;
    e->next = NULL;
    e->size = size;
    memcpy(&e->event, event, size);
    *q->tail = e;
    q->tail = &e->next;
}

void event_queue_flush(struct event_queue *q)
{
    while (q->first != NULL) {
        struct queued_event *e = q->first;

        if (!q->closed && !send_now(q, &e->event, e->size))
            return;
        q->first = e->next;
        free(e);
    }
    q->tail = &q->first;
}

void event_queue_free(struct event_queue *q)
{
    q->closed = true;
    event_queue_flush(q);
}
