"""A mail server for the demo: stores every mail as a file, delivers nothing.

Run as ``python -m spandsp_bridge.demo.mail_sink PORT FOLDER``.
"""

import asyncio
import signal
import sys
import uuid
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller


class MailStore:
    """Stores each mail in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Store a mail; a file that is there is complete."""
        name = f"{uuid.uuid4().hex}.eml"
        draft = self._folder / f".{name}"
        await asyncio.to_thread(draft.write_bytes, envelope.content)
        await asyncio.to_thread(draft.rename, self._folder / name)
        return "250 stored"


def main() -> None:
    """Serve until SIGTERM."""
    port, folder = int(sys.argv[1]), Path(sys.argv[2])
    controller = Controller(MailStore(folder), hostname="127.0.0.1", port=port)
    controller.start()
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    controller.stop()


if __name__ == "__main__":
    main()
