"""Goal: the kernel's table is headgated's as long as it runs, goes on without it after a SIGKILL,
and is gone after a clean stop; what is others' stays.
"""

import os
import pathlib
import subprocess
import time

import pytest

from ipvs import BUILD, RESULTS, ipvsadm, saved, wait_saved
from lab.network import wait_until
from test_equality import ENGINE, virtual

TABLE = """\
-A -t 192.0.2.10:80 -s wrr
-a -t 192.0.2.10:80 -r 10.0.0.11:80 -g -w 3
-a -t 192.0.2.10:80 -r 10.0.0.12:80 -g -w 1
"""
CONFIG = ENGINE + virtual(algorithm="wrr", servers=("10.0.0.11 80;weight 3", "10.0.0.12 80"))

OTHERS = """\
-A -t 198.51.100.1:80 -s lc
-a -t 198.51.100.1:80 -r 10.0.0.99:80 -m -w 1
"""


@pytest.fixture
def director(crew):
    made = crew.headgated()
    made.start(CONFIG)
    wait_saved(TABLE, "the table")
    return made


def add_others():
    ipvsadm("-A", "-t", "198.51.100.1:80", "-s", "lc")
    ipvsadm("-a", "-t", "198.51.100.1:80", "-r", "10.0.0.99:80", "-m")


@pytest.fixture
def no_module():
    """A kernel that has no ip_vs, for the time of a test."""
    ipvsadm("-C", check=False)
    modules = [line.split()[0] for line in
               pathlib.Path("/proc/modules").read_text().splitlines() if line.startswith("ip_vs")]
    subprocess.run(["modprobe", "-r", *sorted(modules, reverse=True)], check=True)
    folder = f"/lib/modules/{os.uname().release}/kernel/net/netfilter/ipvs"
    subprocess.run(["mount", "-t", "tmpfs", "hidden", folder], check=True)
    hidden = [True]

    def bring_back():
        if hidden:
            hidden.clear()
            subprocess.run(["umount", folder], check=True)
    yield bring_back
    bring_back()


def test_the_client_agrees_with_the_kernel():
    """Random tables of all kinds, by the same code, one operation at a time."""
    report = RESULTS / "kernel_test.log"
    with open(report, "wb") as log:
        done = subprocess.run([BUILD / "tests" / "vm" / "ipvs_kernel_test"], check=False,
                              stdout=log, stderr=subprocess.STDOUT)
    print(report.read_text())
    assert done.returncode == 0


def test_a_kernel_without_ipvs_is_named_and_used_once_it_has_it(no_module, crew):
    director = crew.headgated()
    director.start(CONFIG)
    words = "the kernel has no IPVS: see what `modprobe ip_vs` says"
    director.wait_placement(80, f"none: {words}")
    assert words in director.cli("status")
    no_module()
    wait_saved(TABLE, "the table, without a restart")
    director.wait_placement(80, "ipvs")


def test_what_somebody_changes_is_put_back_within_a_second(director):
    for words in (["-d", "-t", "192.0.2.10:80", "-r", "10.0.0.12:80"],
                  ["-e", "-t", "192.0.2.10:80", "-r", "10.0.0.11:80", "-g", "-w", "0"],
                  ["-E", "-t", "192.0.2.10:80", "-s", "rr"],
                  ["-a", "-t", "192.0.2.10:80", "-r", "10.0.0.13:80", "-g"],
                  ["-C"]):
        changed = time.monotonic()
        ipvsadm(*words)
        wait_until(lambda: sorted(saved().splitlines()) == sorted(TABLE.splitlines()), 5,
                   f"undone: {words}", interval_s=0.02)
        assert time.monotonic() - changed < 1.6, "a second, and what an ipvsadm takes here"
    assert "somebody else has changed the kernel's table, put back" in director.log()
    assert int(director.status()["ipvs"]["repairs"]) >= 7


def test_others_services_stay_and_ours_go(director):
    add_others()
    time.sleep(2)
    assert OTHERS in saved() and TABLE in saved()
    director.stop()
    assert saved() == OTHERS


def test_a_restart_after_sigkill_goes_on(director):
    add_others()
    ipvsadm("-a", "-t", "198.51.100.1:80", "-r", "10.0.0.98:80", "-m")
    director.kill()
    assert TABLE in saved()
    changes = director.log().count("put back")
    director.start(ENGINE + virtual("192.0.2.11 80", servers=("10.0.0.11 80",)))
    wait_until(lambda: "192.0.2.11" in saved() and "192.0.2.10" not in saved(), 10,
               "the next configuration", interval_s=0.1)
    assert "198.51.100.1" in saved()
    assert director.log().count("put back") == changes


def test_flush_and_flush_on_stop(crew):
    add_others()
    director = crew.headgated()
    director.start("global_defs {\n    lvs_flush\n    lvs_flush_on_stop\n}\n" + CONFIG)
    wait_saved(TABLE, "what others had is flushed")
    add_others()
    director.stop()
    assert saved() == ""


def test_timeouts_and_sysctl_come_back(crew):
    before = ipvsadm("-L", "--timeout")
    sysctl = pathlib.Path("/proc/sys/net/ipv4/vs/expire_quiescent_template")
    nodest = sysctl.with_name("expire_nodest_conn")
    director = crew.headgated()
    director.start("global_defs {\n    lvs_timeouts tcp 77\n}\n" +
                   ENGINE.replace("}", "    ipvs_sysctl expire_nodest_conn 1\n}") +
                   virtual(lines=["persistence_timeout 5", "expire_quiescent_template"]))
    wait_until(lambda: " 77 " in ipvsadm("-L", "--timeout"), 10, "timeouts", interval_s=0.1)
    wait_until(lambda: sysctl.read_text().strip() == "1", 5, "the sysctl", interval_s=0.1)
    wait_until(lambda: nodest.read_text().strip() == "1", 5, "that of the configuration",
               interval_s=0.1)
    director.stop()
    assert ipvsadm("-L", "--timeout") == before
    assert sysctl.read_text().strip() == "0"
    assert nodest.read_text().strip() == "0"


def test_a_reload_changes_in_place(director):
    director.reload(ENGINE + virtual(algorithm="rr", servers=(
        "10.0.0.11 80", "10.0.0.12 80;weight 9", "10.0.0.14 80")))
    wait_saved("-A -t 192.0.2.10:80 -s rr\n"
               "-a -t 192.0.2.10:80 -r 10.0.0.11:80 -g -w 1\n"
               "-a -t 192.0.2.10:80 -r 10.0.0.12:80 -g -w 9\n"
               "-a -t 192.0.2.10:80 -r 10.0.0.14:80 -g -w 1\n", "the next configuration")
    director.reload("")
    wait_saved("", "no virtual server")
