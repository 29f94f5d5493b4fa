"""Calls to our own numbers, from a DDI provider or from a company's own fax or account."""

from bisect import bisect_right
from collections.abc import Sequence

from kemi.routing import numbers
from kemi.routing.facts import Facts
from kemi.routing.model import (
    CallerPolicy,
    Ddi,
    LocalDestination,
    Provider,
    Reply,
    ToAccount,
    ToUri,
    ToVirtualFax,
)

DAY = 86400


def choose_provider(providers: Sequence[Provider], local: str, port: int) -> Provider | None:
    """Return the provider of a source address for the socket of ours that a call reached.

    The most specific row wins: address and port, then address, then neither.
    """
    if len(providers) == 1 and providers[0].local is None and providers[0].port is None:
        return providers[0]
    matching = [
        p
        for p in providers
        if (p.local is None or p.local == local) and (p.port is None or p.port == port)
    ]
    return max(matching, key=lambda p: (p.port is not None, p.local is not None), default=None)


def decide(
    facts: Facts, provider: Provider, *, called: str, calling: str, now: float
) -> tuple[LocalDestination | Reply, str | None]:
    """Decide on a DDI provider's call; `called` and `calling` are SIP user parts as received.

    Returns with it the caller in E.164; None if the provider has no number transformation,
    then the From header stays as it is.
    """
    rules = facts.transformation(provider.transformation)
    number = numbers.incoming(rules, "callee_in", called)
    admitted = admit(provider, number, facts.ddi(number) if number is not None else None)
    if isinstance(admitted, Reply):
        return admitted, None
    caller = numbers.incoming(rules, "caller_in", calling)
    return local_destination(facts, admitted, caller, now), caller if rules else None


def admit(provider: Provider, number: str | None, ddi: Ddi | None) -> Ddi | Reply:
    """Admit a provider's call. `number` is the called one as E.164, `ddi` its entry.

    A number of another brand or bound to another provider is answered like one that does
    not exist: a provider learns nothing about others.
    """
    if number is None:
        return Reply(484, "called number is not E.164")
    if (
        ddi is None
        or ddi.brand != provider.brand
        or (ddi.provider is not None and ddi.provider != provider.id)
    ):
        return Reply(404, "unknown DDI")
    return ddi


def local_destination(
    facts: Facts, ddi: Ddi, caller: str | None, now: float
) -> LocalDestination | Reply:
    """Return where a call to one of our numbers goes, with the facts that this takes."""
    policy: CallerPolicy | None = None
    zone: tuple[tuple[int, int], ...] = ()
    if ddi.target.startswith("f"):
        policy = facts.caller_policy(int(ddi.target[1:]))
        if policy is not None:
            zone = facts.zone(policy.zone)
    return destination(ddi, caller=caller, policy=policy, zone=zone, now=now)


def destination(
    ddi: Ddi,
    *,
    caller: str | None,
    policy: CallerPolicy | None = None,
    zone: Sequence[tuple[int, int]] = (),
    now: float = 0.0,
) -> LocalDestination | Reply:
    """Return where a call to a DDI goes. `caller` is E.164, None when anonymous.

    `policy` is the virtual fax's, `zone` its UTC offsets in seconds, each with the Unix time
    from which it holds, `now` is Unix time.
    """
    kind, name = ddi.target[:1], ddi.target[1:]
    match kind:
        case "f":
            if policy is not None:
                if not accepts(policy, caller):
                    return Reply(403, "caller not allowed by the virtual fax")
                if not is_open(policy, zone, now):
                    return Reply(480, "virtual fax closed at this hour")
            return ToVirtualFax(ddi, int(name))
        case "a":
            return ToAccount(ddi, name)
        case "u":
            return ToUri(ddi, name)
        case _:
            return Reply(404, "DDI without a target")


def accepts(policy: CallerPolicy, caller: str | None) -> bool:
    """Tell whether the lists allow a caller: the longest matching prefix decides.

    As soon as there is any allow row, a caller that no row matches is denied.
    """
    action: str | None = None
    if caller is None:
        action = policy.callers.get("anonymous")
    else:
        matching = [p for p in policy.callers if p != "anonymous" and caller.startswith(p)]
        if matching:
            action = policy.callers[max(matching, key=len)]
    if action is None:
        return "allow" not in policy.callers.values()
    return action == "allow"


def is_open(policy: CallerPolicy, zone: Sequence[tuple[int, int]], now: float) -> bool:
    """Tell whether a virtual fax is open at a moment (Unix time)."""
    if not policy.hours:
        return True
    position = bisect_right(zone, now, key=lambda change: change[0]) - 1
    offset = zone[max(position, 0)][1] if zone else 0
    days, second = divmod(int(now) + offset, DAY)
    weekday = (days + 3) % 7 + 1  # 1 January 1970 was a Thursday
    return any(day == weekday and opens <= second < closes for day, opens, closes in policy.hours)
