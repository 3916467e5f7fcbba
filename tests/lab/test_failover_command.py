"""`headgate why`, `headgate show vrrp` and `headgate failover`, with two routers of one group."""

import json
import time

import pytest

from lab import configs
from lab.network import wait_until

VIP = configs.VIP
OTHER_VIP = "192.0.2.14"
# Skew of a backup, and room for a busy machine.
TAKEOVER_S = 1 + 2


GROUP = """\
vrrp_sync_group G {
    group {
        VI_1
        VI_2
    }
}
"""


def text(name, priority, **more):
    return configs.director_text(name, configs.Vrrp("BACKUP", priority, **more))


@pytest.fixture
def pair(crew):
    """d1 is MASTER with priority 150, d2 its backup; the kind of d2 may be chosen."""
    def start(kind="headgated", **more):
        first = crew.headgated("d1")
        second = getattr(crew, kind)("d2")
        first.start(text("d1", 150, **more))
        first.wait_vip(VIP, 15)
        second.start(text("d2", 100, **more))
        if kind == "headgated":
            wait_until(lambda: second.status() and second.status()["vrrp"][0]["masterAddress"],
                       15, "d2 hears d1")
        else:
            time.sleep(2)
        return first, second
    return start


@pytest.mark.parametrize("kind", ["headgated", "keepalived"])
def test_failover_and_cancel(pair, kind):
    first, second = pair(kind)
    done = first.cli("failover", "VI_1", "--for", "10m", "--reason", "disk swap")
    assert "192.0.2.3 (priority 100) is MASTER of VI_1" in done.stdout, done.stdout
    second.wait_vip(VIP, 1)
    assert not first.has_vip(VIP)
    # Longer than any timer: the higher priority does not bring it back.
    time.sleep(5)
    assert second.has_vip(VIP) and not first.has_vip(VIP)
    instance = first.status()["vrrp"][0]
    assert instance["hold"]["reason"] == "disk swap"
    assert 590 < int(instance["hold"]["untilUnixMs"]) / 1000 - time.time() < 600
    why = first.cli("why", "VI_1").stdout
    assert "told to step down" in why and "disk swap" in why, why
    status = first.cli("status", check=False)
    assert "held back" in status.stdout and status.returncode == 1, status.stdout

    first.cli("failover", "VI_1", "--cancel")
    first.wait_vip(VIP, 3 + TAKEOVER_S)
    second.wait_no_vip(VIP, TAKEOVER_S)
    assert "hold" not in first.status()["vrrp"][0]
    tape = [step["to"] for step in first.status()["vrrp"][0]["transitions"]]
    assert tape == ["BACKUP", "MASTER", "BACKUP", "MASTER"]


def test_it_comes_back_by_itself(pair):
    first, second = pair()
    begin = time.monotonic()
    first.cli("failover", "VI_1", "--for", "6s")
    second.wait_vip(VIP, 1)
    first.wait_vip(VIP, 6 + 4 + TAKEOVER_S)
    assert time.monotonic() - begin > 6


def test_a_reload_and_a_restart_remember_it(pair):
    first, second = pair()
    first.cli("failover", "VI_1")
    second.wait_vip(VIP, 1)
    first.cli("reload")
    first.kill_daemon()
    first.start()
    wait_until(lambda: first.status() and first.status()["vrrp"][0]["masterAddress"] == "192.0.2.3",
               15, "d1 follows d2")
    time.sleep(5)
    assert second.has_vip(VIP) and not first.has_vip(VIP)
    assert first.status()["vrrp"][0]["hold"]


def test_a_dead_new_master_does_not_leave_the_vip_without_a_router(pair):
    first, second = pair()
    first.cli("failover", "VI_1")
    second.wait_vip(VIP, 1)
    second.kill()
    first.wait_vip(VIP, 4 + TAKEOVER_S)
    assert "hold" not in first.status()["vrrp"][0]


