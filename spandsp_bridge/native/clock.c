#include "clock.h"

#include <time.h>

enum { JITTER_MS = 60 };

int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t) t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_wait_ns(int64_t ms)
{
    return ms > 0 ? ms * 1000000 : 0;
}

int64_t clock_jitter_ms(void)
{
    return JITTER_MS;
}
