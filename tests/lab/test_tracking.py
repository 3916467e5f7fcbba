"""What instances track moves their mastership: scripts, files, processes, interfaces, services.

The peer is keepalived, which sees nothing but adverts. Conditions are polled for, with deadlines
that a busy machine meets.
"""

import os
import signal
import time

import pytest
from lab import configs
from lab.adverts import Tap
from lab.network import wait_until

VIP = configs.VIP


def config(instance, behind="", priority=150, advert_int=1):
    """A director's configuration: lines for its instance, and definitions behind it."""
    text = configs.vrrp_text(configs.Vrrp("BACKUP", priority, advert_int=advert_int))
    end = text.rstrip().rindex("}")
    version = "    vrrp_version 3\n" if advert_int < 1 else ""
    return (f"global_defs {{\n    script_user root\n{version}}}\n"
            f"{text[:end]}{instance}\n}}\n{behind}\n")


def script(flag, lines=""):
    """A script that succeeds while the file `flag` is there."""
    return (f'vrrp_script chk {{\n    script "/usr/bin/test -e {flag}"\n    interval 1\n'
            f"    timeout 10\n{lines}\n}}\n")


@pytest.fixture
def flag(topo):
    path = topo["d1"].directory / "flag"
    path.touch()
    yield path
    path.unlink(missing_ok=True)


def start_pair(crew, text):
    """d1 is headgated with `text` and the higher priority, d2 keepalived with 100."""
    d1, d2 = crew.headgated("d1"), crew.keepalived("d2")
    d1.start(text)
    d1.wait_state("MASTER", 30)
    d2.start(configs.vrrp_text(configs.Vrrp("BACKUP", 100)))
    return d1, d2


def wait_log(director, text, timeout_s=20):
    wait_until(lambda: text in director.log(), timeout_s, f"{director.name} logs {text!r}")


def test_a_weighted_script_moves_the_mastership(crew, flag):
    d1, d2 = start_pair(crew, config("track_script {\n chk\n}", script(flag, "weight -60")))
    flag.unlink()
    d1.wait_state("BACKUP", 30)
    d2.wait_vip(VIP, 20)
    assert "VRRP_Script(chk) failed (exited with status 1)" in d1.log()
    wait_until(lambda: d1.status()["vrrp"][0]["masterAddress"] == "192.0.2.3", 10, "d1 hears d2")
    why = d1.cli("why", "VI_1").stdout
    assert "VI_1 is BACKUP: 192.0.2.3 advertises 100, ours is 90." in why, why
    assert "90 = base 150 - 60 (track_script chk is down: " in why, why
    assert "if chk recovers: 150 > 100, MASTER within" in why, why
    assert "(VI_1) Changing effective priority from 150 to 90" in d1.log()
    flag.touch()
    d1.wait_state("MASTER", 30)
    assert "VRRP_Script(chk) succeeded" in d1.log()
    assert "(VI_1) Changing effective priority from 90 to 150" in d1.log()


def test_without_a_weight_a_failure_is_a_fault(crew, flag):
    d1, d2 = start_pair(crew, config("track_script {\n chk\n}", script(flag)))
    flag.unlink()
    d1.wait_state("FAULT", 30)
    d2.wait_vip(VIP, 20)
    assert not d1.has_vip(VIP)
    assert "exit 1" in d1.status()["vrrp"][0]["reason"]
    flag.touch()
    d1.wait_state("MASTER", 30)


def test_nobody_is_master_before_the_first_result(crew, topo):
    # The script waits for a file that the test makes.
    go = topo["d1"].directory / "go"
    d1 = crew.headgated("d1")
    wait = f"while [ ! -e {go} ]; do sleep 0.1; done"
    d1.start(config("track_script {\n chk\n}",
                    f'vrrp_script chk {{\n script "/bin/sh -c \'{wait}\'"\n'
                    " interval 1\n timeout 60\n}\n"))
    d1.wait_state("FAULT", 20)
    assert "waiting for the first result" in d1.status()["vrrp"][0]["reason"]
    time.sleep(4)  # longer than a backup waits for a master
    assert d1.vrrp_state() == "FAULT" and not d1.has_vip(VIP)
    go.touch()
    d1.wait_state("MASTER", 30)


def test_a_file_is_the_switch_for_maintenance(crew, topo):
    switch = topo["d1"].directory / "maintenance"
    d1, d2 = start_pair(crew, config(
        "track_file {\n maintenance\n}",
        f"track_file maintenance {{\n file {switch}\n init_file 0\n}}"))
    assert switch.read_text() == "0\n"
    switch.write_text("-60\n")
    d1.wait_state("BACKUP", 30)
    d2.wait_vip(VIP, 20)
    # As editors save: a new file takes the old one's name.
    other = switch.with_suffix(".new")
    other.write_text("-20\n")
    other.rename(switch)
    d1.wait_state("MASTER", 30)
    switch.write_text("-254")
    d1.wait_state("FAULT", 30)
    switch.unlink()
    d1.wait_state("MASTER", 30)


def test_a_process_has_to_run(crew, topo):
    name = f"hg{os.getpid() % 100000}trk"
    program = topo["d1"].directory / name
    program.symlink_to("/bin/sleep")
    running = [topo["d1"].spawn(f"sleeper{number}", program, "1000") for number in range(2)]
    d1, _ = start_pair(crew, config(
        "track_process {\n sleeper\n}",
        f"vrrp_track_process sleeper {{\n process {name}\n quorum 2\n}}"))
    running[0].kill()
    running[0].wait()
    d1.wait_state("FAULT", 30)
    assert "1 processes, quorum 2" in d1.status()["vrrp"][0]["reason"]
    running.append(topo["d1"].spawn("sleeper2", program, "1000"))
    d1.wait_state("MASTER", 30)
    # In a network namespace the kernel has no process events; the log says what is done instead.
    assert "Processes are tracked by a look at /proc every second" in d1.log()