def test_alone_it_takes_the_addresses_back_and_says_so(crew):
    alone = crew.headgated("d1")
    alone.start(text("d1", 150))
    alone.wait_vip(VIP, 15)
    done = alone.cli("failover", "VI_1", check=False)
    assert "No other router of VI_1 was ever heard" in done.stdout
    assert done.returncode == 2 and "no other router took over" in done.stderr, done.stderr
    assert alone.has_vip(VIP)


def test_a_backup_is_only_held_back(pair):
    _, second = pair()
    done = second.cli("failover", "VI_1")
    assert "BACKUP already" in done.stdout


def test_a_sync_group_steps_down_together(crew):
    def grouped(name, priority):
        one = text(name, priority)
        two = one.replace("VI_1", "VI_2").replace("virtual_router_id 51", "virtual_router_id 52")
        two = two[two.index("vrrp_instance"):].replace(VIP, OTHER_VIP)
        return one + two + GROUP
    first, second = crew.headgated("d1"), crew.headgated("d2")
    first.start(grouped("d1", 150))
    second.start(grouped("d2", 100))
    for vip in (VIP, OTHER_VIP):
        first.wait_vip(vip, 15)
    wait_until(lambda: all(each["masterAddress"] for each in second.status()["vrrp"]), 15,
               "d2 hears d1")
    done = first.cli("failover", "VI_1", "--for", "8s")
    assert "VI_1, VI_2 stepped down" in done.stdout, done.stdout
    for vip in (VIP, OTHER_VIP):
        second.wait_vip(vip, TAKEOVER_S)
        assert not first.has_vip(vip)
    assert all(each["hold"] for each in first.status()["vrrp"])
    assert "sync group G (VI_1, VI_2)" in first.cli("why", "VI_2").stdout
    for vip in (VIP, OTHER_VIP):
        first.wait_vip(vip, 8 + 4 + TAKEOVER_S)
        second.wait_no_vip(vip, TAKEOVER_S)


def test_what_cannot_be_done(crew):
    director = crew.headgated("d1")
    director.start(text("d1", 150))
    director.wait_vip(VIP, 15)
    unknown = director.cli("failover", "VI_9", check=False)
    assert unknown.returncode == 2 and "VI_9" in unknown.stderr
    assert director.cli("failover", "VI_1", "--for", "soon", check=False).returncode == 4
    assert director.cli("why", "VI_9", check=False).returncode == 2


def test_why_explains_both_ends(pair):
    first, second = pair()
    why = second.cli("why", "VI_1").stdout
    assert why.startswith("VI_1 is BACKUP: 192.0.2.2 advertises 150, ours is 100.\n"), why
    assert "takeover after 3.60s silence; 0 adverts rejected" in why, why
    first_why = json.loads(first.cli("why", "VI_1", "--json").stdout)
    assert first_why["kind"] == "vrrp_instance" and first_why["state"] == "MASTER"
    assert first_why["vrrp"]["basePriority"] == 150 and first_why["next"]
    table = second.cli("show", "vrrp").stdout
    assert "VI_1" in table and "192.0.2.2 (150)" in table, table
    detail = second.cli("show", "vrrp", "VI_1").stdout
    assert "last heard: 192.0.2.2 with priority 150" in detail, detail
    lateness = first.status()["vrrp"][0]["advertLateness"]
    assert int(lateness["adverts"]) >= 1, lateness
    assert sum(int(each["adverts"]) for each in lateness["buckets"]) == int(lateness["adverts"])
    assert json.loads(second.cli("show", "vrrp", "VI_1", "--json").stdout)["name"] == "VI_1"


def test_why_tells_what_to_change_at_a_peer_with_another_password(crew):
    keepalived = crew.keepalived("d1")
    headgated = crew.headgated("d2")
    keepalived.start(text("d1", 150, password=None))
    keepalived.wait_vip(VIP, 15)
    headgated.start(text("d2", 100))
    headgated.wait_state("MASTER", 15)
    wait_until(lambda: "refused" in headgated.cli("why", "VI_1").stdout, 5, "an advert is refused")
    why = headgated.cli("why", "VI_1").stdout
    assert "advert from 192.0.2.2 refused" in why, why
    assert "there it is none, here PASS; write `auth_type PASS`" in why, why
