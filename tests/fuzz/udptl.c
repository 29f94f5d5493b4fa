/* libFuzzer: a stream of datagrams into the UDPTL parser. Input: pairs of length and octets. */
#include <stdlib.h>
#include <string.h>

#include "udptl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct udptl *u = malloc(sizeof(*u));
    struct udptl_ifp out[UDPTL_MAX_OUT];
    static volatile uint32_t sum;

    udptl_init(u, UDPTL_NONE, 0, 0, 0);
    while (size > 0) {
        size_t len = data[0];

        data++;
        size--;
        if (len > size)
            len = size;
        uint8_t *exact = malloc(len ? len : 1);   /* so that an octet read too far is seen */

        memcpy(exact, data, len);
        int count = udptl_receive(u, exact, len, out);
        for (int i = 0; i < count; i++)
            for (int j = 0; j < out[i].len; j++)
                sum = sum + out[i].data[j];
        free(exact);
        data += len;
        size -= len;
    }
    free(u);
    return 0;
}