def test_another_interface_is_tracked(crew, topo):
    host = topo["d1"]
    host.ip("link", "add", "trk0", "type", "veth", "peer", "name", "trk1")
    try:
        host.ip("link", "set", "trk0", "up")
        host.ip("link", "set", "trk1", "up")
        d1, d2 = start_pair(crew, config("track_interface {\n trk0 weight -60\n}"))
        host.ip("link", "set", "trk1", "down")  # trk0 loses its carrier
        d1.wait_state("BACKUP", 30)
        d2.wait_vip(VIP, 20)
        host.ip("link", "set", "trk1", "up")
        d1.wait_state("MASTER", 30)
        d1.reload(config("track_interface {\n trk0\n}"))
        host.ip("link", "del", "trk0")
        d1.wait_state("FAULT", 30)
        assert "interface trk0" in d1.status()["vrrp"][0]["reason"]
    finally:
        host.ip("link", "del", "trk0", check=False)


def test_a_service_without_servers_gives_the_vip_away(crew, topo):
    web = configs.Virtual(80, "rr", path="/no-such-page")
    good = configs.Virtual(80, "rr")
    vrrp = configs.Vrrp("BACKUP", 150)

    def text(virtual):
        whole = configs.director_text("d1", vrrp, (virtual,), topo.server_addresses)
        return whole.replace("    virtual_ipaddress {", "    track_virtual_server {\n"
                             f"        {VIP} 80\n    }}\n    virtual_ipaddress {{", 1)

    d1, d2 = start_pair(crew, text(good))
    d1.reload(text(web))
    d1.wait_state("FAULT", 60)
    d2.wait_vip(VIP, 20)
    assert f"virtual server {VIP}:80/tcp is down" in d1.status()["vrrp"][0]["reason"]
    d1.reload(text(good))
    d1.wait_state("MASTER", 60)


@pytest.mark.parametrize("line, state", [("chk weight -60", "BACKUP"), ("chk", "FAULT")])
def test_a_group_tracks_for_all_its_members(crew, flag, line, state):
    second_vip = "192.0.2.20"

    def text(priority, tracked=""):
        first = configs.vrrp_text(configs.Vrrp("BACKUP", priority))
        second = (first.replace("VI_1", "VI_2").replace(VIP, second_vip)
                  .replace("virtual_router_id 51", "virtual_router_id 52"))
        return ("global_defs {\n    script_user root\n}\n" + first + second +
                f"vrrp_sync_group VG_1 {{\n group {{\n VI_1\n VI_2\n }}\n{tracked}}}\n")

    d1, d2 = crew.headgated("d1"), crew.keepalived("d2")
    d1.start(text(150, f"track_script {{\n{line}\n}}\n") + script(flag))
    d1.wait_state("MASTER", 30)
    d2.start(text(100))
    flag.unlink()
    for vip in (VIP, second_vip):
        d2.wait_vip(vip, 30)
        d1.wait_no_vip(vip, 10)
    assert {instance["state"] for instance in d1.status()["vrrp"]} == {state}
    flag.touch()
    for vip in (VIP, second_vip):
        d1.wait_vip(vip, 30)
        d2.wait_no_vip(vip, 10)


def adverts_of(tap, address, since):
    return [advert for advert in tap.adverts if advert.source == address and advert.time >= since]


def test_scripts_never_delay_an_advert(crew, topo, flag):
    """50 scripts a second, and one that hangs and ignores SIGTERM, beside adverts of 100 ms."""
    d1 = crew.headgated("d1")
    uses, definitions = ["hangs weight -1"], [
        'vrrp_script hangs {\n script "/bin/sh -c \'trap : TERM; while :; do sleep 100; done\'"\n'
        " interval 1\n}\n"]
    for number in range(50):
        uses.append(f"chk{number} weight 1")
        definitions.append(script(flag).replace("vrrp_script chk", f"vrrp_script chk{number}"))
    entries = "\n".join(uses)
    d1.start(config(f"track_script {{\n{entries}\n}}", "".join(definitions), advert_int=0.1))
    d1.wait_state("MASTER", 60)
    wait_log(d1, "VRRP_Script(hangs) timed_out", 60)
    with Tap(topo["c1"]) as tap:
        begin = time.monotonic()
        wait_until(lambda: len(adverts_of(tap, d1.host.address, begin)) >= 100, 60, "100 adverts")
        duration = time.monotonic() - begin
    # As many as there should be, whatever the pace of single ones on a busy machine.
    expected = duration / 0.1
    assert len(adverts_of(tap, d1.host.address, begin)) > 0.8 * expected
    assert d1.vrrp_state() == "MASTER"
    assert d1.log().count("STATE") == d1.log().count("STATE (init)") + 1  # MASTER, once
    assert d1.stop(timeout_s=20) == 0
    wait_until(lambda: not topo["d1"].pids(), 20, "no script is left behind")


def test_a_reload_keeps_what_is_known(crew, flag):
    text = config("track_script {\n chk\n}", script(flag))
    d1, _ = start_pair(crew, text)
    before = d1.log().count("STATE")
    d1.reload(text.replace("interval 1", "interval 2").replace("priority 150", "priority 151"))
    wait_log(d1, "The configuration is reloaded")
    wait_until(lambda: d1.status()["vrrp"][0]["priority"] == 151, 10, "the new priority")
    assert d1.log().count("STATE") == before
    flag.unlink()
    d1.wait_state("FAULT", 30)
    d1.process.send_signal(signal.SIGHUP)
    time.sleep(3)
    assert d1.vrrp_state() == "FAULT"
