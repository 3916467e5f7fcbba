"""A network of namespaces around one switch, that always goes away again.

    with Network() as network:
        host = network.add_host("d1", "192.0.2.11")
        host.run("ping", "-c1", "192.0.2.12")

Everything that a run creates carries its process id in its name: the namespaces
`hglab-<pid>-<host>`, and the directory /run/hglab-<pid> for configurations, sockets and logs.
The directory has a BPF file system of its own. Leaving the `with` block kills every process in the
namespaces and removes all of it. What a run that
was killed with SIGKILL has left behind is found by its dead process id and removed by the next.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

from . import namespace

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("HEADGATE_BUILD", ROOT / "build"))
PASS_PROGRAM = BUILD / "bpf" / "pass.bpf.o"

NAME = re.compile(r"hglab-(\d+)-\w+")
BPFFS = "bpf"
PREFIX_LENGTH = 24
PREFIX_LENGTH_IPV6 = 64


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def ip(*words, check=True):
    """Runs iproute2's ip; its error text is in the exception."""
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise RuntimeError(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def namespaces():
    return [line.split()[0] for line in ip("netns", "list").splitlines() if line]


def process_exists(pid):
    return pathlib.Path(f"/proc/{pid}").exists()


def wait_until(condition, timeout_s, what, interval_s=0.02):
    """Polls until condition() is true and returns its value; fails with `what` after timeout_s."""
    deadline = time.monotonic() + timeout_s
    while True:
        if value := condition():
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout_s} s: {what}")
        time.sleep(interval_s)


class Host:
    """One namespace with one interface, eth0, on the switch; add_arm() gives it another."""

    def __init__(self, network, name, address):
        self.network = network
        self.name = name
        self.address = address
        self.namespace = f"{network.prefix}-{name}"
        self.directory = network.directory / name
        self.directory.mkdir()

    def ip(self, *words, check=True):
        return ip("-n", self.namespace, *words, check=check)

    def command(self, *words):
        return ["ip", "netns", "exec", self.namespace, *map(str, words)]

    def run(self, *words, check=True, timeout=30):
        return subprocess.run(self.command(*words), check=check, capture_output=True, text=True,
                              timeout=timeout)

    def spawn(self, name, *words):
        """Starts a program in the namespace; its output goes to `name`.log in the directory."""
        with open(self.directory / f"{name}.log", "ab") as log:
            process = subprocess.Popen(self.command(*words), stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=subprocess.STDOUT,
                                       start_new_session=True)
        self.network.processes.append(process)
        return process

    def log(self, name):
        return (self.directory / f"{name}.log").read_text(errors="replace")

    def set_sysctl(self, key, value):
        path = pathlib.Path("/proc/sys") / key.replace(".", "/")
        namespace.call_inside(self.namespace, path.write_text, str(value))

    def enable_ipv6(self, address, device="eth0"):
        """Gives the device a link-local address and this one."""
        for scope in ("all", "default", device, "lo"):
            self.set_sysctl(f"net.ipv6.conf.{scope}.accept_dad", 0)
            self.set_sysctl(f"net.ipv6.conf.{scope}.disable_ipv6", 0)
        self.ip("addr", "add", f"{address}/{PREFIX_LENGTH_IPV6}", "dev", device, "nodad")

    def prefixes(self, device="eth0"):
        """The IPv4 addresses of the device as address/length."""
        listing = json.loads(self.ip("-j", "-4", "addr", "show", "dev", device))
        return [f"{entry['local']}/{entry['prefixlen']}"
                for link in listing for entry in link.get("addr_info", [])]

    def addresses(self, device="eth0"):
        return [prefix.split("/")[0] for prefix in self.prefixes(device)]

    def mac(self, device="eth0"):
        return json.loads(self.ip("-j", "link", "show", "dev", device))[0]["address"]

    def has_address(self, address):
        return address in self.addresses()

    def tcp_counter(self, group, name):
        """A counter of the host's kernel: "Tcp" "RetransSegs", "TcpExt" "TCPDSACKOldSent", ..."""
        files = (pathlib.Path("/proc/thread-self/net") / each for each in ("snmp", "netstat"))
        text = "".join(namespace.call_inside(self.namespace, file.read_text) for file in files)
        names, values = (line.split() for line in text.splitlines()
                         if line.startswith(f"{group}: "))
        return int(values[names.index(name)])

    def xdp_attached(self, device="eth0"):
        link = json.loads(self.ip("-j", "link", "show", "dev", device))[0]
        return link.get("xdp") is not None

    def pids(self):
        """Every process in the namespace."""
        return [int(pid) for pid in ip("netns", "pids", self.namespace, check=False).split()]

    def kill_all(self):
        """SIGKILL to every process in the namespace, as if the machine had lost its power."""
        for pid in self.pids():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


