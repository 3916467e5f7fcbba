"""IPv6 services, and services for every port, reach the real servers as those of IPv4 do.

Method: one director with an IPv4 and an IPv6 VIP under VRRP version 3, three nginx, real
connections; tagged and otherwise odd packets are the packet corpus's matter.
"""

import pytest

from lab import configs, topology
from lab.network import wait_until
from lab.servers import DatagramEchoServer, WebServer
from lab.traffic import exchange_datagrams, exchange_sizes, request_many, send_with_hops

VIP6 = "2001:db8::10"
DIRECTOR = "2001:db8::2"
SERVERS = {"r1": "2001:db8::11", "r2": "2001:db8::12", "r3": "2001:db8::13"}
CLIENTS = {"c1": "2001:db8::101", "c2": "2001:db8::102"}
WEB_PORT = 80
OTHER_PORT = 81  # of nginx, too; no virtual server names it
UDP_PORT = 7007

CONFIG = """\
global_defs {{
    router_id d1
    vrrp_version 3
}}

vrrp_instance VI_1 {{
    state MASTER
    interface eth0
    virtual_router_id 51
    priority 150
    virtual_ipaddress {{
        {vip}/32 dev eth0
    }}
}}

vrrp_instance VI_6 {{
    state MASTER
    interface eth0
    virtual_router_id 61
    priority 150
    virtual_ipaddress {{
        {vip6}/128 dev eth0
    }}
}}
"""


def virtual_server(address, protocol, servers, port="", check="", extra=""):
    reals = "".join(f"    real_server {server} {port} {{\n        {check}\n    }}\n"
                    for server in servers)
    return (f"virtual_server {address} {port} {{\n    delay_loop 1\n    lb_algo rr\n"
            f"    lb_kind DR\n    protocol {protocol}\n{extra}{reals}}}\n")


@pytest.fixture(scope="module")
def topo():
    with topology.Topology(with_servers=False) as made:
        made["d1"].enable_ipv6(DIRECTOR)
        for name, address in (SERVERS | CLIENTS).items():
            made[name].enable_ipv6(address)
        for name in SERVERS:
            made.web[name] = WebServer(made[name], configs.VIP, (WEB_PORT, OTHER_PORT), VIP6)
            made.web[name].start()
        yield made


@pytest.fixture
def serve(crew):
    """Starts the director with some virtual servers, and waits until all of them are served."""
    def start(*virtual_servers):
        director = crew.headgated("d1")
        director.start(CONFIG.format(vip=configs.VIP, vip6=VIP6) + "\n".join(virtual_servers))

        def ready():
            servers = [real for virtual in (director.status() or {}).get("virtualServers", [])
                       if virtual["state"] == "up" for real in virtual["realServers"]
                       if real.get("stats", {}).get("resolved")]
            return len(servers) == len(SERVERS) * len(virtual_servers)
        wait_until(ready, 20, "all virtual servers are served", interval_s=0.1)
        return director
    return start


def reasons(director):
    """The dataplane's counters by name."""
    return {entry["name"]: int(entry.get("count", 0))
            for entry in director.status()["dataplane"]["reasons"]}


def test_rr_over_ipv6_gives_every_server_the_same_number(serve, topo):
    director = serve(virtual_server(
        VIP6, "TCP", SERVERS.values(), WEB_PORT,
        "HTTP_GET { url { path /status status_code 200 } connect_timeout 1 }"))
    assert request_many(topo["c1"], VIP6, WEB_PORT, 60) == {"r1": 20, "r2": 20, "r3": 20}
    counted = reasons(director)
    # Not the kernel, in which no server listens, has answered: every packet went through a worker.
    assert counted["steer_steered"] >= 60 * 4
    assert counted["connection_created"] == 60


def test_persistence_over_ipv6_keeps_a_prefix_on_its_server(serve, topo):
    serve(virtual_server(VIP6, "TCP", SERVERS.values(), WEB_PORT, "TCP_CHECK { }",
                         extra="    persistence_timeout 60\n    persistence_granularity 64\n"))
    first = request_many(topo["c1"], VIP6, WEB_PORT, 6)
    assert len(first) == 1
    assert request_many(topo["c2"], VIP6, WEB_PORT, 6) == first


def test_udp_over_ipv6_is_balanced_by_flow(serve, topo):
    servers = [DatagramEchoServer(topo[name], VIP6, UDP_PORT) for name in SERVERS]
    try:
        serve(virtual_server(VIP6, "UDP", SERVERS.values(), UDP_PORT))
        counts = exchange_datagrams(topo["c1"], VIP6, UDP_PORT, 30)
    finally:
        for server in servers:
            server.close()
    assert counts == {"r1": 10, "r2": 10, "r3": 10}


def test_fragments_over_ipv6_reach_the_server_of_their_flow(serve, topo):
    servers = [DatagramEchoServer(topo[name], VIP6, UDP_PORT) for name in SERVERS]
    try:
        director = serve(virtual_server(VIP6, "UDP", SERVERS.values(), UDP_PORT))
        assert send_with_hops(topo["c1"], VIP6, UDP_PORT, 1) == "EHOSTUNREACH"
        counts = exchange_sizes(topo["c1"], VIP6, UDP_PORT, 9, (4000, 5, 4000))
        counted = reasons(director)
    finally:
        for server in servers:
            server.close()
    assert counts == {"r1": 3, "r2": 3, "r3": 3}
    assert counted["connection_created"] == 9 and counted["fragment"] == 0


@pytest.mark.parametrize("vip, servers", [
    (configs.VIP, tuple(topology.SERVERS.values())), (VIP6, tuple(SERVERS.values()))],
    ids=["IPv4", "IPv6"])
def test_a_service_for_every_port_has_every_port(serve, topo, vip, servers):
    serve(virtual_server(vip, "TCP", servers))
    assert request_many(topo["c1"], vip, OTHER_PORT, 6) == {"r1": 2, "r2": 2, "r3": 2}
    assert request_many(topo["c1"], vip, WEB_PORT, 6) == {"r1": 2, "r2": 2, "r3": 2}
    # Where nobody listens a real server says so, not the director.
    assert request_many(topo["c1"], vip, 9, 1) == {"ConnectionRefusedError": 1}


def test_what_is_not_a_services_is_left_to_the_kernel(serve, topo):
    serve(virtual_server(VIP6, "TCP", SERVERS.values(), WEB_PORT, "TCP_CHECK { }"))
    client = topo["c1"]
    for address in (DIRECTOR, VIP6):
        assert client.run("ping", "-6", "-c", "2", "-W", "1", "-q", address).returncode == 0
    assert request_many(client, VIP6, 9, 1) == {"ConnectionRefusedError": 1}
