#!/usr/bin/python3
"""Builds the libFuzzer targets and runs each for a bounded time. Called by scripts/fuzz.

The targets are the executables whose name ends in _fuzz, of build-fuzz/ or, for the few seconds of
a test run, of the build that the other suites have the sanitizers in; the seeds of x_fuzz lie in
tests/fuzz/corpus/x/ and are never written to.
"""

import argparse
import json
import pathlib
import subprocess
import sys

import children
from builds import CLANG, CLANG_ARGS, TOGETHER
from junit import Counts, settle

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build-fuzz"


def configure(build, optimization):
    """A build by clang with the sanitizers and what the fuzzer wants, unless it is there."""
    if not (build / "build.ninja").exists():
        children.run(
            ["meson", "setup", str(build), str(ROOT), "-Dfuzz=true", "-Dbenchmarks=false",
             f"-Doptimization={optimization}", "-Db_lundef=false", f"-Dcpp_args={CLANG_ARGS}",
             *TOGETHER], check=True, stdout=subprocess.DEVNULL, env=CLANG)


def build_targets(build):
    """Builds every fuzz target; returns their paths by name."""
    listing = children.run(["meson", "introspect", "--targets", str(build)], check=True,
                           stdout=subprocess.PIPE, text=True).stdout
    targets = {target["name"]: pathlib.Path(target["filename"][0])
               for target in json.loads(listing)
               if target["type"] == "executable" and target["name"].endswith("_fuzz")}
    if targets:
        paths = [str(path.relative_to(build)) for path in targets.values()]
        # Gives way to a lab that runs at the same time.
        children.run(["nice", "-n", "5", "ninja", "--quiet", "-C", str(build), *paths],
                     check=True)
    return targets


def run_target(name, path, seconds, build):
    """Whether the target survived its seeds and `seconds` of mutations."""
    part = name.removesuffix("_fuzz")
    found = build / "corpus" / part
    found.mkdir(parents=True, exist_ok=True)
    crashes = build / "crashes"
    crashes.mkdir(exist_ok=True)
    seeds = ROOT / "tests" / "fuzz" / "corpus" / part
    command = [str(path), f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048",
               f"-artifact_prefix={crashes}/{name}-", str(found)]
    if seeds.is_dir():
        command.append(str(seeds))
    done = children.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                        errors="replace")
    lines = done.stderr.strip().splitlines() or ["no output"]
    if done.returncode == 0:
        print(f"{name:<24} ok   {lines[-1]}", flush=True)
        return True
    print(f"{name:<24} FAIL exit status {done.returncode}")
    print("\n".join(lines[-60:]), flush=True)
    return False


def run_all(seconds, build, only=None):
    targets = build_targets(build)
    for name in only or []:
        if name not in targets:
            sys.exit(f"no fuzz target {name}; there are: {', '.join(targets) or 'none'}")
    counts = Counts()
    for name in only or sorted(targets):
        alive = run_target(name, targets[name], seconds, build)
        counts += Counts(passed=1) if alive else Counts(failed=1)
    return settle(counts, 0)


def main():
    parser = argparse.ArgumentParser(prog="scripts/fuzz",
                                     description="Builds and runs the fuzz targets.")
    parser.add_argument("--seconds", type=int, default=60, help="per target (60)")
    parser.add_argument("target", nargs="*", help="e.g. advert_fuzz; all by default")
    arguments = parser.parse_args()
    children.heed_signals()
    try:
        configure(BUILD, optimization=1)
        counts = run_all(arguments.seconds, BUILD, arguments.target)
    except children.Interrupted:
        print("interrupted")
        return 128 + children.received[0]
    print(counts)
    return 1 if counts.failed else 0


if __name__ == "__main__":
    sys.exit(main())
