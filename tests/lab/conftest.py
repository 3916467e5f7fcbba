"""Fixtures of the lab scenarios: one network per test file, fresh directors for every test."""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))

# pylint: disable=wrong-import-position
from lab import configs, directors, network, topology  # noqa: E402
from lab.servers import ECHO_PORT, EchoServer  # noqa: E402


def pytest_configure(config):
    del config
    network.exit_on_signals()


def pytest_collection_modifyitems(items):
    reason = None
    if os.geteuid() != 0:
        reason = "network namespaces need root"
    elif missing := directors.programs_missing():
        reason = f"not built: {', '.join(missing)}"
    if reason:
        for item in items:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="module")
def topo():
    with topology.Topology() as made:
        yield made


class Crew:
    """The directors of one test: made on demand, and gone without a trace afterwards."""

    def __init__(self, topo):
        self.topo = topo
        self.members = {}

    def _add(self, kind, name):
        self.members[name] = kind(self.topo[name])
        return self.members[name]

    def headgated(self, name):
        return self._add(directors.Headgated, name)

    def keepalived(self, name):
        return self._add(directors.Keepalived, name)

    def logs(self):
        return "\n".join(f"--- {name}\n{member.log()[-6000:]}"
                         for name, member in self.members.items() if member.process)

    def clear(self):
        for name, member in self.members.items():
            host = self.topo[name]
            host.kill_all()
            if member.process:
                member.process.wait()
            network.wait_until(lambda host=host: not host.pids(), 10, "all are gone")
            for prefix in host.prefixes():
                if prefix.split("/")[0] != host.address:
                    host.ip("addr", "del", prefix, "dev", "eth0", check=False)
            for log in host.directory.glob("*.log"):
                log.unlink()
        self.topo.network.remove_pins()


@pytest.fixture
def crew(topo, request):
    made = Crew(topo)
    yield made
    if getattr(request.node, "failed", False):
        print(made.logs())
    made.clear()


@pytest.hookimpl(tryfirst=True, hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if call.when == "call" and outcome.get_result().failed:
        item.failed = True


@pytest.fixture
def balanced(crew, topo):
    """A function that starts headgated on d1 as MASTER with some virtual servers, and waits."""
    def start(*virtuals, servers=None):
        servers = servers or topo.server_addresses
        director = crew.headgated("d1")
        vrrp = configs.Vrrp("MASTER", 150)
        director.start(configs.director_text("d1", vrrp, virtuals, servers))
        director.wait_state("MASTER", 15)
        for virtual in virtuals:
            director.wait_serving(virtual.port, len(virtual.weights))
        return director
    return start


@pytest.fixture
def echoes(topo):
    """An echo server on ECHO_PORT of every real server."""
    made = [EchoServer(topo[name], ECHO_PORT) for name in topology.SERVERS]
    yield made
    for echo in made:
        echo.close()
