"""Headgate and Debian's keepalived 2.2.7 share one virtual router, whichever is the master.

The same scenario runs in VRRP version 2 with a password and in version 3, and both ways round.
"""

import time

import pytest
from scapy.layers.inet import IP
from scapy.layers.l2 import Ether

from lab import configs
from lab.adverts import Tap

VIP = configs.VIP
ROOM_S = 1.0

VERSIONS = pytest.mark.parametrize("version", [2, 3])


def text(name, state, priority, version, **more):
    return configs.director_text(name, configs.Vrrp(state, priority, version=version, **more))


@VERSIONS
@pytest.mark.parametrize("master_kind", ["keepalived", "headgated"])
def test_failover_and_return(crew, topo, version, master_kind):
    master = getattr(crew, master_kind)("d1")
    backup = getattr(crew, "headgated" if master_kind == "keepalived" else "keepalived")("d2")
    with Tap(topo["c1"]) as tap:
        master.start(text("d1", "MASTER", 150, version))
        backup.start(text("d2", "BACKUP", 100, version))
        master.wait_vip(VIP, 10)
        time.sleep(4.5)  # longer than the backup's patience: it hears the master
        assert not backup.has_vip(VIP)

        killed = time.monotonic()
        master.kill()
        backup.wait_vip(VIP, 10)
        # keepalived leaves its address behind when it is killed; it would answer ARP for it.
        topo["d1"].ip("addr", "del", f"{VIP}/32", "dev", "eth0", check=False)

        master.start()
        master.wait_vip(VIP, 10)
        backup.wait_no_vip(VIP, 3)

        stopping = time.monotonic()
        master.stop()
        backup.wait_vip(VIP, 10)
        taken_over = time.monotonic()
    first = tap.first_advert(backup.host.address, killed)
    assert first.time - killed < 3 + (256 - 100) / 256 + ROOM_S
    # The master said goodbye with priority 0.
    assert taken_over - stopping < (256 - 100) / 256 + ROOM_S
    assert {advert.version for advert in tap.adverts} == {version}


@VERSIONS
def test_adverts_are_byte_for_byte_those_of_keepalived(crew, topo, version):
    """One after the other on the same host with the same configuration: the same VRRP message."""
    messages = {}
    for kind in ("keepalived", "headgated"):
        director = getattr(crew, kind)("d1")
        with Tap(topo["c1"]) as tap:
            director.start(text("d1", "MASTER", 150, version))
            director.wait_vip(VIP, 10)
            time.sleep(0.3)
        packet = Ether(tap.adverts[-1].frame)[IP]
        assert packet.dst == "224.0.0.18" and packet.ttl == 255
        length = packet.len - packet.ihl * 4
        messages[kind] = bytes(packet.payload)[:length].hex()
        assert tap.adverts[-1].frame[:6].hex(":") == "01:00:5e:00:00:12"
        crew.clear()
    assert messages["headgated"] == messages["keepalived"]


def test_a_wrong_password_is_not_obeyed(crew, topo):
    """keepalived refuses such a peer as well: each believes to be alone, and headgate says why."""
    keepalived = crew.keepalived("d1")
    headgated = crew.headgated("d2")
    keepalived.start(text("d1", "MASTER", 150, 2, password="another"))
    keepalived.wait_vip(VIP, 10)
    headgated.start(text("d2", "BACKUP", 100, 2))
    headgated.wait_state("MASTER", 10)
    errors = headgated.status()["vrrp"][0].get("advertErrors", [])
    assert any("auth" in error["name"] and int(error["count"]) > 0 for error in errors), errors


@pytest.mark.parametrize("advert_int", [0.1])
def test_sub_second_adverts_of_version_3(crew, topo, advert_int):
    keepalived = crew.keepalived("d1")
    headgated = crew.headgated("d2")
    keepalived.start(text("d1", "MASTER", 150, 3, advert_int=advert_int))
    keepalived.wait_vip(VIP, 10)
    headgated.start(text("d2", "BACKUP", 100, 3, advert_int=advert_int))
    time.sleep(1.0)
    assert headgated.vrrp_state() == "BACKUP"
    with Tap(topo["c1"]) as tap:
        killed = time.monotonic()
        keepalived.kill()
        headgated.wait_vip(VIP, 5)
        time.sleep(0.3)
    first = tap.first_advert(headgated.host.address, killed)
    assert first.time - killed < 3.61 * advert_int + ROOM_S
