"""The command `vfax`: what operators and scripts type."""
