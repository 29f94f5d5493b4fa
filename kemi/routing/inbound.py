"""Inbound calls: a DDI provider's call to the virtual fax behind the DDI."""

from kemi.routing.model import Ddi, Provider, Reply, ToVirtualFax


def decide(provider: Provider | None, number: str | None, ddi: Ddi | None) -> ToVirtualFax | Reply:
    """Decide on a call. `number` is the called one as E.164, `ddi` what the tables have for it.

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
        or ddi.virtual_fax is None
    ):
        return Reply(404, "Not Found")
    return ToVirtualFax(ddi, ddi.virtual_fax)
