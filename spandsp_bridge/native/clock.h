/* The engine's clock: every timer of a fax hangs on it, and nothing else reads the time.
 *
 * It stands in a file of its own so that the tests can link another one, whose time runs faster
 * (tests/support/scaled_clock.c). What is shipped is built from clock.c, which has no such thing:
 * a production engine cannot be scaled by any setting.
 */
#ifndef VFAX_CLOCK_H
#define VFAX_CLOCK_H

#include <stdint.h>

int64_t now_ms(void);                 /* milliseconds since an arbitrary start; never goes back */
int64_t clock_wait_ns(int64_t ms);    /* nanoseconds to sleep until `ms` have gone by on it */
int64_t clock_jitter_ms(void);        /* by so much a packet may be late, and is played in time */

#endif
