/* T.30 over UDPTL (T.38). */
#ifndef VFAX_T38_MEDIA_H
#define VFAX_T38_MEDIA_H

#include "media.h"

extern const struct media_ops t38_media_ops;

#endif
