"""A plan in words and as JSON, for operators."""

from typing import Any

from kemi.routing.facts import Facts
from kemi.routing.model import Candidate, Inside, Leg, Plan, ToAccount, ToUri, ToVirtualFax


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
            _leg(facts.leg(route.id, carrier.id, server.id, plan.number, caller), server.uri)
            for server in carrier.servers
        ],
        "failover": {
            name: action if action != "retry_later" else f"retry_later ({seconds} s)"
            for name, (action, seconds) in sorted(carrier.failover.items())
        },
    }


def _inside(goal: Inside) -> dict[str, Any]:
    told: dict[str, Any] = {"ddi": goal.ddi.number, "company": goal.ddi.company}
    match goal:
        case ToVirtualFax():
            return {**told, "virtual_fax": goal.virtual_fax}
        case ToAccount():
            return {**told, "sip_account": goal.aor}
        case ToUri():
            return {**told, "external_uri": goal.uri}


def explain(plan: Plan, facts: Facts, caller: str | None = None) -> dict[str, Any]:
    """Return the whole decision; the keys are a fixed interface."""
    return {
        "number": plan.number,
        "caller": caller,
        "inside": _inside(plan.inside) if plan.inside else None,
        "candidates": [_candidate(c, plan, facts, caller) for c in plan.candidates],
        "discarded": [
            {"route": d.route.id, "type": d.route.type, "reason": d.reason, "carrier": d.carrier}
            for d in plan.discarded
        ],
        "order": [c.route.id for c in plan.order],
        "carriers": [c.carrier.id for c in plan.order],
        "reply": {"code": plan.reply.code, "reason": plan.reply.reason} if plan.reply else None,
    }
