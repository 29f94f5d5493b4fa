"""Kamailio's shared memory: counters, limits of calls, and what failed lately.

The tables and their expiry are declared in kamailio-config/kamailio.cfg.j2. The publisher
reads `counts` and `call_limits`, and writes `load` and `remote_calls` once a second.
"""

from bisect import bisect_left
from collections.abc import Iterable
from itertools import count

import KSR

from kemi.routing import limits
from kemi.routing.model import Brand, Company, Reply

REFUSAL_LIMIT = 30  #: answered refusals of one address while its entry in `blocked` lives
BREAKER_LIMIT = 3  #: failures of a carrier while its entry in `breaker` lives

DECISION_BOUNDS = (25, 50, 75, 100, 150, 250, 500, 1000)  #: microseconds
DECISION_BUCKETS = (*(f"all:us:{bound}" for bound in DECISION_BOUNDS), "all:us:more")
DECISION_SAMPLING = 8  #: every eighth decision is timed
_decisions = count(1)


def add(name: str) -> None:
    """Add one to a counter; `vfax doctor`, the metrics and the portal show them."""
    KSR.htable.sht_inc("counts", name)


def count_decision(nanoseconds: int) -> None:
    """Count a routing decision by the time that it took; a sample of them."""
    if next(_decisions) % DECISION_SAMPLING == 0:
        add(DECISION_BUCKETS[bisect_left(DECISION_BOUNDS, nanoseconds // 1000)])


# ---- unknown peers -------------------------------------------------------------------


def count_refusal(address: str) -> None:
    """Count a refused request of a source address."""
    add("refused")
    KSR.htable.sht_inc("blocked", address)


def rate_limited(address: str) -> bool:
    """Tell whether an address got its share of refusals and is no longer answered."""
    return int(KSR.htable.sht_get("blocked", address) or 0) > REFUSAL_LIMIT


# ---- concurrent calls ----------------------------------------------------------------


def count_call(company: Company | None, brand: Brand | None, *, inbound: bool) -> Reply | None:
    """Count a call against the limits of its owner; return the refusal of one too many.

    The call is followed as a dialog, and counted in it until it ends, if there is a limit.
    """
    if company is None:
        return None
    brand_limit = brand.max_calls if brand is not None else None
    if company.max_calls is None and brand_limit is None:
        return None
    KSR.dialog.dlg_manage()
    return limits.refusal(
        company,
        brand,
        calls=_count_in_profile("company", company.id) if company.max_calls else 0,
        brand_calls=_count_in_profile("brand", company.brand) if brand_limit else 0,
        inbound=inbound,
    )


def _count_in_profile(profile: str, id_: int) -> int:
    """Add this call to a dialog profile; return its calls, here and at other Kamailios."""
    name = f"{profile}:{id_}"
    if KSR.htable.sht_is_null("call_limits", name) > 0:
        KSR.htable.sht_seti("call_limits", name, 1)
    KSR.dialog.set_dlg_profile(profile, str(id_))
    KSR.dialog.get_profile_size(profile, str(id_), "$var(calls)")
    remote = KSR.htable.sht_get("remote_calls", name) or 0
    return int(KSR.pv.get("$var(calls)") or 0) + int(remote)


# ---- bridges -------------------------------------------------------------------------


def bridge_load(address: str) -> int:
    """Return the calls of a bridge (``address:port``), as it reported lately."""
    return int(KSR.htable.sht_get("load", address) or 0)


def count_bridge_call(address: str, load: int) -> None:
    """Count a bridge of a known load as one call fuller until its next report."""
    KSR.htable.sht_seti("load", address, load + 1)


# ---- carriers ------------------------------------------------------------------------


def count_carrier_failure(carrier: int) -> None:
    """Count a carrier's silence or 5xx."""
    KSR.htable.sht_inc("breaker", str(carrier))


def mark_without_t38(carrier: int) -> None:
    """Remember that a carrier refused an offer of T.38."""
    KSR.htable.sht_seti("no_t38", str(carrier), 1)


def failing_carriers(carriers: Iterable[int], *, t38: bool) -> set[int]:
    """Return the carriers that failed lately, with `t38` also those that refused T.38."""
    return {carrier for carrier in carriers if _is_failing(str(carrier), t38=t38)}


def _is_failing(carrier: str, *, t38: bool) -> bool:
    if int(KSR.htable.sht_get("breaker", carrier) or 0) >= BREAKER_LIMIT:
        return True
    return t38 and KSR.htable.sht_get("no_t38", carrier) is not None
