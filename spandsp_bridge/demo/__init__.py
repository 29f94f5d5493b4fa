"""The whole system on loopback, for `make demo` and the tests."""
