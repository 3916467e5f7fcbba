"""Goal: IPVS takes over in the moment in which headgate-dataplane ends, and keeps what it has got
when headgate-dataplane is back.
"""

import os
import signal
import time

import pytest

from cluster import ECHO, PATIENCE_S, VIP, config
from lab.network import wait_until
from lab.servers import ECHO_PORT
from lab.traffic import Prober, Sessions, request_many

KILLS = 4
SESSIONS = 4

# Its addresses outlast the time for which headgated stands still here.
CONFIG = config("auto").replace("priority 150", "priority 150\n    vip_lease 30") + ECHO


@pytest.fixture
def director(direct):
    made = direct()
    made.start(CONFIG)
    for port in (80, ECHO_PORT):
        made.wait_serving(port, 2, PATIENCE_S)
        made.wait_up(port)
    wait_until(lambda: standbys(made) == {"ipvs"}, PATIENCE_S, "IPVS stands by", interval_s=0.1)
    return made


def standbys(director):
    return {virtual.get("standby", "") for virtual in (director.status() or {}).get(
        "virtualServers", [])}


def by_standby(director, port):
    return sum(int(virtual.get("standbyConnections", 0))
               for virtual in director.status()["virtualServers"] if virtual["port"] == port)


def wait_back(director, old):
    """Until another dataplane than `old` forwards."""
    wait_until(lambda: director.dataplane_pid() not in (None, old), PATIENCE_S, "another runs",
               interval_s=0.1)
    director.wait_serving(80, 2, PATIENCE_S)
    wait_until(lambda: director.placement(80) == "bypass", PATIENCE_S, "it has its services",
               interval_s=0.1)


def test_the_table_is_that_of_ipvs_alone(director, direct):
    before = director.table()
    assert before.count("-A ") == 2 and before.count("-a ") == 4
    assert request_many(director.host.network.hosts["c1"], VIP, 80, 6).total() == 6
    assert by_standby(director, 80) == 0, "the bypass had them"
    director.reload(CONFIG.replace("engine auto", "engine auto\n    ipvs_standby off"))
    wait_until(lambda: director.table() == "", PATIENCE_S, "no standby, no table",
               interval_s=0.1)
    assert standbys(director) == {""}
    director.stop()
    alone = direct()
    alone.start(CONFIG.replace("engine auto", "engine ipvs"))
    wait_until(lambda: alone.table() == before, PATIENCE_S, "the same table", interval_s=0.1)


def test_new_connections_are_served_whenever_the_dataplane_is_killed(director, hosts):
    with Prober(hosts["c1"], VIP, 80, interval_s=0.1, timeout_s=3) as prober:
        kills = []
        for _ in range(KILLS):
            old = director.dataplane_pid()
            director.kill_dataplane()
            kills.append(time.monotonic())
            wait_back(director, old)
    requests = prober.requests()
    failed = prober.failed()
    print(f"{len(failed)} of {len(requests)} requests failed, {KILLS} kills")
    # What the dataplane knew about a request that was under way is gone with it.
    for request in failed:
        assert any(request.start <= kill <= request.end for kill in kills), request
    assert len(failed) <= KILLS
    assert by_standby(director, 80) > 0


def test_what_ipvs_has_got_stays_with_it(director, hosts):
    old = director.dataplane_pid()
    # So that nobody starts it again before it is told to.
    director.process.send_signal(signal.SIGSTOP)
    os.kill(old, signal.SIGKILL)
    with Sessions(hosts["c1"], VIP, ECHO_PORT, SESSIONS) as sessions:
        assert sorted(sessions.servers) == ["r1", "r1", "r2", "r2"]
        connections = director.host.run("ipvsadm", "-Lnc").stdout.splitlines()
        assert sum(f"{VIP}:{ECHO_PORT}" in line and "ESTABLISHED" in line
                   for line in connections) == SESSIONS
        director.process.send_signal(signal.SIGCONT)
        wait_back(director, old)
        before = sessions.exchanges
        wait_until(lambda: sessions.exchanges > before + 5 * SESSIONS, PATIENCE_S,
                   "they go on", interval_s=0.1)
        assert sessions.broken == []
        assert request_many(hosts["c1"], VIP, 80, 6).total() == 6
        assert by_standby(director, 80) == 0, "what is new is the bypass's"
        wait_until(lambda: by_standby(director, ECHO_PORT) == SESSIONS, PATIENCE_S,
                   "they are counted", interval_s=0.2)
        assert f"IPVS stands by and had {SESSIONS} connections" in director.cli("status").stdout
