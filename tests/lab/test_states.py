"""When an instance becomes MASTER and when it does not: sync groups over two networks, delays,
restarts. With headgated on both sides, and beside Debian's keepalived where both have the word.
"""

import time

import pytest

from lab import configs
from lab.network import ip, wait_until

VIP = configs.VIP
SECOND_VIP = "198.51.100.10"
MASTER_DOWN_S = 3 + (256 - 100) / 256
ROOM_S = 2.0


@pytest.fixture(scope="module")
def second_network(topo):
    """eth1 of d1 and d2, on a switch of its own."""
    switch = topo.network.switch
    ip("-n", switch, "link", "add", "br1", "type", "bridge", "mcast_snooping", "0",
       "forward_delay", "0")
    ip("-n", switch, "link", "set", "br1", "up")
    for number, name in enumerate(("d1", "d2"), start=2):
        host = topo[name]
        ip("-n", switch, "link", "add", f"{name}b", "type", "veth",
           "peer", "name", "eth1", "netns", host.namespace)
        ip("-n", switch, "link", "set", f"{name}b", "master", "br1", "up")
        host.ip("addr", "add", f"198.51.100.{number}/24", "dev", "eth1")
        host.ip("link", "set", "eth1", "up")
    return topo


def instance(number, priority, lines="", state="BACKUP"):
    interface, vip = (("eth0", VIP), ("eth1", SECOND_VIP))[number - 1]
    return f"""\
vrrp_instance VI_{number} {{
    state {state}
    interface {interface}
    virtual_router_id {50 + number}
    priority {priority}
    advert_int 1
    {lines}
    virtual_ipaddress {{
        {vip}/32 dev {interface}
    }}
}}
"""


def group_text(name, priority):
    return (f"global_defs {{\n    router_id {name}\n}}\n"
            "vrrp_sync_group VG_1 {\n    group {\n        VI_1\n        VI_2\n    }\n}\n"
            + instance(1, priority) + instance(2, priority))


def holds(director):
    """Which of the two VIPs the director has."""
    return (director.host.has_address(VIP), SECOND_VIP in director.host.addresses("eth1"))


def wait_holds(director, both, timeout_s):
    wait_until(lambda: holds(director) == (both, both), timeout_s,
               f"{director.name} {'has both VIPs' if both else 'has no VIP'}")


@pytest.fixture
def clean_eth1(topo):
    yield
    for name in ("d1", "d2"):
        for prefix in topo[name].prefixes("eth1"):
            if prefix.startswith(SECOND_VIP):
                topo[name].ip("addr", "del", prefix, "dev", "eth1", check=False)


@pytest.mark.usefixtures("clean_eth1", "second_network")
@pytest.mark.parametrize("kinds", ["headgated headgated", "headgated keepalived",
                                   "keepalived headgated"])
def test_a_sync_group_moves_as_a_whole(crew, topo, kinds):
    first_kind, second_kind = kinds.split()
    first = getattr(crew, first_kind)("d1")
    second = getattr(crew, second_kind)("d2")
    first.start(group_text("d1", 150))
    wait_holds(first, True, 15)
    second.start(group_text("d2", 100))
    time.sleep(MASTER_DOWN_S + 1)
    assert holds(second) == (False, False)

    ip("-n", topo.network.switch, "link", "set", "d1b", "down")
    try:
        wait_holds(second, True, 10)
        wait_holds(first, False, 5)
    finally:
        ip("-n", topo.network.switch, "link", "set", "d1b", "up")
    wait_holds(first, True, 15)
    wait_holds(second, False, 5)


@pytest.mark.usefixtures("clean_eth1", "second_network")
def test_a_sync_group_says_why_it_is_in_fault(crew, topo):
    director = crew.headgated("d1")
    director.start(group_text("d1", 150))
    wait_holds(director, True, 15)
    ip("-n", topo.network.switch, "link", "set", "d1b", "down")
    try:
        director.wait_state("FAULT", 5)
        by_name = {entry["name"]: entry for entry in director.status()["vrrp"]}
        assert "eth1" in by_name["VI_2"]["reason"]
        assert by_name["VI_1"]["state"] == "FAULT"
        assert "VI_2" in by_name["VI_1"]["reason"] and "eth1" in by_name["VI_1"]["reason"]
    finally:
        ip("-n", topo.network.switch, "link", "set", "d1b", "up")
    log = director.log()
    assert "VRRP_Group(VG_1) Syncing instances to MASTER state" in log
    assert "VRRP_Group(VG_1) Syncing instances to FAULT state" in log


