"""A director under attack: who has a connection keeps it, who is blocked loses it.

Method: one director, three echo servers that name themselves. Sessions of one client stay open
while another host floods the VIP with SYNs from random addresses, or is put on the block list.
"""

import os
import signal
import time

import pytest

from lab import configs
from lab.network import wait_until
from lab.servers import ECHO_PORT
from lab.traffic import Sessions, SynFlood

VIP = configs.VIP
PORT = ECHO_PORT
REMEMBERED = 500  # new connections a second
SYNS = 20_000
SYNS_THAT_FILL_RINGS = 10_000  # more than the receive rings of all workers of d1 hold

pytestmark = pytest.mark.usefixtures("echoes")


def config(topo, *lines):
    text = configs.director_text("d1", configs.Vrrp("MASTER", 150),
                                 [configs.Virtual(PORT, "rr", check="none")],
                                 topo.server_addresses)
    return text + "dataplane {\n    " + "\n    ".join(lines) + "\n}\n"


@pytest.fixture
def start(crew, topo):
    """A function that starts headgated on d1 with lines of the dataplane block."""
    def run(*lines):
        director = crew.headgated("d1")
        director.start(config(topo, *lines))
        director.wait_state("MASTER", 15)
        director.wait_serving(PORT, 3)
        return director
    return run


def listed(name, *prefixes):
    return "\n    ".join([f"{name} {{", *prefixes, "}"])


def dataplane(director):
    return director.status()["dataplane"]


def reasons(director):
    return {entry["name"]: int(entry.get("count", 0)) for entry in dataplane(director)["reasons"]}


def test_a_syn_flood_takes_nothing_from_anybody(start, topo):
    director = start(f"new_connection_rate {REMEMBERED}")
    with Sessions(topo["c1"], VIP, PORT, 12) as before:
        began = time.monotonic()
        with SynFlood(topo["c2"], VIP, PORT) as flood:
            wait_until(lambda: flood.sent >= SYNS / 2, 30, "the flood is under way")
            with Sessions(topo["c1"], VIP, PORT, 12) as meanwhile:
                wait_until(lambda: flood.sent >= SYNS, 30, "the flood has been long")
                seconds = time.monotonic() - began
                time.sleep(0.5)
        time.sleep(0.5)
    for sessions in (before, meanwhile):
        assert sessions.broken == [] and sessions.exchanges > 0
    counted = reasons(director)
    assert counted["connection_deferred"] > SYNS / 4, counted
    # Each worker remembers so many a second, and there are as many seconds as it took and two more.
    workers = len(dataplane(director)["workerStates"])
    assert counted["connection_created"] < workers * REMEMBERED * (seconds + 3) + 24
    assert counted["half_open_evicted"] == 0 and counted["forwarded_stateless"] == 0
    state = dataplane(director)["workerStates"][0]
    assert int(state["newConnectionRate"]) == REMEMBERED and int(state["busyUs"]) > 0
    assert sum(int(bucket.get("bursts", 0)) for bucket in state["bursts"]) > 0
    assert f"remembers up to {REMEMBERED} new connections/s" in director.cli("status").stdout


def test_a_worker_that_lags_still_has_room_for_established_connections(start, topo):
    """While the dataplane stands still, SYNs fill their share of its receive rings and no more."""
    director = start()
    process = int(dataplane(director)["pid"])
    with Sessions(topo["c1"], VIP, PORT, 12) as sessions:
        with SynFlood(topo["c2"], VIP, PORT) as flood:
            os.kill(process, signal.SIGSTOP)
            try:
                sent = flood.sent
                wait_until(lambda: flood.sent >= sent + SYNS_THAT_FILL_RINGS, 30, "a ring's worth")
            finally:
                os.kill(process, signal.SIGCONT)
        time.sleep(0.5)
    assert sessions.broken == [] and sessions.exchanges > 0
    counted = reasons(director)
    assert counted["steer_drop_opening"] > 0 and counted["socket_rx_ring_full"] == 0, counted


def test_a_blocked_client_loses_its_connections(start, topo):
    director = start(listed("block_list", "203.0.113.0/24"))
    with Sessions(topo["c1"], VIP, PORT, 3) as blocked, \
            Sessions(topo["c2"], VIP, PORT, 3) as others:
        time.sleep(0.3)
        assert blocked.broken == []
        director.reload(config(topo, listed("block_list", topo["c1"].address)))
        wait_until(lambda: len(blocked.broken) == 3, 20, "the client notices")
    assert others.broken == [] and len(set(others.servers)) == 3
    counted = reasons(director)
    assert counted["connection_blocked"] >= 3 and counted["steer_drop_blocked"] > 0
    director.reload(config(topo, listed("block_list", f"{topo['c1'].address}/24"),
                           listed("allow_list", topo["c1"].address)))
    wait_until(lambda: can_connect(topo["c1"]), 10, "the client is allowed again")
    assert not can_connect(topo["c2"])


def can_connect(host):
    try:
        with Sessions(host, VIP, PORT, 1):
            return True
    except OSError:
        return False


def test_a_prefix_opens_no_more_connections_than_it_may(start, topo):
    director = start("source_connection_rate 1", "source_prefix_length 32",
                     listed("allow_list", topo["c2"].address))
    assert can_connect(topo["c1"])  # its SYN comes again after a second, when there is need
    assert all(can_connect(topo["c2"]) for _ in range(9))
    with Sessions(topo["c1"], VIP, PORT, 4) as sessions:
        time.sleep(0.3)
    assert sessions.broken == []
    assert reasons(director)["source_limited"] > 0
