"""Requests through the VIP reach the real servers they should, with nothing between but L2.

Method: one director, three nginx, real TCP connections from client namespaces.
"""

import time

import pytest

from lab import configs
from lab.network import wait_until
from lab.servers import ECHO_PORT, DatagramEchoServer
from lab.traffic import Prober, Sessions, echo_bulk, exchange_datagrams, request_many

VIP = configs.VIP


def test_rr_gives_every_server_the_same_number(balanced, topo):
    balanced(configs.Virtual(80, "rr"))
    assert request_many(topo["c1"], VIP, 80, 300) == {"r1": 100, "r2": 100, "r3": 100}


def test_wrr_divides_by_weight(balanced, topo):
    balanced(configs.Virtual(81, "wrr", weights=(3, 2, 1)))
    assert request_many(topo["c1"], VIP, 81, 300) == {"r1": 150, "r2": 100, "r3": 50}


def test_persistence_keeps_a_client_on_its_server(balanced, topo):
    balanced(configs.Virtual(82, "rr", persistence_timeout=60))
    first = request_many(topo["c1"], VIP, 82, 10)
    second = request_many(topo["c2"], VIP, 82, 10)
    again = request_many(topo["c1"], VIP, 82, 10)
    assert len(first) == 1 and len(second) == 1
    assert first == again
    assert set(first) != set(second)


@pytest.mark.parametrize("check", ["HTTP_GET", "TCP_CHECK"])
def test_a_dead_server_leaves_the_rotation_and_comes_back(balanced, topo, check):
    director = balanced(configs.Virtual(80, "rr", check=check))
    with Prober(topo["c1"], VIP, 80) as prober:
        time.sleep(0.3)
        stopped = topo.web["r2"].stop()
        try:
            director.wait_serving(80, 2)
            # Published a moment after it is reported.
            time.sleep(0.3)
            out = time.monotonic()
            time.sleep(1.5)
            restarted = time.monotonic()
        finally:
            topo.web["r2"].start()
        wait_until(lambda: "r2" in prober.servers(restarted), 10, "r2 serves again")
    assert prober.failed(until=stopped - 0.3) == []
    # delay_loop 1, one retry after 1 s, and room for a busy machine.
    assert prober.last_failure(stopped) - stopped < 3.5
    assert prober.failed(since=out) == []
    assert prober.servers(since=out, until=restarted) == {"r1", "r3"}


def test_a_server_with_the_wrong_status_is_not_used(balanced, topo):
    director = balanced(configs.Virtual(80, "rr"))
    broken = configs.Virtual(80, "rr", path="/broken")
    director.reload(configs.director_text("d1", configs.Vrrp("MASTER", 150), [broken],
                                          topo.server_addresses))
    wait_until(lambda: director.real_servers(80) and director.serving(80, 0), 15,
               "no server passes its check")
    checks = [check for real in director.real_servers(80).values() for check in real["checks"]]
    assert {check["code"] for check in checks} == {"L7STS"}


def reload_and_wait(director, topo, virtual, num_serving):
    director.reload(configs.director_text("d1", configs.Vrrp("MASTER", 150), [virtual],
                                          topo.server_addresses))
    director.wait_serving(virtual.port, num_serving)


def echo_virtual(*weights):
    return configs.Virtual(ECHO_PORT, "wrr", weights=weights, check="TCP_CHECK")


@pytest.mark.usefixtures("echoes")
def test_adding_a_server_harms_no_established_connection(balanced, topo):
    director = balanced(echo_virtual(1, 1))
    with Sessions(topo["c1"], VIP, ECHO_PORT, 40) as sessions:
        time.sleep(0.5)
        reload_and_wait(director, topo, echo_virtual(1, 1, 1), 3)
        before = sessions.exchanges
        time.sleep(1.0)
        assert sessions.exchanges > before
        # The new server is really in use.
        with Sessions(topo["c2"], VIP, ECHO_PORT, 6) as newcomers:
            time.sleep(0.2)
    assert set(sessions.servers) == {"r1", "r2"}
    assert sessions.broken == [] and newcomers.broken == []
    assert set(newcomers.servers) == {"r1", "r2", "r3"}


@pytest.mark.usefixtures("echoes")
def test_weight_0_drains_a_server(balanced, topo):
    director = balanced(echo_virtual(1, 1, 1))
    with Sessions(topo["c1"], VIP, ECHO_PORT, 9) as old:
        reload_and_wait(director, topo, echo_virtual(1, 0, 1), 3)
        time.sleep(0.3)
        with Sessions(topo["c2"], VIP, ECHO_PORT, 8) as new:
            time.sleep(0.5)
    assert set(old.servers) == {"r1", "r2", "r3"} and old.broken == []
    assert set(new.servers) == {"r1", "r3"} and new.broken == []


@pytest.mark.usefixtures("echoes")
def test_full_sized_segments_pass_unharmed(balanced, topo):
    balanced(echo_virtual(1, 1, 1))
    assert echo_bulk(topo["c1"], VIP, ECHO_PORT, 8_000_000)


def test_udp_is_balanced_by_flow(balanced, topo):
    servers = [DatagramEchoServer(topo[name], VIP, ECHO_PORT) for name in ("r1", "r2", "r3")]
    try:
        balanced(configs.Virtual(ECHO_PORT, "rr", check="none", protocol="UDP"))
        counts = exchange_datagrams(topo["c1"], VIP, ECHO_PORT, 30)
    finally:
        for server in servers:
            server.close()
    assert counts == {"r1": 10, "r2": 10, "r3": 10}


def test_what_is_not_vip_traffic_is_left_to_the_kernel(balanced, topo):
    balanced(configs.Virtual(80, "rr"))
    client = topo["c1"]
    assert client.run("ping", "-c", "2", "-W", "1", "-q", topo["d1"].address).returncode == 0
    assert client.run("ping", "-c", "2", "-W", "1", "-q", VIP).returncode == 0
    # Nobody serves this port: the director's own kernel refuses.
    refused = request_many(client, VIP, 9, 1)
    assert refused == {"ConnectionRefusedError": 1}
