#!/usr/bin/python3
"""A QEMU guest with Debian's own kernel, for what the kernel of a test machine may lack: IPVS.

    tests/vm/guest.py --prepare              fetch and unpack the kernel package, no more
    tests/vm/guest.py -- COMMAND [WORD...]   run it as root in the guest, in the same directory

The guest boots in some 6 s on a copy-on-write view of this machine's files, without an initramfs
and with nothing installed: the 6.12 cloud kernel has virtiofs built in. What it writes is lost, but
for what it puts into /run/results, which is build/vm/results here. There lie the command's output
and the kernel's log, too. Exit status: the command's; 124 when it took too long; 125 when there was
no guest.

KVM is not used: it is not there on most machines that are virtual themselves, and where it is but
emulates every instruction it is slower than TCG.
"""

import argparse
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))

# pylint: disable=wrong-import-position
from lab.network import exit_on_signals  # noqa: E402

CACHE = ROOT / "build" / "vm"
RESULTS = CACHE / "results"
KERNEL = CACHE / "kernel"

# By release of Debian; each depends on the package with the kernel itself.
KERNEL_PACKAGES = ["linux-image-6.12-cloud-amd64", "linux-image-cloud-amd64"]
NEEDED_BUILT_IN = ["VIRTIO_PCI", "VIRTIO_CONSOLE", "VIRTIO_FS"]
VIRTIOFSD = ["/usr/libexec/virtiofsd", "/usr/lib/qemu/virtiofsd"]

# Of several, each of which is a thread of QEMU, one can meet an instruction that another is
# replacing, half done, and the kernel goes down; they are no faster, either.
CPUS = 1
MEMORY_MB = 768
BOOT_PARAMETERS = ("console=ttyS0 panic=-1 root=hostroot rootfstype=virtiofs ro mitigations=off "
                   "nokaslr audit=0 apparmor=0 ima=off lsm= tsc=reliable no_timer_check")

# What the guest sees: the file systems of this machine, read-only for good, since it is the mounts
# of a namespace of virtiofsd's own that are. No proc, sys, dev and run.
SERVE_ROOT = r"""
mount --make-rprivate /
awk '$3 ~ /^(ext[234]|xfs|btrfs|zfs|f2fs|overlay|tmpfs|9p|virtiofs|fuse.*)$/ &&
     $2 !~ /^\/(dev|proc|sys|run)(\/|$)/ {print $2}' /proc/self/mounts | LC_ALL=C sort -u |
while IFS= read -r point; do
    point=$(printf %b "$point") target=$1${point%/}
    mount --bind "$point" "$target" && mount -o remount,bind,ro "$target"
done
shift
exec "$@"
"""


class NoGuest(Exception):
    """The guest could not be started."""


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def kernel_package():
    """The package that has the kernel, as far as apt knows."""
    for name in KERNEL_PACKAGES:
        lines = subprocess.run(["apt-cache", "depends", name], check=False, capture_output=True,
                               text=True).stdout.splitlines()
        depends = [line.split()[1] for line in lines if line.split()[:1] == ["Depends:"]]
        if depends:
            return depends[0]
    raise NoGuest(f"apt knows none of {', '.join(KERNEL_PACKAGES)}; apt-get update?")


def kernel_release():
    """The release of the unpacked kernel, or None."""
    if not (KERNEL / "complete").exists():
        return None
    return next((KERNEL / "lib" / "modules").iterdir()).name


