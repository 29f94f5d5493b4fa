/* The limit of fax over T.38: SpanDSP terminals in pairs, IFP packets handed over in memory,
 * no sockets, no clock. Usage: back_to_back TIFF OUT CALLS; prints
 * calls, pages, call-seconds, sender's and receiver's CPU seconds. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <spandsp.h>

enum { TICK_SAMPLES = 160, MAX_TICKS = 50 * 1200 };

struct side {
    t38_terminal_state_t *terminal;
    struct side *other;
    double cpu;
    int over;
    uint16_t seq;
};

static double cpu(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

static int on_packet(t38_core_state_t *t38, void *user_data, const uint8_t *buf, int len, int count)
{
    struct side *s = user_data;
    double began = cpu();

    (void) t38;
    (void) count;
    t38_core_rx_ifp_packet(t38_terminal_get_t38_core_state(s->other->terminal), buf, len, s->seq++);
    double took = cpu() - began;
    s->other->cpu += took;
    s->cpu -= took;    /* it runs inside our tick */
    return 0;
}

static void on_end(t30_state_t *t30, void *user_data, int code)
{
    (void) t30;
    (void) code;
    ((struct side *) user_data)->over = 1;
}

static void make(struct side *s, struct side *other, int sending, const char *file)
{
    s->other = other;
    s->terminal = t38_terminal_init(NULL, sending, on_packet, s);
    t30_state_t *t30 = t38_terminal_get_t30_state(s->terminal);

    t38_set_t38_version(t38_terminal_get_t38_core_state(s->terminal), 0);
    t30_set_supported_modems(t30, T30_SUPPORT_V17 | T30_SUPPORT_V29 | T30_SUPPORT_V27TER);
    t30_set_ecm_capability(t30, TRUE);
    t30_set_supported_compressions(t30, T30_SUPPORT_T4_1D_COMPRESSION | T30_SUPPORT_T4_2D_COMPRESSION
                                            | T30_SUPPORT_T6_COMPRESSION);
    t30_set_supported_resolutions(t30, T30_SUPPORT_FINE_RESOLUTION | T30_SUPPORT_STANDARD_RESOLUTION);
    t30_set_supported_image_sizes(t30, T30_SUPPORT_215MM_WIDTH | T30_SUPPORT_UNLIMITED_LENGTH);
    t30_set_phase_e_handler(t30, on_end, s);
    if (sending)
        t30_set_tx_file(t30, file, -1, -1);
    else {
        t30_set_rx_encoding(t30, T4_COMPRESSION_ITU_T6);
        t30_set_rx_file(t30, file, -1);
    }
}

int main(int argc, char *argv[])
{
    if (argc < 4)
        return 2;
    int calls = atoi(argv[3]), pages = 0;
    long ticks = 0;
    double out_cpu = 0, in_cpu = 0;

    for (int call = 0; call < calls; call++) {
        struct side out = { 0 }, in = { 0 };
        t30_stats_t stats;

        make(&out, &in, 1, argv[1]);
        make(&in, &out, 0, argv[2]);
        for (int i = 0; i < MAX_TICKS && !(out.over && in.over); i++, ticks++)
            for (int turn = 0; turn < 2; turn++) {
                struct side *s = turn ? &in : &out;
                double began = cpu();

                t38_terminal_send_timeout(s->terminal, TICK_SAMPLES);
                s->cpu += cpu() - began;
            }
        t30_get_transfer_statistics(t38_terminal_get_t30_state(in.terminal), &stats);
        pages += stats.pages_rx;
        t38_terminal_release(out.terminal);
        t38_terminal_free(out.terminal);
        t38_terminal_release(in.terminal);
        t38_terminal_free(in.terminal);
        out_cpu += out.cpu;
        in_cpu += in.cpu;
    }
    printf("%d %d %.2f %.6f %.6f\n", calls, pages, (double) ticks / 50, out_cpu, in_cpu);
    return 0;
}
