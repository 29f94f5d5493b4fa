"""Our SIP user agent: message, transaction, dialog, user agent, transport."""