@pytest.mark.parametrize("other", ["headgated", "keepalived"])
def test_preempt_delay_leaves_a_weaker_master_alone_for_its_time(crew, other):
    delay_s = 6
    weaker = getattr(crew, other)("d2")
    weaker.start(instance(1, 100))
    weaker.wait_vip(VIP, 15)
    stronger = crew.headgated("d1")
    started = time.monotonic()
    stronger.start(instance(1, 150, f"preempt_delay {delay_s}"))
    stronger.wait_vip(VIP, 30)
    took_s = time.monotonic() - started
    # The delay begins with the first advert that it hears, and the timer with the last that it
    # follows: without the delay it would be master 3.4 s after its start.
    assert took_s > delay_s
    assert took_s < delay_s + 1 + MASTER_DOWN_S + 1 + 2 * ROOM_S
    weaker.wait_no_vip(VIP, 5)
    assert "start preempt delay (6.000000)" in stronger.log()


def test_nopreempt_survives_a_restart(crew):
    stronger = crew.headgated("d1")
    stronger.start(instance(1, 150, "nopreempt"))
    stronger.wait_state("MASTER", 15)
    weaker = crew.headgated("d2")
    weaker.start(instance(1, 100, "nopreempt"))
    weaker.wait_state("BACKUP", 10)
    assert stronger.stop() == 0
    weaker.wait_state("MASTER", 10)
    stronger.start()
    stronger.wait_state("BACKUP", 10)
    time.sleep(MASTER_DOWN_S + 1)
    assert stronger.vrrp_state() == "BACKUP" and weaker.vrrp_state() == "MASTER"


def test_startup_delay_holds_the_first_election_back(crew):
    delay_s = 4
    director = crew.headgated("d1")
    started = time.monotonic()
    director.start(f"global_defs {{\n    vrrp_startup_delay {delay_s}\n}}\n" + instance(1, 150))
    director.wait_vip(VIP, 30)
    took_s = time.monotonic() - started
    assert took_s > delay_s + 3
    assert took_s < delay_s + MASTER_DOWN_S + 2 * ROOM_S


def test_a_killed_master_goes_on_when_it_is_back_in_time(crew):
    director = crew.headgated("d1")
    director.start(instance(1, 100, "vip_lease 6"))
    director.wait_state("MASTER", 15)
    # A lease of 6 s is renewed every 2 s, and to be in time is to be so within 2 s of a renewal.
    for attempt in range(8):
        director.kill_daemon()
        gone = time.monotonic()
        director.start()
        lost = False
        while director.vrrp_state() is None:
            lost = lost or not director.has_vip(VIP)
            assert time.monotonic() - gone < 10
        if "was MASTER a moment ago" in director.status()["vrrp"][0]["reason"]:
            assert not lost and director.has_vip(VIP)
            assert director.vrrp_state() == "MASTER"
            return
        director.wait_state("MASTER", 10)
        time.sleep(0.3 * attempt)
    pytest.fail("it never went on as MASTER")


def test_a_killed_master_whose_backup_has_taken_over_does_not_go_on(crew):
    """Its VIP is still in its kernel, but the last renewal is too long ago."""
    killed = crew.headgated("d1")
    killed.start(instance(1, 150, "nopreempt\n    vip_lease 20"))
    killed.wait_state("MASTER", 15)
    other = crew.headgated("d2")
    other.start(instance(1, 100, "nopreempt"))
    other.wait_state("BACKUP", 10)
    killed.kill_daemon()
    other.wait_state("MASTER", 10)
    time.sleep(4)  # the last renewal may have been just before
    assert killed.has_vip(VIP)
    killed.start()
    killed.wait_state("BACKUP", 10)
    assert not killed.has_vip(VIP)
    time.sleep(MASTER_DOWN_S + 1)
    assert killed.vrrp_state() == "BACKUP" and other.vrrp_state() == "MASTER"
