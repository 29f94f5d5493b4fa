"""A plan as JSON, for operators."""

from typing import Any

from kemi.routing import outbound
from kemi.routing.facts import Facts
from kemi.routing.model import (
    Candidate,
    Leg,
    LocalDestination,
    Plan,
    ToAccount,
    ToUri,
    ToVirtualFax,
)


def _leg(leg: Leg, server: str) -> dict[str, Any]:
    return {
        "server": server,
        "number": leg.user,
        "caller": leg.caller,
        "from_domain": leg.from_domain,
        "headers": list(leg.headers),
    }


def _candidate(
    candidate: Candidate, plan: Plan, facts: Facts, caller: str | None
) -> dict[str, Any]:
    route, carrier = candidate.route, candidate.carrier
    return {
        "route": route.id,
        "type": route.type,
        "mode": route.mode,
        "company": route.company,
        "priority": route.priority,
        "weight": route.weight,
        "stopper": route.stopper,
        "probability": round(candidate.probability, 6),
        "price": candidate.price,
        "carrier": carrier.id,
        "carrier_name": carrier.name,
        "servers": [server.uri for server in carrier.servers],
        "legs": [
            _leg(
                outbound.leg_to(
                    facts,
                    route=route.id,
                    carrier=carrier.id,
                    server=server.id,
                    number=plan.number,
                    caller=caller,
                ),
                server.uri,
            )
            for server in carrier.servers
        ],
        "failover": {
            name: action if action != "retry_later" else f"retry_later ({seconds} s)"
            for name, (action, seconds) in sorted(carrier.failover.items())
        },
    }


def _destination(destination: LocalDestination) -> dict[str, Any]:
    ddi: dict[str, Any] = {"ddi": destination.ddi.number, "company": destination.ddi.company}
    match destination:
        case ToVirtualFax():
            return {**ddi, "virtual_fax": destination.virtual_fax}
        case ToAccount():
            return {**ddi, "sip_account": destination.aor}
        case ToUri():
            return {**ddi, "external_uri": destination.uri}


def explain(plan: Plan, facts: Facts, caller: str | None = None) -> dict[str, Any]:
    """Return the whole decision; the keys are a fixed interface."""
    return {
        "number": plan.number,
        "caller": caller,
        "inside": _destination(plan.destination) if plan.destination else None,
        "candidates": [_candidate(c, plan, facts, caller) for c in plan.candidates],
        "discarded": [
            {"route": d.route.id, "type": d.route.type, "reason": d.reason, "carrier": d.carrier}
            for d in plan.discarded
        ],
        "order": [c.route.id for c in plan.order],
        "carriers": [c.carrier.id for c in plan.order],
        "reply": {"code": plan.reply.code, "reason": plan.reply.reason} if plan.reply else None,
    }
