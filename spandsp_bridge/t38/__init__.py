"""T.38: session descriptions, negotiation, and what an outcome means."""
