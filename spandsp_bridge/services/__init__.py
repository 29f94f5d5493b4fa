"""The services, put together: what `vfax serve` runs, and what checks them."""
