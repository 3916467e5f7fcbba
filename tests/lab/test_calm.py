"""Calm: VRRP keeps its time and its state whatever else happens on the machine.

Bounds are those of the protocol: an advert that is missing for the master down interval is a lost
mastership, and nothing else is.
"""

import contextlib
import fcntl
import os
import pathlib
import signal
import socket
import struct
import subprocess
import termios
import time

import pytest

from lab import configs, namespace
from lab.adverts import ETH_P_IP, IPPROTO_VRRP, Tap
from lab.network import ip, wait_until

VIP = configs.VIP
NUM_INSTANCES = 255
INTERVAL_S = 0.1
DOWN_S = 3 * INTERVAL_S + INTERVAL_S * (256 - 150) / 256  # of the weaker router, at the least
LOAD_S = 10
LOG_PIPE_BYTES = 4096

SO_TIMESTAMPNS = 35
SO_RCVBUFFORCE = 33

CLOCK_SHIM = pathlib.Path(__file__).resolve().parents[1] / "support" / "lab" / "jumping_clock.c"


def many(priority, repeat=1):
    """255 instances with one address each, on one interface, at ten adverts a second."""
    instances = "".join(f"""\
vrrp_instance VI_{vrid} {{
    state BACKUP
    interface eth0
    version 3
    virtual_router_id {vrid}
    priority {priority}
    advert_int {INTERVAL_S}
    virtual_ipaddress {{
        10.9.0.{vrid}/32
    }}
}}
""" for vrid in range(1, NUM_INSTANCES + 1))
    return f"""\
global_defs {{
    vrrp_min_garp
    vrrp_garp_master_repeat {repeat}
}}
{instances}"""


def one(priority, global_lines="", interface="eth0", advert_int=1):
    return f"""\
global_defs {{
{global_lines}
}}
vrrp_instance VI_1 {{
    state BACKUP
    interface {interface}
    version 3
    virtual_router_id {configs.VRID}
    priority {priority}
    advert_int {advert_int}
    virtual_ipaddress {{
        {VIP}/32 dev {interface}
    }}
}}
"""


def instances(director):
    """What must not change while all is calm: state and number of elections won, by name."""
    status = director.status()
    return {entry["name"]: (entry["state"], entry.get("becameMaster", 0))
            for entry in status["vrrp"]} if status else {}


def all_are(director, state):
    found = instances(director)
    return len(found) == NUM_INSTANCES and all(entry[0] == state for entry in found.values())


class Recorder:
    """Adverts with the time at which the kernel got them, read only afterwards: this process is
    not punctual under the load that it makes."""

    def __init__(self, host):
        self._socket = namespace.call_inside(host.namespace, self._open)

    @staticmethod
    def _open():
        recorder = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IP))
        recorder.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 128 << 20)
        recorder.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        recorder.bind(("eth0", ETH_P_IP))
        recorder.setblocking(False)
        return recorder

    def times(self, source):
        """For each virtual router the times of the adverts from that address."""
        found = {}
        while True:
            try:
                frame, control, _, _ = self._socket.recvmsg(2048, 256)
            except BlockingIOError:
                return found
            if frame[23] != IPPROTO_VRRP or socket.inet_ntoa(frame[26:30]) != source:
                continue
            seconds, nanoseconds = struct.unpack("qq", control[0][2])
            found.setdefault(frame[35], []).append(seconds + nanoseconds * 1e-9)

    def close(self):
        self._socket.close()


def longest_gap(times):
    return max(later - earlier for stamps in times.values()
               for earlier, later in zip(stamps, stamps[1:]))


@contextlib.contextmanager
def load(directory):
    """Twice as many busy loops as there are cores, and a disk that is written to all the time."""
    burners = [subprocess.Popen(["sh", "-c", "while :; do :; done"])
               for _ in range(2 * os.cpu_count())]
    target = directory / "ballast"
    writer = f"while :; do dd if=/dev/zero of={target} bs=1M count=64 conv=fsync; done"
    burners.append(subprocess.Popen(
        ["sh", "-c", writer],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True))
    try:
        yield
    finally:
        for burner in burners[:-1]:
            burner.kill()
        os.killpg(burners[-1].pid, signal.SIGKILL)
        for burner in burners:
            burner.wait()
        target.unlink(missing_ok=True)


def unread(pipe):
    waiting = bytearray(4)
    fcntl.ioctl(pipe, termios.FIONREAD, waiting)
    return struct.unpack("i", waiting)[0]


def start_with_blocked_log(director, text):
    """Its log is a pipe of one page that nobody reads; returns the end that is not read."""
    director.config.write_text(text)
    director.process = subprocess.Popen(
        director.host.command(*director.command()), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        pipesize=LOG_PIPE_BYTES)
    director.host.network.processes.append(director.process)
    (director.host.directory / f"{director.log_name}.log").touch()


