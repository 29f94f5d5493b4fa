/* The end of a call while the socket is full and there is no memory: it has to arrive all the
 * same. Link with -Wl,--wrap=malloc. Prints how many events came, and the type of the last one. */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "event_queue.h"

static bool no_memory;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
    return no_memory ? NULL : __real_malloc(size);
}

int main(void)
{
    struct vfx_event event = { .type = VFX_TRACE };
    struct queued_event *end = malloc(sizeof(*end));
    struct event_queue queue;
    int sockets[2], count = 0;

    if (end == NULL || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets) < 0)
        return 2;
    event_queue_init(&queue, sockets[0]);
    while (send(sockets[0], &event, sizeof(event), MSG_DONTWAIT) > 0)
        count++;
    no_memory = true;
    event_queue_send(&queue, &event, sizeof(event), NULL);   /* lost */
    event.type = VFX_FINISHED;
    event_queue_send(&queue, &event, sizeof(event), end);
    no_memory = false;
    for (int i = 0; i < count; i++)
        if (recv(sockets[1], &event, sizeof(event), MSG_DONTWAIT) < 0)
            return 3;
    event_queue_flush(&queue);
    if (recv(sockets[1], &event, sizeof(event), MSG_DONTWAIT) < 0)
        return 4;
    printf("%d\n", event.type);
    event_queue_free(&queue);
    return 0;
}
