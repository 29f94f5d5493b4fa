/* The engine's clock with its time TIME_SCALE times faster: in place of clock.c, for tests alone. */
#include "clock.h"

#include <time.h>

#ifndef TIME_SCALE
#error "define TIME_SCALE: how many seconds of a fax go by in a second"
#endif

enum { HOST_JITTER_MS = 40 };   /* of a busy host, in real time */

int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return ((int64_t) t.tv_sec * 1000000 + t.tv_nsec / 1000) * TIME_SCALE / 1000;
}

int64_t clock_wait_ns(int64_t ms)
{
    return ms > 0 ? ms * 1000000 / TIME_SCALE : 0;
}

int64_t clock_jitter_ms(void)
{
    return HOST_JITTER_MS * TIME_SCALE;
}
