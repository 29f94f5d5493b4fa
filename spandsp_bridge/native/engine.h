/* The fax engine: T.38 calls over SpanDSP, moved by one reactor thread.
 *
 * Python decides, C moves packets. Commands go in by a queue and an eventfd,
 * events come out the same way; no Python runs per packet.
 */
#ifndef VFAX_ENGINE_H
#define VFAX_ENGINE_H

#include <stddef.h>
#include <stdint.h>

struct vfx_engine;

enum vfx_event_type {
    VFX_NEGOTIATED = 1, /* phase B: rate, ECM and the far end's station id are known */
    VFX_PAGE = 2,       /* receiving: a page awaits its verdict; sending: a page was confirmed */
    VFX_TRACE = 3,      /* one T.30 frame went by, or SpanDSP said something */
    VFX_FINISHED = 4,   /* the T.30 session is over and its file is closed */
};

/* Why a session ended, where T.30 itself did not end it. */
enum vfx_cause {
    VFX_BY_T30 = 0,
    VFX_BY_COMMAND = 1,      /* terminate was asked for (BYE, CANCEL) */
    VFX_BY_SILENCE = 2,      /* the peer fell silent */
    VFX_BY_CLOCK = 3,        /* the call's time limit */
    VFX_BY_PAGE_REFUSED = 4, /* a page could not be made durable */
    VFX_BY_PAGE_STALLED = 5, /* no verdict on a page in time */
};

struct vfx_options {
    const char *bind_address;  /* IPv4 or IPv6 literal */
    uint16_t first_port;       /* even; the range is searched upward */
    uint16_t last_port;
    const char *file;          /* TIFF-F to send, or to write what is received */
    int sending;
    int start_page;            /* sending: first page, from 0 */
    int calling;               /* we are the calling T.30 terminal */
    int ecm;
    int max_bit_rate;          /* 2400 to 14400 */
    const char *station_id;    /* CSI or TSI: 20 characters at most */
    const char *header_line;   /* empty: no header line on sent pages */
    const char *time_zone;     /* POSIX TZ of the header line, empty: the host's */
    int max_seconds;
    int silence_seconds;       /* receiving: no packet at all for so long */
};

struct vfx_peer {
    const char *address;
    uint16_t port;
    int recovery;              /* enum udptl_recovery */
    int max_datagram;          /* octets, the peer's T38FaxMaxDatagram */
    int version;
};

struct vfx_stats {
    int32_t bit_rate;
    int32_t ecm;
    int32_t encoding;          /* T4_COMPRESSION_ITU_... on the line */
    int32_t pages;             /* confirmed, sending; whole, receiving */
    int32_t width;
    int32_t length;
    int32_t x_resolution;      /* pixels per metre */
    int32_t y_resolution;
    int32_t image_size;        /* octets on the line */
    int32_t bad_rows;
    int32_t ecm_retries;       /* over all pages */
    uint32_t packets_received;
    uint32_t packets_sent;
    uint32_t packets_lost;
    uint32_t packets_repaired;
    uint32_t packets_late;
    uint32_t packets_duplicate;
    uint32_t packets_malformed;
    uint32_t frames_refused;
    uint32_t late_ticks;       /* more than 60 ms behind */
    char remote_station_id[24];
    char remote_vendor[64];
};

struct vfx_event {
    uint64_t call;
    int32_t type;              /* enum vfx_event_type */
    int32_t code;              /* FINISHED: T30_ERR_...; PAGE: the FCF; NEGOTIATED: DIS or DCS */
    int32_t cause;             /* FINISHED: enum vfx_cause */
    double seconds;            /* since the session's start */
    struct vfx_stats stats;
    char text[256];            /* TRACE */
};

struct vfx_engine *vfx_engine_new(void);
void vfx_engine_free(struct vfx_engine *e);
int vfx_engine_event_fd(struct vfx_engine *e);

/* Reserve the call's media sockets: *audio_port for RTP, *t38_port for UDPTL.
 * Returns 0, or -errno (EADDRINUSE: the range is full). */
int vfx_call_open(struct vfx_engine *e, uint64_t call, const struct vfx_options *o,
                  uint16_t *audio_port, uint16_t *t38_port);

/* Commands for one call; unknown calls are ignored (it may have just ended). */
int vfx_call_start(struct vfx_engine *e, uint64_t call, const struct vfx_peer *peer);
int vfx_call_page_verdict(struct vfx_engine *e, uint64_t call, int durable);
int vfx_call_terminate(struct vfx_engine *e, uint64_t call);
int vfx_call_close(struct vfx_engine *e, uint64_t call);

/* 1 and an event, or 0 when none waits. */
int vfx_next_event(struct vfx_engine *e, struct vfx_event *out);

#endif
