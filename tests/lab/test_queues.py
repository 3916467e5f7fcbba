"""A director with two receive queues, and a switch that spreads packets over them in another way.

Method: the transmit queues of the switch's port are the receive queues of the director. With one
less of them all packets come to the first worker, also those of connections of the second.
"""

import subprocess

import pytest

from lab import configs
from lab.network import PASS_PROGRAM, wait_until
from lab.servers import ECHO_PORT
from lab.traffic import Sessions

VIP = configs.VIP
PORT = ECHO_PORT
SERVERS = ("r1", "r2", "r3")
SESSIONS = 24


def set_channels(topo, direction, count, ends=("switch", "director")):
    commands = {"switch": ["ip", "netns", "exec", topo.network.switch, "ethtool", "-L", "d1"],
                "director": topo["d1"].command("ethtool", "-L", "eth0")}
    for end in ends:
        subprocess.run([*commands[end], direction, str(count)], check=True, capture_output=True)


@pytest.fixture(scope="module")
def queues(topo):
    # XDP on one end wants as many receive queues there as the other end has to send.
    set_channels(topo, "rx", 2)
    set_channels(topo, "tx", 2)
    # A veth does not give the program to queues that come later (Linux 6.18): what XDP sends to
    # one of them waits until something else comes.
    port = ["ip", "-n", topo.network.switch, "link", "set", "dev", "d1", "xdpdrv"]
    subprocess.run([*port, "off"], check=True)
    subprocess.run([*port, "obj", str(PASS_PROGRAM), "sec", "xdp"], check=True)


def dataplane(director):
    return director.status()["dataplane"]


def counted(director, name):
    return sum(int(each.get("count", 0)) for each in dataplane(director)["reasons"]
               if each["name"] == name)


def cached(director):
    return [int(worker.get("cachedFlows", 0)) for worker in dataplane(director)["workerStates"]]


def goes_on(sessions):
    before = sessions.exchanges
    wait_until(lambda: sessions.exchanges > before + 5 * SESSIONS, 10, "the sessions go on")


@pytest.mark.usefixtures("queues", "echoes")
def test_connections_follow_their_packets_to_another_worker(balanced, topo):
    director = balanced(configs.Virtual(PORT, "rr", weights=(1, 1, 1), check="TCP_CHECK"))
    with Sessions(topo["c1"], VIP, PORT, SESSIONS) as sessions:
        goes_on(sessions)
        first, second = cached(director)
        assert first + second == SESSIONS and second > 0
        set_channels(topo, "tx", 1, ends=("switch",))
        goes_on(sessions)
        assert counted(director, "connection_taken_over") == second
        wait_until(lambda: cached(director)[0] == SESSIONS, 5, "they are in the cache there, too")
        set_channels(topo, "tx", 2, ends=("switch",))
        goes_on(sessions)
    assert sessions.broken == []
    assert set(sessions.servers) == set(SERVERS)
