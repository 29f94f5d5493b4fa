"""The C files: no circle of headers, one file for SpanDSP's private structs, one list of enums."""

import re
import subprocess
from enum import IntEnum
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from spandsp_bridge.native._engine import lib

from spandsp_bridge.model import Cause, Heard, Media, Recovery
from spandsp_bridge.native.build import SOURCES
from tests.support.engine_code import NATIVE

PYTHON_ONLY = {Cause.ENGINE_LOST}  #: the engine cannot report its own death


def includes(path: Path) -> set[str]:
    return set(re.findall(r'(?m)^#include "(.+?)"', path.read_text()))


def modules() -> dict[str, set[str]]:
    """Return what each pair of .c and .h includes of the others."""
    graph: dict[str, set[str]] = {}
    for path in [*NATIVE.glob("*.h"), *(NATIVE / name for name in SOURCES)]:
        graph.setdefault(path.stem, set()).update(Path(name).stem for name in includes(path))
    return {name: needs - {name} for name, needs in graph.items()}


def test_no_module_includes_itself_by_way_of_others() -> None:
    assert set(TopologicalSorter(modules()).static_order()) == set(modules())


def test_media_know_nothing_of_calls() -> None:
    graph = modules()
    for name in ("t30", "session", "page", "media", "t38_media", "audio_media", "peer_socket"):
        assert "call" not in graph[name], name


def test_one_file_sees_the_private_structs_of_spandsp() -> None:
    seen = [
        p.name
        for p in NATIVE.glob("*.[ch]")
        if re.search(r"spandsp/(expose|private)", p.read_text())
    ]
    assert [name for name in seen if name != "_engine.c"] == ["spandsp_private.c"]


@pytest.mark.parametrize(
    ("python", "prefix"),
    [(Cause, "VFX_BY_"), (Media, "VFX_"), (Heard, "VFX_HEARD_"), (Recovery, "UDPTL_")],
)
def test_enums_have_the_numbers_of_the_engine(python: type[IntEnum], prefix: str) -> None:
    for member in python:
        if member in PYTHON_ONLY:
            continue
        name = "NO_MEDIA" if member is Media.NONE else member.name
        assert getattr(lib, prefix + name) == member, member


def test_a_number_of_python_alone_is_not_the_engines() -> None:
    causes = {getattr(lib, name) for name in dir(lib) if name.startswith("VFX_BY_")}
    assert causes == {int(cause) for cause in Cause} - {int(cause) for cause in PYTHON_ONLY}


@pytest.mark.parametrize(
    ("header", "old", "new", "complaint"),
    [
        ("version.h", "SPANDSP_RELEASE_DATE            20110122",
         "SPANDSP_RELEASE_DATE            20140101", "compare its private structs"),
        ("private/t38_core.h", "int rx_expected_seq_no;", "int added, rx_expected_seq_no;",
         "t38_core_state_t changed"),
    ],
)  # fmt: skip
def test_other_headers_of_spandsp_do_not_compile(
    tmp_path: Path, header: str, old: str, new: str, complaint: str
) -> None:
    text = (Path("/usr/include/spandsp") / header).read_text()
    assert old in text
    changed = tmp_path / "spandsp" / header
    changed.parent.mkdir(parents=True)
    changed.write_text(text.replace(old, new))
    done = subprocess.run(
        ["gcc", "-std=gnu11", "-fsyntax-only", "-I", str(tmp_path), "-I", str(NATIVE),
         str(NATIVE / "spandsp_private.c")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert complaint in done.stderr
