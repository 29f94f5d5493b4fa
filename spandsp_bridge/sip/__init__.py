"""A SIP user agent (RFC 3261): message, transaction, dialog, call, user agent, transport."""
