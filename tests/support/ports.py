"""The ports of a test process: all are counted from VFAX_PORT_BASE."""

import os

PROCESS = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
FIRST_PORT = int(os.environ.get("VFAX_PORT_BASE", "22060"))
PORT_BASE = FIRST_PORT + 1000 * PROCESS
TLS_PORT, DNS_PORT, METRICS_PORT, HTTP_PORT, PORTAL_PORT = (PORT_BASE + n for n in range(40, 45))
POSTGRES_PORT = FIRST_PORT + 20  #: of the bare server, which all processes share
#: What stands on 127.0.0.1 beside the stack; its nodes use the same ports on their own addresses.
MEDIA_PORTS = (PORT_BASE + 100, PORT_BASE + 799)
PEER_PORTS = range(PORT_BASE + 800, PORT_BASE + 1000)
