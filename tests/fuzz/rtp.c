/* libFuzzer: a stream of RTP packets, played as they come. Input: pairs of length and octets. */
#include <stdlib.h>
#include <string.h>

#include "rtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rtp *r = malloc(sizeof(*r));
    int16_t amp[160];

    rtp_init(r, PCMA, 1, 480);
    while (size > 0) {
        size_t len = data[0];

        data++;
        size--;
        if (len > size)
            len = size;
        uint8_t *exact = malloc(len ? len : 1);

        memcpy(exact, data, len);
        rtp_receive(r, exact, len);
        rtp_play(r, amp, 160);
        free(exact);
        data += len;
        size -= len;
    }
    free(r);
    return 0;
}