def prepare():
    """Fetches the kernel package, once, and unpacks it into build/vm/kernel."""
    if kernel_release():
        return
    package = kernel_package()
    CACHE.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(KERNEL, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as directory:
        print(f"fetching {package}", flush=True)
        done = subprocess.run(["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download",
                               package], cwd=directory, check=False, capture_output=True, text=True)
        archives = list(pathlib.Path(directory).glob("*.deb"))
        if done.returncode != 0 or not archives:
            raise NoGuest(f"cannot fetch {package}: {done.stderr.strip()}")
        subprocess.run(["dpkg-deb", "-x", archives[0], KERNEL], check=True)
    if not (KERNEL / "lib").exists():
        (KERNEL / "lib").symlink_to("usr/lib")
    release = next((KERNEL / "lib" / "modules").iterdir()).name
    options = (KERNEL / "boot" / f"config-{release}").read_text()
    missing = [name for name in NEEDED_BUILT_IN if f"CONFIG_{name}=y" not in options]
    if missing:
        raise NoGuest(f"{package} lacks {', '.join(missing)}")
    subprocess.run(["depmod", "-b", KERNEL, release], check=True)
    (KERNEL / "complete").touch()


def virtiofsd():
    found = [path for path in VIRTIOFSD if pathlib.Path(path).exists()]
    if not found:
        raise NoGuest("no virtiofsd: it is in qemu-system-common, or a package of its own")
    return found[0]


def serve_command(socket, source, cache):
    """virtiofsd, in whichever of its two kinds is there."""
    program = virtiofsd()
    if "--shared-dir" in subprocess.run([program, "--help"], check=False, capture_output=True,
                                        text=True).stdout:
        return [program, f"--socket-path={socket}", f"--shared-dir={source}", f"--cache={cache}",
                "--sandbox=chroot", "--no-announce-submounts", "--log-level=error"]
    return [program, f"--socket-path={socket}", "-o", f"source={source}", "-o", f"cache={cache}",
            "-o", "sandbox=chroot", "-o", "log_level=err", "-f"]


class Guest:
    """One boot, and what belongs to it. A context manager: all of it ends with it."""

    def __init__(self, command):
        self.job = pathlib.Path(tempfile.mkdtemp(prefix="headgate-vm."))
        self.processes = []
        (self.job / "root").mkdir()
        (self.job / "command").write_text(
            f"cd {shlex.quote(str(pathlib.Path.cwd()))} || exit 125\nexec {shlex.join(command)}\n")
        shutil.copy(pathlib.Path(__file__).with_name("init.sh"), self.job / "init")
        (self.job / "init").chmod(0o755)
        self.job.chmod(0o755)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.kill()
            process.wait()
        shutil.rmtree(self.job, ignore_errors=True)

    def start(self, command, log):
        """Ends with this process, also when that is killed."""
        with open(self.job / log, "wb") as output:
            process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *command],
                                       stdin=subprocess.DEVNULL, stdout=output,
                                       stderr=subprocess.STDOUT)
        self.processes.append(process)
        return process

    def serve(self, tag, source, cache, prefix=()):
        """QEMU's arguments for a file system of this machine."""
        socket = self.job / f"{tag}.sock"
        log = f"virtiofsd-{tag}.log"
        self.start([*prefix, *serve_command(socket, source, cache)], log)
        deadline = time.monotonic() + 10
        while not socket.exists():
            if time.monotonic() > deadline:
                raise NoGuest(f"virtiofsd does not start: {(self.job / log).read_text()}")
            time.sleep(0.02)
        return ["-chardev", f"socket,id={tag},path={socket}",
                "-device", f"vhost-user-fs-pci,chardev={tag},tag={tag}"]

    def qemu(self):
        release = kernel_release()
        root = ["unshare", "-m", "bash", "-c", SERVE_ROOT, "serve", str(self.job / "root")]
        shares = self.serve("hostroot", self.job / "root", "always", prefix=root)
        shares += self.serve("results", RESULTS, "auto")
        ports = []
        for name in ("output", "status"):
            ports += ["-chardev", f"file,id={name},path={RESULTS / name}",
                      "-device", f"virtserialport,chardev={name},name={name}"]
        return ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "max",
                "-M", "q35,sata=off,smbus=off,usb=off,hpet=off,vmport=off,memory-backend=memory",
                "-m", str(MEMORY_MB), "-smp", str(CPUS),
                "-object", f"memory-backend-memfd,id=memory,size={MEMORY_MB}M,share=on",
                "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
                "-chardev", f"file,id=console,path={RESULTS / 'console'}",
                "-serial", "chardev:console",
                "-device", "virtio-serial-pci", *ports, "-device", "virtio-rng-pci", *shares,
                "-kernel", str(KERNEL / "boot" / f"vmlinuz-{release}"),
                "-append", f"{BOOT_PARAMETERS} init={self.job}/init vm_job={self.job} "
                           f"vm_kernel={KERNEL}"]

    def run(self, timeout_s):
        """The command's exit status."""
        process = self.start(self.qemu(), "qemu.log")
        try:
            process.wait(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            print(f"the guest has not ended after {timeout_s} s")
            return 124
        status = (RESULTS / "status").read_text().strip()
        if not status:
            raise NoGuest("it ended too early: " + "\n".join(
                path.read_text(errors="replace")[-3000:]
                for path in (RESULTS / "console", self.job / "qemu.log")))
        return int(status)


def run(command, timeout_s):
    """Runs it in a guest of its own; its output is in RESULTS / "output"."""
    exit_on_signals()
    prepare()
    shutil.rmtree(RESULTS, ignore_errors=True)
    RESULTS.mkdir(parents=True)
    for name in ("output", "status"):
        (RESULTS / name).touch()
    with Guest(command) as guest:
        return guest.run(timeout_s)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prepare", action="store_true", help="fetch and unpack the kernel")
    parser.add_argument("--timeout", type=float, default=600, metavar="SECONDS")
    parser.add_argument("command", nargs="*")
    arguments = parser.parse_args()
    try:
        if arguments.prepare:
            prepare()
            return 0
        status = run(arguments.command, arguments.timeout)
    except NoGuest as error:
        print(f"tests/vm/guest.py: {error}", file=sys.stderr)
        return 125
    print((RESULTS / "output").read_text(errors="replace"), end="")
    return status


if __name__ == "__main__":
    sys.exit(main())
