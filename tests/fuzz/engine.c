/* libFuzzer: a whole call of the engine, in simulated time, against whatever the input says.
 *
 * The first octet chooses the call: sending or receiving, ECM, T.38 or audio. Then follow steps:
 * an octet below 64 lets so many ticks pass; 64 to 127 sends an IFP packet of the next octets in
 * a good UDPTL packet; 128 to 191 sends them as a raw datagram; 192 and above sends a T.30 frame
 * with a good FCS, made of the next octets. Link with -Wl,--wrap=clock_gettime,--wrap=sendto. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "call.h"
#include "t30.h"
#include "udptl.h"

enum { MAX_STEPS = 400 };

static int64_t clock_ms = 1000;
static char folder[64], document[96], target[96];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
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

ssize_t __wrap_sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *to,
                      socklen_t to_len)
{
    (void) fd;
    (void) buf;
    (void) flags;
    (void) to;
    (void) to_len;
    return (ssize_t) len;
}

static int page_waits;

void event_queue_send(struct event_queue *q, const struct vfx_event *event, size_t size,
                      struct queued_event *reserved)
{
    (void) q;
    (void) size;
    free(reserved);
    if (event->type == VFX_PAGE)
        page_waits = 1;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *given = getenv("VFAX_FUZZ_DOCUMENT");

    (void) argc;
    (void) argv;
    snprintf(folder, sizeof(folder), "/tmp/vfax-fuzz-%d", (int) getpid());
    snprintf(target, sizeof(target), "%s.tif", folder);
    snprintf(document, sizeof(document), "%s", given ? given : "missing.tif");
    t30_capture_log();
    return 0;
}

static void ticks(struct call *c, int count)
{
    for (int i = 0; i < count && c->state == RUNNING; i++) {
        clock_ms += TICK_MS;
        call_tick(c, clock_ms);
        if (page_waits) {
            page_waits = 0;
            call_page_verdict(c, true);
        }
    }
}

static void datagram(struct call *c, const uint8_t *octets, size_t len)
{
    uint8_t *exact = malloc(len ? len : 1);

    memcpy(exact, octets, len);
    if (c->state == RUNNING && c->session.media != NULL)
        call_receive(c, exact, len);
    free(exact);
}

static void ifp(struct call *c, uint16_t *seq, const uint8_t *octets, size_t len)
{
    uint8_t packet[400];
    size_t at = 0;

    packet[at++] = (uint8_t) (*seq >> 8);
    packet[at++] = (uint8_t) *seq;
    (*seq)++;
    if (len >= 0x80)
        packet[at++] = 0x80;
    packet[at++] = (uint8_t) len;
    memcpy(packet + at, octets, len);
    at += len;
    packet[at++] = 0;
    packet[at++] = 0;
    datagram(c, packet, at);
}

/* HDLC data with a good FCS, V.21 or V.17, as T.38 §7.2 has it. */
static void frame(struct call *c, uint16_t *seq, int type, const uint8_t *octets, size_t len)
{
    uint8_t packet[300];
    size_t at = 0;

    if (len == 0)
        return;
    packet[at++] = (uint8_t) (0xC0 | type << 1);
    packet[at++] = 2;
    packet[at++] = 0x80;
    packet[at++] = 0;
    packet[at++] = (uint8_t) (len - 1);
    memcpy(packet + at, octets, len);
    at += len;
    packet[at++] = (uint8_t) ((len & 1 ? 4 : 2) << 4);   /* FCS OK, with or without the end */
    ifp(c, seq, packet, at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vfx_options o = { .first_port = 20000, .last_port = 60000, .max_bit_rate = 14400,
                             .max_seconds = 600, .silence_seconds = 60, .max_pages = 5,
                             .max_page_bytes = 1 << 20 };
    struct vfx_peer peer = { .port = 9, .recovery = UDPTL_REDUNDANCY, .max_datagram = 400 };
    struct call *c;
    uint16_t audio_port, t38_port, seq = 0;

    if (size < 2)
        return 0;
    o.sending = o.calling = data[0] & 1;
    o.ecm = data[0] >> 1 & 1;
    snprintf(o.bind_address, sizeof(o.bind_address), "127.0.0.1");
    snprintf(o.file, sizeof(o.file), "%s", o.sending ? document : target);
    snprintf(peer.address, sizeof(peer.address), "127.0.0.1");
    if (call_new(NULL, 1, &o, &c, &audio_port, &t38_port) < 0)
        return 0;
    page_waits = 0;
    call_start(c, (data[0] & 0x0C) == 0x0C ? VFX_AUDIO : VFX_T38, &peer);
    data++;
    size--;
    for (int step = 0; step < MAX_STEPS && size > 0 && c->state == RUNNING; step++) {
        int what = *data++;
        size_t len = 0;

        size--;
        if (what >= 64 && size > 0) {
            len = *data++;
            size--;
            if (len > size)
                len = size;
        }
        if (what < 64)
            ticks(c, what + 1);
        else if (what < 128)
            ifp(c, &seq, data, len);
        else if (what < 192)
            datagram(c, data, len);
        else
            frame(c, &seq, what & 8 ? what & 7 : 0, data, len);
        data += len;
        size -= len;
        if (page_waits)
            ticks(c, 1);
    }
    call_end(c, VFX_BY_COMMAND);
    call_free(c);
    return 0;
}
