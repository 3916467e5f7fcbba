"""Headgate and FRR's vrrpd share one virtual router, whichever is the master.

vrrpd speaks version 2 without a password, and version 3 with IPv4 and IPv6. It answers from the MAC
address of the virtual router on a macvlan; headgated here from that of its interface.
"""

import time

import pytest
from lab import configs
from lab.frr import Vrrpd
from lab.network import wait_until

ROOM_S = 1.0
V6 = {"d1": "2001:db8::2", "d2": "2001:db8::3"}
VIPS = {"v4": configs.VIP, "v6": "2001:db8::10"}
KINDS = pytest.mark.parametrize("version, family", [(2, "v4"), (3, "v4"), (3, "v6")])


def text(state, priority, version, vip):
    # FRR has no link-local address among its VIPs, so the first here is the only one, too.
    length = 64 if ":" in vip else 32
    return f"""\
global_defs {{
    router_id lab
    vrrp_version {version}
}}
vrrp_instance VI_1 {{
    state {state}
    interface eth0
    virtual_router_id {configs.VRID}
    priority {priority}
    advert_int 1
    virtual_ipaddress {{
        {vip}/{length} dev eth0
    }}
}}
"""


@pytest.fixture(scope="module", autouse=True)
def ipv6(topo):
    for name, address in V6.items():
        topo[name].set_sysctl("net.ipv6.conf.default.disable_ipv6", 0)
        topo[name].set_sysctl("net.ipv6.conf.eth0.disable_ipv6", 0)
        topo[name].ip("addr", "add", f"{address}/64", "dev", "eth0", "nodad")
        wait_until(lambda name=name: "tentative" not in topo[name].ip(
            "-6", "addr", "show", "dev", "eth0", "scope", "link"), 10,
                   f"{name} has a link-local address")


@pytest.fixture
def vrrpd(topo, family):
    made = Vrrpd(topo["d2"], configs.VRID, VIPS[family])
    yield made
    made.kill()


def refused(director):
    """The adverts that headgated did not accept, by cause."""
    return {error["name"]: int(error["count"])
            for error in director.status()["vrrp"][0].get("advertErrors", [])
            if int(error.get("count", 0)) > 0}


@KINDS
def test_headgated_is_master(crew, vrrpd, version, family):
    headgated = crew.headgated("d1")
    headgated.start(text("MASTER", 150, version, VIPS[family]))
    headgated.wait_state("MASTER", 10)
    vrrpd.start(100, version)
    vrrpd.wait_state("Backup", 10)
    time.sleep(4.5)  # longer than its patience: it hears the master
    assert vrrpd.state() == "Backup"
    assert headgated.vrrp_state() == "MASTER"

    stopping = time.monotonic()
    headgated.stop()
    vrrpd.wait_state("Master", 10)
    assert time.monotonic() - stopping < (256 - 100) / 256 + ROOM_S, "priority 0 was not heard"
    headgated.start()
    headgated.wait_state("MASTER", 10)  # it preempts
    vrrpd.wait_state("Backup", 3)


@KINDS
def test_vrrpd_is_master(crew, vrrpd, version, family):
    headgated = crew.headgated("d1")
    vrrpd.start(150, version)
    vrrpd.wait_state("Master", 10)
    headgated.start(text("BACKUP", 100, version, VIPS[family]))
    headgated.wait_state("BACKUP", 10)
    time.sleep(4.5)
    assert headgated.vrrp_state() == "BACKUP"
    assert not refused(headgated)

    stopping = time.monotonic()
    vrrpd.stop()
    headgated.wait_state("MASTER", 10)
    assert time.monotonic() - stopping < (256 - 100) / 256 + ROOM_S, "priority 0 was not heard"

    vrrpd.start(150, version)
    vrrpd.wait_state("Master", 10)
    headgated.wait_state("BACKUP", 3)


@pytest.mark.parametrize("family", ["v4"])
def test_a_killed_vrrpd_is_replaced_in_time(crew, vrrpd):
    headgated = crew.headgated("d1")
    vrrpd.start(150, version=3, advert_ms=100)
    vrrpd.wait_state("Master", 10)
    headgated.start(text("BACKUP", 100, 3, configs.VIP))
    headgated.wait_state("BACKUP", 10)
    time.sleep(0.5)  # it has learned the interval of the master
    killed = time.monotonic()
    vrrpd.kill()
    headgated.wait_state("MASTER", 5)
    assert time.monotonic() - killed < 3.61 * 0.1 + ROOM_S
