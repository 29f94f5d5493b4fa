"""`python -m spandsp_bridge` is `vfax`."""

from spandsp_bridge.cli import main

main()
