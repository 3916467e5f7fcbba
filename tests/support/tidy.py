#!/usr/bin/python3
"""clang-tidy over all sources, or over those given. Called by scripts/check.

The files of a folder are analysed together, as build-tidy/ would compile them: most of clang-tidy's
time goes into what the files of a folder include alike. A unit that was clean is not analysed again
until one of its files, a header of the project that it includes, or .clang-tidy changes.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

from builds import TOGETHER

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build-tidy"
CLEAN = BUILD / "clean.json"

TIDY = ["clang-tidy-16", "-p", str(BUILD), "--quiet",
        # clang does not know all of g++'s options; the database is g++'s.
        "--extra-arg=-Wno-unknown-warning-option",
        # Here the sources are included.
        r"--header-filter=(common|controlplane|dataplane|bpf|bench|tests)/.*\.(h|cc)$",
        "--checks=-bugprone-suspicious-include"]


def configure():
    """Sets up build-tidy/ and makes the headers that are generated."""
    if not (BUILD / "build.ninja").exists():
        subprocess.run(["meson", "setup", str(BUILD), str(ROOT), "-Doptimization=0", *TOGETHER],
                       check=True, stdout=subprocess.DEVNULL)
    # What changed in meson.build first.
    subprocess.run(["ninja", "-C", str(BUILD), "build.ninja"], check=True,
                   stdout=subprocess.DEVNULL)
    listing = subprocess.run(["meson", "introspect", "--targets", str(BUILD)], check=True,
                             capture_output=True, text=True).stdout
    made = [str(pathlib.Path(name).relative_to(BUILD)) for target in json.loads(listing)
            if target["type"] == "custom" for name in target["filename"]]
    subprocess.run(["ninja", "-C", str(BUILD), *made], check=True, stdout=subprocess.DEVNULL)


def units():
    """What build-tidy/ would compile, less generated sources: file -> its compile command."""
    database = json.loads((BUILD / "compile_commands.json").read_text())
    entries = {}
    for entry in database:
        source = pathlib.Path(os.path.normpath(pathlib.Path(entry["directory"]) / entry["file"]))
        if source.is_file() and ".pb.cc" not in source.read_text():
            entries[source] = entry["command"]
    return entries


def inputs_of(unit):
    """The project's files that `unit` is made of: what it includes, and what those include."""
    known = set()
    found = [unit]
    while found:
        path = found.pop()
        if path in known or not path.is_file():
            continue
        known.add(path)
        for name in re.findall(r'^#include\s*["<]([^">]+)[">]', path.read_text(), re.MULTILINE):
            inner = pathlib.Path(os.path.normpath(ROOT / name))
            if inner.is_relative_to(ROOT):
                found.append(inner)
    return known


def digest(command, inputs):
    state = hashlib.sha256(command.encode())
    for path in [ROOT / ".clang-tidy", *sorted(inputs)]:
        state.update(path.read_bytes())
    return state.hexdigest()


def analyse(unit):
    done = subprocess.run([*TIDY, str(unit)], cwd=ROOT, check=False, capture_output=True, text=True)
    return unit, done.returncode == 0, done.stdout + done.stderr


def main(wanted):
    configure()
    wanted = {pathlib.Path(os.path.normpath(ROOT / name)) for name in wanted}
    known = json.loads(CLEAN.read_text()) if CLEAN.exists() else {}
    digests = {}
    for unit, command in units().items():
        inputs = inputs_of(unit)
        if not wanted or wanted & inputs:
            digests[unit] = digest(command, inputs)
    stale = [unit for unit, now in digests.items() if known.get(str(unit)) != now]
    print(f"clang-tidy: {len(stale)} of {len(digests)} units", flush=True)
    findings = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for done in concurrent.futures.as_completed([pool.submit(analyse, one) for one in stale]):
            unit, clean, text = done.result()
            if clean:
                known[str(unit)] = digests[unit]
                CLEAN.write_text(json.dumps(known, indent=0, sort_keys=True))
            else:
                findings += 1
                print(text, flush=True)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
