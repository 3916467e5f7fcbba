"""A network of the guest: directors with IPVS and the bypass, real servers and clients."""

import pytest

from ipvs import RESULTS
from lab import configs, directors
from lab.network import Network, wait_until
from lab.servers import ECHO_PORT, EchoServer, WebServer

VIP = configs.VIP
SERVERS = {"r1": "192.0.2.11", "r2": "192.0.2.12"}
CLIENT, NAT_CLIENT = "192.0.2.101", "192.0.2.102"
PORTS = (80, 81)
PATIENCE_S = 20

MASTER = configs.Vrrp("MASTER", 150)
ECHO = configs.virtual_text(configs.Virtual(ECHO_PORT, weights=(1, 1), check="TCP_CHECK"),
                            list(SERVERS.values()))


@pytest.fixture(scope="session")
def hosts():
    with Network() as network:
        network.add_host("d1", "192.0.2.2", xdp=True)
        network.add_host("d2", "192.0.2.3")
        network.add_host("c1", CLIENT)
        network.add_host("c2", NAT_CLIENT)
        for name, address in SERVERS.items():
            host = network.add_host(name, address)
            WebServer(host, VIP, PORTS).start()
            EchoServer(host, ECHO_PORT)
            # Answers to packets that came by NAT have to go back through the director, which would
            # take none from its own address.
            host.ip("route", "add", f"{NAT_CLIENT}/32", "via", "192.0.2.2")
            host.set_sysctl("net.ipv4.conf.all.accept_redirects", 0)
        network.hosts["d1"].set_sysctl("net.ipv4.ip_forward", 1)
        for scope in ("all", "eth0"):
            network.hosts["d1"].set_sysctl(f"net.ipv4.conf.{scope}.send_redirects", 0)
        yield network.hosts


class Director(directors.Headgated):
    """headgated on a host of the network, or what stands in for its dataplane."""

    dataplane = None

    def command(self):
        more = ["--dataplane", self.dataplane] if self.dataplane else []
        return [*super().command(), *more]

    def table(self):
        return self.host.run("ipvsadm", "-S", "-n").stdout

    def placement(self, port):
        return {virtual["port"]: virtual["placement"]
                for virtual in (self.status() or {}).get("virtualServers", [])}.get(port)

    def wait_up(self, port):
        def is_up():
            return any(virtual["port"] == port and virtual["state"] == "up"
                       for virtual in (self.status() or {}).get("virtualServers", []))
        wait_until(is_up, PATIENCE_S, f"port {port} is up", interval_s=0.1)

    def totals(self):
        """Connections of the virtual servers."""
        return [int(virtual["connections"]) for virtual in self.status()["virtualServers"]]

    def counted(self, port):
        """Connections of the real servers, by address, as headgated tells."""
        return {address: int(real.get("stats", {}).get("connections", 0))
                for address, real in self.real_servers(port).items()}


@pytest.fixture
def direct(hosts, request):
    """Makes a director on a host; they are gone without a trace afterwards."""
    made = []

    def make(name="d1"):
        made.append(Director(hosts[name]))
        return made[-1]
    yield make
    for director in made:
        if getattr(request.node, "failed", False):
            kept = RESULTS / "failed" / request.node.name
            kept.mkdir(parents=True, exist_ok=True)
            (kept / f"{director.name}.log").write_text(director.log())
        director.kill()
        director.host.network.remove_pins()
        director.host.run("ipvsadm", "-C", check=False)
        for path in director.host.directory.glob("run/*"):
            path.unlink()
        director.host.ip("addr", "del", f"{VIP}/32", "dev", "eth0", check=False)


def config(engine, vrrp=MASTER):
    virtual = configs.Virtual(80, weights=(1, 1))
    text = configs.director_text("lb", vrrp, [virtual], list(SERVERS.values()))
    # A small flow cache: every byte of it is cleared by emulated instructions.
    return f"{text}dataplane {{\n    engine {engine}\n    flow_cache 4096\n}}\n"
