"""BFD sessions of headgated with FRR's bfdd, with Debian's keepalived, and with another headgated.

A cable that passes nothing any more, although every interface is up, is a bridge port whose frames
the switch drops.
"""

import re
import subprocess
import time

import pytest
from lab import configs
from lab.frr import Bfdd
from lab.network import wait_until

VIP = configs.VIP
V6 = {"d1": "2001:db8::2", "d2": "2001:db8::3"}


def session(bfd, neighbor, *lines):
    body = "".join(f"    {line}\n" for line in lines)
    return f"bfd_instance {bfd} {{\n    neighbor_ip {neighbor}\n{body}}}\n"


def config(*sessions):
    return "global_defs {\n    router_id lab\n}\n\n" + "\n".join(sessions)


def bfd(director, name="b1"):
    """The session of that name in the status, or {}."""
    status = director.status() or {}
    return next((one for one in status.get("bfd", []) if one["name"] == name), {})


def wait_state(director, state, timeout_s, name="b1"):
    wait_until(lambda: bfd(director, name).get("state") == state, timeout_s,
               f"{director.name}: {name} is {state}", interval_s=0.05)


class Switch:
    """Drops or changes frames on their way through the lab's switch."""

    def __init__(self, topo):
        self._namespace = topo.network.switch

    def _nft(self, text, check=True):
        subprocess.run(["ip", "netns", "exec", self._namespace, "nft", "-f", "-"], input=text,
                       text=True, check=check, capture_output=True)

    def rule(self, *rules):
        body = "".join(f"        {rule}\n" for rule in rules)
        self._nft("table bridge lab {\n    chain forward {\n"
                  "        type filter hook forward priority 0\n" + body + "    }\n}\n")

    def cut(self, name):
        self.rule(f"iifname {name} drop", f"oifname {name} drop")

    def clear(self):
        self._nft("delete table bridge lab\n", check=False)


@pytest.fixture
def switch(topo):
    made = Switch(topo)
    yield made
    made.clear()


@pytest.fixture
def bfdd(topo):
    made = Bfdd(topo["d2"])
    yield made
    made.kill()


@pytest.fixture(scope="module", autouse=True)
def ipv6(topo):
    for name, address in V6.items():
        topo[name].set_sysctl("net.ipv6.conf.eth0.disable_ipv6", 0)
        topo[name].ip("addr", "add", f"{address}/64", "dev", "eth0", "nodad")


def frr_peer(address, *lines, multihop_from=None):
    multihop = f" multihop local-address {multihop_from}" if multihop_from else ""
    body = "".join(f"  {line}\n" for line in lines)
    return f" peer {address}{multihop}\n{body}  no shutdown\n exit\n"


# ---- FRR ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_with_frr(crew, topo, bfdd, family):
    """Both directions: up, the agreed times, the end announced in either direction."""
    ours, theirs = ((topo["d1"].address, topo["d2"].address) if family == "ipv4"
                    else (V6["d1"], V6["d2"]))
    bfdd.start(frr_peer(ours, "receive-interval 40", "transmit-interval 30",
                        "detect-multiplier 4"))
    headgated = crew.headgated("d1")
    headgated.start(config(session("b1", theirs, "min_rx 20", "min_tx 25", "multiplier 3",
                                   "hoplimit 255")))
    wait_state(headgated, "Up", 15)
    bfdd.wait_status(ours, "up", 5)
    # The slower of our sending and its receiving; its multiplier times the slower the other way.
    wait_until(lambda: bfd(headgated)["txIntervalUs"] == "40000", 5, "the times are agreed on")
    wait_until(lambda: bfd(headgated)["detectionTimeUs"] == "120000", 5, "in both directions")
    peer = bfdd.peers()[ours]
    assert peer["remote-transmit-interval"] == 25 and peer["remote-receive-interval"] == 20
    assert peer["remote-detect-multiplier"] == 3
    assert not any(int(error.get("count", 0)) for error in bfd(headgated)["packetErrors"])

    headgated.stop()
    wait_until(lambda: bfdd.peers()[ours].get("remote-diagnostic")
               == "administratively down", 5, "bfdd was told of the end")
    headgated.start()
    wait_state(headgated, "Up", 15)
    bfdd.kill()
    wait_state(headgated, "Down", 5)
    # A shutdown of bfdd is announced, a kill is not; either ends the session.
    assert bfd(headgated)["diagnostic"] in ("Control Detection Time Expired",
                                            "Neighbor Signaled Session Down")


