"""Calls to our own numbers: from a DDI provider, or from inside."""

from bisect import bisect_right
from collections.abc import Sequence

from kemi.routing.model import (
    Ddi,
    Inside,
    Provider,
    Reception,
    Reply,
    ToAccount,
    ToUri,
    ToVirtualFax,
)

DAY = 86400


def choose_provider(providers: Sequence[Provider], local: str, port: int) -> Provider | None:
    """Return who calls from an address, by our socket that it reached; the most exact row wins."""
    if len(providers) == 1 and providers[0].local is None and providers[0].port is None:
        return providers[0]
    matching = [
        p
        for p in providers
        if (p.local is None or p.local == local) and (p.port is None or p.port == port)
    ]
    return max(matching, key=lambda p: (p.port is not None, p.local is not None), default=None)


def decide(provider: Provider | None, number: str | None, ddi: Ddi | None) -> Ddi | Reply:
    """Admit a provider's call. `number` is the called one as E.164, `ddi` what we have for it.

    A number that is not of the provider's brand, or is bound to another provider, is
    answered like one that does not exist: a provider learns nothing about others.
    """
    if provider is None:
        return Reply(403, "Unknown peer")
    if number is None:
        return Reply(484, "Address Incomplete")
    if (
        ddi is None
        or ddi.brand != provider.brand
        or (ddi.provider is not None and ddi.provider != provider.id)
    ):
        return Reply(404, "Not Found")
    return ddi


def target(
    ddi: Ddi,
    *,
    caller: str | None,
    reception: Reception | None = None,
    zone: Sequence[tuple[int, int]] = (),
    now: float = 0.0,
) -> Inside | Reply:
    """Return where a call to a DDI goes. `caller` is E.164, None when anonymous.

    `reception` are the rules of the virtual fax, `zone` its UTC offsets in seconds with the
    Unix times from when on they hold, `now` is Unix time.
    """
    kind, name = ddi.target[:1], ddi.target[1:]
    match kind:
        case "f":
            if reception is not None:
                if not accepts(reception, caller):
                    return Reply(403, "The called fax does not accept this caller")
                if not is_open(reception, zone, now):
                    return Reply(480, "The called fax is closed at this hour")
            return ToVirtualFax(ddi, int(name))
        case "a":
            return ToAccount(ddi, name)
        case "u":
            return ToUri(ddi, name)
        case _:
            return Reply(404, "Not Found")


def accepts(reception: Reception, caller: str | None) -> bool:
    """Tell whether the lists let a caller in: the longest prefix decides.

    With any allow row, who is on no list is denied.
    """
    found: str | None = None
    if caller is None:
        found = reception.callers.get("anonymous")
    else:
        matching = [p for p in reception.callers if p != "anonymous" and caller.startswith(p)]
        if matching:
            found = reception.callers[max(matching, key=len)]
    if found is None:
        return "allow" not in reception.callers.values()
    return found == "allow"


def is_open(reception: Reception, zone: Sequence[tuple[int, int]], now: float) -> bool:
    """Tell whether a virtual fax is open at a moment."""
    if not reception.hours:
        return True
    position = bisect_right(zone, now, key=lambda change: change[0]) - 1
    offset = zone[max(position, 0)][1] if zone else 0
    days, second = divmod(int(now) + offset, DAY)
    weekday = (days + 3) % 7 + 1  # 1 January 1970 was a Thursday
    return any(
        day == weekday and opens <= second < closes for day, opens, closes in reception.hours
    )
