#!/usr/bin/python3
"""The demo: Headgate's main job in a network of namespaces, with real traffic and measured figures.

Called by scripts/demo, which describes the options. Every step compares what it expects with what
it sees; the exit status is 0 only when all agree. The network goes away whatever happens.
"""

import argparse
import concurrent.futures
import sys
import time

from lab import configs, topology
from lab.directors import Headgated, programs_missing
from lab.network import exit_on_signals, remove_kept, wait_until
from lab.traffic import Prober, request_many
from report import Report

VIRTUALS = (
    configs.Virtual(port=80, algorithm="rr"),
    configs.Virtual(port=81, algorithm="wrr", weights=(3, 2, 1)),
    configs.Virtual(port=82, algorithm="rr", persistence_timeout=60),
)
PRIORITIES = {"d1": 150, "d2": 100}

# The client's own part of a measured time: a request every 10 ms, and a busy machine.
MEASURING_S = 0.2
# The checks of the configuration: one per second, one retry a second later.
DELAY_LOOP_S = 1.0
DELAY_BEFORE_RETRY_S = 1.0
# How long the kernel keeps a VIP that nobody renews, at an advert interval of 1 s.
LEASE_S = 4.0


def skew_s(priority):
    """RFC 3768 / 5798 at an advert interval of 1 s."""
    return (256 - priority) / 256


def master_down_s(name):
    return 3.0 + skew_s(PRIORITIES[name])


