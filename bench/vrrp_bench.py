#!/usr/bin/python3
"""VRRP beside keepalived: how long a failover takes, and what running costs. Prints rows as JSON.

Failover. Two pairs of directors stand on one switch, a pair of headgated and a pair of keepalived,
and each has a client that sends an ICMP echo request to the VIP of its pair every 2 ms. The same
thing happens to both masters at the same time, so that both see the same machine. The gap is the
time between the last answer of the old director and the first of the new one. A director whose
process was killed or stopped does not count any more from then on, even if its kernel still
answers for the VIP: nobody is in charge of it there.

Cost. One pair at a time, in turns; CPU time and memory of all its processes, for one director.
"""

import dataclasses
import json
import os
import pathlib
import select
import signal
import socket
import statistics
import struct
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

# pylint: disable=wrong-import-position
from lab import directors, namespace, network  # noqa: E402

ETH_P_ALL = 3
PROBE_INTERVAL_S = 0.002
# A failover that takes longer has failed.
TAKEOVER_LIMIT_S = 15
SETTLED_FOR_S = 0.3
ADVERT_INTERVALS = ((1, 3), (0.1, 5), (0.01, 5))  # seconds, and how often each cause is repeated
COST_INSTANCES = (1, 255)
COST_ROUNDS = 2
COST_START_S = 60
COST_WINDOWS = 2
COST_WINDOW_S = 3.0


def config_text(master, advert_int, vips, first_vrid):
    """One instance for each VIP; version 3, as only that has intervals below a second."""
    instances = "".join(f"""
vrrp_instance VI_{index} {{
    state {'MASTER' if master else 'BACKUP'}
    interface eth0
    virtual_router_id {first_vrid + index}
    priority {150 if master else 100}
    advert_int {advert_int}
    virtual_ipaddress {{
        {vip}/32 dev eth0
    }}
}}
""" for index, vip in enumerate(vips))
    return "global_defs {\n    router_id bench\n    vrrp_version 3\n}\n" + instances


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xffff)
    return ~(total + (total >> 16)) & 0xffff


class Prober:
    """Echo requests to the VIP from one host, and the MAC address and time of every answer."""

    def __init__(self, host, vip):
        self._vip = vip
        self._sender = namespace.call_inside(host.namespace, self._open_sender)
        self._receiver = namespace.call_inside(host.namespace, self._open_receiver)
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=work, daemon=True)
                         for work in (self._send, self._receive)]
        self.answers = []  # (time, MAC address), in order

    @staticmethod
    def _open_sender():
        return socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)

    @staticmethod
    def _open_receiver():
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        tap.bind(("eth0", ETH_P_ALL))
        tap.setblocking(False)
        return tap

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._sender.close()
        self._receiver.close()

    def _send(self):
        sequence = 0
        due = time.monotonic()
        while not self._stop.is_set():
            sequence = (sequence + 1) & 0xffff
            head = struct.pack("!BBHHH", 8, 0, 0, 0x4847, sequence)
            packet = head[:2] + struct.pack("!H", checksum(head)) + head[4:]
            try:
                self._sender.sendto(packet, (self._vip, 0))
            except OSError:
                pass  # no neighbor at the moment: a lost probe as any other
            due = max(due + PROBE_INTERVAL_S, time.monotonic() - PROBE_INTERVAL_S)
            time.sleep(max(0.0, due - time.monotonic()))

    def _receive(self):
        vip = socket.inet_aton(self._vip)
        while not self._stop.is_set():
            if not select.select([self._receiver], [], [], 0.1)[0]:
                continue
            frame = self._receiver.recv(2048)
            now = time.monotonic()
            # IPv4, ICMP, from the VIP, echo reply.
            if frame[12:14] == b"\x08\x00" and frame[23] == 1 and frame[26:30] == vip \
                    and frame[34] == 0:
                self.answers.append((now, frame[6:12]))

    def last_mac(self):
        return self.answers[-1][1] if self.answers else None


