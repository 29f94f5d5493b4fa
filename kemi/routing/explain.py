"""A plan in words and as JSON, for operators."""

from typing import Any

from kemi.routing.model import Candidate, Plan


def _candidate(candidate: Candidate) -> dict[str, Any]:
    route = candidate.route
    return {
        "route": route.id,
        "type": route.type,
        "priority": route.priority,
        "weight": route.weight,
        "probability": round(candidate.probability, 6),
        "carrier": candidate.carrier.id,
        "carrier_name": candidate.carrier.name,
        "servers": [server.uri for server in candidate.carrier.servers],
    }


def explain(plan: Plan) -> dict[str, Any]:
    """Return the whole decision; the keys are a fixed interface."""
    return {
        "number": plan.number,
        "candidates": [_candidate(c) for c in plan.candidates],
        "discarded": [{"route": d.route.id, "reason": d.reason} for d in plan.discarded],
        "order": [c.route.id for c in plan.order],
        "reply": {"code": plan.reply.code, "reason": plan.reply.reason} if plan.reply else None,
    }
