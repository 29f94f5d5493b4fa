/* T.30 of a session: its document, its abilities, and the callbacks that note how it goes. */
#ifndef VFAX_T30_H
#define VFAX_T30_H

#include "session.h"

/* Give T.30 its document, its abilities and its handlers; the session is borrowed by it. */
void t30_prepare(struct session *s, t30_state_t *t30);
/* Send SpanDSP's log to sessions, and nothing to stderr. Once for the process. */
void t30_capture_log(void);
/* Whose log it is until the next call; NULL: none. SpanDSP's log handler has no user data. */
void t30_log_to(struct session *s);

#endif
