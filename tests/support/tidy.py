#!/usr/bin/python3
"""clang-tidy over the sources given, or all that build/ compiles.

A file that was clean is not analysed again until it, a header of the project that it includes, its
compile command or .clang-tidy changes: a whole run costs half an hour, most of it for nothing.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"
CLEAN = BUILD / "tidy-clean.json"

# clang does not know all of g++'s options; the database is g++'s.
TIDY = ["clang-tidy-16", "-p", str(BUILD), "--quiet", "--extra-arg=-Wno-unknown-warning-option"]


def inputs_of_objects():
    """For every object file, the files of the project that it is compiled from."""
    listing = subprocess.run(["ninja", "-C", str(BUILD), "-t", "deps"], check=True,
                             capture_output=True, text=True).stdout
    inputs = {}
    for block in listing.split("\n\n"):
        lines = block.splitlines()
        if lines and (head := re.match(r"(\S+): #deps", lines[0])):
            paths = ((BUILD / line.strip()).resolve() for line in lines[1:])
            inputs[head[1]] = sorted(path for path in paths if path.is_relative_to(ROOT))
    return inputs


def compilations():
    """Source (relative to the root) -> its command and the object it makes."""
    database = json.loads((BUILD / "compile_commands.json").read_text())
    entries = {}
    for entry in database:
        source = (pathlib.Path(entry["directory"]) / entry["file"]).resolve()
        if source.is_relative_to(ROOT):
            entries[str(source.relative_to(ROOT))] = (entry["command"], entry["output"])
    return entries


def digest(command, inputs):
    state = hashlib.sha256(command.encode())
    for path in [ROOT / ".clang-tidy", *inputs]:
        state.update(path.read_bytes())
    return state.hexdigest()


def analyse(source):
    done = subprocess.run([*TIDY, source], cwd=ROOT, check=False, capture_output=True, text=True)
    return source, done.returncode == 0, done.stdout + done.stderr


def main(wanted):
    entries = compilations()
    inputs = inputs_of_objects()
    known = json.loads(CLEAN.read_text()) if CLEAN.exists() else {}
    digests = {}
    for source in wanted or sorted(entries):
        if source not in entries:
            sys.exit(f"tidy: {source} is in no target of build/")
        command, output = entries[source]
        # What is only built on request has no list of inputs, and is analysed every time.
        digests[source] = digest(command, inputs[output]) if output in inputs else None
    stale = [source for source, now in digests.items() if not now or known.get(source) != now]
    print(f"clang-tidy: {len(stale)} of {len(digests)} files", flush=True)
    findings = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for done in concurrent.futures.as_completed([pool.submit(analyse, one) for one in stale]):
            source, clean, text = done.result()
            if clean:
                known[source] = digests[source]
                CLEAN.write_text(json.dumps(known, indent=0, sort_keys=True))
            else:
                findings += 1
                print(text, flush=True)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
