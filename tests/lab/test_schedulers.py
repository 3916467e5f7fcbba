"""Schedulers, thresholds, removal and groups, with real connections through the VIP.

Method: one director, three echo servers that name themselves, connections that stay open.
"""

import collections
import json
import time

import pytest

from lab import configs
from lab.network import wait_until
from lab.servers import ECHO_PORT
from lab.traffic import Sessions, request_many

VIP = configs.VIP
PORT = ECHO_PORT

pytestmark = pytest.mark.usefixtures("echoes")


def virtual(algorithm, *lines, weights=(1, 1, 1), **more):
    return configs.Virtual(PORT, algorithm, weights=weights, check="TCP_CHECK", lines=lines, **more)


def reload(director, topo, changed, servers=None):
    director.reload(configs.director_text("d1", configs.Vrrp("MASTER", 150), [changed],
                                          servers or topo.server_addresses))


def served(sessions):
    return dict(collections.Counter(sessions.servers))


def flows(director, *words):
    return json.loads(director.cli("show", "flows", *words, "--json").stdout)


def test_wlc_fills_the_server_with_the_fewest_connections(balanced, topo):
    balanced(virtual("wlc", weights=(2, 1, 1)))
    with Sessions(topo["c1"], VIP, PORT, 12) as first:
        time.sleep(0.3)
    assert served(first) == {"r1": 6, "r2": 3, "r3": 3}
    assert first.broken == []


def test_sh_keeps_a_client_on_its_server_until_ports_count(balanced, topo):
    director = balanced(virtual("sh"))
    with Sessions(topo["c1"], VIP, PORT, 12) as sessions:
        reload(director, topo, virtual("sh", "sh-port"))
        director.wait_serving(PORT, 3)
        time.sleep(0.3)
        with Sessions(topo["c1"], VIP, PORT, 60) as spread:
            time.sleep(0.3)
    assert len(served(sessions)) == 1 and sessions.broken == []
    assert len(served(spread)) == 3 and spread.broken == []


def test_mh_moves_only_the_clients_of_the_server_that_goes(balanced, topo):
    director = balanced(virtual("mh"))
    with Sessions(topo["c1"], VIP, PORT, 5) as before:
        pass
    home, = served(before)
    others = [address for name, address in zip(("r1", "r2", "r3"), topo.server_addresses)
              if name != home]
    # Another server goes: the client stays. Its own goes: it moves.
    mine = topo.server_addresses[("r1", "r2", "r3").index(home)]
    reload(director, topo, virtual("mh", weights=(1, 1)), sorted([mine, others[0]]))
    director.wait_serving(PORT, 2)
    time.sleep(0.3)
    with Sessions(topo["c1"], VIP, PORT, 5) as stays:
        pass
    reload(director, topo, virtual("mh", weights=(1, 1)), sorted(others))
    director.wait_serving(PORT, 2)
    time.sleep(0.3)
    with Sessions(topo["c1"], VIP, PORT, 5) as moves:
        pass
    assert set(stays.servers) == {home}
    assert len(served(moves)) == 1 and home not in moves.servers


def test_a_server_over_its_threshold_gets_no_more(balanced, topo):
    director = balanced(virtual("rr", real_lines=("uthreshold 2", "", "")))
    with Sessions(topo["c1"], VIP, PORT, 12) as sessions:
        time.sleep(0.3)
        text = director.cli("status", check=False).stdout
    assert served(sessions) == {"r1": 2, "r2": 5, "r3": 5}
    assert "over its threshold" in text


def test_a_removed_server_is_drained_for_its_time(balanced, topo):
    director = balanced(virtual("rr", "drain_timeout 3"))
    with Sessions(topo["c1"], VIP, PORT, 9) as old:
        reload(director, topo, virtual("rr", "drain_timeout 3", weights=(1, 1)),
               topo.server_addresses[1:])
        director.wait_serving(PORT, 2)
        time.sleep(1)
        with Sessions(topo["c2"], VIP, PORT, 6) as new:
            time.sleep(0.3)
        unbroken = list(old.broken)
        wait_until(lambda: len(old.broken) == 3, 10, "the connections of r1 end")
        time.sleep(0.5)
    assert served(old) == {"r1": 3, "r2": 3, "r3": 3}
    assert unbroken == [] and len(old.broken) == 3
    assert set(new.servers) == {"r2", "r3"}


def test_flows_are_listed_filtered_and_ended(balanced, topo):
    director = balanced(virtual("rr"))
    with Sessions(topo["c1"], VIP, PORT, 9) as sessions, \
            Sessions(topo["c2"], VIP, PORT, 3) as others:
        time.sleep(0.3)
        everything = flows(director)
        mine = flows(director, "client", topo["c1"].address, "service", f"{VIP}:{PORT}/tcp",
                     "server", topo.server_addresses[0])
        text = director.cli("show", "flows", "client", topo["c2"].address).stdout
        assert director.cli("kill-flows", check=False).returncode == 4
        ended = director.cli("kill-flows", "server", topo.server_addresses[0]).stdout
        wait_until(lambda: len(sessions.broken) == 3, 10, "the ended connections notice")
        time.sleep(0.3)
    assert int(everything["matched"]) == 12
    assert len(mine["flows"]) == int(mine["matched"]) == 3
    assert {flow["state"] for flow in mine["flows"]} == {"ESTABLISHED"}
    assert text.count(topo["c2"].address) == 3
    assert ended.strip() == "4 connections ended"
    assert len(sessions.broken) == 3 and len(others.broken) == 1


def test_a_group_serves_all_its_addresses_and_keeps_clients_together(balanced, topo):
    # nginx of the lab answers on these ports.
    group = f"virtual_server_group G {{\n    {VIP} 80\n    {VIP} 81\n}}\n"
    both = configs.Virtual(80, "rr", target="group G", persistence_timeout=60, check="none")
    director = balanced(configs.Virtual(82, "rr"))
    director.reload(group + configs.director_text("d1", configs.Vrrp("MASTER", 150), [both],
                                                  topo.server_addresses))
    director.wait_serving(81, 3)
    time.sleep(0.3)
    for client in ("c1", "c2"):
        first = request_many(topo[client], VIP, 80, 5)
        second = request_many(topo[client], VIP, 81, 5)
        assert len(first) == 1 and set(first) == set(second)
