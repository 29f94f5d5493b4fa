/* The fax engine: one process, one reactor, many calls over SpanDSP. */
#ifndef VFAX_ENGINE_H
#define VFAX_ENGINE_H

/* Serve commands from the socket until its other end closes. Returns 0, or -errno. */
int vfx_serve(int fd);

#endif