def test_multihop_with_frr(crew, topo, bfdd):
    ours, theirs = topo["d1"].address, topo["d2"].address
    bfdd.start(frr_peer(ours, multihop_from=theirs))
    headgated = crew.headgated("d1")
    headgated.start(config(session("b1", theirs, f"source_ip {ours}", "multihop", "max_hops 5")))
    wait_state(headgated, "Up", 15)
    bfdd.wait_status(ours, "up", 5)
    assert bfd(headgated)["multihop"]


# ---- keepalived ---------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_with_keepalived(crew, topo, switch, family):
    ours, theirs = ((topo["d1"].address, topo["d2"].address) if family == "ipv4"
                    else (V6["d1"], V6["d2"]))
    headgated = crew.headgated("d1")
    keepalived = crew.keepalived("d2")
    times = ("min_rx 50", "min_tx 50")
    keepalived.start(config(session("b1", ours, f"source_ip {theirs}", *times)))
    headgated.start(config(session("b1", theirs, *times)))
    wait_state(headgated, "Up", 15)
    wait_until(lambda: "(b1) Entering Up state" in keepalived.log(), 5, "keepalived is up")
    # It monitors the same words of both.
    assert "(b1) Entering Up state" in headgated.log()

    switch.cut("d1")
    wait_state(headgated, "Down", 5)
    assert re.search(r"\(b1\) Entering Down state \(Local diagnostic - Control Detection Time "
                     r"Expired, Remote diagnostic - No Diagnostic\)", headgated.log())
    wait_until(lambda: "(b1) Entering Down state" in keepalived.log(), 5, "keepalived is down")
    switch.clear()
    wait_state(headgated, "Up", 15)

    ups = keepalived.log().count("(b1) Entering Up state")
    headgated.stop()
    wait_until(lambda: "Local diagnostic - Neighbor Signaled Session Down, Remote diagnostic - "
               "Administratively Down" in keepalived.log(), 5, "keepalived was told of the end")
    headgated.start()
    wait_state(headgated, "Up", 15)
    wait_until(lambda: keepalived.log().count("(b1) Entering Up state") > ups, 5, "both are")
    keepalived.kill()
    wait_state(headgated, "Down", 5)
    assert bfd(headgated)["diagnostic"] == "Control Detection Time Expired"


# ---- VRRP ---------------------------------------------------------------------------------------


def test_mastership_follows_a_session(crew, topo, switch):
    """The way to d2 is cut for BFD alone: d1 hears it 3 adverts of a second before VRRP could."""
    d1, d2 = crew.headgated("d1"), crew.headgated("d2")
    times = ("min_rx 20", "min_tx 20")
    # A third host, whose session tells that the way through d1 is fine.
    other = crew.headgated("c1")
    other.start(config(session("b1", topo["d1"].address, *times)))

    def text(state, priority, track):
        vrrp = configs.vrrp_text(configs.Vrrp(state, priority))
        tracked = vrrp.rstrip().removesuffix("}") + "    track_bfd {\n        b1\n    }\n}\n"
        return tracked if track else vrrp
    d1.start(config(session("b1", topo["c1"].address, *times), text("MASTER", 150, True)))
    d2.start(config(text("BACKUP", 100, False)))
    wait_state(d1, "Up", 15)
    d1.wait_vip(VIP, 15)
    d2.wait_no_vip(VIP, 10)

    switch.cut("c1")
    cut = time.monotonic()
    d1.wait_state("FAULT", 5)
    d2.wait_vip(VIP, 5)
    # The master resigns, so that only the skew of 0.61 s is waited for, not three seconds.
    assert time.monotonic() - cut < 2.5
    d1.wait_no_vip(VIP, 1)

    switch.clear()
    d1.wait_vip(VIP, 15)
    d2.wait_no_vip(VIP, 5)


# ---- two of our own -----------------------------------------------------------------------------


