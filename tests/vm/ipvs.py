"""Programs of the guest: headgated and keepalived with IPVS, and what ipvsadm says of it."""

import json
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from lab.network import BUILD, wait_until

RESULTS = pathlib.Path("/run/results")

HEADGATED = BUILD / "controlplane" / "headgated"
HEADGATE = BUILD / "controlplane" / "headgate"

# Everything takes its time where every instruction is emulated.
PATIENCE_S = 15


def ipvsadm(*words, check=True):
    done = subprocess.run(["ipvsadm", *words], capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise RuntimeError(f"ipvsadm {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def saved():
    """The kernel's table as commands of ipvsadm, in its own order."""
    return ipvsadm("-S", "-n")


def wait_saved(expected, what):
    """Waits until the kernel's table is this one, and fails with the difference."""
    try:
        wait_until(lambda: saved() == expected, PATIENCE_S, what, interval_s=0.1)
    except TimeoutError:
        assert saved() == expected, what


def settled(until=bool):
    """The kernel's table once it is there, `until` says that it is the last one, and it is."""
    seen = {}

    def stands_still():
        before, seen["now"] = seen.get("now"), saved()
        return until(seen["now"]) and seen["now"] == before
    wait_until(stands_still, PATIENCE_S, "a table in the kernel", interval_s=0.3)
    return seen["now"]


class Program:
    """One process with a configuration file and a log in a directory of its own."""

    name = ""

    def __init__(self, directory):
        self.directory = directory / self.name
        self.directory.mkdir()
        self.config = self.directory / f"{self.name}.conf"
        self.process = None

    def command(self):
        raise NotImplementedError

    def start(self, config=None):
        if config is not None:
            self.config.write_text(config)
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen([str(word) for word in self.command()],
                                            stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT)

    def reload(self, config):
        self.config.write_text(config)
        self.process.send_signal(signal.SIGHUP)

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=PATIENCE_S)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def log(self):
        return (self.directory / "log").read_text(errors="replace")


class Keepalived(Program):
    """Debian's keepalived, without VRRP."""

    name = "keepalived"

    def command(self):
        for path in self.directory.glob("*.pid"):
            path.unlink()
        return ["keepalived", "-n", "-l", "-D", "-C", "-f", self.config,
                "-p", self.directory / "main.pid", "-c", self.directory / "checkers.pid"]


class Headgated(Program):
    """headgated, with a run directory of its own."""

    name = "headgated"

    @property
    def run_dir(self):
        return self.directory / "run"

    def command(self):
        return [HEADGATED, "-n", "-l", "-D", "-f", self.config, "--run-dir", self.run_dir]

    def cli_command(self, *words):
        return [HEADGATE, "--run-dir", self.run_dir, *words]

    def cli(self, *words):
        return subprocess.run(self.cli_command(*words), check=False, capture_output=True,
                              text=True).stdout

    def status(self):
        """`headgate status --json`, or None while the daemon does not answer."""
        try:
            return json.loads(self.cli("status", "--json"))
        except json.JSONDecodeError:
            return None

    def placements(self):
        """Where the virtual servers are, by port."""
        return {virtual["port"]: virtual["placement"]
                for virtual in (self.status() or {}).get("virtualServers", [])}

    def wait_placement(self, port, placement):
        wait_until(lambda: self.placements().get(port) == placement, PATIENCE_S,
                   f"port {port} is placed: {placement}", interval_s=0.1)


class Crew:
    """The programs of one test."""

    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="crew."))
        self.members = []

    def add(self, kind):
        self.members.append(kind(self.directory))
        return self.members[-1]

    def headgated(self):
        return self.add(Headgated)

    def keepalived(self):
        return self.add(Keepalived)

    def keep_artefacts(self, name):
        """What may tell why a test has failed goes where the host finds it."""
        kept = RESULTS / "failed" / name.replace("/", "_")
        shutil.copytree(self.directory, kept, ignore=shutil.ignore_patterns("*.sock"),
                        dirs_exist_ok=True)
        (kept / "ipvsadm").write_text(ipvsadm("-S", "-n", check=False))

    def clear(self):
        for member in self.members:
            if member.process and member.process.poll() is None:
                member.kill()
        subprocess.run(["pkill", "-KILL", "-x", "keepalived"], check=False)
        time.sleep(0.1)
        if saved():
            ipvsadm("-C")
        shutil.rmtree(self.directory, ignore_errors=True)
