"""How the threads of headgated run, as the kernel shows it."""

import os
import pathlib

from lab import configs
from lab.network import wait_until


def text(*lines):
    body = "".join(f"    {line}\n" for line in lines)
    return f"global_defs {{\n    router_id lab\n{body}}}\n" + configs.vrrp_text(
        configs.Vrrp("MASTER", 150))


def vrrp_thread(director):
    """The id of the thread that the kernel knows as vrrp."""
    for task in pathlib.Path(f"/proc/{director.process.pid}/task").iterdir():
        if (task / "comm").read_text().strip() == "vrrp":
            return int(task.name)
    return None


def scheduling(thread):
    return (os.sched_getscheduler(thread) & ~os.SCHED_RESET_ON_FORK,
            os.sched_getparam(thread).sched_priority,
            os.getpriority(os.PRIO_PROCESS, thread),
            os.sched_getaffinity(thread))


def test_of_the_vrrp_thread_and_over_a_reload(crew):
    every_cpu = os.sched_getaffinity(0)
    director = crew.headgated("d1")
    director.start(text())
    director.wait_state("MASTER", 10)
    thread = vrrp_thread(director)
    assert scheduling(thread) == (os.SCHED_FIFO, 1, 0, every_cpu)

    director.reload(text("vrrp_rt_priority 42", "vrrp_priority -7", "vrrp_cpu_affinity 1"))
    wanted = (os.SCHED_FIFO, 42, -7, {1} & every_cpu)
    wait_until(lambda: scheduling(thread) == wanted, 5, f"the thread runs as {wanted}")
    assert os.sched_getscheduler(director.process.pid) == os.SCHED_OTHER, "only that thread"

    director.reload(text())
    wanted = (os.SCHED_FIFO, 1, 0, every_cpu)
    wait_until(lambda: scheduling(thread) == wanted, 5, f"the thread runs as {wanted} again")
    assert director.vrrp_state() == "MASTER"


def test_unknown_virtual_routers_are_logged_once_when_asked_for(crew):
    stranger = crew.keepalived("d2")
    stranger.start(configs.director_text("d2", configs.Vrrp("MASTER", 150)))
    stranger.wait_vip(configs.VIP, 10)
    director = crew.headgated("d1")
    config = text("log_unknown_vrids").replace(f"virtual_router_id {configs.VRID}",
                                               "virtual_router_id 77")
    director.start(config.replace(configs.VIP, "192.0.2.77"))
    director.wait_state("MASTER", 10)  # it has heard three adverts of the other
    line = f"Unknown VRID({configs.VRID}) received on interface(eth0)"
    assert director.log().count(line) == 1
