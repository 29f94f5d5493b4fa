"""`vfax serve` over an engine with a faster clock, for the stack of the tests.

``-m tests.support.scaled_vfax serve bridge|worker`` in place of ``-m spandsp_bridge serve ...``.
"""

import asyncio
import sys

import uvloop

from spandsp_bridge import log
from spandsp_bridge.services import run
from spandsp_bridge.settings import load
from tests.support.scaled_engine import scaled

SCALED_VFAX = (sys.executable, "-m", "tests.support.scaled_vfax")


def main() -> None:
    """Run a bridge or a worker until SIGTERM or SIGINT."""
    [command, service] = sys.argv[1:]
    assert command == "serve"
    assert service in ("bridge", "worker")
    settings = load()
    log.configure(settings.log_level)
    node = run.serve_node(
        settings, receives=service == "bridge", sends=service == "worker", build=scaled()
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run.until_signal(node))


if __name__ == "__main__":
    main()
