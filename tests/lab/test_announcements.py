"""Gratuitous ARPs and Neighbour Advertisements on the wire: how many, how far apart, until when.

Counted by a host on the segment and by the switch, which sends frames where it last saw their
source. Counts are exact; times have room for a busy machine, intervals only upwards.
"""

import time

import pytest

from lab import configs
from lab.adverts import Tap
from lab.network import wait_until

VIPS = ["192.0.2.10", "192.0.2.20", "192.0.2.30"]


def text(state="MASTER", priority=150, lines="", global_lines="", vips=VIPS, groups="",
         advert_int=1):
    addresses = "\n".join(f"        {vip}/32" for vip in vips)
    return f"""\
global_defs {{
{global_lines}
}}
{groups}
vrrp_instance VI_1 {{
    state {state}
    interface eth0
    version 3
    virtual_router_id {configs.VRID}
    priority {priority}
    advert_int {advert_int}
{lines}
    virtual_ipaddress {{
{addresses}
    }}
}}
"""


def settled(tap, quiet_s):
    """All announcements up to the first pause of that length."""
    def quiet():
        last = max([arp.time for arp in tap.arps], default=None)
        return last is not None and time.monotonic() - last > quiet_s
    wait_until(quiet, 20, "the announcements end")
    return list(tap.arps)


def gaps(arps):
    times = [arp.time for arp in arps]
    return [later - earlier for earlier, later in zip(times, times[1:])]


def test_a_new_master_announces_in_rounds_and_once_more(crew, topo):
    """keepalived's defaults but for the delay: 5 x all addresses, and the same again."""
    with Tap(topo["c1"]) as tap:
        crew.headgated("d1").start(text(lines="    garp_master_delay 2"))
        arps = settled(tap, 3.5)
    assert [arp.address for arp in arps] == VIPS * 10
    first, second = arps[:15], arps[15:]
    assert 1.9 < second[0].time - first[0].time < 3.5
    assert first[-1].time - first[0].time < 1


def test_limits_space_the_frames_and_refreshes_repeat_them(crew, topo):
    """A group's limit of 50 ms holds for all addresses together; then one round every second."""
    with Tap(topo["c1"]) as tap:
        crew.headgated("d1").start(text(
            lines="    garp_master_repeat 3\n    garp_master_delay 0\n"
                  "    garp_master_refresh 2\n    garp_master_refresh_repeat 1",
            groups="garp_group {\n    garp_interval 0.05\n"
                   "    interfaces {\n        eth0\n    }\n}"))
        wait_until(lambda: len(tap.arps) >= 15, 20, "a block and two refreshes")
        arps = list(tap.arps)[:15]
    assert [arp.address for arp in arps] == VIPS * 5
    # What the tap sees of the spacing is as exact as its own wake-ups: the sum tells.
    assert arps[8].time - arps[0].time >= 8 * 0.05 - 0.01
    assert min(gaps(arps[:9])) > 0.02
    assert 1.5 < arps[9].time - arps[0].time < 4


def test_nothing_is_announced_after_mastership_is_lost(crew, topo):
    """A block that would take 30 s is cut off when a stronger router comes."""
    weak = crew.headgated("d1")
    strong = crew.keepalived("d2")
    with Tap(topo["c1"]) as tap:
        weak.start(text("BACKUP", 100, global_lines="    vrrp_garp_interval 0.1",
                        lines="    garp_master_repeat 100", advert_int=0.1))
        weak.wait_state("MASTER", 10)
        strong.start(text("BACKUP", 150, lines="    garp_master_repeat 1", advert_int=0.1))
        weak.wait_state("BACKUP", 10)
        time.sleep(0.2)
        mac = topo["d1"].mac()
        before = sum(arp.mac == mac for arp in tap.arps)
        time.sleep(1.5)
        after = sum(arp.mac == mac for arp in tap.arps)
    assert 0 < before == after < 100


def test_a_weaker_master_is_answered_with_a_block(crew, topo):
    strong = crew.headgated("d1")
    weak = crew.keepalived("d2")
    with Tap(topo["c1"]) as tap:
        strong.start(text(priority=200, vips=VIPS[:1], advert_int=0.1,
                          lines="    garp_master_delay 0\n    garp_lower_prio_repeat 4\n"
                                "    garp_lower_prio_delay 1"))
        settled(tap, 1)
        tap.arps.clear()
        mac = topo["d1"].mac()
        # The weaker one does not hear the stronger for as long as it takes to become MASTER.
        topo.network.set_isolated("d2", True)
        weak.start(text("BACKUP", 100, vips=VIPS[:1], advert_int=0.1,
                        lines="    higher_prio_send_advert"))
        weak.wait_vip(VIPS[0], 10)
        tap.arps.clear()
        topo.network.set_isolated("d2", False)
        weak.wait_no_vip(VIPS[0], 10)
        settled(tap, 2)
        ours = [arp for arp in tap.arps if arp.mac == mac]
    # One block for each advert of the weaker that was answered, and one more at the end.
    assert len(ours) % 4 == 0 and len(ours) >= 8
    assert ours[-1].time - ours[0].time > 0.9


def test_the_switch_sends_to_the_new_master_at_once(crew, topo):
    """Both MACs are known to the bridge; the VIP's neighbour entry in a client follows the ARP."""
    first = crew.headgated("d1")
    second = crew.headgated("d2")
    first.start(text("BACKUP", 150, advert_int=0.1))
    second.start(text("BACKUP", 100, advert_int=0.1))
    first.wait_state("MASTER", 10)
    client = topo["c1"]
    client.run("ping", "-c1", "-W2", VIPS[0])
    assert neighbour(client, VIPS[0]) == topo["d1"].mac()
    first.kill()
    second.wait_state("MASTER", 10)
    wait_until(lambda: neighbour(client, VIPS[0]) == topo["d2"].mac(), 5,
               "the client has learned the new master's MAC from its announcement")


def neighbour(host, address):
    words = host.ip("neigh", "show", address, "dev", "eth0").split()
    return words[words.index("lladdr") + 1] if "lladdr" in words else None


def test_minimal_announcements(crew, topo):
    with Tap(topo["c1"]) as tap:
        crew.headgated("d1").start(text(global_lines="    vrrp_min_garp"))
        arps = settled(tap, 6)
    assert [arp.address for arp in arps] == VIPS


@pytest.mark.parametrize("kind", ["keepalived", "headgated"])
def test_the_order_is_that_of_keepalived(crew, topo, kind):
    with Tap(topo["c1"]) as tap:
        getattr(crew, kind)("d1").start(text(lines="    garp_master_delay 0"))
        arps = settled(tap, 2)
    assert [arp.address for arp in arps] == VIPS * 5
