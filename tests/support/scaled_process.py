"""The parent of engine processes with a faster clock; its argument is their shared library.

Started by `client.EngineClient` in place of ``spandsp_bridge.native.process`` where a test injects
`scaled_engine.scaled()`.
"""

import ctypes
import sys

from spandsp_bridge.native import process

if __name__ == "__main__":
    process.main(ctypes.CDLL(sys.argv[1]).vfx_serve)
