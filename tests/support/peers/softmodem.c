/* A fax modem of class 1 (ITU-T T.31) on a pseudo-terminal, with UDPTL or RTP for its line: so a
 * fax program that knows nothing of networks, and brings a T.30 of its own, can meet the bridge.
 *
 * Usage: softmodem t38|audio OWN_PORT PEER_PORT call|answer
 * All of it on 127.0.0.1. Prints the path of the terminal, then runs until its standard input
 * closes. With `answer` it rings until the program answers. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <spandsp.h>
#include <spandsp/expose.h>

enum { TICK_MS = 20, SAMPLES = 160, RING_TICKS = 100, PCMA = 8 };

static int line, terminal, connected, answering;
static int is_t38;
static uint16_t seq;
static uint32_t timestamp;
static t31_state_t *modem;
static t38_rx_data_handler_t *on_data;

static void connect_line(int event)
{
    connected = 1;
    t31_set_mode(modem, is_t38);
    t31_call_event(modem, event);
}

static int on_control(t31_state_t *s, void *user_data, int op, const char *num)
{
    (void) s;
    (void) user_data;
    (void) num;
    if (op == AT_MODEM_CONTROL_CALL)
        connect_line(AT_CALL_EVENT_CONNECTED);
    else if (op == AT_MODEM_CONTROL_ANSWER)
        connect_line(AT_CALL_EVENT_ANSWERED);
    else if (op == AT_MODEM_CONTROL_HANGUP)
        connected = 0;
    return 0;
}

static int on_at(at_state_t *s, void *user_data, const uint8_t *buf, size_t len)
{
    (void) s;
    (void) user_data;
    return write(terminal, buf, len) < 0 ? -1 : 0;
}

static int on_ifp(t38_core_state_t *s, void *user_data, const uint8_t *buf, int len, int count)
{
    uint8_t packet[1024];
    size_t at = 0;

    (void) s;
    (void) user_data;
    packet[at++] = (uint8_t) (seq >> 8);
    packet[at++] = (uint8_t) seq++;
    if (len >= 0x80)
        packet[at++] = (uint8_t) (0x80 | len >> 8);
    packet[at++] = (uint8_t) len;
    memcpy(packet + at, buf, (size_t) len);
    at += (size_t) len;
    packet[at++] = 0;
    packet[at++] = 0;
    for (int i = 0; i < count; i++)
        send(line, packet, at, MSG_DONTWAIT);
    return 0;
}

/* SpanDSP's T.31 hands image data from T.38 to the program with the bits turned round, unlike what
 * it has from a modem. */
static int turn_round(t38_core_state_t *t38, void *user_data, int data_type, int field_type,
                      const uint8_t *buf, int len)
{
    uint8_t turned[1024];

    if (field_type != T38_FIELD_T4_NON_ECM_DATA && field_type != T38_FIELD_T4_NON_ECM_SIG_END)
        return on_data(t38, user_data, data_type, field_type, buf, len);
    bit_reverse(turned, buf, len);
    return on_data(t38, user_data, data_type, field_type, turned, len);
}

static void take(const uint8_t *packet, ssize_t len)
{
    static int expected = -1;

    if (!connected || len < 6)
        return;
    if (!is_t38) {
        int16_t amp[1500];

        for (ssize_t i = 12; i < len; i++)
            amp[i - 12] = alaw_to_linear(packet[i]);
        t31_rx(modem, amp, (int) len - 12);
        return;
    }
    int number = packet[0] << 8 | packet[1], size = packet[2], at = 3;

    if (number == expected)
        return;   /* a packet repeated */
    expected = number;
    if (size & 0x80)
        size = (size & 0x3F) << 8 | packet[at++];
    if (at + size <= len)
        t38_core_rx_ifp_packet(t31_get_t38_core_state(modem), packet + at, size, (uint16_t) number);
}

static void tick(void)
{
    int16_t amp[SAMPLES];
    uint8_t packet[12 + SAMPLES] = { 0x80, PCMA };

    if (!connected)
        return;
    if (is_t38) {
        t31_t38_send_timeout(modem, SAMPLES);
        return;
    }
    int made = t31_tx(modem, amp, SAMPLES);
    memset(amp + made, 0, sizeof(amp[0]) * (size_t) (SAMPLES - made));
    packet[2] = (uint8_t) (seq >> 8);
    packet[3] = (uint8_t) seq++;
    for (int i = 0; i < 4; i++)
        packet[4 + i] = (uint8_t) (timestamp >> (24 - 8 * i));
    timestamp += SAMPLES;
    for (int i = 0; i < SAMPLES; i++)
        packet[12 + i] = linear_to_alaw(amp[i]);
    send(line, packet, sizeof(packet), MSG_DONTWAIT);
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t) t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct sockaddr_in at_port(const char *port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t) atoi(port)) };

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
}

int main(int argc, char *argv[])
{
    char path[64];
    int slave, ticks = 0;
    struct termios raw;

    if (argc != 5 || openpty(&terminal, &slave, path, NULL, NULL) < 0)
        return 2;
    is_t38 = strcmp(argv[1], "t38") == 0;
    answering = strcmp(argv[4], "answer") == 0;
    tcgetattr(slave, &raw);
    cfmakeraw(&raw);
    tcsetattr(slave, TCSANOW, &raw);
    fcntl(terminal, F_SETFL, O_NONBLOCK);
    struct sockaddr_in own = at_port(argv[2]), peer = at_port(argv[3]);
    line = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(line, (void *) &own, sizeof(own)) < 0 || connect(line, (void *) &peer, sizeof(peer)) < 0)
        return 2;
    modem = t31_init(NULL, on_at, NULL, on_control, NULL, on_ifp, NULL);
    t31_set_transmit_on_idle(modem, 1);
    if (is_t38) {
        t38_set_t38_version(t31_get_t38_core_state(modem), 0);
        on_data = t31_get_t38_core_state(modem)->rx_data_handler;
        t31_get_t38_core_state(modem)->rx_data_handler = turn_round;
    }
    printf("%s\n", path);
    fflush(stdout);

    for (int64_t next = now_ms() + TICK_MS;;) {
        struct pollfd ready[3] = { { .fd = 0, .events = POLLIN },
                                   { .fd = line, .events = POLLIN },
                                   { .fd = terminal, .events = POLLIN } };
        uint8_t octets[1500];
        ssize_t len;
        int64_t left = next - now_ms();

        poll(ready, 3, left > 0 ? (int) left : 0);
        if (ready[0].revents)
            return 0;
        while ((len = recv(line, octets, sizeof(octets), MSG_DONTWAIT)) > 0)
            take(octets, len);
        /* At most so much as the modem's buffer takes: it holds the program back by itself. */
        if (ready[2].revents & POLLIN && (len = read(terminal, octets, 256)) > 0)
            t31_at_rx(modem, (const char *) octets, (int) len);
        for (; now_ms() >= next; next += TICK_MS) {
            tick();
            if (answering && !connected && ticks++ % RING_TICKS == 0)
                t31_call_event(modem, AT_CALL_EVENT_ALERTING);
        }
    }
}
