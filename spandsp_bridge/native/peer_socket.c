#define _GNU_SOURCE
#include "peer_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "udptl.h"

static int parse_address(const char *text, uint16_t port, struct sockaddr_storage *out, socklen_t *len)
{
    struct sockaddr_in *v4 = (void *) out;
    struct sockaddr_in6 *v6 = (void *) out;

    memset(out, 0, sizeof(*out));
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        *len = sizeof(*v4);
        return 0;
    }
    if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        *len = sizeof(*v6);
        return 0;
    }
    return -EINVAL;
}

/* Returns a descriptor or -errno. */
static int bound_socket(const char *address, uint16_t port)
{
    struct sockaddr_storage a;
    socklen_t len;
    int fd, error;

    if ((error = parse_address(address, port, &a, &len)) < 0)
        return error;
    fd = socket(a.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (bind(fd, (struct sockaddr *) &a, len) < 0) {
        error = -errno;
        close(fd);
        return error;
    }
    return fd;
}

/* The search starts anywhere, so that a port that was just given back, and may still get packets,
 * rests. */
int peer_socket_open_pair(struct peer_socket *lower, struct peer_socket *upper, const char *address,
                          int first_port, int last_port)
{
    int pairs = (last_port - first_port + 1) / 2;
    int offset = (int) (random() % pairs), error = -EADDRINUSE;

    for (int i = 0; i < pairs; i++) {
        int port = first_port + 2 * ((offset + i) % pairs);

        lower->fd = bound_socket(address, (uint16_t) port);
        if (lower->fd >= 0) {
            upper->fd = bound_socket(address, (uint16_t) (port + 1));
            if (upper->fd >= 0)
                return port;
            close(lower->fd);
            error = upper->fd;
        } else {
            error = lower->fd;
        }
        lower->fd = upper->fd = -1;
        if (error != -EADDRINUSE)
            break;
    }
    return error;
}

int peer_socket_set_peer(struct peer_socket *s, const char *address, uint16_t port)
{
    struct sockaddr_storage peer;
    socklen_t len;
    int error = parse_address(address, port, &peer, &len);

    if (error < 0)
        return error;
    s->sdp = s->peer = peer;
    s->peer_len = len;
    s->peer_seen = s->latched = false;
    return 0;
}

int peer_socket_read(struct peer_socket *s, struct packet packets[PACKETS_AT_ONCE])
{
    static uint8_t octets[PACKETS_AT_ONCE][UDPTL_MAX_PACKET + 1];
    static struct sockaddr_storage from[PACKETS_AT_ONCE];
    static struct iovec vectors[PACKETS_AT_ONCE];
    static struct mmsghdr messages[PACKETS_AT_ONCE];

    for (int i = 0; i < PACKETS_AT_ONCE && messages[i].msg_hdr.msg_name == NULL; i++) {
        vectors[i] = (struct iovec) { octets[i], sizeof(octets[i]) };
        messages[i].msg_hdr.msg_name = &from[i];
        messages[i].msg_hdr.msg_iov = &vectors[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    for (int i = 0; i < PACKETS_AT_ONCE; i++)
        messages[i].msg_hdr.msg_namelen = sizeof(from[i]);
    int count = recvmmsg(s->fd, messages, PACKETS_AT_ONCE, MSG_DONTWAIT, NULL);

    for (int i = 0; i < count; i++)
        packets[i] = (struct packet) { octets[i], messages[i].msg_len, &from[i],
                                       messages[i].msg_hdr.msg_namelen };
    return count < 0 ? 0 : count;
}

static bool same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    if (a->ss_family != b->ss_family)
        return false;
    if (a->ss_family == AF_INET) {
        const struct sockaddr_in *x = (const void *) a, *y = (const void *) b;

        return x->sin_port == y->sin_port && x->sin_addr.s_addr == y->sin_addr.s_addr;
    }
    const struct sockaddr_in6 *x = (const void *) a, *y = (const void *) b;

    return x->sin6_port == y->sin6_port && memcmp(&x->sin6_addr, &y->sin6_addr, 16) == 0;
}

/* The SDP's address, or the one address that it turns out to be behind NAT. What comes from the
 * SDP's own address always counts: the other one was a stray, of a call that had the port before. */
enum packet_source peer_socket_judge(struct peer_socket *s, const struct packet *packet)
{
    if (same_address(packet->from, &s->sdp)) {
        bool back = s->latched && !s->peer_seen;

        if (back)
            s->peer = s->sdp;
        s->peer_seen = true;
        return back ? FROM_SDP_AFTER_ALL : FROM_PEER;
    }
    if (s->peer_seen)
        return FROM_STRANGER;
    if (s->latched)
        return same_address(packet->from, &s->peer) ? FROM_PEER : FROM_STRANGER;
    s->peer = *packet->from;
    s->peer_len = packet->from_len;
    s->latched = true;
    return FROM_NEW_ADDRESS;
}

void peer_socket_send(const struct peer_socket *s, const uint8_t *packet, size_t len)
{
    sendto(s->fd, packet, len, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *) &s->peer,
           s->peer_len);
}

void peer_socket_close(struct peer_socket *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}
