"""Goal: `headgate ipvsadm` prints what ipvsadm prints, to the byte, for services in IPVS, and the
same for services in the bypass.
"""

import subprocess

import pytest

from cluster import ECHO, PATIENCE_S, SERVERS, VIP, config
from ipvs import ipvsadm, settled
from lab.network import wait_until
from lab.servers import ECHO_PORT
from lab.traffic import Sessions
from test_equality import ENGINE, virtual

TABLE = ENGINE + "".join((
    virtual("192.0.2.9 0", algorithm="lblcr", lines=["persistence_timeout 60"],
            servers=("10.0.0.9 0",)),
    virtual("192.0.2.10 80", algorithm="sh", kind="TUN",
            lines=["sh-port", "sh-fallback", "persistence_timeout 100",
                   "persistence_granularity 255.255.128.0"],
            servers=("10.0.0.11 80;lvs_method TUN type gue port 5555 nocsum",
                     "10.0.0.9 80;lvs_method TUN",
                     "10.0.0.12 80;lvs_method TUN type gre csum;uthreshold 100;lthreshold 50;"
                     "weight 70",
                     "10.0.0.13 80;lvs_method NAT")),
    virtual("192.0.2.10 53", protocol="UDP", lines=["ops"], servers=("10.0.0.11 53",)),
    virtual("192.0.2.10 80", protocol="SCTP", algorithm="mh", lines=["mh-port"],
            servers=("10.0.0.11 80",)),
    virtual("2001:db8::10 53", protocol="UDP", lines=["persistence_timeout 7",
                                                      "persistence_granularity 64"],
            servers=("2001:db8::1111:2222:3333:4444 53",)),
))
SERVICES = 5

OPTIONS = [["-Ln"], ["-L"], [], ["-ln", "--exact"], ["-Ln", "--stats"],
           ["-Ln", "--stats", "--exact"], ["-Ln", "--rate"], ["-Ln", "--thresholds"],
           ["-Ln", "--persistent-conn"], ["-Ln", "--tun-info"], ["-Ln", "--timeout"], ["-Lnc"],
           ["-S"], ["-S", "-n"], ["-Ln", "-t", "192.0.2.10:80"],
           ["-Ln", "--stats", "-u", "[2001:db8::10]:53"]]


def ours(director, *words):
    return director.cli("ipvsadm", *words)


def test_every_list_is_that_of_ipvsadm(crew):
    director = crew.headgated()
    director.start("global_defs {\n    lvs_timeouts tcp 77\n}\n" + TABLE)
    settled(lambda table: table.count("-A ") == SERVICES)
    for words in OPTIONS:
        assert ours(director, *words) == ipvsadm(*words), words


def test_nothing_is_changed_and_what_is_not_there_is_said(crew):
    director = crew.headgated()
    director.start(TABLE)
    before = settled(lambda table: table.count("-A ") == SERVICES)

    def failing(*words):
        done = subprocess.run(["ipvsadm", *words], capture_output=True, text=True, check=False)
        mine = subprocess.run([*director.cli_command("ipvsadm", *words)], capture_output=True,
                              text=True, check=False)
        assert mine.returncode != 0
        return done, mine
    theirs, mine = failing("-Ln", "-t", "192.0.2.77:1")
    assert (mine.returncode, mine.stderr) == (theirs.returncode, theirs.stderr)
    mine = subprocess.run(director.cli_command("ipvsadm", "-C"), capture_output=True, text=True,
                          check=False)
    assert mine.returncode == 4 and "headgate reload" in mine.stderr
    assert settled() == before


@pytest.mark.parametrize("engine", ["ipvs", "af_xdp"])
def test_connections_and_counters_of_either_backend(direct, hosts, engine):
    director = direct()
    director.start(config(engine) + ECHO)
    if engine == "af_xdp":
        director.wait_serving(ECHO_PORT, 2, PATIENCE_S)
    director.wait_up(ECHO_PORT)

    def shown(*words):
        return director.cli("ipvsadm", *words).stdout

    def active(address):
        return line_of(shown("-Ln"), f"-> {address}:{ECHO_PORT}").split()[-2]

    with Sessions(hosts["c1"], VIP, ECHO_PORT, 4):
        wait_until(lambda: {active(address) for address in SERVERS.values()} == {"2"}, PATIENCE_S,
                   "two connections each", interval_s=0.2)
        connections = established(shown("-Lnc"))
        assert len(connections) == 4
        for protocol, expires, _, client, _, server in map(str.split, connections):
            assert protocol == "TCP"
            assert "00:00" < expires <= "15:00" and client.startswith("192.0.2.101:")
            assert server.split(":")[0] in SERVERS.values()
        if engine == "ipvs":
            real = director.host.run("ipvsadm", "-Lnc").stdout
            assert real.splitlines()[:2] == shown("-Lnc").splitlines()[:2]
            assert without_expiry(established(real)) == without_expiry(connections)
            assert "(IPVS)" in director.cli("show", "flows").stdout
        wait_until(lambda: int(line_of(shown("-Ln", "--rate"), f"{VIP}:{ECHO_PORT}").split()[3])
                   >= 4, PATIENCE_S, "packets a second", interval_s=0.2)


def line_of(text, words):
    return next(line for line in text.splitlines() if words in line)


def established(text):
    """Those of the echo servers: the kernel remembers what other scenarios have left."""
    return [line for line in text.splitlines()
            if f"{VIP}:{ECHO_PORT}" in line and "ESTABLISHED" in line]


def without_expiry(lines):
    return sorted(line[:4] + line[11:] for line in lines)
