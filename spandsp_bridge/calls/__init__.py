"""Fax calls: receiving into the spool, sending, and what both share."""
