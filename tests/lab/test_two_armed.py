"""Real servers behind another interface than the one that the clients' packets come in on.

Method: clients, the VIP and one arm of the director on one segment, real servers on another, where
the director has its other arm; a router between the two brings the answers back. That the flow
cache forwards from one interface to the other, the kernel's own figures say: only frames that an
XDP program redirects to eth1 count as xdp_xmit there.
"""

import json
import os
import re
import signal

import pytest

from lab import configs
from lab.network import Network, ip, wait_until
from lab.servers import ECHO_PORT, DatagramEchoServer, EchoServer, WebServer
from lab.traffic import (Sessions, echo_bulk, exchange_datagrams, exchange_sizes, request_many,
                         send_with_hops)
from lab.tunnels import Decapsulator

VIP = configs.VIP
VIP6 = "2001:db8::10"
WEB_PORT = 80
ECHO6_PORT = 7017
UDP_PORT = 7008
SERVERS = {"r1": "10.9.0.11", "r2": "10.9.0.12", "r3": "10.9.0.13"}
SERVERS6 = {"r1": "2001:db8:9::11", "r2": "2001:db8:9::12", "r3": "2001:db8:9::13"}
NEAR = "192.0.2.14"  # r4, which is on the clients' segment
FAR = "10.50.0.1"    # a tunnel's end, behind r1
SESSIONS = 9


class TwoArmed:
    """The hosts by name, like topology.Topology."""

    def __init__(self):
        self.network = Network()
        self.echoes = []

    def __enter__(self):
        self.network.__enter__()
        try:
            self._build()
        except BaseException:
            self.network.close()
            raise
        return self

    def _build(self):
        network = self.network
        network.add_segment("br1")
        for name, address in {"d1": "192.0.2.2", "gw": "192.0.2.1"}.items():
            network.add_host(name, address, xdp=name == "d1")
        network.add_host("c1", "192.0.2.101")
        network.add_host("r4", NEAR)
        network.add_arm(self["d1"], "10.9.0.2", xdp=True)
        network.add_arm(self["gw"], "10.9.0.1")
        for name, address in {"d1": "2001:db8::2", "gw": "2001:db8::1", "c1": "2001:db8::101"
                              }.items():
            self[name].enable_ipv6(address)
        for name, address in {"d1": "2001:db8:9::2", "gw": "2001:db8:9::1"}.items():
            self[name].enable_ipv6(address, "eth1")
        self["d1"].set_sysctl("net.ipv6.conf.eth1.keep_addr_on_down", 1)
        self["gw"].set_sysctl("net.ipv4.ip_forward", 1)
        self["gw"].set_sysctl("net.ipv6.conf.all.forwarding", 1)
        for name, address in SERVERS.items():
            server = network.add_host(name, address, segment="br1")
            server.enable_ipv6(SERVERS6[name])
            server.ip("route", "add", "default", "via", "10.9.0.1")
            server.ip("-6", "route", "add", "default", "via", "2001:db8:9::1")
        for name in [*SERVERS, "r4"]:
            WebServer(self[name], VIP, (WEB_PORT,), VIP6 if name in SERVERS else None).start()
            self.echoes.append(EchoServer(self[name], ECHO_PORT))
        for name in SERVERS:
            self.echoes.append(EchoServer(self[name], ECHO6_PORT, "::"))
        self["d1"].ip("route", "add", FAR, "via", SERVERS["r1"])

    def __exit__(self, *_):
        for echo in self.echoes:
            echo.close()
        self.network.close()

    def __getitem__(self, name):
        return self.network.hosts[name]


@pytest.fixture(scope="module")
def topo():
    with TwoArmed() as made:
        yield made


