#!/usr/bin/python3
"""Runs the test suites one after the other and sums up what really ran. Called by scripts/test.

Every suite is a function that returns Counts. Builds that a suite needs besides build/ (sanitizers,
fuzzing) are configured on first use and reused afterwards.
"""

import argparse
import concurrent.futures
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

import children
import fuzz
from builds import TOGETHER
from junit import Counts, read_counts, settle

ROOT = pathlib.Path(__file__).resolve().parents[2]
PYTEST = ["/usr/bin/python3", "-m", "pytest", "-p", "no:cacheprovider"]

# Suites of pure code, which the sanitizer builds repeat.
PURE_SUITES = ["unit", "packets", "sim"]

# Scenarios that the thread sanitizer watches: reloads, questions, packets and tables at once. None
# of them judges how fast something is.
TSAN_LAB = ["test_balancing", "test_configuration", "test_status"]
TSAN_PROGRAMS = ["controlplane/headgated", "controlplane/headgate", "dataplane/headgate-dataplane",
                 "bpf/pass.bpf.o"]

FUZZ_SMOKE_SECONDS = 4
LAB_FILES_AT_ONCE = 3
# They take longest, and begin first: one that begins last runs alone for minutes.
LONG_LAB = ["test_vmac", "test_states", "test_tracking", "test_dump_files", "test_failover_command",
            "test_life", "test_processes", "test_keepalived_peer", "test_frr_peer"]

# Beside the others, and each other: the lab mostly waits for protocol timers, and the guest keeps
# one core busy, to which compilations give way.
ASIDE = ["lab", "vm"]

# Long compilations beside the lab give way to its routers.
YIELDING = ["nice", "-n", "5"]


def meson_test(build, suites, name, prefix=(), environment=None, patience=1):
    """Runs meson suites of a build directory; builds only what these tests need.

    `patience` multiplies the time-outs of the tests.
    """
    # A test program that crashes writes no report, and meson would take the one of an earlier run.
    for report in build.glob("*.xml"):
        report.unlink()
    log = build / "meson-logs" / f"{name}.junit.xml"
    log.unlink(missing_ok=True)
    command = [*prefix, "meson", "test", "-C", str(build), "--logbase", name,
               "--print-errorlogs", "--timeout-multiplier", str(patience)]
    for suite in suites:
        command += ["--suite", suite]
    done = children.run(command, env={**os.environ, **(environment or {})})
    return settle(read_counts(log), done.returncode)


def configure(build, options):
    if not (build / "build.ninja").exists():
        children.run(["meson", "setup", str(build), str(ROOT), "-Dbenchmarks=false", *options,
                      *TOGETHER], check=True, stdout=subprocess.DEVNULL)


def plain_suite(name):
    return lambda: meson_test(ROOT / "build", [name], name)


def sanitized():
    """The build that has the address and undefined-behaviour sanitizers, and fuzz targets."""
    build = ROOT / "build-sanitized"
    # Unoptimized: most of it runs once.
    fuzz.configure(build, optimization=0)
    return build


