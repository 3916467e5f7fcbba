"""FRR on a host of the lab: bfdd as a neighbor of BFD sessions, vrrpd as a VRRP router."""

import json

from .network import wait_until

DAEMONS = "/usr/lib/frr"


class Frr:
    """One daemon, and the zebra that tells it about interfaces and addresses."""

    daemon = ""

    def __init__(self, host):
        self.host = host
        self.name = host.name
        self.processes = []
        self.directory = host.directory / "frr"
        self.directory.mkdir(exist_ok=True)
        # The daemons drop to the user frr.
        self.directory.chmod(0o777)

    def _spawn(self, daemon, *more):
        directory = self.directory
        self.processes.append(self.host.spawn(
            daemon, f"{DAEMONS}/{daemon}", "--vty_socket", directory, "-P", "0", "-A", "127.0.0.1",
            "-i", directory / f"{daemon}.pid", "-z", directory / "zserv.api",
            "-f", directory / f"{daemon}.conf", "--log", "stdout", *more))

    def _start(self, config, *more):
        (self.directory / "zebra.conf").write_text("hostname lab\n")
        (self.directory / f"{self.daemon}.conf").write_text(f"hostname lab\n{config}exit\n")
        self._spawn("zebra")
        wait_until((self.directory / "zserv.api").exists, 10, "zebra listens")
        self._spawn(self.daemon, *more)
        wait_until((self.directory / f"{self.daemon}.vty").exists, 10, f"{self.daemon} listens")

    def _show(self, what):
        """The answer to `show WHAT json`; an empty list while there is none."""
        done = self.host.run("vtysh", "--vty_socket", self.directory, "-c", f"show {what} json",
                             check=False)
        try:
            return json.loads(done.stdout)
        except json.JSONDecodeError:
            return []

    def kill(self):
        for process in self.processes:
            process.kill()
            process.wait()
        self.processes = []
        for path in self.directory.iterdir():
            path.unlink()


class Bfdd(Frr):
    daemon = "bfdd"

    def start(self, peers):
        """`peers` is the text of the bfd block."""
        self._start(f"bfd\n{peers}", "--bfdctl", self.directory / "bfdd.sock")

    def peers(self):
        """`show bfd peers`, by the address of the peer."""
        return {peer["peer"]: peer for peer in self._show("bfd peers")}

    def status(self, peer):
        return self.peers().get(peer, {}).get("status")

    def wait_status(self, peer, status, timeout_s):
        wait_until(lambda: self.status(peer) == status, timeout_s,
                   f"bfdd of {self.name} says that {peer} is {status}", interval_s=0.1)


class Vrrpd(Frr):
    """One virtual router on eth0.

    FRR wants its macvlan, with the MAC address of the virtual router and the VIP on it, to be there
    already; it takes the macvlan down where it is not master.
    """

    daemon = "vrrpd"

    def __init__(self, host, vrid, vip):
        super().__init__(host)
        self.vrid = vrid
        self.vip = vip
        self.family = "v6" if ":" in vip else "v4"
        self.device = f"vrrp-{vrid}"

    def start(self, priority, version=3, advert_ms=1000):
        mac = f"00:00:5e:00:{'02' if self.family == 'v6' else '01'}:{self.vrid:02x}"
        length = 64 if self.family == "v6" else 24
        self.host.ip("link", "add", self.device, "link", "eth0", "address", mac,
                     "type", "macvlan", "mode", "bridge")
        nodad = ["nodad"] if self.family == "v6" else []
        self.host.ip("addr", "add", f"{self.vip}/{length}", "dev", self.device, *nodad)
        self.host.ip("link", "set", self.device, "up")
        self._start("interface eth0\n" + "".join(f" vrrp {self.vrid}{words}\n" for words in (
            f" version {version}", f" priority {priority}", f" advertisement-interval {advert_ms}",
            f" {'ipv6' if self.family == 'v6' else 'ip'} {self.vip}")))

    def state(self):
        """Initialize, Backup or Master; None when it does not answer."""
        for router in self._show(f"vrrp interface eth0 {self.vrid}"):
            return router[self.family]["status"]
        return None

    def wait_state(self, state, timeout_s):
        wait_until(lambda: self.state() == state, timeout_s,
                   f"vrrpd of {self.name} is {state}", interval_s=0.05)

    def stop(self):
        """SIGTERM: it says goodbye with priority 0."""
        self.processes[-1].terminate()
        self.processes[-1].wait(timeout=10)
        self.kill()

    def kill(self):
        super().kill()
        self.host.ip("link", "del", self.device, check=False)