def text_of(port, servers=SERVERS.values(), vip=VIP, method="DR", protocol="TCP", dataplane=""):
    reals = "".join(f"    real_server {server} {port} {{\n    }}\n" for server in servers)
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
    advert_int 0.1
    virtual_ipaddress {{
        {vip} dev eth0
    }}
}}
virtual_server {vip} {port} {{
    lb_algo rr
    lb_kind {method}
    protocol {protocol}
{reals}}}
dataplane {{
    interface eth0
    {dataplane}
}}
"""


def real_servers(director):
    virtual, = (director.status() or {}).get("virtualServers", [{}])
    return virtual.get("realServers", [])


def stats(director):
    return [real.get("stats", {}) for real in real_servers(director)]


@pytest.fixture
def serve(crew):
    def start(text):
        director = crew.headgated("d1")
        director.start(text)
        director.wait_state("MASTER", 15)
        wait_until(lambda: all(each.get("resolved") for each in stats(director) or [{}]), 15,
                   "all real servers are resolved", interval_s=0.05)
        return director
    return start


def counts(director):
    """Packets that left by eth1 from the worker, that XDP has forwarded, flows in the cache."""
    state = director.status()["dataplane"]
    port, = state["ports"]
    flows = sum(int(each.get("cachedFlows", 0)) for each in state["workerStates"])
    reasons = {each["name"]: int(each.get("count", 0)) for each in state["reasons"]}
    return {"worker": int(port.get("elsewherePackets", 0)),
            "cached": int(port.get("cachedPackets", 0)), "flows": flows, "reasons": reasons}


def redirected(topo):
    """Frames that eth1 of the director has taken from an XDP program, by its driver's figures."""
    figures = topo["d1"].run("ethtool", "-S", "eth1").stdout
    return sum(int(number) for number in re.findall(r"tx_queue_\d+_xdp_xmit: (\d+)", figures))


@pytest.fixture
def sessions(serve, topo):
    """The director, and connections to all real servers that are in the cache."""
    director = serve(text_of(ECHO_PORT))
    with Sessions(topo["c1"], VIP, ECHO_PORT, SESSIONS) as made:
        wait_until(lambda: counts(director)["flows"] == SESSIONS, 5, "all are in the cache")
        yield director, made


def go_on(made, count=3 * SESSIONS):
    before = made.exchanges
    wait_until(lambda: made.exchanges >= before + count, 10, "the connections go on")


@pytest.mark.parametrize(("vip", "servers"), [(VIP, SERVERS), (VIP6, SERVERS6)], ids=["4", "6"])
def test_connections_are_spread_evenly(serve, topo, vip, servers):
    director = serve(text_of(WEB_PORT, servers.values(), vip))
    assert request_many(topo["c1"], vip, WEB_PORT, 60) == {"r1": 20, "r2": 20, "r3": 20}
    assert counts(director)["worker"] >= 60 * 3
    assert [each["interface"] for each in stats(director)] == ["eth1"] * 3
    assert "by eth1" in director.cli("status").stdout
    bracketed = vip if vip == VIP else f"[{vip}]"
    client = "192.0.2.101" if vip == VIP else "[2001:db8::101]"
    trace = director.cli("trace", f"tcp {client}:40000 > {bracketed}:{WEB_PORT}").stdout
    assert " on eth1" in trace


def test_established_connections_are_redirected_by_the_flow_cache(sessions, topo):
    director, made = sessions
    taken, before = redirected(topo), counts(director)
    go_on(made, 20 * SESSIONS)
    after = counts(director)
    forwarded = after["cached"] - before["cached"]
    assert forwarded > 20 * SESSIONS
    assert after["worker"] - before["worker"] < forwarded // 20
    assert redirected(topo) - taken >= forwarded
    assert {name: made.servers.count(name) for name in SERVERS} == {"r1": 3, "r2": 3, "r3": 3}
    made.close()
    assert made.broken == []
    wait_until(lambda: counts(director)["flows"] == 0, 5, "what has ended has left the cache")


@pytest.mark.parametrize("vip", [VIP, VIP6], ids=["4", "6"])
def test_a_long_upload_passes_whole(serve, topo, vip):
    port, servers = (ECHO_PORT, SERVERS) if vip == VIP else (ECHO6_PORT, SERVERS6)
    director = serve(text_of(port, servers.values(), vip))
    taken = redirected(topo)
    assert echo_bulk(topo["c1"], vip, port, 8_000_000)
    passed = counts(director)
    assert passed["cached"] > 4000 and redirected(topo) - taken >= passed["cached"]
    assert passed["cached"] > 50 * passed["worker"]


def test_without_a_flow_cache_the_worker_forwards(serve, topo):
    director = serve(text_of(ECHO_PORT, dataplane="flow_cache 0"))
    taken = redirected(topo)
    assert echo_bulk(topo["c1"], VIP, ECHO_PORT, 2_000_000)
    assert counts(director)["worker"] > 1000 and redirected(topo) == taken


