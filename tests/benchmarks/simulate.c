/* Two calls of the real engine against each other in simulated time, over a wire that loses
 * packets. The engine's own code runs (call.c, t38_media.c, udptl.c); only its clock and its
 * sendto() are ours: link with -Wl,--wrap=clock_gettime,--wrap=sendto.
 *
 * Usage: simulate TIFF OUT PAGES none|redundancy|fec ECM LOSS BURST RUNS SEED
 * LOSS is the share of packets lost; BURST is the length of each loss. Prints, for each run,
 * pages confirmed, pages received, seconds, retransmissions. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "call.h"
#include "t30.h"
#include "udptl.h"

enum { DELAY_TICKS = 2, MAX_TICKS = 50 * 1800, WIRE = 4096 };

struct wire_packet {
    struct call *to;
    int due;
    size_t len;
    uint8_t octets[UDPTL_MAX_PACKET];
};

static struct wire_packet wire[WIRE];       /* a ring, in the order of `due` */
static int head, tail, ticks, bursting;
static double loss, burst;
static int64_t clock_ms;
static struct call *sender, *receiver;
static struct vfx_stats sent, received;
static int over_sender, over_receiver, verdict_due;

int __wrap_clock_gettime(clockid_t id, struct timespec *t);
ssize_t __wrap_sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *to,
                      socklen_t to_len);

int __wrap_clock_gettime(clockid_t id, struct timespec *t)
{
    (void) id;
    t->tv_sec = clock_ms / 1000;
    t->tv_nsec = clock_ms % 1000 * 1000000;
    return 0;
}

static int is_lost(void)
{
    if (bursting > 0) {
        bursting--;
        return 1;
    }
    if (drand48() >= loss / burst)
        return 0;
    bursting = (int) burst - 1;
    return 1;
}

ssize_t __wrap_sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *to,
                      socklen_t to_len)
{
    struct wire_packet *p = &wire[tail % WIRE];

    (void) flags;
    (void) to;
    (void) to_len;
    if (is_lost())
        return (ssize_t) len;
    p->to = fd == sender->t38_socket.fd ? receiver : sender;
    p->due = ticks + DELAY_TICKS;
    p->len = len;
    memcpy(p->octets, buf, len);
    tail++;
    return (ssize_t) len;
}

void event_queue_send(struct event_queue *q, const struct vfx_event *event, size_t size,
                      struct queued_event *reserved)
{
    (void) q;
    (void) size;
    free(reserved);
    if (event->type == VFX_PAGE && event->call == receiver->session.call)
        verdict_due = ticks + 1;
    if (event->type != VFX_FINISHED)
        return;
    if (event->call == sender->session.call) {
        over_sender = 1;
        sent = event->stats;
    } else {
        over_receiver = 1;
        received = event->stats;
    }
}

static struct call *make(int sending, const char *file, int ecm)
{
    struct vfx_options o = { .first_port = 40000, .last_port = 49999, .sending = sending,
                             .calling = sending, .ecm = ecm, .max_bit_rate = 14400,
                             .max_seconds = 1700, .silence_seconds = 60, .max_pages = 1000,
                             .max_page_bytes = 1 << 24 };
    struct call *c;
    uint16_t audio, t38;

    snprintf(o.bind_address, sizeof(o.bind_address), "127.0.0.1");
    snprintf(o.file, sizeof(o.file), "%s", file);
    if (call_new(NULL, (uint64_t) sending + 1, &o, &c, &audio, &t38) < 0)
        exit(2);
    return c;
}

static void run(const char *tiff, const char *out, enum udptl_recovery recovery, int ecm)
{
    struct vfx_peer peer = { .port = 9, .recovery = (int32_t) recovery, .max_datagram = 1400 };

    snprintf(peer.address, sizeof(peer.address), "127.0.0.1");
    head = tail = bursting = over_sender = over_receiver = verdict_due = 0;
    memset(&sent, 0, sizeof(sent));
    memset(&received, 0, sizeof(received));
    sender = make(1, tiff, ecm);
    receiver = make(0, out, ecm);
    call_start(receiver, VFX_T38, &peer);
    call_start(sender, VFX_T38, &peer);
    int began = ticks;
    while (!(over_sender && over_receiver) && ticks - began < MAX_TICKS) {
        ticks++;
        clock_ms += TICK_MS;
        for (; head != tail && wire[head % WIRE].due <= ticks; head++) {
            struct wire_packet *p = &wire[head % WIRE];

            if (p->to->state == RUNNING)
                call_receive(p->to, p->octets, p->len);
        }
        if (verdict_due && ticks >= verdict_due) {
            verdict_due = 0;
            call_page_verdict(receiver, true);
        }
        call_tick(sender, clock_ms);
        call_tick(receiver, clock_ms);
        /* SIP ends the other side's call, as it would. */
        if (over_sender != over_receiver && (head == tail)) {
            if (over_sender && ticks % 50 == 0)
                call_end(receiver, VFX_BY_COMMAND);
            else if (over_receiver && ticks % 50 == 0)
                call_end(sender, VFX_BY_COMMAND);
        }
    }
    printf("%d %d %.1f %d\n", sent.pages, received.pages, (ticks - began) / 50.0, sent.ecm_retries);
    call_free(sender);
    call_free(receiver);
}

int main(int argc, char *argv[])
{
    if (argc != 10)
        return 2;
    enum udptl_recovery recovery = strcmp(argv[4], "fec") == 0          ? UDPTL_FEC
                                   : strcmp(argv[4], "redundancy") == 0 ? UDPTL_REDUNDANCY
                                                                        : UDPTL_NONE;
    loss = atof(argv[6]);
    burst = atof(argv[7]);
    srand48(atol(argv[9]));
    clock_ms = 1000;
    t30_capture_log();
    for (int i = 0; i < atoi(argv[8]); i++)
        run(argv[1], argv[2], recovery, atoi(argv[5]));
    return 0;
}
