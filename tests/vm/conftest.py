"""Fixtures of the guest's scenarios. Each boot of the guest runs this folder once: see run.py."""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

# pylint: disable=wrong-import-position
import ipvs  # noqa: E402
from cluster import direct, hosts  # noqa: E402, F401  (fixtures)
from lab import network  # noqa: E402


def pytest_configure(config):
    del config
    network.exit_on_signals()


def pytest_collection_modifyitems(items):
    if os.environ.get("HEADGATE_VM") == "1":
        return
    for item in items:
        item.add_marker(pytest.mark.skip(reason="not in the guest: see tests/vm/run.py"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    if report.failed:
        item.failed = True


@pytest.fixture
def crew(request):
    """Makes programs in the guest's own network; they are gone afterwards, and IPVS is empty."""
    made = ipvs.Crew()
    yield made
    if getattr(request.node, "failed", False):
        made.keep_artefacts(request.node.name)
    made.clear()
