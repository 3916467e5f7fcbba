"""Runs programs in a way that SIGINT or SIGTERM to this process stops them, too.

Each has a process group of its own: a terminal's Ctrl-C reaches them by way of this process alone,
once, and a test's fixtures clean up undisturbed.
"""

import os
import signal
import subprocess
import time

PATIENCE = 60  # seconds: what has not stopped by then is killed

received = []  # signals, in the order in which they came
_deadlines = []  # for each of them, when patience ends
_running = {}  # process -> whether it stops its own children


class Interrupted(Exception):
    """This process was told to stop."""


def run(command, check=False, tidies_up=False, **options):
    """As subprocess.run; raises Interrupted when this process is to stop.

    A command that `tidies_up` (pytest) alone gets SIGINT, and stops what it started; of others the
    whole group gets SIGTERM.
    """
    if received:
        raise Interrupted
    with subprocess.Popen(command, process_group=0, **options) as process:
        _running[process] = tidies_up
        try:
            if received:  # it came while the program started
                _stop(process)
            stdout, stderr = _outcome(process)
        finally:
            del _running[process]
    if received:
        raise Interrupted
    done = subprocess.CompletedProcess(command, process.returncode, stdout, stderr)
    if check:
        done.check_returncode()
    return done


def _outcome(process):
    """What the process wrote until it ended; nothing if it had to be killed."""
    while True:
        try:
            return process.communicate(timeout=1)
        except subprocess.TimeoutExpired:
            if _deadlines and time.monotonic() > _deadlines[0]:
                _signal_group(process, signal.SIGKILL)
                return None, None


def _signal_group(process, number):
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass


def _stop(process):
    if process.returncode is not None:
        return
    if not _running.get(process):
        _signal_group(process, signal.SIGTERM)
        return
    try:
        os.kill(process.pid, signal.SIGINT)
    except ProcessLookupError:
        pass


def _pass_on(number, _frame):
    received.append(number)
    _deadlines.append(time.monotonic() + PATIENCE)
    for process in list(_running):
        _stop(process)


def heed_signals():
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _pass_on)