class Network:
    """The switch and its hosts. Use it as a context manager."""

    def __init__(self):
        remove_stale()
        self.prefix = f"hglab-{os.getpid()}"
        self.directory = pathlib.Path("/run") / self.prefix
        # `ip netns exec` hides the machine's own, below /sys.
        self.bpffs = self.directory / BPFFS
        self.hosts = {}
        self.processes = []
        self.switch = f"{self.prefix}-sw"

    def __enter__(self):
        try:
            # Another network of this process was kept or not closed: names would collide.
            self.directory.mkdir(mode=0o755)
            self.bpffs.mkdir()
            subprocess.run(["mount", "-t", "bpf", "bpf", self.bpffs], check=True)
            ip("netns", "add", self.switch)
            ip("-n", self.switch, "link", "set", "lo", "up")
            self.add_segment("br0")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def add_segment(self, bridge):
        """Another segment of the switch; br0 is there from the start."""
        # Multicast goes everywhere at once, as in a switch without IGMP snooping.
        ip("-n", self.switch, "link", "add", bridge, "type", "bridge", "mcast_snooping", "0",
           "forward_delay", "0")
        ip("-n", self.switch, "link", "set", bridge, "up")

    def add_host(self, name, address, xdp=False, segment="br0"):
        """A namespace with `address` on eth0; `xdp` prepares the switch port for XDP senders."""
        host = Host(self, name, address)
        self.hosts[name] = host
        ip("netns", "add", host.namespace)
        for scope in ("all", "default"):
            host.set_sysctl(f"net.ipv6.conf.{scope}.disable_ipv6", 1)
        host.ip("link", "set", "lo", "up")
        self._plug_in(host, name, "eth0", address, xdp, segment)
        return host

    def add_arm(self, host, address, xdp=False, segment="br1"):
        """Gives the host eth1, with that address on another segment."""
        self._plug_in(host, f"{host.name}-1", "eth1", address, xdp, segment)

    def _plug_in(self, host, port, device, address, xdp, segment):
        ip("-n", self.switch, "link", "add", port, "type", "veth",
           "peer", "name", device, "netns", host.namespace)
        ip("-n", self.switch, "link", "set", port, "master", segment, "up")
        host.ip("addr", "add", f"{address}/{PREFIX_LENGTH}", "dev", device)
        host.ip("link", "set", device, "up")
        # A veth leaves checksums and segmentation to hardware that is not there; AF_XDP and XDP
        # would pass such frames on as they are.
        for where, end in ((host.namespace, device), (self.switch, port)):
            subprocess.run(["ip", "netns", "exec", where, "ethtool", "-K", end,
                            "tx", "off", "rx", "off", "gro", "off"], check=True,
                           capture_output=True)
        if xdp:
            self.set_port_xdp(port, True)

    def set_port_xdp(self, port, on):
        """Whether the port takes what an XDP program sends: its end of the veth has one, too."""
        program = ["obj", str(PASS_PROGRAM), "sec", "xdp"] if on else ["off"]
        ip("-n", self.switch, "link", "set", "dev", port, "xdpdrv", *program)

    def remove_pins(self):
        """What killed programs have left in the BPF file system, and with it their XDP programs."""
        for path in self.pins():
            shutil.rmtree(path)

    def pins(self):
        """The directories that programs under test have in the BPF file system."""
        return list(self.bpffs.glob("headgate*"))

    def set_link(self, name, up):
        """Plugs or pulls the cable between a host and the switch."""
        ip("-n", self.switch, "link", "set", name, "up" if up else "down")

    def set_isolated(self, name, isolated):
        """Takes a host off the segment while its link stays up, or puts it back."""
        ip("-n", self.switch, "link", "set", name,
           *(["nomaster"] if isolated else ["master", "br0"]))

    def keep(self):
        """Leaves everything in place when this process ends; remove_kept() takes it away."""
        (self.directory / "kept").touch()

    @property
    def kept(self):
        return (self.directory / "kept").exists()

    def close(self):
        """Kills what runs in the namespaces, removes them and the directory. Never half done."""
        if self.kept:
            return
        previous = {number: signal.signal(number, signal.SIG_IGN)
                    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        try:
            for process in self.processes:
                process.kill()
            for process in self.processes:
                process.wait()
            remove(self.prefix)
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


def remove(prefix):
    """Removes the namespaces and the directory of the run with that prefix, processes first."""
    for name in namespaces():
        if not name.startswith(prefix + "-"):
            continue
        for pid in ip("netns", "pids", name, check=False).split():
            # Threads of this very process may be in the namespace.
            if int(pid) != os.getpid():
                try:
                    os.kill(int(pid), signal.SIGKILL)
                except ProcessLookupError:
                    pass
        ip("netns", "del", name, check=False)
    directory = pathlib.Path("/run") / prefix
    if (directory / BPFFS).is_mount():
        subprocess.run(["umount", "--lazy", directory / BPFFS], check=True)
    shutil.rmtree(directory, ignore_errors=True)


def runs():
    """The prefixes of all runs that have left something on this machine, with their process ids."""
    found = {match.group(0).rsplit("-", 1)[0]: int(match.group(1))
             for match in map(NAME.fullmatch, namespaces()) if match}
    for directory in pathlib.Path("/run").glob("hglab-*"):
        if (pid := directory.name.removeprefix("hglab-")).isdigit():
            found[directory.name] = int(pid)
    return found


def remove_stale():
    """Removes what runs that were killed have left; not what was kept on purpose."""
    for prefix, pid in runs().items():
        if not process_exists(pid) and not (pathlib.Path("/run") / prefix / "kept").exists():
            remove(prefix)


def remove_kept():
    """Removes what was kept on purpose; returns how many networks that were."""
    kept = [prefix for prefix in runs() if (pathlib.Path("/run") / prefix / "kept").exists()]
    for prefix in kept:
        remove(prefix)
    return len(kept)


def exit_on_signals():
    """SIGTERM and SIGHUP unwind the stack as Ctrl-C does, so that `with` blocks clean up."""
    def leave(number, _frame):
        raise SystemExit(128 + number)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
