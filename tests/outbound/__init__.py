"""The queue's policy."""
