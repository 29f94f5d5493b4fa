"""`vfax retry`: what follows a failed attempt."""

import asyncio
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from spandsp_bridge.cli.output import Json, print_json
from spandsp_bridge.errors import UserError
from spandsp_bridge.outbound import policy
from spandsp_bridge.services.connection import open_database
from spandsp_bridge.settings import load
from spandsp_bridge.store.queue import FaxQueue
from spandsp_bridge.t38.outcome import judge_sip, reason_of_t30

retry = typer.Typer(no_args_is_help=True, help="What follows a failed attempt.")


@retry.callback()
def _group() -> None:
    """Keep `explain` a command of its own."""


@retry.command(name="explain")
def retry_explain(
    sip: Annotated[int | None, typer.Option(help="SIP status of the failed call.")] = None,
    t30: Annotated[int | None, typer.Option(help="SpanDSP's T30_ERR code of the call.")] = None,
    reason: Annotated[str | None, typer.Option(help="The reason itself: attempts.reason.")] = None,
    brand: Annotated[int | None, typer.Option(help="A brand's rules; default: the first.")] = None,
    as_json: Json = False,
) -> None:
    """Print what would happen if every attempt of a fax ended in the same way."""
    if sum(option is not None for option in (sip, t30, reason)) != 1:
        raise UserError("name one failure: --sip STATUS, --t30 CODE or --reason WORD")
    if sip is not None:
        if not 300 <= sip <= 699:
            raise UserError(f"{sip} is no SIP status of a failure: 300 to 699")
        reason = judge_sip(sip, "").reason
    elif t30 is not None:
        reason = reason_of_t30(t30)
    assert reason is not None
    rules = asyncio.run(_rules(brand))
    if reason not in rules:
        raise UserError(f"no rule for the reason {reason!r}; known are {', '.join(sorted(rules))}")
    told = policy.explain(rules, reason)
    if as_json:
        rule = rules[reason]
        print_json({"reason": reason, "action": rule.action, "delay_seconds": rule.delay,
                    "tries": rule.tries, "steps": list(rule.steps), "why": rule.why,
                    "attempts": told})  # fmt: skip
        return
    console = Console(highlight=False)
    console.print(f"[bold]{reason}[/] {rules[reason].why}")
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("attempt", "with", "then", "after"):
        table.add_column(column)
    for row in told:
        changes = row["changes"]
        assert isinstance(changes, list)
        delay = f"{row['delay_seconds']} s" if row["delay_seconds"] is not None else ""
        then = "try again" if row["action"] == "retry" else f"error: {row['why'] or 'for good'}"
        table.add_row(str(row["attempt"]), ", ".join(changes) or "the settings", then, delay)
    console.print(table)


async def _rules(brand: int | None) -> dict[str, policy.Rule]:
    async with open_database(load()) as database:
        rows = await FaxQueue(database).retry_rules(brand)
    if not rows:
        raise UserError(
            f"there is no brand {brand}" if brand is not None else "there is no brand yet"
        )
    return policy.rules_of(rows)
