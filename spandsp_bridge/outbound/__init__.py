"""The outbound queue's worker."""
