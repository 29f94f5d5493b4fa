"""Limits of concurrent calls, of a company and of its brand."""

from kemi.routing.model import Brand, Company, Reply


def refusal(
    company: Company, brand: Brand | None, *, calls: int, brand_calls: int, inbound: bool
) -> Reply | None:
    """Return the answer to a call above a limit, or None. The counts include this call."""
    code = 486 if inbound else 403
    if company.max_calls is not None and calls > company.max_calls:
        return Reply(code, f"company limit of {company.max_calls} calls reached")
    if brand is not None and brand.max_calls is not None and brand_calls > brand.max_calls:
        return Reply(code, f"brand limit of {brand.max_calls} calls reached")
    return None
