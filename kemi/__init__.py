"""Kamailio's side: the KEMI script, its adapter to KSR, the routing core and its tables."""
