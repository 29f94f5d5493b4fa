/* Which SpanDSP is loaded (spandsp_private.c). */
#ifndef VFAX_SPANDSP_RELEASE_H
#define VFAX_SPANDSP_RELEASE_H

enum { VFX_RELEASE_SIZE = 32 };

/* Check that the loaded SpanDSP is the release that this engine was built for; its release stands
 * in `release`. Returns 0 or -ENOTSUP. */
int vfx_check_spandsp(char release[VFX_RELEASE_SIZE]);

#endif
