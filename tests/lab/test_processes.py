"""Whatever process dies, at whatever time: no stale VIP, and a restart just works.

What becomes of established flows meanwhile: test_life.py.
"""

import os
import signal
import time

from lab import configs
from lab.network import process_exists, wait_until
from lab.traffic import Prober, request_many

VIP = configs.VIP
WEB = configs.Virtual(80, "rr")
# The lease of a VIP with advert_int 1, and room.
LEASE_S = 4.5


def test_everything_killed_leaves_no_vip_and_starts_again(balanced, topo):
    director = balanced(WEB)
    director.kill()
    director.wait_no_vip(VIP, LEASE_S)
    director.start()
    director.wait_state("MASTER", 10)
    director.wait_serving(80, 3)
    assert sum(request_many(topo["c1"], VIP, 80, 30)[name] for name in ("r1", "r2", "r3")) == 30
    assert director.stop() == 0
    assert not topo["d1"].xdp_attached()
    assert not topo.network.pins()


def test_a_restarted_headgated_adopts_its_dataplane(balanced, topo):
    director = balanced(WEB)
    before = director.dataplane_pid()
    with Prober(topo["c1"], VIP, 80) as prober:
        time.sleep(0.3)
        killed = time.monotonic()
        director.kill_daemon()
        director.start()
        director.wait_state("MASTER", 10)
        director.wait_serving(80, 3)
        time.sleep(0.5)
    assert director.dataplane_pid() == before
    # A restarted router is a backup first, and master after three adverts and its skew.
    assert prober.gap(killed) < 3 + (256 - 150) / 256 + 1.0
    assert prober.servers(since=time.monotonic() - 1.0) == {"r1", "r2", "r3"}


def test_without_headgated_the_dataplane_stops_serving_with_the_lease_and_then_ends(
        balanced, topo):
    director = balanced(WEB)
    dataplane = director.dataplane_pid()
    director.kill_daemon()
    director.wait_no_vip(VIP, LEASE_S)
    assert process_exists(dataplane)
    wait_until(lambda: not topo["d1"].pids(), 45, "the orphaned dataplane ends")
    assert not topo["d1"].xdp_attached()


def test_a_killed_dataplane_is_respawned_and_vrrp_does_not_notice(balanced, topo):
    director = balanced(WEB)
    before = director.status()["vrrp"][0]
    for _ in range(3):
        old = director.dataplane_pid()
        director.kill_dataplane()
        wait_until(lambda: director.dataplane_pid() not in (None, old), 10, "respawned")
        director.wait_serving(80, 3)
        counts = request_many(topo["c1"], VIP, 80, 30)
        assert counts == {"r1": 10, "r2": 10, "r3": 10}
    after = director.status()["vrrp"][0]
    assert after["state"] == "MASTER" and after["becameMaster"] == before["becameMaster"]


def test_a_hanging_dataplane_is_replaced(balanced, topo):
    director = balanced(WEB)
    hanging = director.dataplane_pid()
    os.kill(hanging, signal.SIGSTOP)
    # It is given five seconds to answer; a question may be up to a few seconds away.
    wait_until(lambda: director.dataplane_pid() not in (None, hanging), 20, "replaced")
    director.wait_serving(80, 3)
    assert not process_exists(hanging)
    assert request_many(topo["c1"], VIP, 80, 30) == {"r1": 10, "r2": 10, "r3": 10}


def test_a_hanging_headgated_loses_its_vip_and_takes_it_again(balanced):
    director = balanced(WEB)
    director.process.send_signal(signal.SIGSTOP)
    try:
        director.wait_no_vip(VIP, LEASE_S)
    finally:
        director.process.send_signal(signal.SIGCONT)
    director.wait_vip(VIP, 5)
    director.wait_state("MASTER", 10)


def test_a_vip_that_somebody_removed_is_put_back(balanced, topo):
    director = balanced(WEB)
    before = director.status()["vrrp"][0]["becameMaster"]
    topo["d1"].ip("addr", "del", f"{VIP}/32", "dev", "eth0")
    director.wait_vip(VIP, 3)
    status = director.status()["vrrp"][0]
    assert status["state"] == "MASTER" and status["becameMaster"] == before


def test_a_second_instance_in_the_same_run_directory_refuses(balanced):
    director = balanced(WEB)
    second = director.host.spawn("second", *director.command())
    assert second.wait(timeout=10) not in (0, None)
    complaint = director.host.log("second")
    assert f"another headgated (pid {director.process.pid})" in complaint
    assert str(director.run_dir) in complaint
    assert director.vrrp_state() == "MASTER" and director.dataplane_pid()


def test_sigterm_leaves_nothing_behind(balanced, topo):
    director = balanced(WEB)
    assert director.stop() == 0
    assert not director.has_vip(VIP)
    assert not topo["d1"].xdp_attached()
    assert not topo.network.pins()
    assert topo["d1"].pids() == []
    assert not (director.run_dir / "api.sock").exists()


def test_killed_at_awkward_times_it_always_starts_again(crew, topo):
    director = crew.headgated("d1")
    text = configs.director_text("d1", configs.Vrrp("MASTER", 150), [WEB], topo.server_addresses)
    for delay in (0.0, 0.01, 0.03, 0.1, 0.3, 1.0):
        director.start(text)
        time.sleep(delay)
        pids = topo["d1"].pids()
        for pid in pids[::-1] if delay < 0.1 else pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        # It may not have been in the namespace yet.
        director.kill_daemon()
    director.kill()
    director.start(text)
    director.wait_state("MASTER", 10)
    director.wait_serving(80, 3)
    assert sum(request_many(topo["c1"], VIP, 80, 9)[name] for name in ("r1", "r2", "r3")) == 9