class Demo:
    def __init__(self, topo, report):
        self.topo = topo
        self.report = report
        self.client = topo["c1"]
        self.directors = {name: Headgated(topo[name]) for name in PRIORITIES}

    def config(self, name, nopreempt=False):
        state = "MASTER" if name == "d1" and not nopreempt else "BACKUP"
        vrrp = configs.Vrrp(state, PRIORITIES[name], nopreempt=nopreempt)
        return configs.director_text(name, vrrp, VIRTUALS, self.topo.server_addresses)

    def start(self):
        self.report.step("start: two directors, each with its headgated.conf")
        text = self.config("d1").splitlines()
        for line in text[:text.index("    }", text.index(f"virtual_server {configs.VIP} 80 {{"))]:
            self.report.say("│ " + line)
        self.report.say("│     ... and so on: r2, r3; port 81 with wrr and weights 3/2/1;")
        self.report.say("│     port 82 with persistence_timeout 60")
        for name, director in self.directors.items():
            director.start(self.config(name))
        self.wait_master("d1", "d2")

    def wait_master(self, master, backup):
        """Until the master serves and the backup has heard it; both know their real servers."""
        self.directors[master].wait_state("MASTER", 15)
        self.directors[backup].wait_state("BACKUP", 15)
        for director in self.directors.values():
            for virtual in VIRTUALS:
                director.wait_serving(virtual.port, 3)

    def distribution(self):
        self.report.step("step 1: 300 requests through the VIP")
        for port, what, expected in (
                (80, "rr", {"r1": 100, "r2": 100, "r3": 100}),
                (81, "wrr with weights 3/2/1", {"r1": 150, "r2": 100, "r3": 50})):
            seen = dict(sorted(request_many(self.client, configs.VIP, port, 300).items()))
            self.report.check(what, counts_text(expected), counts_text(seen), seen == expected)

    def real_server_fails(self):
        self.report.step("step 2: nginx of r2 is stopped while requests go on, then started again")
        web = self.topo.web["r2"]
        with Prober(self.client, configs.VIP, 80) as prober:
            time.sleep(0.5)
            stopped = web.stop()
            wait_until(lambda: self.directors["d1"].serving(80, 2), 15, "r2 is down")
            time.sleep(1.5)
            restarted = time.monotonic()
            web.start()
            wait_until(lambda: "r2" in prober.servers(restarted), 15, "r2 serves again")
            time.sleep(0.5)
        out_s = prober.last_failure(stopped) - stopped
        self.report.within("out of rotation after", DELAY_LOOP_S + DELAY_BEFORE_RETRY_S + 0.5,
                           out_s, "delay_loop 1 + retry 1 after 1 s, + 0.5 s")
        hit = prober.requests(stopped - 0.05, stopped + out_s)
        failed = len(prober.failed())
        # In rotation until then, r2 gets every third request.
        self.report.check("requests that failed", f"at most {len(hit) // 3 + 3}, a third of those "
                          "sent until then", f"{failed} of {len(prober.requests())}",
                          failed <= len(hit) // 3 + 3)
        back = min(r.start for r in prober.requests(restarted) if r.server == "r2")
        self.report.within("back in rotation after", DELAY_LOOP_S + 0.5, back - restarted,
                           "delay_loop 1, + 0.5 s")

    def persistence(self):
        self.report.step("step 3: persistence_timeout 60 on port 82, ten requests per client")
        seen = {name: request_many(self.topo[name], configs.VIP, 82, 10) for name in ("c1", "c2")}
        for name, counts in seen.items():
            self.report.check(f"client {name} stays", "one real server",
                              counts_text(dict(counts)),
                              len(counts) == 1 and set(counts) <= set(topology.SERVERS))
        self.report.check("clients apart", "different real servers",
                          " and ".join("+".join(sorted(counts)) for counts in seen.values()),
                          not set(seen["c1"]) & set(seen["c2"]))

    def kill_master(self, what):
        """d1 dies while requests go on; d2 takes over."""
        with Prober(self.client, configs.VIP, 80) as prober, \
                concurrent.futures.ThreadPoolExecutor(1) as watcher:
            time.sleep(1.0)
            killed = time.monotonic()
            self.directors["d1"].kill()
            lease_end = watcher.submit(self.end_of_lease)
            self.directors["d2"].wait_state("MASTER", 15)
            wait_until(lambda: prober.requests(time.monotonic() - 0.3) and
                       not prober.failed(time.monotonic() - 0.3), 15, "requests are answered")
            time.sleep(0.5)
        self.report.equal(f"{what}: master now", "d2", self.master())
        self.report.within(f"{what}: gap without an answer", master_down_s("d2") + MEASURING_S,
                           prober.gap(killed), "3 adverts + skew of d2, + 0.2 s")
        self.report.within(f"{what}: d1's own kernel drops the VIP after", LEASE_S + 0.5,
                           lease_end.result() - killed, "its lease")
        self.report.say(f"failed requests: {len(prober.failed())} of {len(prober.requests())}")

    def end_of_lease(self):
        self.directors["d1"].wait_no_vip(configs.VIP, 15)
        return time.monotonic()

    def master_dies(self):
        self.report.step("step 4: every process of the master is killed with SIGKILL")
        self.kill_master("preempt")
        with Prober(self.client, configs.VIP, 80) as prober:
            started = time.monotonic()
            self.directors["d1"].start()
            self.directors["d1"].wait_state("MASTER", 15)
            took_s = time.monotonic() - started
            time.sleep(1.0)
        self.report.within("d1 returns and preempts after", master_down_s("d1") + 1.0, took_s,
                           "3 adverts + skew of d1, + 1 s to start")
        self.report.equal("preempt: master again", "d1", self.master())
        self.report.within("gap while it takes over", 0.5, prober.gap(started))
        self.report.say(f"failed requests: {len(prober.failed())} of {len(prober.requests())}")

    def nopreempt(self):
        self.report.say("both directors reload: state BACKUP, nopreempt")
        with Prober(self.client, configs.VIP, 80) as prober:
            time.sleep(0.2)
            for name, director in self.directors.items():
                director.reload(self.config(name, nopreempt=True))
            wait_until(lambda: all(not instance.get("preempt", False) for director in
                                   self.directors.values() for instance in
                                   (director.status() or {}).get("vrrp", [{"preempt": True}])),
                       10, "both have taken the new configuration")
            time.sleep(0.5)
        self.report.equal("master after the reload", "d1", self.master())
        self.report.equal("requests that failed during it", 0, len(prober.failed()))
        self.kill_master("nopreempt")
        self.directors["d1"].start()
        self.directors["d1"].wait_state("BACKUP", 10)
        time.sleep(master_down_s("d1") + 1.0)
        self.report.equal("nopreempt: d1 is back, master still", "d2", self.master())

    def dataplane_dies(self):
        self.report.step("step 5: the dataplane process of the master is killed with SIGKILL")
        director = self.directors["d2"]
        with Prober(self.client, configs.VIP, 80) as prober:
            time.sleep(0.5)
            old = director.dataplane_pid()
            killed = time.monotonic()
            director.kill_dataplane()
            wait_until(lambda: director.dataplane_pid() not in (None, old), 15, "respawned")
            director.wait_serving(80, 3)
            time.sleep(0.5)
        new = director.dataplane_pid()
        self.report.check("respawned", "another process", f"pid {old} → {new}",
                          new not in (None, old))
        self.report.within("gap without an answer", 1.0, prober.gap(killed), "respawned at once")
        self.report.say(f"failed requests: {len(prober.failed())} of {len(prober.requests())}")
        self.report.equal("VRRP was not disturbed, master", "d2", self.master())

    def stop(self):
        self.report.step("stop: both directors, with SIGTERM")
        for name in ("d2", "d1"):
            self.report.equal(f"{name} exit status", 0, self.directors[name].stop())
        left = [name for name in PRIORITIES if self.topo[name].xdp_attached()
                or self.topo[name].has_address(configs.VIP) or self.topo[name].pids()]
        self.report.check("VIPs, XDP programs and processes left", "none", left or "none",
                          not left)

    def master(self):
        return "+".join(name for name, director in self.directors.items()
                        if director.vrrp_state() == "MASTER") or "nobody"

    def show_logs(self):
        for name, director in self.directors.items():
            print(f"\n--- the last lines of {name}'s log")
            print("\n".join(director.log().splitlines()[-40:]))

    def how_to_look_around(self):
        print("\nThe network is still up. To look around:\n")
        for name, director in self.directors.items():
            print(f"  {' '.join(self.topo[name].command(*director.cli_command('status')))}")
        print(f"  {' '.join(self.client.command('curl', '-s', f'http://{configs.VIP}/'))}")
        print(f"\nConfigurations and logs: {self.topo.network.directory}")
        print("To take it away: scripts/demo --clean")


def counts_text(counts):
    return " ".join(f"{name} {count}" for name, count in counts.items()) or "nothing"


def run(keep):
    report = Report()
    start = time.monotonic()
    with topology.Topology() as topo:
        print(topology.DRAWING)
        demo = Demo(topo, report)
        try:
            demo.start()
            demo.distribution()
            demo.real_server_fails()
            demo.persistence()
            demo.master_dies()
            demo.nopreempt()
            demo.dataplane_dies()
            if not keep:
                demo.stop()
        except TimeoutError as error:
            report.check("the demo goes on", "in time", str(error), False)
        if report.failed:
            demo.show_logs()
        report.summary(time.monotonic() - start)
        if keep:
            topo.network.keep()
            demo.how_to_look_around()
    return 1 if report.failed else 0


def main():
    parser = argparse.ArgumentParser(prog="scripts/demo")
    parser.add_argument("--keep", action="store_true", help="leave the network up")
    parser.add_argument("--clean", action="store_true", help="take away what --keep has left")
    arguments = parser.parse_args()
    if arguments.clean:
        print(f"{remove_kept()} network(s) removed")
        return 0
    if missing := programs_missing():
        print(f"not built: {', '.join(missing)}", file=sys.stderr)
        return 1
    exit_on_signals()
    try:
        return run(arguments.keep)
    except KeyboardInterrupt:
        print("\ninterrupted, the network is gone", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
