"""FRR's bfdd on a host of the lab, as a neighbor of BFD sessions."""

import json

from .network import wait_until

DAEMONS = "/usr/lib/frr"


class Bfdd:
    """bfdd, and the zebra that tells it about interfaces and addresses."""

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

    def start(self, peers):
        """`peers` is the text of the bfd block."""
        (self.directory / "zebra.conf").write_text("hostname lab\n")
        (self.directory / "bfdd.conf").write_text(f"hostname lab\nbfd\n{peers}exit\n")
        self._spawn("zebra")
        wait_until((self.directory / "zserv.api").exists, 10, "zebra listens")
        self._spawn("bfdd", "--bfdctl", self.directory / "bfdd.sock")
        wait_until((self.directory / "bfdd.vty").exists, 10, "bfdd listens")

    def peers(self):
        """`show bfd peers`, by the address of the peer."""
        done = self.host.run("vtysh", "--vty_socket", self.directory, "-c", "show bfd peers json",
                             check=False)
        try:
            return {peer["peer"]: peer for peer in json.loads(done.stdout)}
        except json.JSONDecodeError:
            return {}

    def status(self, peer):
        return self.peers().get(peer, {}).get("status")

    def wait_status(self, peer, status, timeout_s):
        wait_until(lambda: self.status(peer) == status, timeout_s,
                   f"bfdd of {self.name} says that {peer} is {status}", interval_s=0.1)

    def stop(self):
        for process in self.processes:
            process.kill()
            process.wait()
        self.processes = []
