"""Real servers behind tunnels (lb_kind TUN): clients get answers from them through the VIP.

Method: the real servers' addresses are on no segment of the director: it reaches them by a route
over a gateway. The kernel of a real server takes the outer packets; tests/support/lab/tunnels.py
takes the inner ones out, since it has no tunnel devices. Answers go to the client directly. The
bytes of every kind of outer header are the packet corpus's matter.
"""

import pytest

from lab import configs, topology
from lab.network import wait_until
from lab.servers import DatagramEchoServer, EchoServer, WebServer
from lab.traffic import echo_bulk, exchange_sizes, request_many
from lab.tunnels import Decapsulator

VIP = configs.VIP
VIP6 = "2001:db8::10"
WEB_PORT = 80
ECHO_PORT = 7000
UDP_PORT = 7007
DIRECTOR = "192.0.2.2"
DIRECTOR6 = "2001:db8::2"
# Of r1, which is the gateway to itself.
FAR = "10.50.0.1"
FAR6 = "2001:db8:50::1"
GATEWAY = "192.0.2.11"
GATEWAY6 = "2001:db8::11"


def config(method, port, protocol="TCP", vip=VIP, server=FAR):
    return f"""\
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
        {vip} dev eth0
    }}
}}
virtual_server {vip} {port} {{
    delay_loop 1
    lb_algo rr
    lb_kind {method}
    protocol {protocol}
    real_server {server} {port} {{
    }}
}}
"""


@pytest.fixture(scope="module")
def topo():
    with topology.Topology(with_servers=False) as made:
        for name, address in {"d1": DIRECTOR6, "r1": GATEWAY6, "c1": "2001:db8::101"}.items():
            made[name].enable_ipv6(address)
        made.web["r1"] = WebServer(made["r1"], VIP, (WEB_PORT,), VIP6)
        made.web["r1"].start()
        made["d1"].ip("route", "add", FAR, "via", GATEWAY)
        made["d1"].ip("-6", "route", "add", FAR6, "via", GATEWAY6)
        yield made


@pytest.fixture
def tunnel(topo):
    """Makes the other end of a tunnel on r1; it goes with the test."""
    made = []

    def start(address, kind):
        made.append(Decapsulator(topo["r1"], address, kind))
        return made[-1]
    yield start
    for end in made:
        end.close()
    topo["c1"].ip("route", "flush", "cache")
    topo["c1"].ip("-6", "route", "flush", "cache")


def real_server(director):
    servers = (director.status() or {}).get("virtualServers", [])
    return servers[0]["realServers"][0] if servers else {}


@pytest.fixture
def serve(crew):
    def start(text):
        director = crew.headgated("d1")
        director.start(text)
        director.wait_state("MASTER", 15)
        wait_until(lambda: real_server(director).get("stats", {}).get("resolved"), 15,
                   "the next hop is resolved", interval_s=0.1)
        return director
    return start


def reasons(director):
    return {entry["name"]: int(entry.get("count", 0))
            for entry in director.status()["dataplane"]["reasons"]}


@pytest.mark.parametrize(("method", "kind"), [
    ("TUN", "ipip"),
    ("TUN type gre", "gre"),
    ("TUN type gre csum", "gre"),
    ("TUN type gue port 6080", "gue"),
    ("TUN type gue port 6080 csum", "gue"),
])
@pytest.mark.parametrize(("vip", "server"), [
    (VIP, FAR), (VIP, FAR6), (VIP6, FAR), (VIP6, FAR6)], ids=["4in4", "4in6", "6in4", "6in6"])
