#define _GNU_SOURCE
#include "spandsp_private.h"

#include <errno.h>
#include <link.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <spandsp/expose.h>
#include <spandsp/version.h>

#include "spandsp_release.h"

#if SPANDSP_RELEASE_DATE != 20110122
#error "built for SpanDSP 0.0.6 of 20110122: compare its private structs with those used here"
#endif

/* The layout that the code below was written for, on LP64. */
enum {
    T4_RX_IMAGE_BUFFER = 48,
    T4_RX_SIZE = 392,
    T38_CORE_SEQUENCE = 120,
    FAX_HDLC_RX = 79880,
    T30_T4_RX = 0,
};
_Static_assert(sizeof(void *) == 8, "the layout is known for LP64 alone");
_Static_assert(offsetof(t4_rx_state_t, image_buffer) == T4_RX_IMAGE_BUFFER, "t4_rx_state_t changed");
_Static_assert(sizeof(t4_rx_state_t) == T4_RX_SIZE, "t4_rx_state_t changed");
_Static_assert(offsetof(t38_core_state_t, rx_expected_seq_no) == T38_CORE_SEQUENCE,
               "t38_core_state_t changed");
_Static_assert(offsetof(fax_state_t, modems.hdlc_rx) == FAX_HDLC_RX, "fax_state_t changed");
_Static_assert(offsetof(t30_state_t, t4.rx) == T30_T4_RX, "t30_state_t changed");

/* ---- the loaded library --------------------------------------------------- */

enum { RELEASE_TEXT = 15 };        /* "20110122 075024" */
static const char prefix[] = "Spandsp ";

struct search {
    uintptr_t code;                /* an address in the library */
    char *release;
};

/* SpanDSP has no function for its release; it stands in the name that its TIFF files bear. */
static int find_release(struct dl_phdr_info *info, size_t size, void *data)
{
    struct search *s = data;
    bool inside = false;

    (void) size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        uintptr_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;

        if (info->dlpi_phdr[i].p_type == PT_LOAD && s->code - start < info->dlpi_phdr[i].p_memsz)
            inside = true;
    }
    for (int i = 0; inside && i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        const char *start = (const char *) (info->dlpi_addr + p->p_vaddr);

        if (p->p_type != PT_LOAD || (p->p_flags & PF_R) == 0 || (p->p_flags & PF_W) != 0)
            continue;
        const char *found = memmem(start, p->p_filesz, prefix, sizeof(prefix) - 1);
        if (found != NULL && (size_t) (start + p->p_filesz - found) > sizeof(prefix) + RELEASE_TEXT) {
            memcpy(s->release, found + sizeof(prefix) - 1, RELEASE_TEXT);
            s->release[RELEASE_TEXT] = '\0';
        }
    }
    return inside;
}

int vfx_check_spandsp(char release[VFX_RELEASE_SIZE])
{
    struct search search = { (uintptr_t) t30_init, release };

    snprintf(release, VFX_RELEASE_SIZE, "unknown");
    dl_iterate_phdr(find_release, &search);
    return strcmp(release, SPANDSP_RELEASE_DATETIME_STRING) == 0 ? 0 : -ENOTSUP;
}

/* ---- T.38 and HDLC ----------------------------------------------------------- */

struct spandsp_t38_handlers spandsp_replace_t38_handlers(t38_core_state_t *t38,
                                                         const struct spandsp_t38_handlers *handlers,
                                                         void *user_data)
{
    struct spandsp_t38_handlers old = { t38->rx_indicator_handler, t38->rx_data_handler,
                                        t38->rx_missing_handler };

    t38->rx_indicator_handler = handlers->indicator;
    t38->rx_data_handler = handlers->data;
    t38->rx_missing_handler = handlers->missing;
    t38->rx_user_data = user_data;
    return old;
}

void spandsp_restart_t38_sequence(t38_core_state_t *t38)
{
    t38->rx_expected_seq_no = -1;
}

bool spandsp_replace_hdlc_handler(fax_state_t *fax, hdlc_frame_handler_t handler, void *user_data,
                                  hdlc_frame_handler_t *old, void **old_data)
{
    hdlc_rx_state_t *hdlc = &fax->modems.hdlc_rx;

    if (hdlc->frame_handler == handler)
        return false;
    *old = hdlc->frame_handler;
    *old_data = hdlc->frame_user_data;
    hdlc->frame_handler = handler;
    hdlc->frame_user_data = user_data;
    return true;
}

/* ---- a received page ------------------------------------------------------------ */

void spandsp_set_row_handler(t30_state_t *t30, t4_row_write_handler_t handler, void *user_data)
{
    t4_rx_set_row_write_handler(&t30->t4.rx, handler, user_data);
}

bool spandsp_received_rows(t30_state_t *t30, const void *user_data, struct spandsp_rows *rows)
{
    const t4_rx_state_t *rx = &t30->t4.rx;

    if (rx->t4_t6_rx.row_write_user_data != user_data)
        return false;
    *rows = (struct spandsp_rows) {
        .pixels = rx->image_buffer,
        .count = rx->bytes_per_row ? rx->image_size / rx->bytes_per_row : 0,
        .bytes_per_row = rx->bytes_per_row,
        .width = rx->image_width,
        .length = rx->image_length,
        .x_resolution = rx->x_resolution,
        .y_resolution = rx->y_resolution,
    };
    return true;
}

int spandsp_drop_rows(t30_state_t *t30)
{
    t4_rx_state_t *rx = &t30->t4.rx;
    size_t row = (size_t) rx->bytes_per_row;
    uint8_t *last = malloc(row);

    if (last == NULL)
        return -ENOMEM;
    memcpy(last, rx->image_buffer + (size_t) rx->image_size / row * row - row, row);
    free(rx->image_buffer);
    rx->image_buffer = last;
    rx->image_buffer_size = rx->image_size = (int) row;
    rx->t4_t6_rx.last_row_starts_at = 0;
    return 0;
}

void spandsp_free_rows(t30_state_t *t30)
{
    t4_rx_state_t *rx = &t30->t4.rx;

    free(rx->image_buffer);
    rx->image_buffer = NULL;
    rx->image_buffer_size = 0;
}

void *spandsp_received_tiff(t30_state_t *t30)
{
    return t30->t4.rx.tiff.tiff_file;
}

int spandsp_count_page(t30_state_t *t30)
{
    t4_rx_state_t *rx = &t30->t4.rx;
    int number = rx->current_page++;

    /* SpanDSP writes how many there are when it closes the file, by this count. */
    rx->tiff.pages_in_file = rx->current_page;
    return number;
}