def asan():
    """Address and undefined-behaviour sanitizers over all the pure code."""
    build = sanitized()
    return meson_test(build, PURE_SUITES, "asan", prefix=YIELDING, patience=10, environment={
        "ASAN_OPTIONS": "detect_stack_use_after_return=1",
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"})


def tsan():
    """Thread sanitizer where threads meet: meson's suite `threads`, and daemons in the lab."""
    build = ROOT / "build-tsan"
    # g++: clang's own runtime asks for a symbolizer before it knows that a report is suppressed.
    configure(build, ["-Db_sanitize=thread", "-Doptimization=1",
                      # Boost.Asio has fences beside the locks that the sanitizer understands.
                      "-Dcpp_args=['-g1', '-Wno-tsan']"])
    # Its shadow memory needs a memory layout that full address randomization may not leave free.
    whole = ["setarch", "-R"]
    suppressions = f"suppressions={ROOT}/tests/support/tsan.supp"
    counts = meson_test(build, ["threads"], "tsan", prefix=[*YIELDING, *whole], patience=10,
                        environment={"TSAN_OPTIONS": f"halt_on_error=1:{suppressions}"})
    children.run([*YIELDING, "ninja", "--quiet", "-C", str(build), *TSAN_PROGRAMS], check=True)
    with tempfile.TemporaryDirectory() as reports:
        environment = {"HEADGATE_BUILD": str(build),
                       "TSAN_OPTIONS": f"halt_on_error=0:log_path={reports}/race:{suppressions}"}
        counts += lab_files([ROOT / "tests" / "lab" / f"{name}.py" for name in TSAN_LAB],
                            build, whole, environment)
        races = sorted(pathlib.Path(reports).glob("race*"))
        for race in races:
            print(race.read_text(errors="replace"), flush=True)
    return counts + (Counts(failed=len(races)) if races else Counts(passed=1))


def fuzz_smoke():
    """Every fuzz target on its seeds and a few seconds beyond."""
    return fuzz.run_all(FUZZ_SMOKE_SECONDS, sanitized())


def lab_file(path, build, prefix=(), environment=None):
    """One file of scenarios in a pytest and a network of its own, with the programs of `build`."""
    report = build / "meson-logs" / f"lab-{path.stem}.junit.xml"
    report.unlink(missing_ok=True)
    done = children.run([*prefix, *PYTEST, "-ra", f"--junitxml={report}", str(path)], cwd=ROOT,
                        tidies_up=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                        text=True, env={**os.environ, **(environment or {})})
    print(done.stdout, flush=True)
    return settle(read_counts(report), done.returncode)


def lab_files(paths, build, prefix=(), environment=None):
    """They mostly wait for timers, so some run side by side."""
    with concurrent.futures.ThreadPoolExecutor(LAB_FILES_AT_ONCE) as pool:
        return sum(pool.map(lambda path: lab_file(path, build, prefix, environment), paths),
                   Counts())


def lab():
    """Scenarios in networks of namespaces, with the real programs.

    The file that keeps every core busy on purpose runs by itself, after the others.
    """
    turn = {name: number for number, name in enumerate(LONG_LAB)}
    files = sorted((ROOT / "tests" / "lab").glob("test_*.py"),
                   key=lambda path: (turn.get(path.stem, len(turn)), path.stem))
    crowding = [path for path in files if path.stem == "test_calm"]
    peaceful = [path for path in files if path not in crowding]
    build = ROOT / "build"
    return lab_files(peaceful, build) + sum((lab_file(path, build) for path in crowding), Counts())


def vm():
    """Scenarios in a guest whose kernel has IPVS, booted once."""
    build = ROOT / "build"
    report = build / "vm" / "results" / "junit.xml"
    report.unlink(missing_ok=True)
    done = children.run(["/usr/bin/python3", str(ROOT / "tests" / "vm" / "run.py")], cwd=ROOT)
    return settle(read_counts(report), done.returncode)


SUITES = {
    "style": plain_suite("style"),
    "unit": plain_suite("unit"),
    "packets": plain_suite("packets"),
    "sim": plain_suite("sim"),
    "bpf": plain_suite("bpf"),
    "lab": lab,
    "vm": vm,
    "asan": asan,
    "tsan": tsan,
    "fuzz": fuzz_smoke,
}


def parse_arguments():
    parser = argparse.ArgumentParser(prog="scripts/test", description="Builds and runs the tests.")
    parser.add_argument("--only", nargs="+", metavar="SUITE", choices=SUITES,
                        help=f"some suites instead of all: {', '.join(SUITES)}")
    return parser.parse_args()


def run_suite(name):
    """One row of the result: name, counts (None: interrupted), seconds."""
    if children.received:
        return name, None, 0.0
    print(f"\n=== {name}", flush=True)
    start = time.monotonic()
    try:
        counts = SUITES[name]()
    except children.Interrupted:
        counts = None
    except subprocess.CalledProcessError as error:
        print(f"{name}: {error}")
        counts = Counts(failed=1)
    return name, counts, time.monotonic() - start


def main():
    chosen = parse_arguments().only or list(SUITES)
    os.chdir(ROOT)
    children.heed_signals()
    with concurrent.futures.ThreadPoolExecutor(len(ASIDE)) as background:
        aside = [background.submit(run_suite, name) for name in ASIDE if name in chosen]
        rows = [run_suite(name) for name in chosen if name not in ASIDE]
        rows += [future.result() for future in aside]
    print()
    for name, counts, seconds in rows:
        print(f"{name:<8} {str(counts or 'interrupted'):<40} {seconds:6.1f} s")
    print()
    total = sum((counts for _, counts, _ in rows if counts), Counts())
    if children.received:
        print(f"interrupted by {signal.Signals(children.received[0]).name}")
    print(total, flush=True)
    if children.received:
        return 128 + children.received[0]
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