def test_a_router_on_the_way_is_noticed(crew, topo, switch):
    """A packet whose TTL is not 255 was not sent by a neighbor (RFC 5881, GTSM)."""
    d1, d2 = crew.headgated("d1"), crew.headgated("d2")
    switch.rule("ip protocol udp udp dport 3784 ip ttl set 254")
    d2.start(config(session("b1", topo["d1"].address, "max_hops 1")))
    d1.start(config(session("b1", topo["d2"].address)))

    def refused():
        return {error["name"]: int(error.get("count", 0))
                for error in bfd(d1).get("packetErrors", [])}.get("ttl", 0)
    wait_until(lambda: refused() > 0, 10, "the TTL is refused")
    assert bfd(d1)["state"] == "Down" and "TTL" in bfd(d1)["warning"]
    d1.reload(config(session("b1", topo["d2"].address, "max_hops 1")))
    wait_state(d1, "Up", 15)


def test_a_reload_keeps_sessions_up(crew, topo):
    d1, d2 = crew.headgated("d1"), crew.headgated("d2")
    peer = topo["d2"].address
    d1.start(config(session("b1", peer)))
    d2.start(config(session("b1", topo["d1"].address, "passive")))
    wait_state(d1, "Up", 15)
    since = bfd(d1)["sinceUnixMs"]
    # Other times, and another session beside it.
    d1.reload(config(session("b1", peer, "min_tx 100", "min_rx 200", "multiplier 3"),
                     session("b2", "192.0.2.99")))
    wait_state(d1, "Down", 5, name="b2")
    wait_until(lambda: bfd(d1)["txIntervalUs"] == "100000", 5, "the new times are agreed on")
    wait_until(lambda: bfd(d1)["detectionTimeUs"] == "1000000", 5, "in both directions")
    wait_until(lambda: bfd(d2)["detectionTimeUs"] == "300000", 5, "and known to the neighbor")
    assert bfd(d1)["state"] == "Up" and bfd(d2)["state"] == "Up"
    # In whole milliseconds, computed from a monotonic time.
    assert abs(int(bfd(d1)["sinceUnixMs"]) - int(since)) <= 5
    assert int(bfd(d2)["becameUp"]) == 1

    d1.reload(config(session("b2", "192.0.2.99")))
    wait_state(d2, "Down", 5)
    assert bfd(d2)["remoteDiagnostic"] == "Administratively Down"
    assert bfd(d1, "b1") == {}


def test_a_source_address_that_comes_later(crew, topo):
    d1, d2 = crew.headgated("d1"), crew.headgated("d2")
    d2.start(config(session("b1", "192.0.2.222")))
    d1.start(config(session("b1", topo["d2"].address, "source_ip 192.0.2.222")))
    wait_until(lambda: "192.0.2.222" in bfd(d1).get("warning", ""), 5, "the reason is told")
    topo["d1"].ip("addr", "add", "192.0.2.222/24", "dev", "eth0")
    wait_state(d1, "Up", 15)
    assert bfd(d1).get("warning", "") == ""


def test_a_port_that_is_taken_is_tried_again(crew, topo):
    holder = topo["d1"].spawn("holder", "/usr/bin/python3", "-c",
                              "import socket, time\n"
                              "taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
                              "taken.bind(('', 3784))\n"
                              "time.sleep(600)\n")
    wait_until(lambda: ":3784" in topo["d1"].run("ss", "-Hlun").stdout, 5, "the port is taken")
    d1, d2 = crew.headgated("d1"), crew.headgated("d2")
    d2.start(config(session("b1", topo["d1"].address)))
    d1.start(config(session("b1", topo["d2"].address)))
    wait_until(lambda: "UDP port 3784" in bfd(d1).get("warning", ""), 5, "the reason is told")
    holder.kill()
    wait_state(d1, "Up", 15)


def test_a_paused_daemon_finds_its_session_again(crew, topo):
    """The neighbor has given up meanwhile; both come back by themselves."""
    d1, d2 = crew.headgated("d1"), crew.headgated("d2")
    d2.start(config(session("b1", topo["d1"].address)))
    d1.start(config(session("b1", topo["d2"].address)))
    wait_state(d1, "Up", 15)
    pids = topo["d1"].pids()
    topo["d1"].run("kill", "-STOP", *pids)
    try:
        wait_state(d2, "Down", 5)
        time.sleep(0.5)
    finally:
        topo["d1"].run("kill", "-CONT", *pids)
    wait_state(d2, "Up", 15)
    wait_state(d1, "Up", 5)