class Headgated(directors.Headgated):
    """As installations run it: not every packet in the log."""

    def command(self):
        return [word for word in super().command() if word != "-D"]


class Keepalived(directors.Keepalived):
    """Likewise."""

    def command(self):
        return [word for word in super().command() if word != "-D"]


class RealtimeKeepalived(Keepalived):
    """In the scheduling class that Headgate's VRRP thread always has."""

    def start(self, config=None):
        super().start(config and config.replace("global_defs {\n",
                                                "global_defs {\n    vrrp_rt_priority 1\n"))


class Pair:
    """A master and a backup of one kind, their VIP, and the client of it."""

    def __init__(self, net, kind, number):
        self.name = kind.log_name
        self.first_vrid = 100 * number
        self.vip = f"192.0.2.{200 + number}"
        hosts = [net.add_host(f"{self.name[0]}{index}", f"192.0.2.{10 * number + index}")
                 for index in (1, 2)]
        self.master, self.backup = (kind(host) for host in hosts)
        self.macs = [bytes.fromhex(json.loads(host.ip("-j", "link", "show", "dev", "eth0"))[0]
                                   ["address"].replace(":", "")) for host in hosts]
        self.client = net.add_host(f"{self.name[0]}c", f"192.0.2.{10 * number + 3}")
        self.prober = None

    def start(self, advert_int):
        for director, is_master in ((self.master, True), (self.backup, False)):
            director.start(config_text(is_master, advert_int, [self.vip], self.first_vrid))

    def is_settled(self):
        """The master has been answering alone for a moment."""
        now = time.monotonic()
        recent = [answer for answer in self.prober.answers[-400:]
                  if answer[0] > now - SETTLED_FOR_S]
        return (len(recent) > 20 and all(mac == self.macs[0] for _, mac in recent)
                and not self.backup.has_vip(self.vip))

    def wait_settled(self):
        network.wait_until(self.is_settled, 2 * TAKEOVER_LIMIT_S,
                           f"{self.name}: the master has the VIP", interval_s=0.1)

    def gap(self, cause):
        """Seconds without a director in charge; waits until the new one answers."""
        first = network.wait_until(
            lambda: next((at for at, mac in self.prober.answers[-20000:]
                          if at > cause.time and mac == self.macs[1]), None),
            TAKEOVER_LIMIT_S, f"{self.name}: the backup answers after {cause.name}")
        ends = cause.time if cause.is_end_of_charge else first
        last = max(at for at, mac in self.prober.answers[-20000:]
                   if at <= ends and mac == self.macs[0])
        return first - last

    def stop(self):
        for director in (self.master, self.backup):
            director.kill()
            director.host.ip("addr", "del", f"{self.vip}/32", "dev", "eth0", check=False)


@dataclasses.dataclass
class Cause:
    """Something that happens to a master, and how it is undone."""
    name: str
    is_end_of_charge: bool
    time: float = 0

    def happen(self, net, pair):
        host = pair.master.host
        if self.name == "stop":
            pair.master.process.terminate()
        elif self.name == "link_down":
            net.set_link(host.name, False)
        else:
            signal_all(host, signal.SIGKILL if self.name == "sigkill" else signal.SIGSTOP)

    def undo(self, net, pair):
        host = pair.master.host
        if self.name == "link_down":
            net.set_link(host.name, True)
            return
        if self.name == "sigstop":
            signal_all(host, signal.SIGCONT)
            return
        host.kill_all()
        pair.master.process.wait()
        host.ip("addr", "del", f"{pair.vip}/32", "dev", "eth0", check=False)
        pair.master.start()


def signal_all(host, number):
    for pid in host.pids():
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


CAUSES = (("stop", False), ("sigkill", True), ("sigstop", True), ("link_down", False))


def measure_failovers(rows):
    with network.Network() as net:
        pairs = [Pair(net, Headgated, 1), Pair(net, Keepalived, 2)]
        for advert_int, repetitions in ADVERT_INTERVALS:
            for pair in pairs:
                pair.start(advert_int)
            for name, is_end in CAUSES:
                gaps = measure_cause(net, pairs, Cause(name, is_end), repetitions)
                rows.append(row(f"vrrp/failover/{advert_int}/{name}", "ms", *gaps))
            for pair in pairs:
                pair.stop()


