"""Configuration files as an operator meets them: the config test, exit codes, refused reloads."""


import pytest

from lab import configs
from lab.directors import HEADGATED
from lab.network import ROOT, wait_until
from lab.traffic import request_many

VIP = configs.VIP
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.conf"))

FIVE_MISTAKES = """\
vrrp_instance VI_1 {
    state MASTR
    interface eth0
    virtual_router_id 512
    prioritty 100
    advert_int abc
    virtual_ipaddress {
        192.0.2.300
    }
}
"""


def config_test(host, text, option="-t"):
    path = host.directory / "under-test.conf"
    path.write_text(text)
    return host.run(HEADGATED, option, "-f", path, check=False)


@pytest.mark.parametrize("option", ["-t", "--check", "--config-test"])
def test_a_good_file_exits_0(topo, option):
    text = configs.director_text("d1", configs.Vrrp("MASTER", 150), [configs.Virtual(80)],
                                 topo.server_addresses)
    done = config_test(topo["d1"], text, option)
    assert done.returncode == 0, done.stderr


def test_a_missing_file_exits_4(topo):
    done = topo["d1"].run(HEADGATED, "-t", "-f", "/nonexistent/headgate.conf", check=False)
    assert done.returncode == 4
    assert "/nonexistent/headgate.conf" in done.stdout + done.stderr


def test_five_mistakes_are_all_reported_with_line_and_remedy(topo):
    done = config_test(topo["d1"], FIVE_MISTAKES)
    output = done.stdout + done.stderr
    assert done.returncode in (4, 5)
    for line in (2, 4, 5, 6, 8):
        assert f"under-test.conf:{line}:" in output, f"line {line} is not reported:\n{output}"
    assert "priority" in output  # for prioritty
    assert "MASTER" in output    # for MASTR
    assert "255" in output       # the range of virtual_router_id


def test_a_file_that_is_usable_with_errors_exits_5(topo):
    text = configs.director_text("d1", configs.Vrrp("MASTER", 150)).replace(
        "    priority 150\n", "    priority 150\n    prioritty 100\n")
    done = config_test(topo["d1"], text)
    assert done.returncode == 5, done.stdout + done.stderr


def test_a_refused_reload_changes_nothing_and_says_so(balanced, topo):
    director = balanced(configs.Virtual(80, "rr"))
    dataplane = director.dataplane_pid()
    director.reload(FIVE_MISTAKES)
    wait_until(lambda: director.status().get("configError"), 5, "the error is reported")
    assert director.vrrp_state() == "MASTER"
    assert director.has_vip(VIP)
    assert director.dataplane_pid() == dataplane
    assert request_many(topo["c1"], VIP, 80, 9) == {"r1": 3, "r2": 3, "r3": 3}
    good = configs.director_text("d1", configs.Vrrp("MASTER", 150),
                                 [configs.Virtual(80, "rr")], topo.server_addresses)
    director.reload(good)
    wait_until(lambda: not director.status().get("configError"), 5, "the error is gone")
    assert director.vrrp_state() == "MASTER"


def test_the_example_pair_runs_as_the_readme_says(crew, topo):
    """The files of docs/examples, not a letter changed, with the flags of the README."""
    pair = {}
    for name, role in (("d1", "master"), ("d2", "backup")):
        (example,) = [path for path in EXAMPLES if path.stem.endswith(role)]
        pair[name] = crew.headgated(name)
        pair[name].start(example.read_text())
    pair["d1"].wait_state("MASTER", 15)
    pair["d2"].wait_state("BACKUP", 15)
    for director in pair.values():
        director.wait_serving(80, 3)
    assert request_many(topo["c1"], VIP, 80, 30) == {"r1": 10, "r2": 10, "r3": 10}
    assert pair["d1"].stop() == 0
    pair["d2"].wait_state("MASTER", 5)
    assert request_many(topo["c1"], VIP, 80, 30) == {"r1": 10, "r2": 10, "r3": 10}


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.name for path in EXAMPLES])
def test_every_example_is_a_good_file(topo, path):
    done = topo["d1"].run(HEADGATED, "-t", "-f", path, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
