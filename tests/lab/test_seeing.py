"""Seeing packets: what trace foretells happens, live shows it, and a capture can be read.

Method: one director, three echo servers that name themselves, real clients.
"""

import json
import subprocess
import time

import pytest

from lab import configs
from lab.servers import ECHO_PORT
from lab.traffic import Sessions

VIP = configs.VIP
PORT = ECHO_PORT
SERVERS = ("r1", "r2", "r3")

pytestmark = pytest.mark.usefixtures("echoes")


@pytest.fixture
def director(balanced):
    return balanced(configs.Virtual(PORT, "rr", weights=(1, 1, 1), check="TCP_CHECK"))


def trace(director, packet, status=0):
    result = director.cli("trace", packet, "--json", check=False)
    assert result.returncode == status, result
    interface, = json.loads(result.stdout)["interfaces"]
    return interface["workers"]


def syn(topo, port=PORT):
    return f"tcp {topo['c1'].address}:40112 > {VIP}:{port}"


def counters(director):
    state = director.status()["dataplane"]
    return state["services"], state["flows"], state["persistenceEntries"]


def settled_counters(director):
    """Those of packets on their way, as the last of a connection that was closed, are in them."""
    before = None
    while (now := counters(director)) != before:
        before = now
        time.sleep(0.1)
    return now


def name_of(topo, address):
    return SERVERS[topo.server_addresses.index(address)]


def test_a_request_goes_where_trace_said(director, topo):
    # Each worker has a round of its own; one worker is what a veth has here, unless it says so.
    for _ in range(4):
        before = settled_counters(director)
        answers = trace(director, syn(topo))
        assert trace(director, syn(topo)) == answers
        assert counters(director) == before, "a trace leaves no mark"
        told = {name_of(topo, answer["server"]["address"]) for answer in answers}
        with Sessions(topo["c1"], VIP, PORT, 1) as sessions:
            time.sleep(0.2)
            assert set(sessions.servers) <= told


def test_trace_finds_a_connection_and_names_what_is_in_the_way(director, topo):
    with Sessions(topo["c1"], VIP, PORT, 1) as sessions:
        time.sleep(0.3)
        flow, = json.loads(director.cli("show", "flows", "--json").stdout)["flows"]
        packet = f"tcp {flow['client']}:{flow['clientPort']} > {VIP}:{PORT} ack"
        text = director.cli("trace", packet, check=False).stdout
        known = [answer for answer in trace(director, packet) if "connection" in answer]
        assert known[0]["connection"]["state"] == "ESTABLISHED"
        assert name_of(topo, known[0]["server"]["address"]) == sessions.servers[0]
    assert f"ESTABLISHED to {flow['destination']}" in text
    stray, = {(answer["verdict"], answer["reason"])
              for answer in trace(director, syn(topo) + " ack", status=1)}
    assert stray == ("kernel", "no_connection")
    none, = {answer["reason"] for answer in trace(director, syn(topo, port=9), status=1)}
    assert none == "no_service"
    assert director.cli("trace", "tcp nonsense", check=False).returncode == 4


def test_live_shows_the_packets_that_match_and_no_others(director, topo):
    live = subprocess.Popen(
        director.cli_command("trace", "--live", "client", topo["c1"].address, "service",
                             f"{VIP}:{PORT}/tcp", "--json", "--for", "3s"),
        stdout=subprocess.PIPE, text=True)
    time.sleep(1)
    busy = director.cli("trace", "--live", check=False)
    with Sessions(topo["c1"], VIP, PORT, 3) as mine, Sessions(topo["c2"], VIP, PORT, 3):
        time.sleep(0.5)
    shown = [json.loads(line) for line in live.communicate(timeout=20)[0].splitlines()]
    assert busy.returncode == 7 and "watching" in busy.stderr
    assert {packet["client"] for packet in shown} == {topo["c1"].address}
    assert {packet["verdict"] for packet in shown} == {"transmit"}
    opened = [packet for packet in shown if packet["tcpFlags"] & 0x02]
    assert sorted(name_of(topo, packet["server"]) for packet in opened) == sorted(mine.servers)


def test_a_capture_is_read_by_tcpdump(director, topo, tmp_path):
    file = tmp_path / "c.pcapng"
    capture = subprocess.Popen(
        director.cli_command("capture", "service", f"{VIP}:{PORT}/tcp", "-w", str(file), "--for",
                             "3s"),
        stderr=subprocess.PIPE, text=True)
    time.sleep(1)
    with Sessions(topo["c1"], VIP, PORT, 2) as sessions:
        time.sleep(0.5)
    told = capture.communicate(timeout=20)[1]
    lines = subprocess.run(["tcpdump", "-nn", "-e", "-v", "-r", str(file),
                            "tcp[tcpflags] & tcp-syn != 0"],
                           check=True, capture_output=True, text=True).stdout
    assert lines.count(f"> {VIP}.{PORT}: Flags [S]") == 2
    assert lines.count("ttl 64") == 2 and "incorrect" not in lines, "frames are as they came in"
    packets = int(told.split()[0])
    everything = subprocess.run(["tcpdump", "-nn", "-r", str(file)], check=True,
                                capture_output=True, text=True).stdout
    assert packets == len(everything.splitlines()) >= 6
    contents = file.read_bytes()
    for server in set(sessions.servers):
        address = topo.server_addresses[SERVERS.index(server)]
        assert f"headgate: transmit to {address}; service {VIP}:{PORT}/tcp".encode() in contents
