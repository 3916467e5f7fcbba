"""Established connections pass through the XDP program alone, and nobody notices but the figures.

Method: one director, three echo servers that name themselves, real TCP connections. The worker's
own figures tell what did not pass it.
"""

import subprocess
import time

import pytest

from lab import configs
from lab.network import wait_until
from lab.servers import ECHO_PORT
from lab.traffic import Sessions, echo_bulk

VIP = configs.VIP
PORT = ECHO_PORT
SERVERS = ("r1", "r2", "r3")
VIRTUAL = configs.Virtual(PORT, "rr", weights=(1, 1, 1), check="TCP_CHECK")

pytestmark = pytest.mark.usefixtures("echoes")


def text_of(topo, virtual=VIRTUAL, dataplane=""):
    text = configs.director_text("d1", configs.Vrrp("MASTER", 150), [virtual],
                                 topo.server_addresses)
    return f"{text}\ndataplane {{\n    interface eth0\n    {dataplane}\n}}\n"


def counts(director):
    """Packets that workers have received, that XDP has forwarded, and that the service counts."""
    state = director.status()["dataplane"]
    port, = state["ports"]
    worker = sum(int(each.get("cachedFlows", 0)) for each in state["workerStates"])
    return {"worker": int(port.get("rxPackets", 0)), "xdp": int(port.get("cachedPackets", 0)),
            "service": int(state["services"][0].get("packets", 0)), "flows": worker}


def grown(director, seconds):
    before = counts(director)
    time.sleep(seconds)
    after = counts(director)
    return {name: after[name] - before[name] for name in before}


def test_established_connections_do_not_meet_the_worker(balanced, topo):
    director = balanced(VIRTUAL)
    with Sessions(topo["c1"], VIP, PORT, 12) as sessions:
        wait_until(lambda: counts(director)["flows"] == 12, 5, "all connections are in the cache")
        growth = grown(director, 1.5)
        # A line and its echo's acknowledgement, of each about twenty times a second.
        assert growth["xdp"] > 300
        assert growth["worker"] < growth["xdp"] // 20
        assert growth["service"] >= growth["xdp"]
        assert "% of what was forwarded" in director.cli("status").stdout
    assert sessions.broken == []
    assert {name: sessions.servers.count(name) for name in SERVERS} == {"r1": 4, "r2": 4, "r3": 4}
    wait_until(lambda: counts(director)["flows"] == 0, 5, "what has ended has left the cache")


def test_a_long_upload_passes_whole(balanced, topo):
    director = balanced(VIRTUAL)
    before = counts(director)
    assert echo_bulk(topo["c1"], VIP, PORT, 8_000_000)
    after = counts(director)
    passed = after["xdp"] - before["xdp"]
    assert passed > 4000 and passed > 50 * (after["worker"] - before["worker"])


def test_a_watch_sees_what_is_in_the_cache(balanced, topo, tmp_path):
    director = balanced(VIRTUAL)
    file = tmp_path / "c.pcapng"
    with Sessions(topo["c1"], VIP, PORT, 3) as sessions:
        wait_until(lambda: counts(director)["flows"] == 3, 5, "all connections are in the cache")
        before = sessions.exchanges
        director.cli("capture", "service", f"{VIP}:{PORT}/tcp", "-w", str(file), "--for", "1s")
        exchanged = sessions.exchanges - before
        seen = subprocess.run(["tcpdump", "-nn", "-r", str(file)], check=True, capture_output=True,
                              text=True).stdout.splitlines()
        assert exchanged > 20 and len(seen) >= exchanged // 2
        wait_until(lambda: grown(director, 0.3)["xdp"] > 10, 5, "XDP forwards again")
    assert sessions.broken == []


def test_flows_of_a_removed_server_come_back_to_the_worker(balanced, topo):
    director = balanced(VIRTUAL)
    with Sessions(topo["c1"], VIP, PORT, 9) as sessions:
        wait_until(lambda: counts(director)["flows"] == 9, 5, "all connections are in the cache")
        director.reload(text_of(topo, configs.Virtual(PORT, "rr", weights=(1, 1),
                                                      check="TCP_CHECK")))
        director.wait_serving(PORT, 2)
        # The director's kernel refuses them, as it does what no service has.
        wait_until(lambda: counts(director)["flows"] == 6, 10, "those of the server have left")
        assert len(sessions.broken) == 3
        before = sessions.exchanges
        wait_until(lambda: sessions.exchanges > before + 60, 10, "the others go on")
        service = director.status()["dataplane"]["services"][0]
        servers = sum(int(server["packets"]) for server in service["destinations"])
        assert int(service["packets"]) > servers, "what the removed one had still counts"
    assert len(sessions.broken) == 3


def test_a_server_with_another_address_is_followed(balanced, topo):
    """Its MAC address, as when its network card was replaced."""
    director = balanced(VIRTUAL)
    server = topo["r2"]
    with Sessions(topo["c1"], VIP, PORT, 6) as sessions:
        wait_until(lambda: counts(director)["flows"] == 6, 5, "all connections are in the cache")
        server.run("ip", "link", "set", "dev", "eth0", "address", "02:00:00:00:77:02", check=True)
        topo["d1"].run("ip", "neigh", "replace", server.address, "lladdr", "02:00:00:00:77:02",
                       "dev", "eth0", check=True)
        before = sessions.exchanges
        wait_until(lambda: sessions.exchanges > before + 60, 10, "all sessions go on")
        assert grown(director, 0.5)["xdp"] > 50
    assert sessions.broken == []


def test_it_can_be_switched_off(crew, topo):
    director = crew.headgated("d1")
    director.start(text_of(topo, dataplane="flow_cache 0"))
    director.wait_serving(PORT, 3)
    director.wait_vip(VIP, 15)
    with Sessions(topo["c1"], VIP, PORT, 3) as sessions:
        growth = grown(director, 1)
        assert growth["xdp"] == 0 and growth["worker"] > 50
        # A reload that asks for one starts the dataplane anew.
        old = director.dataplane_pid()
    director.reload(text_of(topo, dataplane="flow_cache 4096"))
    wait_until(lambda: director.dataplane_pid() not in (0, None, old), 10, "another dataplane")
    director.wait_serving(PORT, 3)
    assert sessions.broken == []
    with Sessions(topo["c1"], VIP, PORT, 3):
        wait_until(lambda: counts(director)["flows"] == 3, 5, "all connections are in the cache")
