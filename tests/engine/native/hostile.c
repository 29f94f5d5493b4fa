/* Feeds damaged UDPTL packets and HDLC frames to the parsers, each in a heap block of its exact
 * size, so that AddressSanitizer sees every octet read too far. Usage: hostile SEED ROUNDS */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frame_guard.h"
#include "udptl.h"

static unsigned long sum;

static int below(int limit)
{
    return limit > 0 ? (int) (random() % limit) : 0;
}

static void damage(uint8_t *packet, size_t len)
{
    for (int i = below(6); i > 0 && len > 0; i--)
        packet[below((int) len)] = (uint8_t) below(256);
}

static void one_packet(struct udptl *sender, struct udptl *receiver)
{
    struct udptl_ifp out[UDPTL_MAX_OUT];
    uint8_t ifp[700], built[UDPTL_MAX_PACKET];
    size_t ifp_len = (size_t) (1 + below(below(10) ? 90 : 690));

    for (size_t i = 0; i < ifp_len; i++)
        ifp[i] = (uint8_t) below(256);
    size_t len = udptl_build(sender, ifp, ifp_len, built, sizeof(built));

    if (below(10) == 0)
        return;     /* lost */
    if (below(3) == 0)
        damage(built, len);
    if (below(5) == 0)
        len = (size_t) below((int) len + 1);
    uint8_t *exact = malloc(len ? len : 1);
    memcpy(exact, built, len);
    int count = udptl_receive(receiver, exact, len, out);
    for (int i = 0; i < count; i++)
        for (int j = 0; j < out[i].len; j++)
            sum += out[i].data[j];
    free(exact);
}

static void one_frame(struct frame_guard *guard)
{
    uint8_t frame[400];
    int left = below(below(4) ? 30 : 400);

    for (int i = 0; i < left; i++)
        frame[i] = (uint8_t) below(256);
    if (left > 2 && below(2))
        frame[2] = (uint8_t) (below(2) ? 0x41 : 0x60);   /* DCS and FCD, as IFP has them */
    for (int at = 0; at < left;) {
        int piece = 1 + below(left - at);
        uint8_t *exact = malloc((size_t) piece);

        memcpy(exact, frame + at, (size_t) piece);
        frame_guard_add(guard, exact, (size_t) piece);
        free(exact);
        at += piece;
    }
    sum += (unsigned long) frame_guard_finish(guard);
}

int main(int argc, char *argv[])
{
    int rounds = argc > 2 ? atoi(argv[2]) : 1;
    struct frame_guard guard = { 0 };

    srandom(argc > 1 ? (unsigned) atoi(argv[1]) : 1);
    for (int round = 0; round < rounds; round++) {
        struct udptl *sender = malloc(sizeof(*sender)), *receiver = malloc(sizeof(*receiver));

        udptl_init(sender, (enum udptl_recovery) below(3), below(20), below(20), 100 + below(1500));
        udptl_init(receiver, UDPTL_NONE, 0, 0, 0);
        sender->tx_seq = (uint16_t) below(65536);
        for (int i = 0; i < 100; i++) {
            one_packet(sender, receiver);
            one_frame(&guard);
        }
        sum += receiver->counts.malformed + receiver->counts.repaired;
        free(sender);
        free(receiver);
    }
    printf("%lu\n", sum);
    return 0;
}
