/* A UDP socket and the one peer behind it: where the SDP says, or where it turns out to be. */
#ifndef VFAX_PEER_SOCKET_H
#define VFAX_PEER_SOCKET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum { PACKETS_AT_ONCE = 6 };

struct peer_socket {
    int fd;                                /* owned; -1: not open */
    struct sockaddr_storage sdp, peer;     /* where the SDP says, and where packets go */
    socklen_t peer_len;
    bool peer_seen;                        /* a packet came from the SDP's address */
    bool latched;                          /* the address was moved, once */
};

struct packet {
    const uint8_t *octets;                 /* borrowed until the next peer_socket_read() */
    size_t len;
    const struct sockaddr_storage *from;   /* likewise */
    socklen_t from_len;
};

enum packet_source {
    FROM_STRANGER,                         /* to be dropped */
    FROM_PEER,
    FROM_NEW_ADDRESS,                      /* of the peer, and the first time: it is behind NAT */
    FROM_SDP_AFTER_ALL,                    /* of the peer; what came so far was a stranger's */
};

/* Bind two neighbouring ports in a range. Returns the lower one, which is even, or -errno. */
int peer_socket_open_pair(struct peer_socket *lower, struct peer_socket *upper, const char *address,
                          int first_port, int last_port);
/* Send to this peer from now on. Returns 0 or -EINVAL. */
int peer_socket_set_peer(struct peer_socket *s, const char *address, uint16_t port);
/* Read what came. Returns how many packets; PACKETS_AT_ONCE: there may be more. */
int peer_socket_read(struct peer_socket *s, struct packet packets[PACKETS_AT_ONCE]);
/* Tell whose packet it is, and follow a peer that sends from elsewhere than its SDP says. */
enum packet_source peer_socket_judge(struct peer_socket *s, const struct packet *packet);
void peer_socket_send(const struct peer_socket *s, const uint8_t *packet, size_t len);
void peer_socket_close(struct peer_socket *s);

#endif
