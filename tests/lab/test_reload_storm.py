"""A thousand reloads under traffic: no connection breaks, and nothing is left behind.

Method: two configurations that differ in a virtual server, a real server, a VIP and a check, in
turn; one request a few milliseconds and connections that talk all the time.
"""

import pathlib

import pytest

from lab import configs
from lab.directors import HEADGATE
from lab.network import wait_until
from lab.servers import ECHO_PORT
from lab.traffic import Prober, Sessions

VIP = configs.VIP
SESSIONS = 6
WARM_UP, TURNS = 25, 500  # of two reloads each
MEMORY_GROWTH_MAX_KB = 2048

pytestmark = pytest.mark.usefixtures("echoes")


def file_descriptors(pid):
    return len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir()))


def resident_kb(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if "VmRSS" in line)


def reload_in_turn(director, other, turns):
    """Reloads the other file, then the one before, `turns` times; each is taken."""
    first, second = (director.host.directory / name for name in ("first.conf", "second.conf"))
    first.write_text(director.config.read_text())
    second.write_text(other)
    director.host.run("bash", "-ec", f"""
        for turn in $(seq {turns}); do
            for file in {second} {first}; do
                cp $file {director.config}
                {HEADGATE} --run-dir {director.run_dir} reload
            done
        done""", timeout=120)


def test_a_thousand_reloads(balanced, topo):
    echo = configs.Virtual(ECHO_PORT, "rr", check="TCP_CHECK")
    director = balanced(configs.Virtual(80, "rr"), echo)
    text = director.config.read_text()
    vip = f"        {VIP}/32 dev eth0\n"
    other = text.replace(vip, vip + "        192.0.2.77/32 dev eth0\n") + configs.virtual_text(
        configs.Virtual(81, "wrr", weights=(2, 1)), topo.server_addresses)
    assert other.count("192.0.2.77") == 1
    reload_in_turn(director, other, WARM_UP)
    director.wait_serving(ECHO_PORT, 3)
    processes = {"headgated": director.process.pid, "dataplane": director.dataplane_pid()}

    def measured():
        return {name: (file_descriptors(pid), resident_kb(pid)) for name, pid in processes.items()}

    with Sessions(topo["c1"], VIP, ECHO_PORT, SESSIONS) as sessions, \
            Prober(topo["c2"], VIP, 80, interval_s=0.02, timeout_s=2) as prober:
        before = measured()
        reload_in_turn(director, other, TURNS)
        exchanges = sessions.exchanges
        wait_until(lambda: sessions.exchanges > exchanges + SESSIONS, 5, "they go on")
        assert sessions.broken == []
    assert director.dataplane_pid() == processes["dataplane"]
    assert prober.failed() == []
    wait_until(lambda: all(measured()[name][0] <= before[name][0] for name in processes), 5,
               f"no more file descriptors than before: {before}, {measured()}")
    for name, (_, kilobytes) in measured().items():
        print(f"{name}: {before[name]} before, {measured()[name]} after")
        assert kilobytes <= before[name][1] + MEMORY_GROWTH_MAX_KB, name
