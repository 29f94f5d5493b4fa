/* What Python and an engine process say to each other.
 *
 * Python decides, C moves packets. Commands come in and events go out as these structs,
 * one a packet, over a SOCK_SEQPACKET socket; no Python runs here.
 *
 * In all files: a function that can fail returns 0 (or what it counts) or -errno; a question is
 * answered by a bool. A pointer is owned by the struct that it stands in, which frees it, or it is
 * borrowed, and its comment says until when.
 */
#ifndef VFAX_PROTOCOL_H
#define VFAX_PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

enum vfx_command_type {
    VFX_OPEN = 1,       /* reserve the call's sockets; answered by OPENED or REFUSED */
    VFX_START_T38 = 2,  /* T.30 over UDPTL with `peer`; once it runs: the peer moved */
    VFX_START_TONES = 3,/* RTP with `peer`: say what we are (CNG, CED), hear what answers */
    VFX_START_AUDIO = 4,/* T.30 over RTP with `peer` */
    VFX_VERDICT = 5,    /* on a received page: `durable` lets its MCF leave */
    VFX_TERMINATE = 6,  /* end T.30; FINISHED follows */
    VFX_CLOSE = 7,      /* free the call; nothing follows */
};

enum vfx_event_type {
    VFX_OPENED = 1,
    VFX_REFUSED = 2,    /* `code` is an errno; EADDRINUSE: the range of ports is full */
    VFX_NEGOTIATED = 3, /* phase B: rate, ECM and the far end's station id are known */
    VFX_PAGE = 4,       /* receiving: a page awaits its verdict; sending: one was confirmed */
    VFX_TRACE = 5,      /* one T.30 frame went by, or SpanDSP said something */
    VFX_FINISHED = 6,   /* the T.30 session is over and its file is closed */
};

/* Why a session ended, where T.30 itself did not end it. */
enum vfx_cause {
    VFX_BY_T30 = 0,
    VFX_BY_COMMAND = 1,      /* terminate was asked for (BYE, CANCEL) */
    VFX_BY_SILENCE = 2,      /* the peer fell silent */
    VFX_BY_CLOCK = 3,        /* the call's time limit */
    VFX_BY_PAGE_REFUSED = 4, /* a page could not be made durable */
    VFX_BY_PAGE_STALLED = 5, /* no verdict on a page in time */
    VFX_BY_LIMIT = 7,        /* too many pages, or a page too large (6 is Python's) */
    VFX_BY_PAGE_LOST = 8,    /* T.30 was about to confirm a page that it does not have */
};

enum vfx_media { VFX_NO_MEDIA = 0, VFX_T38 = 1, VFX_TONES = 2, VFX_AUDIO = 3 };

/* The most telling thing heard over RTP so far. */
enum vfx_heard {
    VFX_HEARD_NOTHING = 0,   /* no packet came */
    VFX_HEARD_SILENCE = 1,
    VFX_HEARD_SOUND = 2,     /* a voice, or another sound that is not a fax */
    VFX_HEARD_FAX = 3,       /* CNG, CED or the flags before a T.30 frame */
};

struct vfx_options {
    uint16_t first_port;       /* even */
    uint16_t last_port;
    int32_t sending;
    int32_t start_page;        /* sending: first page, from 0 */
    int32_t calling;           /* we are the calling T.30 terminal */
    int32_t ecm;
    int32_t max_bit_rate;      /* 2400 to 14400 */
    int32_t max_seconds;
    int32_t silence_seconds;   /* receiving: no packet at all for so long */
    int32_t max_pages;         /* receiving */
    int32_t max_page_bytes;    /* receiving: octets of one page on the line */
    char bind_address[46];     /* IPv4 or IPv6 literal */
    char station_id[22];       /* CSI or TSI: 20 characters at most */
    char header_line[64];      /* empty: no header line on sent pages */
    char time_zone[64];        /* POSIX TZ of the header line, empty: the host's */
    char file[256];            /* TIFF-F to send, or to write what is received */
};

struct vfx_peer {
    char address[46];
    uint16_t port;
    int32_t recovery;          /* T.38: enum udptl_recovery */
    int32_t max_datagram;      /* T.38: octets, the peer's T38FaxMaxDatagram */
    int32_t version;           /* T.38 */
    int32_t payload_type;      /* RTP: 0 PCMU, 8 PCMA */
};

struct vfx_command {
    uint64_t call;
    int32_t type;              /* enum vfx_command_type */
    int32_t durable;
    struct vfx_peer peer;
    struct vfx_options options;
};

struct vfx_stats {
    int32_t media;             /* enum vfx_media */
    int32_t heard;             /* enum vfx_heard */
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
    double seconds;            /* since the session's start */
    int32_t type;              /* enum vfx_event_type */
    int32_t code;              /* FINISHED: T30_ERR_...; PAGE: the FCF; NEGOTIATED: DIS or DCS */
    int32_t cause;             /* FINISHED: enum vfx_cause */
    uint16_t audio_port;       /* OPENED */
    uint16_t t38_port;
    union {
        struct vfx_stats stats;
        char text[256];        /* TRACE */
    };
};

#endif