def test_255_instances_stay_where_they_are_under_load(crew, topo):
    master = crew.headgated("d1")
    backup = crew.headgated("d2")
    start_with_blocked_log(master, many(200))
    wait_until(lambda: all_are(master, "MASTER"), 30, "255 times MASTER", interval_s=0.2)
    assert unread(master.process.stdout) > 0.9 * LOG_PIPE_BYTES, "the log is blocked"
    backup.start(many(150))
    wait_until(lambda: all_are(backup, "BACKUP"), 30, "255 times BACKUP", interval_s=0.2)
    before = instances(master), instances(backup)
    recorder = Recorder(topo["c1"])
    with load(topo["d1"].directory):
        time.sleep(LOAD_S)
    times = recorder.times(master.host.address)
    recorder.close()
    wait_until(lambda: (instances(master), instances(backup)) == before, 10,
               "no instance has been elected since")
    assert len(times) == NUM_INSTANCES
    assert longest_gap(times) < DOWN_S
    assert min(len(stamps) for stamps in times.values()) > 0.95 * LOAD_S / INTERVAL_S


def test_a_reload_under_load_misses_no_advert(crew, topo):
    master = crew.headgated("d1")
    master.start(many(200))
    wait_until(lambda: all_are(master, "MASTER"), 30, "255 times MASTER", interval_s=0.2)
    recorder = Recorder(topo["c1"])
    with load(topo["d1"].directory):
        for repeat in range(2, 6):
            master.reload(many(200, repeat))
            time.sleep(1.5)
    times = recorder.times(master.host.address)
    recorder.close()
    assert longest_gap(times) < DOWN_S
    assert {count for _, count in instances(master).values()} == {"1"}


def test_a_stopped_process_loses_its_address_and_comes_back_in_order(crew, topo):
    """SIGSTOP: the peer takes over, the kernel ends the lease; SIGCONT: never two for long."""
    first = crew.headgated("d1")
    second = crew.headgated("d2")
    first.start(one(200, advert_int=INTERVAL_S))
    second.start(one(100, advert_int=INTERVAL_S))
    first.wait_vip(VIP, 10)
    first.process.send_signal(signal.SIGSTOP)
    second.wait_vip(VIP, 5)
    first.wait_no_vip(VIP, 6)  # a lease of 3 s, and the kernel's slack
    first.process.send_signal(signal.SIGCONT)
    first.wait_vip(VIP, 5)
    second.wait_no_vip(VIP, 5)
    end = time.monotonic() + 2
    while time.monotonic() < end:
        assert first.has_vip(VIP) and not second.has_vip(VIP)
        time.sleep(0.05)


def test_a_short_stop_of_a_weaker_master_leaves_the_stronger_alone(crew, topo):
    """It was replaced while it slept: what waits in its socket tells it so before its timers do."""
    first = crew.headgated("d1")
    first.start(one(100, advert_int=INTERVAL_S))
    first.wait_vip(VIP, 10)
    first.process.send_signal(signal.SIGSTOP)
    second = crew.headgated("d2")
    second.start(one(200, advert_int=INTERVAL_S))
    second.wait_vip(VIP, 10)
    with Tap(topo["c1"]) as tap:
        resumed = time.monotonic()
        first.process.send_signal(signal.SIGCONT)
        first.wait_state("BACKUP", 5)
        first.wait_no_vip(VIP, 2)
        assert not tap.first_advert(first.host.address, resumed)
    assert second.has_vip(VIP)


@pytest.fixture(scope="module")
def jumping_clock(tmp_path_factory):
    library = tmp_path_factory.mktemp("clock") / "jumping_clock.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, CLOCK_SHIM], check=True)
    return library


def test_a_wall_clock_that_jumps_by_years_moves_nothing(crew, topo, jumping_clock):
    """Each look at CLOCK_REALTIME is a year before or after the last; timers on it are refused."""
    master = crew.headgated("d1")
    plain = master.command
    master.command = lambda: ["env", f"LD_PRELOAD={jumping_clock}", *plain()]
    master.start(one(200, advert_int=INTERVAL_S))
    master.wait_vip(VIP, 10)
    assert str(jumping_clock) in pathlib.Path(f"/proc/{master.process.pid}/maps").read_text()
    recorder = Recorder(topo["c1"])
    end = time.monotonic() + 4  # longer than a lease
    while time.monotonic() < end:
        assert master.vrrp_state() == "MASTER" and master.has_vip(VIP)
    times = recorder.times(master.host.address)
    recorder.close()
    assert longest_gap(times) < DOWN_S
    assert len(times[configs.VRID]) < 1.2 * 4 / INTERVAL_S + 5


