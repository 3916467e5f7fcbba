"""Directors: headgated with its dataplane, or keepalived as a VRRP peer, on a host of the lab.

Both have start(config), reload(config), stop() and kill(), so that a scenario can be run with any
pair of them. Their state is read from the outside: addresses, processes, `headgate status`.
"""

import json
import os
import pathlib
import signal
import subprocess

from .network import BUILD, process_exists, wait_until

HEADGATED = BUILD / "controlplane" / "headgated"
HEADGATE = BUILD / "controlplane" / "headgate"


class Director:
    """What the two kinds have in common: one main process and its configuration file."""

    log_name = ""

    def __init__(self, host):
        self.host = host
        self.name = host.name
        self.config = host.directory / f"{self.log_name}.conf"
        self.process = None

    def command(self):
        raise NotImplementedError

    def start(self, config=None):
        if config is not None:
            self.config.write_text(config)
        self.process = self.host.spawn(self.log_name, *self.command())

    def reload(self, config):
        """SIGHUP with a new configuration; does not wait for anything."""
        self.config.write_text(config)
        self.process.send_signal(signal.SIGHUP)

    def stop(self, timeout_s=10):
        """SIGTERM; returns the exit status."""
        self.process.terminate()
        return self.process.wait(timeout=timeout_s)

    def kill(self):
        """SIGKILL to everything on the host at once: as the VRRP peers see it, the node died."""
        self.host.kill_all()
        self.process.wait()

    def log(self):
        return self.host.log(self.log_name)

    def has_vip(self, vip):
        return self.host.has_address(vip)

    def wait_vip(self, vip, timeout_s):
        wait_until(lambda: self.has_vip(vip), timeout_s, f"{self.name} has {vip}")

    def wait_no_vip(self, vip, timeout_s):
        wait_until(lambda: not self.has_vip(vip), timeout_s, f"{self.name} is without {vip}")


class Keepalived(Director):
    """Debian's keepalived, VRRP and BFD: the kernel of the lab has no IPVS."""

    log_name = "keepalived"

    def start(self, config=None):
        # After a SIGKILL it may take its own old files for those of a running keepalived.
        for path in self.host.directory.glob("keepalived*.pid"):
            path.unlink()
        super().start(config)

    def command(self):
        directory = self.host.directory
        return ["keepalived", "-n", "-l", "-D", "-P", "-f", self.config,
                "-p", directory / "keepalived.pid", "-r", directory / "keepalived-vrrp.pid",
                "-b", directory / "keepalived-bfd.pid"]


class Headgated(Director):
    """headgated with a run directory of its own."""

    log_name = "headgated"

    def __init__(self, host):
        super().__init__(host)
        self.run_dir = host.directory / "run"

    def command(self):
        return [HEADGATED, "-n", "-l", "-D", "-f", self.config, "--run-dir", self.run_dir,
                "--bpffs", self.host.network.bpffs]

    def kill_daemon(self):
        """SIGKILL to headgated alone; its dataplane stays."""
        self.process.kill()
        self.process.wait()

    def cli_command(self, *words):
        return [HEADGATE, "--run-dir", self.run_dir, *words]

    def cli(self, *words, check=True):
        return self.host.run(*self.cli_command(*words), check=check)

    def status(self):
        """`headgate status --json`, or None while the daemon does not answer."""
        try:
            return json.loads(self.cli("status", "--json", check=False).stdout)
        except (subprocess.CalledProcessError, json.JSONDecodeError):
            return None

    def vrrp_state(self):
        """The state of the first VRRP instance, or None."""
        status = self.status()
        return status["vrrp"][0]["state"] if status and status.get("vrrp") else None

    def wait_state(self, state, timeout_s):
        wait_until(lambda: self.vrrp_state() == state, timeout_s, f"{self.name} is {state}",
                   interval_s=0.05)

    def dataplane_pid(self):
        """The process id of the running dataplane, or None."""
        status = self.status()
        if not status or not status.get("dataplaneUp"):
            return None
        pid = status.get("dataplane", {}).get("pid")
        return pid if pid and process_exists(pid) else None

    def kill_dataplane(self):
        os.kill(self.dataplane_pid(), signal.SIGKILL)

    def real_servers(self, port):
        """State and resolution of the real servers of the virtual server on that port, by name."""
        for virtual in (self.status() or {}).get("virtualServers", []):
            if virtual.get("port") == port:
                return {real["address"]: real for real in virtual.get("realServers", [])}
        return {}

    def serving(self, port, num_servers):
        """Whether that many real servers of the port are up and have a known MAC address."""
        ready = [real for real in self.real_servers(port).values()
                 if real.get("state") == "up" and real.get("stats", {}).get("resolved")]
        return len(ready) == num_servers

    def wait_serving(self, port, num_servers, timeout_s=15):
        wait_until(lambda: self.serving(port, num_servers), timeout_s,
                   f"{self.name} serves port {port} with {num_servers} real servers",
                   interval_s=0.05)


def programs_missing():
    """What must be built before a lab with headgated can run; empty when it can."""
    return [str(path) for path in (HEADGATED, HEADGATE) if not pathlib.Path(path).exists()]
