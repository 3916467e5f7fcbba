"""Code of this process inside a named network namespace.

A thread can be in another network namespace than its process (setns), and a socket stays in the
namespace where it was made. So clients and servers of the lab are threads here, not programs.
"""

import ctypes
import os
import threading

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def enter(namespace):
    """Moves the calling thread into the namespace for the rest of its life."""
    descriptor = os.open(f"/run/netns/{namespace}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(descriptor, CLONE_NEWNET) != 0:
            error = ctypes.get_errno()
            raise OSError(error, f"setns to {namespace}: {os.strerror(error)}")
    finally:
        os.close(descriptor)


def start_inside(namespace, function, *arguments):
    """Starts a daemon thread that runs function(*arguments) inside the namespace."""
    def run():
        enter(namespace)
        function(*arguments)
    thread = threading.Thread(target=run, daemon=True, name=f"{namespace}:{function.__name__}")
    thread.start()
    return thread


def call_inside(namespace, function, *arguments):
    """The result of function(*arguments) run inside the namespace; its exception is raised here."""
    outcome = {}

    def run():
        try:
            enter(namespace)
            outcome["value"] = function(*arguments)
        except BaseException as error:  # handed to the caller, whatever it is
            outcome["error"] = error
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join()
    if "error" in outcome:
        raise outcome["error"]
    return outcome["value"]
