"""`python -m spandsp_bridge` is `vfax`."""

from spandsp_bridge.cli.main import main

main()