def test_what_takes_no_redirects_is_left_to_the_worker(sessions, topo):
    """The driver of eth1 takes none while the other end of the veth has no XDP program."""
    director, made = sessions
    topo.network.set_port_xdp("d1-1", False)
    try:
        wait_until(lambda: all("takes no packets" in each.get("uncachedReason", "")
                               for each in stats(director)), 5, "it is noticed, and said")
        before, taken = counts(director), redirected(topo)
        go_on(made)
        assert counts(director)["worker"] > before["worker"] and redirected(topo) == taken
        assert "not by the flow cache" in director.cli("status").stdout
    finally:
        topo.network.set_port_xdp("d1-1", True)
    wait_until(lambda: not any(each["uncachedReason"] for each in stats(director)), 5,
               "it takes them again")
    taken = redirected(topo)
    go_on(made)
    assert redirected(topo) > taken and made.broken == []


def test_in_generic_mode_any_interface_takes_redirects(serve, topo):
    topo.network.set_port_xdp("d1-1", False)
    try:
        director = serve(text_of(ECHO_PORT, dataplane="xdp_mode generic"))
        with Sessions(topo["c1"], VIP, ECHO_PORT, SESSIONS) as made:
            wait_until(lambda: counts(director)["flows"] == SESSIONS, 5, "all are in the cache")
            before = counts(director)
            go_on(made, 5 * SESSIONS)
            after = counts(director)
        assert made.broken == []
        forwarded = after["cached"] - before["cached"]
        assert forwarded > 5 * SESSIONS and after["worker"] - before["worker"] < forwarded // 10
        assert not any(each["uncachedReason"] for each in stats(director))
    finally:
        topo.network.set_port_xdp("d1-1", True)


def test_both_interfaces_are_served(serve, topo):
    text = text_of(ECHO_PORT).replace("    interface eth0\n    \n", "    interface eth0 eth1\n")
    director = serve(text)
    assert topo["d1"].xdp_attached("eth1")
    taken = redirected(topo)
    with Sessions(topo["c1"], VIP, ECHO_PORT, SESSIONS) as made:
        go_on(made, 10 * SESSIONS)
    assert redirected(topo) - taken > 5 * SESSIONS and made.broken == []
    assert [each["interface"] for each in stats(director)] == ["eth1"] * 3
    assert director.stop() == 0
    assert not topo["d1"].xdp_attached("eth1")


def test_an_interface_goes_down_and_comes_up(sessions, topo):
    director, made = sessions
    topo["d1"].ip("link", "set", "eth1", "down")
    wait_until(lambda: all("no route" in each.get("unresolvedReason", "")
                           for each in stats(director)), 5, "the servers are out of reach")
    topo["d1"].ip("link", "set", "eth1", "up")
    topo["d1"].ip("route", "add", FAR, "via", SERVERS["r1"])
    taken = redirected(topo)
    go_on(made)
    assert redirected(topo) > taken and made.broken == []


def test_a_route_moves_to_another_interface_and_back(serve, topo):
    """r4 has the address of a real server on the other segment."""
    director = serve(text_of(ECHO_PORT, [SERVERS["r1"]]))
    with Sessions(topo["c1"], VIP, ECHO_PORT, 3) as made:
        wait_until(lambda: counts(director)["flows"] == 3, 5, "all are in the cache")
        assert made.servers == ["r1"] * 3
        topo["r4"].ip("addr", "add", f"{SERVERS['r1']}/32", "dev", "eth0")
        topo["d1"].ip("route", "add", SERVERS["r1"], "dev", "eth0")
        try:
            wait_until(lambda: stats(director)[0]["resolved"] and
                       not stats(director)[0]["interface"], 5, "the route is followed")
            with Sessions(topo["c1"], VIP, ECHO_PORT, 1) as moved:
                assert moved.servers == ["r4"]
        finally:
            topo["d1"].ip("route", "del", SERVERS["r1"], "dev", "eth0")
            topo["r4"].ip("addr", "del", f"{SERVERS['r1']}/32", "dev", "eth0")
        wait_until(lambda: stats(director)[0]["interface"] == "eth1", 5, "and back")
        with Sessions(topo["c1"], VIP, ECHO_PORT, 1) as moved:
            assert moved.servers == ["r1"]


