/* The one place that touches SpanDSP's private structs; all other files see its public functions.
 *
 * The structs are those of SpanDSP 0.0.6 of one release date. Another build would be silent
 * corruption of memory, so it is refused twice: spandsp_private.c does not compile against other
 * headers, and vfx_check_spandsp() refuses another library when it is loaded.
 */
#ifndef VFAX_SPANDSP_PRIVATE_H
#define VFAX_SPANDSP_PRIVATE_H

#include <stdbool.h>

#include <spandsp.h>

struct spandsp_t38_handlers {
    t38_rx_indicator_handler_t *indicator;
    t38_rx_data_handler_t *data;
    t38_rx_missing_handler_t *missing;
};

/* Put handlers between the T.38 core and its terminal; return those that were there. */
struct spandsp_t38_handlers spandsp_replace_t38_handlers(t38_core_state_t *t38,
                                                         const struct spandsp_t38_handlers *handlers,
                                                         void *user_data);
/* Take the next packet as the first one, whatever its sequence number. */
void spandsp_restart_t38_sequence(t38_core_state_t *t38);

/* Put a handler between the audio modems' HDLC and T.30. SpanDSP sets its own again with each
 * modem: true when there was another one, and it stands in `*old` and `*old_data`. */
bool spandsp_replace_hdlc_handler(fax_state_t *fax, hdlc_frame_handler_t handler, void *user_data,
                                  hdlc_frame_handler_t *old, void **old_data);

struct spandsp_rows {
    const uint8_t *pixels;         /* borrowed until the rows are dropped or T.30 gets data; NULL:
                                      no row came yet */
    int count;                     /* rows in the buffer */
    int bytes_per_row;
    int width;                     /* pixels */
    int length;                    /* rows of the page so far, with those that left the buffer */
    int x_resolution, y_resolution;/* pixels per metre */
};

/* Have the rows of each page that comes handed to a handler at its end. */
void spandsp_set_row_handler(t30_state_t *t30, t4_row_write_handler_t handler, void *user_data);
/* False: the rows go to another handler's data. */
bool spandsp_received_rows(t30_state_t *t30, const void *user_data, struct spandsp_rows *rows);
/* Drop all rows but the last, which repairs a bad one after it. Returns 0 or -ENOMEM. */
int spandsp_drop_rows(t30_state_t *t30);
void spandsp_free_rows(t30_state_t *t30);
/* The libtiff handle of the file that is received, borrowed; NULL: it could not be opened. */
void *spandsp_received_tiff(t30_state_t *t30);
/* Count a page that was written to that file; return its number, from 0. */
int spandsp_count_page(t30_state_t *t30);

#endif
