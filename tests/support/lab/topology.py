"""The lab's standard network: two directors, three real servers, two clients, one switch."""

from . import configs
from .network import Network
from .servers import WebServer

DRAWING = """\
      client c1         client c2
     192.0.2.101       192.0.2.102
          │                 │
   ┌──────┴─────────────────┴────────── switch ── 192.0.2.0/24 ──────┐
   │             VIP 192.0.2.10, owned with VRRP by d1 or d2         │
   └──┬────────────┬────────────────┬───────────┬───────────┬────────┘
      │            │                │           │           │
 director d1  director d2      server r1   server r2   server r3
  192.0.2.2    192.0.2.3      192.0.2.11  192.0.2.12  192.0.2.13
  headgated    headgated         nginx       nginx       nginx
"""

# The real servers and the VIP are those of docs/examples/, which run here as they are.
DIRECTORS = {"d1": "192.0.2.2", "d2": "192.0.2.3"}
SERVERS = {"r1": "192.0.2.11", "r2": "192.0.2.12", "r3": "192.0.2.13"}
CLIENTS = {"c1": "192.0.2.101", "c2": "192.0.2.102"}

WEB_PORTS = (80, 81, 82)


class Topology:
    """The hosts by name, and the real servers running. A context manager around its Network."""

    def __init__(self, with_servers=True):
        self.network = Network()
        self._with_servers = with_servers
        self.web = {}

    def __enter__(self):
        self.network.__enter__()
        try:
            for name, address in DIRECTORS.items():
                self.network.add_host(name, address, xdp=True)
            for name, address in (SERVERS | CLIENTS).items():
                self.network.add_host(name, address)
            if self._with_servers:
                for name in SERVERS:
                    self.web[name] = WebServer(self[name], configs.VIP, WEB_PORTS)
                    self.web[name].start()
        except BaseException:
            self.network.close()
            raise
        return self

    def __exit__(self, *_):
        self.network.close()

    def __getitem__(self, name):
        return self.network.hosts[name]

    @property
    def server_addresses(self):
        return list(SERVERS.values())
