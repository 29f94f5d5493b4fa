"""A peer that plays fax machines and their faults, for the test mode and the tests."""
