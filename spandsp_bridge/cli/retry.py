"""`vfax retry`: what follows a failed attempt."""

import asyncio
from typing import Annotated

import typer
from rich import box
from rich.table import Table

from spandsp_bridge.calls.outcome import judge_sip, reason_of_t30
from spandsp_bridge.cli.output import Json, console, print_json
from spandsp_bridge.errors import NotFoundError, UserError
from spandsp_bridge.i18n import decision_text, environment_language, rule_text
from spandsp_bridge.outbound import policy
from spandsp_bridge.services.connection import open_database
from spandsp_bridge.settings import load
from spandsp_bridge.store.queue import FaxQueue
from spandsp_bridge.store.retry_rules import RetryRule

retry = typer.Typer(no_args_is_help=True, help="What follows a failed attempt.")


@retry.callback()
def _group() -> None:
    """Keep `explain` a command of its own."""


@retry.command(name="explain")
def retry_explain(
    sip: Annotated[int | None, typer.Option(help="SIP status of the failed call.")] = None,
    t30: Annotated[int | None, typer.Option(help="SpanDSP's T30_ERR code of the call.")] = None,
    reason: Annotated[str | None, typer.Option(help="The reason, as in attempts.reason.")] = None,
    brand: Annotated[int | None, typer.Option(help="Brand id; default: the first brand.")] = None,
    as_json: Json = False,
) -> None:
    """Explain what would happen if every attempt of a fax failed in the same way."""
    if sum(option is not None for option in (sip, t30, reason)) != 1:
        raise UserError("choose one failure: --sip STATUS, --t30 CODE or --reason WORD")
    if sip is not None:
        if not 300 <= sip <= 699:
            raise UserError("{status} is not a SIP failure: use 300 to 699", status=sip)
        reason = judge_sip(sip, "").reason
    elif t30 is not None:
        reason = reason_of_t30(t30)
    assert reason is not None
    rules = asyncio.run(_rules(brand))
    if reason not in rules:
        raise UserError(
            "there is no rule for the reason {reason!r}: choose {reasons}",
            reason=reason,
            reasons=", ".join(sorted(rules)),
        )
    rule = rules[reason]
    attempts = policy.explain(rules, reason)
    language = environment_language()
    why = "" if rule.own else rule_text(reason, language)
    for attempt in attempts:
        attempt["why"] = decision_text(attempt.pop("next"), language)
    if as_json:
        print_json(
            {
                "reason": reason,
                "action": rule.action,
                "delay_seconds": rule.delay,
                "tries": rule.tries,
                "steps": list(rule.steps),
                "why": why,
                "attempts": attempts,
            }
        )
        return
    out = console()
    out.print(f"[bold]{reason}[/] {why}")
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("attempt", "changes", "then", "after"):
        table.add_column(column)
    for row in attempts:
        changes = row["changes"]
        assert isinstance(changes, list)
        delay = f"{row['delay_seconds']} s" if row["delay_seconds"] is not None else ""
        then = "try again" if row["action"] == "retry" else f"error: {row['why'] or 'no retry'}"
        table.add_row(str(row["attempt"]), ", ".join(changes) or "none", then, delay)
    out.print(table)


async def _rules(brand: int | None) -> dict[str, RetryRule]:
    async with open_database(load()) as database:
        rows = await FaxQueue(database).retry_rules(brand)
    if not rows:
        if brand is None:
            raise UserError("there is no brand yet")
        raise NotFoundError("there is no brand {brand}; see the table brands", brand=brand)
    return policy.rules_of(rows)
