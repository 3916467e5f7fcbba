"""The VIP moves between two headgated as VRRP says, and client traffic follows it.

Bounds are what the protocol guarantees (3 adverts + skew) and room for a busy machine.
"""

import time

from lab import configs
from lab.adverts import Tap
from lab.network import wait_until
from lab.traffic import Prober, request_many

VIP = configs.VIP
WEB = configs.Virtual(80, "rr")
ROOM_S = 1.0


def start_pair(crew, topo, nopreempt=False, virtuals=(WEB,)):
    """d1 with priority 150 is MASTER, d2 with 100 its backup."""
    pair = {}
    for name, priority in (("d1", 150), ("d2", 100)):
        pair[name] = crew.headgated(name)
        state = "MASTER" if name == "d1" and not nopreempt else "BACKUP"
        vrrp = configs.Vrrp(state, priority, nopreempt=nopreempt)
        pair[name].start(configs.director_text(name, vrrp, virtuals, topo.server_addresses))
        pair[name].wait_state("MASTER" if name == "d1" else "BACKUP", 15)
    for director in pair.values():
        for virtual in virtuals:
            director.wait_serving(virtual.port, 3)
    return pair["d1"], pair["d2"]


def test_the_backup_takes_over_from_a_dead_master_and_gives_back(crew, topo):
    d1, d2 = start_pair(crew, topo)
    with Tap(topo["c1"]) as tap, Prober(topo["c1"], VIP, 80) as prober:
        time.sleep(0.5)
        killed = time.monotonic()
        d1.kill()
        d2.wait_state("MASTER", 10)
        wait_until(lambda: prober.servers(time.monotonic() - 0.2), 5, "answers")
        taken_over = tap.first_advert(d2.host.address, killed)
        time.sleep(0.5)
        d1.start()
        d1.wait_state("MASTER", 10)
        d2.wait_state("BACKUP", 2)
        returned = time.monotonic()
        time.sleep(0.5)
    assert taken_over.time - killed < 3 + (256 - 100) / 256 + 0.2 + ROOM_S
    assert prober.gap(killed) < 3 + (256 - 100) / 256 + 0.2 + ROOM_S
    assert prober.servers(since=returned) == {"r1", "r2", "r3"}
    assert any(arp.address == VIP for arp in tap.arps)


def test_nopreempt_leaves_the_vip_where_it_is(crew, topo):
    d1, d2 = start_pair(crew, topo, nopreempt=True, virtuals=())
    d1.kill()
    d2.wait_state("MASTER", 10)
    d1.wait_no_vip(VIP, 10)
    d1.start()
    d1.wait_state("BACKUP", 10)
    time.sleep(5)
    assert d1.vrrp_state() == "BACKUP" and not d1.has_vip(VIP)
    assert d2.vrrp_state() == "MASTER" and d2.has_vip(VIP)


def test_a_stopped_master_hands_over_at_once(crew, topo):
    d1, d2 = start_pair(crew, topo)
    with Tap(topo["c1"]) as tap, Prober(topo["c1"], VIP, 80) as prober:
        time.sleep(0.5)
        stopping = time.monotonic()
        assert d1.stop() == 0
        d2.wait_state("MASTER", 5)
        time.sleep(0.5)
    assert any(advert.priority == 0 and advert.source == d1.host.address
               for advert in tap.adverts if advert.time >= stopping)
    # Priority 0 makes the backup wait for its skew only: 0.61 s.
    assert prober.gap(stopping) < (256 - 100) / 256 + ROOM_S
    assert not d1.has_vip(VIP) and not topo["d1"].xdp_attached() and topo["d1"].pids() == []


def test_a_master_whose_cable_is_pulled_is_replaced_and_returns(crew, topo):
    d1, d2 = start_pair(crew, topo, virtuals=())
    topo.network.set_link("d1", False)
    try:
        d2.wait_state("MASTER", 10)
        d1.wait_state("FAULT", 10)
        d1.wait_no_vip(VIP, 10)
    finally:
        topo.network.set_link("d1", True)
    d1.wait_state("MASTER", 15)
    d2.wait_state("BACKUP", 5)


def test_a_reload_misses_no_advert(crew, topo):
    d1, d2 = start_pair(crew, topo)
    before = d2.status()["vrrp"][0]["becameMaster"]
    with Tap(topo["c1"]) as tap:
        for weights in ((1, 1, 1), (3, 2, 1), (1, 1, 1), (3, 2, 1)):
            changed = configs.Virtual(80, "wrr", weights=weights)
            d1.reload(configs.director_text("d1", configs.Vrrp("MASTER", 150), [changed],
                                            topo.server_addresses))
            time.sleep(0.8)
    times = [advert.time for advert in tap.adverts if advert.source == d1.host.address]
    assert max(b - a for a, b in zip(times, times[1:])) < 1.5
    assert {advert.source for advert in tap.adverts} == {d1.host.address}
    assert d1.vrrp_state() == "MASTER"
    assert d2.status()["vrrp"][0]["becameMaster"] == before


def test_a_backup_forwards_nothing(crew, topo):
    _, d2 = start_pair(crew, topo)
    # Sent to the backup's MAC by force: its kernel, without the VIP, does not answer.
    topo["c2"].ip("neigh", "replace", VIP, "lladdr", mac_of(topo["d2"]), "dev", "eth0",
                  "nud", "permanent")
    try:
        counts = request_many(topo["c2"], VIP, 80, 2, timeout_s=0.5)
    finally:
        topo["c2"].ip("neigh", "del", VIP, "dev", "eth0")
    assert set(counts) == {"TimeoutError"}
    assert d2.vrrp_state() == "BACKUP"


def mac_of(host):
    return host.ip("-br", "link", "show", "dev", "eth0").split()[2]
