"""The routing core as text, for functions in PL/Python that run it inside PostgreSQL."""

import hashlib
import json
from pathlib import Path

from spandsp_bridge.settings import ROOT


def core() -> dict[str, str]:
    """Return the source text of the routing core, in the order of its imports."""
    routing = ROOT / "kemi" / "routing"
    order = (
        "model", "numbers", "limits", "failover", "decode", "facts", "inbound", "outbound",
        "explain",
    )  # fmt: skip
    store = ROOT / "spandsp_bridge" / "store"
    return {
        "kemi": "",
        "kemi.routing": "",
        **{f"kemi.routing.{name}": (routing / f"{name}.py").read_text() for name in order},
        "spandsp_bridge": "",
        "spandsp_bridge.store": "",
        "spandsp_bridge.store.routing": (store / "routing.py").read_text(),
    }


def rendered(file: Path) -> str:
    """Return the text of an SQL file, with the routing core in place of @core."""
    text = file.read_text()
    if "@core" not in text:
        return text
    # As JSON in a raw string between triple apostrophes: none of the two may end early.
    source = json.dumps(core()).replace("'", "\\u0027").replace("$", "\\u0024")
    digest = hashlib.sha256(source.encode()).hexdigest()
    return text.replace("'@digest'", f"'{digest}'").replace("r'''@core'''", f"r'''{source}'''")