def measure_cause(net, pairs, cause, repetitions):
    """The gaps in milliseconds of each pair."""
    gaps = [[] for _ in pairs]
    for _ in range(repetitions):
        probers = [Prober(pair.client, pair.vip) for pair in pairs]
        for pair, prober in zip(pairs, probers):
            pair.prober = prober
            prober.__enter__()
        try:
            for pair in pairs:
                pair.wait_settled()
            for pair, found in zip(pairs, gaps):
                cause.time = time.monotonic()
                cause.happen(net, pair)
                found.append(1000 * pair.gap(cause))
            for pair in pairs:
                cause.undo(net, pair)
        finally:
            for prober in probers:
                prober.__exit__()
    return gaps


# ---- cost ---------------------------------------------------------------------------------------


def cpu_ns(pids):
    """What all threads of the processes have run, in nanoseconds: ticks of 10 ms are too coarse."""
    return sum(int(schedstat.read_text().split()[0]) for pid in pids
               for schedstat in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"))


def memory_kib(pids):
    """Resident memory as ps shows it: pages that two processes share count for both."""
    total = 0
    for pid in pids:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Rss:"):
                total += int(line.split()[1])
    return total


def measure_costs(rows):
    for count in COST_INSTANCES:
        samples = {kind: ([], []) for kind in (Headgated, Keepalived, RealtimeKeepalived)}
        for _ in range(COST_ROUNDS):
            for kind, (cpu, memory) in samples.items():
                measure_cost(kind, count, cpu, memory)
        ours, theirs = samples[Headgated], samples[Keepalived]
        rows.append(row(f"vrrp/cost/{count}/cpu", "ms per s", ours[0], theirs[0]))
        rows.append(row(f"vrrp/cost/{count}/cpu_realtime", "ms per s", ours[0],
                        samples[RealtimeKeepalived][0]))
        rows.append(row(f"vrrp/cost/{count}/rss", "KiB", ours[1], theirs[1]))


def measure_cost(kind, count, cpu, memory):
    vips = [f"198.51.100.{index + 1}" for index in range(count)]
    if count > 254:
        vips = [f"198.51.{100 + index // 250}.{index % 250 + 1}" for index in range(count)]
    with network.Network() as net:
        pair = [kind(net.add_host(f"d{index}", f"192.0.2.{index}")) for index in (1, 2)]
        for director, is_master in zip(pair, (True, False)):
            director.start(config_text(is_master, 0.1, vips, 1))
            # One after the other: both at once contend for all of them, which is another matter.
            network.wait_until(lambda: len(pair[0].host.addresses()) == count + 1, COST_START_S,
                               f"{kind.log_name} is master of {count}", interval_s=0.2)
        time.sleep(2)  # the gratuitous ARPs of the beginning are sent
        pids = [pid for director in pair for pid in director.host.pids()]
        for _ in range(COST_WINDOWS):
            begin, before = time.monotonic(), cpu_ns(pids)
            time.sleep(COST_WINDOW_S)
            used_ms = (cpu_ns(pids) - before) / 1e6
            cpu.append(used_ms / (time.monotonic() - begin) / len(pair))
            memory.append(memory_kib(pids) / len(pair))
        if len(pair[0].host.addresses()) != count + 1:
            raise RuntimeError(f"{kind.log_name} lost mastership while its cost was measured")


def row(name, unit, samples, reference_samples):
    median, reference = statistics.median(samples), statistics.median(reference_samples)
    return {"name": name, "unit": unit, "n": len(samples), "median": median, "min": min(samples),
            "max": max(samples), "reference": "keepalived", "reference_median": reference,
            "reference_max": max(reference_samples),
            "ratio": median / reference if reference else 1.0}


def main():
    network.exit_on_signals()
    rows = []
    measure_failovers(rows)
    measure_costs(rows)
    json.dump(rows, sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
