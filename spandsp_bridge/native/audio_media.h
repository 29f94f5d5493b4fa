/* Fax over RTP: tones first, until it is known what answers; then T.30 by modems. */
#ifndef VFAX_AUDIO_MEDIA_H
#define VFAX_AUDIO_MEDIA_H

#include "media.h"

extern const struct media_ops audio_media_ops;

#endif