def test_servers_on_both_segments(serve, topo):
    director = serve(text_of(WEB_PORT, [SERVERS["r1"], NEAR]))
    assert request_many(topo["c1"], VIP, WEB_PORT, 20) == {"r1": 10, "r4": 10}
    assert [each["interface"] for each in stats(director)] == ["eth1", ""]


def test_a_killed_dataplane_leaves_established_flows_to_the_next(sessions, topo):
    director, made = sessions
    old = director.dataplane_pid()
    director.process.send_signal(signal.SIGSTOP)  # so that nobody starts it again
    os.kill(old, signal.SIGKILL)
    taken = redirected(topo)
    go_on(made, 5 * SESSIONS)
    assert redirected(topo) - taken > 5 * SESSIONS
    director.process.send_signal(signal.SIGCONT)
    wait_until(lambda: director.dataplane_pid() not in (None, old), 10, "another dataplane runs")
    wait_until(lambda: counts(director)["flows"] == SESSIONS, 5, "it knows the connections")
    taken = redirected(topo)
    go_on(made)
    assert redirected(topo) > taken and made.broken == []


def test_a_client_learns_how_much_the_other_segment_takes(serve, topo):
    """By an ICMP error that leaves by the interface where the client is."""
    topo["d1"].ip("link", "set", "eth1", "mtu", "1400")
    try:
        director = serve(text_of(ECHO_PORT))
        assert echo_bulk(topo["c1"], VIP, ECHO_PORT, 300_000)
        counted = counts(director)["reasons"]
        assert counted["packet_too_big"] >= 1 and counted["icmp_answered"] >= 1
        assert "mtu 1400" in topo["c1"].ip("route", "get", VIP)
    finally:
        topo["d1"].ip("link", "set", "eth1", "mtu", "1500")
        topo["c1"].ip("route", "flush", "cache")


def test_datagrams_fragments_and_those_without_a_hop_left(serve, topo):
    echoes = [DatagramEchoServer(topo[name], VIP, UDP_PORT) for name in SERVERS]
    topo["c1"].set_sysctl("net.ipv4.ip_no_pmtu_disc", 1)
    topo["d1"].ip("link", "set", "eth1", "mtu", "1300")
    try:
        director = serve(text_of(UDP_PORT, protocol="UDP"))
        assert exchange_datagrams(topo["c1"], VIP, UDP_PORT, 9) == {"r1": 3, "r2": 3, "r3": 3}
        # 1400 has to be cut here, 4000 comes in fragments, two of which have to be, too.
        answers = exchange_sizes(topo["c1"], VIP, UDP_PORT, 6, (1400, 10, 4000))
        assert answers == {"r1": 2, "r2": 2, "r3": 2}
        assert counts(director)["reasons"]["egress_fragmented"] >= 6 * 3
        assert send_with_hops(topo["c1"], VIP, UDP_PORT, 1) == "EHOSTUNREACH"
        assert send_with_hops(topo["c1"], VIP, UDP_PORT, 2) in SERVERS
    finally:
        topo["d1"].ip("link", "set", "eth1", "mtu", "1500")
        topo["c1"].set_sysctl("net.ipv4.ip_no_pmtu_disc", 0)
        for echo in echoes:
            echo.close()


def test_a_tunnel_leaves_by_the_other_interface(serve, topo):
    end = Decapsulator(topo["r1"], FAR, "ipip")
    try:
        director = serve(text_of(WEB_PORT, [FAR], method="TUN"))
        assert request_many(topo["c1"], VIP, WEB_PORT, 10) == {"r1": 10}
        assert end.sources == {"10.9.0.2"} and end.wrong == []
        assert stats(director)[0]["interface"] == "eth1"
    finally:
        end.close()


def test_nothing_is_left(serve, topo):
    director = serve(text_of(WEB_PORT))
    assert topo["d1"].xdp_attached() and not topo["d1"].xdp_attached("eth1")
    assert director.stop() == 0
    assert not topo["d1"].xdp_attached() and not topo.network.pins()
    neighbours = json.loads(ip("-n", topo["d1"].namespace, "-j", "neigh", "show", "dev", "eth1"))
    assert not any("managed" in str(each).lower() for each in neighbours)