def test_clients_get_their_answers_through_a_tunnel(serve, tunnel, topo, method, kind, vip, server):
    end = tunnel(server, kind)
    director = serve(config(method, WEB_PORT, vip=vip, server=server))
    assert request_many(topo["c1"], vip, WEB_PORT, 20) == {"r1": 20}
    assert end.wrong == []
    assert end.sources == {DIRECTOR if server == FAR else DIRECTOR6}
    assert end.count >= 20 * 4  # every packet of the clients came this way
    if kind == "gue":
        assert len(end.ports) > 10  # the flows spread over the receive queues of the real server
    counted = reasons(director)
    assert counted["connection_created"] == 20 and counted["packet_too_big"] == 0
    shown = method if "type" in method else "TUN ipip"
    assert real_server(director)["method"] == shown.replace("type ", "")


def test_a_client_learns_how_much_the_tunnel_takes(serve, tunnel, topo):
    tunnel(FAR, "ipip")
    echo = EchoServer(topo["r1"], ECHO_PORT)
    try:
        director = serve(config("TUN", ECHO_PORT))
        assert echo_bulk(topo["c1"], VIP, ECHO_PORT, 300_000)
    finally:
        echo.close()
    counted = reasons(director)
    assert counted["packet_too_big"] >= 1 and counted["icmp_answered"] >= 1
    assert "mtu 1480" in topo["c1"].ip("route", "get", VIP)


def test_the_mtu_of_the_route_counts(serve, tunnel, topo):
    tunnel(FAR, "ipip")
    topo["d1"].ip("route", "replace", FAR, "via", GATEWAY, "mtu", "1400")
    echo = EchoServer(topo["r1"], ECHO_PORT)
    try:
        serve(config("TUN", ECHO_PORT))
        assert echo_bulk(topo["c1"], VIP, ECHO_PORT, 100_000)
        assert "mtu 1380" in topo["c1"].ip("route", "get", VIP)
    finally:
        echo.close()
        topo["d1"].ip("route", "replace", FAR, "via", GATEWAY)


def test_without_dont_fragment_the_outer_packet_is_cut(serve, tunnel, topo):
    end = tunnel(FAR, "ipip")
    echo = DatagramEchoServer(topo["r1"], VIP, UDP_PORT)
    topo["c1"].set_sysctl("net.ipv4.ip_no_pmtu_disc", 1)
    try:
        director = serve(config("TUN", UDP_PORT, "UDP"))
        # 1465 is a frame of 1493 bytes; 4000 comes in fragments, two of which are cut again.
        assert exchange_sizes(topo["c1"], VIP, UDP_PORT, 5, (1465, 10, 4000)) == {"r1": 5}
    finally:
        topo["c1"].set_sysctl("net.ipv4.ip_no_pmtu_disc", 0)
        echo.close()
    counted = reasons(director)
    assert counted["tunnel_fragmented"] >= 5 * 2 and counted["packet_too_big"] == 0
    assert end.wrong == []


def test_a_route_that_changes_is_followed(serve, tunnel, topo):
    tunnel(FAR, "ipip")
    director = serve(config("TUN", WEB_PORT))
    assert request_many(topo["c1"], VIP, WEB_PORT, 3) == {"r1": 3}
    topo["d1"].ip("route", "replace", "unreachable", FAR)
    wait_until(lambda: "no route" in real_server(director)["stats"].get("unresolvedReason", ""),
               5, "the loss of the route is seen", interval_s=0.1)
    # By way of r2, which forwards to r1 as a router does.
    topo["r2"].set_sysctl("net.ipv4.ip_forward", 1)
    topo["r2"].ip("route", "add", FAR, "via", GATEWAY)
    topo["d1"].ip("route", "replace", FAR, "via", "192.0.2.12")
    topo["d1"].ip("route", "del", "unreachable", FAR, check=False)
    try:
        wait_until(lambda: real_server(director)["stats"].get("resolved"), 10,
                   "the other gateway is resolved", interval_s=0.1)
        assert request_many(topo["c1"], VIP, WEB_PORT, 3) == {"r1": 3}
        neighbours = topo["d1"].ip("neigh", "show", "dev", "eth0")
        assert "192.0.2.12" in neighbours
    finally:
        topo["d1"].ip("route", "replace", FAR, "via", GATEWAY)