def test_a_renamed_interface(crew, topo):
    host = topo["d1"]
    master = crew.headgated("d1")
    master.start(one(200, advert_int=INTERVAL_S))
    master.wait_vip(VIP, 10)
    host.ip("link", "set", "eth0", "down")
    host.ip("link", "set", "eth0", "name", "lan0")
    try:
        host.ip("link", "set", "lan0", "up")
        master.wait_state("FAULT", 5)
        wait_until(lambda: VIP not in host.addresses("lan0"), 6, "the lease has ended")
    finally:
        host.ip("link", "set", "lan0", "down")
        host.ip("link", "set", "lan0", "name", "eth0")
        host.ip("link", "set", "eth0", "up")
    master.wait_vip(VIP, 10)
    master.wait_state("MASTER", 5)


def test_an_interface_that_is_deleted_and_made_again(crew, topo):
    host = topo["d1"]
    port = ["-n", topo.network.switch, "link"]

    def plug():
        ip(*port, "add", "d1b", "type", "veth", "peer", "name", "lan1", "netns", host.namespace)
        ip(*port, "set", "d1b", "master", "br0", "up")
        host.ip("addr", "add", "192.0.2.4/24", "dev", "lan1")
        host.ip("link", "set", "lan1", "up")

    master = crew.headgated("d1")
    plug()
    try:
        master.start(one(200, interface="lan1", advert_int=INTERVAL_S))
        wait_until(lambda: VIP in host.addresses("lan1"), 10, "the address is there")
        for _ in range(3):
            ip(*port, "del", "d1b")
            master.wait_state("FAULT", 5)
            plug()
            wait_until(lambda: VIP in host.addresses("lan1"), 10, "the address is back")
            master.wait_state("MASTER", 5)
        with Tap(topo["c1"]) as tap:
            wait_until(lambda: tap.first_advert("192.0.2.4", 0), 5, "adverts are heard again")
    finally:
        ip(*port, "del", "d1b", check=False)


def test_more_netlink_notifications_than_fit(crew, topo):
    """While the daemon sleeps, more addresses come and go than its buffer holds, and the VIP goes
    at the end: nobody tells the daemon, so it has to look."""
    host = topo["d1"]
    master = crew.headgated("d1")
    master.start(one(200))
    master.wait_vip(VIP, 15)
    batch = host.directory / "batch"
    batch.write_text("".join(f"addr {verb} 10.8.{n // 250}.{n % 250 + 1}/32 dev lo\n"
                             for n in range(2000) for verb in ("add", "del"))
                     + f"addr del {VIP}/32 dev eth0\n")
    master.process.send_signal(signal.SIGSTOP)
    try:
        host.ip("-batch", str(batch))
        assert not master.has_vip(VIP)
    finally:
        master.process.send_signal(signal.SIGCONT)
    master.wait_vip(VIP, 5)

    def story():
        entry = master.status()["vrrp"][0]
        return entry["state"], entry["becameMaster"]
    # A renewal that was due puts it back as well as the repair does: which came first is chance.
    wait_until(lambda: story() == ("MASTER", "1"), 5, "MASTER all the time")


def lost_notifications(host):
    """How many messages the kernel had no room for, of all netlink sockets of the host."""
    rows = host.run("cat", "/proc/net/netlink").stdout.splitlines()
    column = rows[0].split().index("Drops")
    return sum(int(row.split()[column]) for row in rows[1:])


def test_lost_notifications_of_the_kernel_are_made_up_for(crew):
    director = crew.headgated("d1")
    host = director.host
    director.start(one(150).replace("    advert_int 1\n", """\
    advert_int 1
    vip_lease 60
    virtual_routes {
        203.0.113.0/24 dev eth0
    }
"""))
    director.wait_state("MASTER", 20)
    before = instances(director), lost_notifications(host)
    flood = host.directory / "flood"
    flood.write_text("".join(
        f"{kind} {what} 10.8.{number // 250}.{number % 250 + 1}/32 dev lo\n"
        for number in range(1000) for kind in ("addr", "route") for what in ("add", "del")))
    director.process.send_signal(signal.SIGSTOP)
    try:
        host.ip("-batch", str(flood))
        host.ip("addr", "del", f"{VIP}/32", "dev", "eth0")
        host.ip("route", "del", "203.0.113.0/24")
        assert lost_notifications(host) > before[1]
    finally:
        director.process.send_signal(signal.SIGCONT)
    director.wait_vip(VIP, 3)
    wait_until(lambda: host.ip("route", "show", "203.0.113.0/24"), 3, "the route is back")
    assert instances(director) == before[0]
