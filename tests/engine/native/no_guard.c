/* An engine without its guard, and a program around it: SpanDSP gets what the peer sends, and
 * dies of it. For the test that such a death takes one call and no others. */
#include "engine.h"
#include "frame_guard.h"

void frame_guard_add(struct frame_guard *g, const uint8_t *octets, size_t len)
{
    (void) g;
    (void) octets;
    (void) len;
}

bool frame_guard_judge(struct frame_guard *g, const uint8_t *frame, int len)
{
    (void) g;
    (void) frame;
    (void) len;
    return true;
}

bool frame_guard_finish(struct frame_guard *g)
{
    (void) g;
    return true;
}

void frame_guard_reset(struct frame_guard *g)
{
    (void) g;
}

int main(void)
{
    return vfx_serve(0);
}
