#!/usr/bin/python3
"""Boots the guest once and runs the scenarios of this folder in it, each a result of its own.

    tests/vm/run.py [ARGUMENT OF PYTEST...]

What a failed scenario leaves is in build/vm/results/failed.
"""

import pathlib
import sys

import guest

HERE = pathlib.Path(__file__).resolve().parent
TIMEOUT_S = 900


def main():
    command = ["env", "HEADGATE_VM=1", "/usr/bin/python3", "-m", "pytest", "-p",
               "no:cacheprovider", "-ra", "--junitxml=/run/results/junit.xml",
               *(sys.argv[1:] or [str(HERE)])]
    try:
        status = guest.run(command, TIMEOUT_S)
    except guest.NoGuest as error:
        print(f"tests/vm: {error}")
        return 125
    print((guest.RESULTS / "output").read_text(errors="replace"), flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
