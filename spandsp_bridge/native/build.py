"""Describe the native extension to cffi (API mode, over Debian's libspandsp).

Declared here is only what Python calls; SpanDSP's structs stay in C.
"""

from pathlib import Path

from cffi import FFI

HERE = Path(__file__).parent
FOLDER = Path("spandsp_bridge", "native")  # from the root of the repository, where setup.py runs
SOURCES = (
    "engine.c",
    "clock.c",
    "event_queue.c",
    "session.c",
    "t30.c",
    "peer_socket.c",
    "spandsp_private.c",
    "call.c",
    "page.c",
    "t6.c",
    "thumbnail.c",
    "t38_media.c",
    "audio_media.c",
    "rtp.c",
    "udptl.c",
    "frame_guard.c",
)
LIBRARIES = ("spandsp", "tiff")
STRICT = ["-std=gnu11", "-O2", "-g", "-Wall", "-Wextra", "-Werror"]


def _declarations(header: str) -> str:
    """Return a header without its preprocessor lines, as cffi's parser wants it."""
    lines = (HERE / header).read_text().splitlines()
    return "\n".join(line for line in lines if not line.startswith("#"))


ffibuilder = FFI()
ffibuilder.cdef(_declarations("protocol.h"))
ffibuilder.cdef(_declarations("spandsp_release.h"))
ffibuilder.cdef(_declarations("engine.h"))
ffibuilder.cdef(_declarations("udptl.h"))
ffibuilder.cdef(_declarations("t6.h"))
ffibuilder.cdef(_declarations("thumbnail.h"))
ffibuilder.cdef(_declarations("frame_guard.h"))
ffibuilder.cdef(_declarations("rtp.h"))
ffibuilder.cdef(
    """
    const char *t30_completion_code_to_str(int result);
    const char *t4_encoding_to_str(int encoding);
    """
)
ffibuilder.set_source(
    "spandsp_bridge.native._engine",
    """
    #include "protocol.h"
    #include "spandsp_release.h"
    #include "engine.h"
    #include "udptl.h"
    #include "t6.h"
    #include "thumbnail.h"
    #include "frame_guard.h"
    #include "rtp.h"
    #include <spandsp.h>
    """,
    sources=[str(FOLDER / name) for name in SOURCES],
    include_dirs=[str(FOLDER)],
    # The generated wrapper is not ours to keep free of warnings.
    extra_compile_args=[*STRICT, "-Wno-unused-parameter", "-Wno-missing-field-initializers"],
    libraries=[*LIBRARIES],
)

if __name__ == "__main__":
    ffibuilder.compile(verbose=True)
