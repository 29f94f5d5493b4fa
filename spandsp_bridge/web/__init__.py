"""What the portal and the API share: access, limits, errors, live updates."""
