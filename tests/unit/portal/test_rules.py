"""The rules that forms can break are constraints of the database, in words."""

import re

from spandsp_bridge.i18n.constraint_labels import RULES
from spandsp_bridge.settings import ROOT


def test_every_rule_is_a_constraint() -> None:
    schema = (ROOT / "sql" / "schema.sql").read_text()
    constraints = set(re.findall(r"(?:CONSTRAINT|UNIQUE INDEX) (\w+)", schema))
    assert set(RULES) <= constraints
