#!/usr/bin/python3
"""Draws how the costs grow, as SVG, from a file of `bench/run --json`.

    bench/plot.py FILE DIRECTORY      flows.svg, afxdp_flows.svg, ... there

Needs matplotlib. On Debian, as root, it is installed when it is missing.
"""

import argparse
import importlib.util
import json
import os
import pathlib
import subprocess
import sys

PACKAGE = "python3-matplotlib"
FACTORS = {"K": 1_000, "M": 1_000_000}

NANOSECONDS = "ns per packet"
RATE = "packets a second"

# File, what grows, of what, and the lines: their rows are PREFIX/NUMBER.
PLOTS = (
    ("flows", "established flows", NANOSECONDS, (
        ("core/established", "Headgate"),
        ("core/burst_32", "Headgate, bursts of 32"),
        ("core/rte_hash", "DPDK's rte_hash"))),
    ("services", "services, 64 K flows", NANOSECONDS, (("core/services", "Headgate"),)),
    ("destinations", "real servers of a service, 64 K flows", NANOSECONDS,
     (("core/destinations", "Headgate"),)),
    ("afxdp_flows", "established flows, frames of 60 bytes", RATE, (
        ("afxdp/flow_cache", "in the flow cache"),
        ("afxdp/worker", "through the worker"))),
    ("afxdp_frames", "bytes of a frame, 1000 flows", RATE, (
        ("afxdp/flow_cache_frame", "in the flow cache"),
        ("afxdp/worker_frame", "through the worker"))),
)


def need_matplotlib():
    """Installs it where it is missing; ends the program where that cannot be done."""
    if importlib.util.find_spec("matplotlib"):
        return
    if os.geteuid() != 0:
        sys.exit(f"plots need {PACKAGE}: install it, or run this as root")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(["apt-get", "-o", "DPkg::Lock::Timeout=60", "install", "-y",
                           "--no-install-recommends", PACKAGE],
                          capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        sys.exit(f"{PACKAGE} cannot be installed:\n{done.stdout}{done.stderr}")
    importlib.invalidate_caches()


def number(text):
    """'64K' is 64000."""
    if text[-1] in FACTORS:
        return int(text[:-1]) * FACTORS[text[-1]]
    return int(text)


def points(rows, prefix):
    """(number, median, least, most) of the rows PREFIX/NUMBER, by number."""
    return sorted((number(row["name"].rpartition("/")[2]), row["median"], row["min"], row["max"])
                  for row in rows if row["name"].rpartition("/")[0] == prefix)


def draw(rows, what, axis, lines, path):
    # The package may have been installed a moment ago.
    import matplotlib  # pylint: disable=import-outside-toplevel
    matplotlib.use("svg")
    # The same figures make the same file.
    matplotlib.rcParams["svg.hashsalt"] = "headgate"
    from matplotlib import pyplot  # pylint: disable=import-outside-toplevel
    figure, axes = pyplot.subplots(figsize=(6, 3.5), layout="constrained")
    for prefix, label in lines:
        found = points(rows, prefix)
        if not found:
            continue
        counts, medians, least, most = zip(*found)
        axes.plot(counts, medians, marker="o", label=label)
        axes.fill_between(counts, least, most, alpha=0.2)
    axes.set_xscale("log")
    axes.set_xlabel(what)
    axes.set_ylabel(axis)
    axes.set_ylim(bottom=0)
    axes.grid(True, alpha=0.3)
    axes.legend()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def write_plots(rows, directory):
    """One file for each plot that there are rows for; returns their paths."""
    need_matplotlib()
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, what, axis, lines in PLOTS:
        if any(points(rows, prefix) for prefix, _ in lines):
            paths.append(directory / f"{name}.svg")
            draw(rows, what, axis, lines, paths[-1])
    return paths


def main():
    parser = argparse.ArgumentParser(description="Draws how the costs grow.")
    parser.add_argument("file", type=pathlib.Path, help="what bench/run --json has written")
    parser.add_argument("directory", type=pathlib.Path, help="where the SVG files go")
    options = parser.parse_args()
    rows = json.loads(options.file.read_text(encoding="utf-8"))["measurements"]
    for path in write_plots(rows, options.directory):
        print(path)


if __name__ == "__main__":
    main()
