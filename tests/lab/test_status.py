"""`headgate status`: a table for people, JSON for programs, and an error when nobody answers."""

from lab import configs
from lab.directors import HEADGATE
from lab.traffic import request_many

VIP = configs.VIP


def test_json_tells_the_whole_state(balanced, topo):
    director = balanced(configs.Virtual(81, "wrr", weights=(3, 2, 1)))
    request_many(topo["c1"], VIP, 81, 12)
    status = director.status()
    assert status["routerId"] == "d1" and status["pid"] == director.process.pid
    instance = status["vrrp"][0]
    assert instance["name"] == "VI_1" and instance["state"] == "MASTER"
    assert instance["priority"] == 150 and instance["virtualRouterId"] == 51
    assert instance["vips"][0]["present"]
    virtual = status["virtualServers"][0]
    assert (virtual["address"], virtual["port"], virtual["scheduler"]) == (VIP, 81, "wrr")
    assert [real["weight"] for real in virtual["realServers"]] == [3, 2, 1]
    assert [int(real["stats"]["connections"]) for real in virtual["realServers"]] == [6, 4, 2]
    assert status["dataplane"]["ports"][0]["interface"] == "eth0"
    assert status["dataplane"]["ports"][0]["mode"] == "native copy"


def test_the_table_names_what_matters(balanced):
    director = balanced(configs.Virtual(80, "rr"))
    table = director.cli("status").stdout
    for word in ("VI_1", "MASTER", VIP, "192.0.2.10:80", "192.0.2.11", "192.0.2.13", "rr", "up",
                 "native"):
        assert word in table, f"{word} is not in:\n{table}"


def test_a_down_server_is_shown_with_its_reason(balanced, topo):
    director = balanced(configs.Virtual(80, "rr"))
    topo.web["r3"].stop()
    try:
        director.wait_serving(80, 2)
        done = director.cli("status", check=False)
    finally:
        topo.web["r3"].start()
    assert done.returncode == 1, "degraded"
    assert "down" in done.stdout and "L4CON" in done.stdout, done.stdout


def test_without_a_daemon_it_says_so(topo):
    done = topo["d1"].run(HEADGATE, "--run-dir", topo["d1"].directory / "nobody", "status",
                          check=False)
    assert done.returncode == 3
    assert "api.sock" in done.stderr
