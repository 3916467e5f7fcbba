"""Established flows outlive headgate-dataplane, and whoever comes after it knows them.

Method: one director, three echo servers, real TCP connections that the XDP program forwards; then
processes are killed. A connection that a kernel refused is broken, one that nobody forwards makes
no exchanges, and a segment that is lost is sent again (as is one whose answer is late, but that
one arrives twice).
"""

import os
import signal
import time

import pytest

from lab import configs, topology
from lab.network import wait_until
from lab.servers import ECHO_PORT
from lab.traffic import Sessions

VIP = configs.VIP
PORT = ECHO_PORT
SESSIONS = 12
VIRTUAL = configs.Virtual(PORT, "rr", weights=(1, 1, 1), check="TCP_CHECK")

pytestmark = pytest.mark.usefixtures("echoes")


def cached(director):
    state = (director.status() or {}).get("dataplane", {})
    return sum(int(each.get("cachedFlows", 0)) for each in state.get("workerStates", []))


@pytest.fixture
def sessions(balanced, topo):
    """The director, and connections through it that are in the cache."""
    director = balanced(VIRTUAL)
    with Sessions(topo["c1"], VIP, PORT, SESSIONS) as made:
        wait_until(lambda: cached(director) == SESSIONS, 5, "all connections are in the cache")
        yield director, made


def lost(topo):
    """Segments of the client that did not arrive: sent again, and no server saw them twice."""
    twice = sum(topo[name].tcp_counter("TcpExt", "TCPDSACKOldSent") for name in topology.SERVERS)
    return topo["c1"].tcp_counter("Tcp", "RetransSegs") - twice


def exchanged(sessions, seconds):
    before = sessions.exchanges
    time.sleep(seconds)
    return sessions.exchanges - before


def test_a_killed_dataplane_leaves_established_flows_to_the_next(sessions, topo):
    director, made = sessions
    lost_before = lost(topo)
    old = director.dataplane_pid()
    # So that nobody starts it again.
    director.process.send_signal(signal.SIGSTOP)
    os.kill(old, signal.SIGKILL)
    time.sleep(0.2)
    assert exchanged(made, 1) > 5 * SESSIONS
    director.process.send_signal(signal.SIGCONT)
    wait_until(lambda: director.dataplane_pid() not in (None, old), 10, "another dataplane runs")
    wait_until(lambda: cached(director) == SESSIONS, 5, "it knows the connections")
    assert f"{SESSIONS} established flows of the process before go on" in director.log()
    assert exchanged(made, 1) > 5 * SESSIONS
    assert made.broken == []
    assert lost(topo) == lost_before
    made.close()
    wait_until(lambda: cached(director) == 0, 5, "they end as any other")


def test_it_is_killed_again_and_again(sessions, topo):
    director, made = sessions
    lost_before = lost(topo)
    for _ in range(5):
        old = director.dataplane_pid()
        director.kill_dataplane()
        wait_until(lambda old=old: director.dataplane_pid() not in (None, old), 15, "another runs")
        wait_until(lambda: cached(director) == SESSIONS, 5, "it knows the connections")
    assert made.broken == []
    assert lost(topo) == lost_before
    pin, = topo.network.pins()
    assert len(list((pin / "eth0").iterdir())) == 8


def test_everything_killed_under_load_and_started_again(sessions, topo):
    director, made = sessions
    lost_before = lost(topo)
    director.kill()
    director.start()
    assert exchanged(made, 1) > 5 * SESSIONS
    wait_until(lambda: cached(director) == SESSIONS, 10, "they are known again")
    wait_until(lambda: director.vrrp_state() == "MASTER", 10, "the director is master")
    assert exchanged(made, 1) > 5 * SESSIONS
    assert made.broken == []
    assert lost(topo) == lost_before


def test_without_anybody_flows_go_on_for_ten_seconds_and_no_longer(sessions, topo):
    director, made = sessions
    director.kill()
    killed = time.monotonic()
    # The clients' kernels still know the VIP's MAC address.
    while time.monotonic() < killed + 8:
        assert exchanged(made, 0.5) > SESSIONS
    wait_until(lambda: exchanged(made, 0.5) == 0, 10, "nothing is forwarded any more")
    # What is left is inert, and goes with the next that ends properly.
    assert topo["d1"].xdp_attached() and topo.network.pins()
    director.start()
    director.wait_state("MASTER", 15)
    director.wait_serving(PORT, 3)
    with Sessions(topo["c1"], VIP, PORT, 3) as others:
        assert exchanged(others, 1) > 20
    assert director.stop() == 0
    assert not topo["d1"].xdp_attached() and not topo.network.pins()


def test_a_server_that_was_removed_meanwhile_loses_its_flows(sessions, topo):
    director, made = sessions
    director.kill()
    text = configs.director_text("d1", configs.Vrrp("MASTER", 150),
                                 [configs.Virtual(PORT, "rr", weights=(1, 1), check="TCP_CHECK")],
                                 topo.server_addresses)
    director.start(text)
    wait_until(lambda: cached(director) == SESSIONS * 2 // 3, 10, "the others' are known")
    wait_until(lambda: len(made.broken) == SESSIONS // 3, 10, "the director refuses the rest")
    assert exchanged(made, 1) > 50
    assert len(made.broken) == SESSIONS // 3


def test_another_size_of_the_flow_cache_begins_anew(sessions, topo):
    director, made = sessions
    text = director.config.read_text()
    director.reload(f"{text}\ndataplane {{\n    interface eth0\n    flow_cache 4096\n}}\n")
    wait_until(lambda: "is not taken over, and removed" in director.log(), 10, "it says so")
    director.wait_serving(PORT, 3)
    with Sessions(topo["c1"], VIP, PORT, 3) as others:
        wait_until(lambda: cached(director) == 3, 5, "others are in the cache")
        assert exchanged(others, 0.5) > 10
    assert "the size of the flow cache was another" in director.log()
    assert topo["d1"].xdp_attached()


def test_another_mtu_keeps_the_flows(sessions, topo):
    director, made = sessions
    topo["d1"].ip("link", "set", "dev", "eth0", "mtu", "1400")
    try:
        wait_until(lambda: "attaching again" in director.log(), 5, "it is noticed")
        wait_until(lambda: cached(director) == SESSIONS, 5, "the flows are known again")
        assert exchanged(made, 1) > 50
        assert made.broken == []
    finally:
        topo["d1"].ip("link", "set", "dev", "eth0", "mtu", "1500")


def test_pins_of_an_instance_that_forwards_nothing_any_more_are_removed(sessions, topo):
    director, _ = sessions
    director.kill()
    assert topo.network.pins()
    director.start(configs.director_text("d1", configs.Vrrp("MASTER", 150), [],
                                         topo.server_addresses))
    wait_until(lambda: not topo.network.pins(), 5, "nobody wants them")
    wait_until(lambda: not topo["d1"].xdp_attached(), 5, "the program goes with them")
