"""A fax machine with every fault, for the test mode and the tests."""
