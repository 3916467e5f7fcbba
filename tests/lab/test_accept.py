"""no_accept: packets to the VIP are dropped, and who has it is answered all the same."""

import pytest

from lab.network import wait_until

VIP = "192.0.2.10"
VIP6 = "2001:db8:10::10"
TABLE = "lab_accept"
GLOBAL = f"global_defs {{\n    nftables {TABLE}\n    nftables_counters\n}}\n"


def config(lines, vip=VIP, priority=100):
    return f"""{GLOBAL}
vrrp_instance VI_1 {{
    state BACKUP
    interface eth0
    version 3
    virtual_router_id 51
    priority {priority}
    advert_int 0.5
    {lines}
    virtual_ipaddress {{
        {vip}
    }}
}}
"""


def pings(client, address):
    return client.run("ping", "-c1", "-W1", address, check=False).returncode == 0


def connects(client, address):
    return client.run("curl", "-s", "-m", "1", f"http://{address}:8080/",
                      check=False).returncode == 0


def knows_neighbour(client, address):
    return "lladdr" in client.ip("neigh", "show", "to", address)


def tables(host):
    return host.run("nft", "list", "tables").stdout


@pytest.fixture
def d1(crew, topo):
    for name in ("d1", "c1"):
        topo[name].set_sysctl("net.ipv6.conf.eth0.disable_ipv6", 0)
    yield crew.headgated("d1")
    topo["d1"].run("nft", "delete", "table", "inet", TABLE, check=False)
    for name in ("d1", "c1"):
        topo[name].set_sysctl("net.ipv6.conf.eth0.disable_ipv6", 1)


@pytest.fixture
def web(topo):
    server = topo["d1"].spawn("web", "python3", "-m", "http.server", "8080", "--bind", "::")
    wait_until(lambda: connects(topo["c1"], topo["d1"].address), 10, "the web server")
    yield server
    server.terminate()
    server.wait()


def start_master(director, text):
    director.start(text)
    director.wait_state("MASTER", 20)


def test_packets_to_the_vip_are_dropped_and_who_has_it_is_answered(d1, topo, web):
    client = topo["c1"]
    client.ip("neigh", "flush", "to", VIP)
    start_master(d1, config("no_accept"))
    assert not pings(client, VIP) and not connects(client, VIP)
    assert knows_neighbour(client, VIP)  # it is there to route by
    assert pings(client, d1.host.address) and connects(client, d1.host.address)
    # Nothing leaves from it either: replies to it could not come back.
    assert not d1.host.run("ping", "-c1", "-W1", "-I", VIP, client.address,
                           check=False).returncode == 0
    d1.reload(config("accept"))
    wait_until(lambda: pings(client, VIP) and connects(client, VIP), 5, "a reload with accept")
    assert TABLE not in tables(d1.host)
    d1.reload(config("no_accept"))
    wait_until(lambda: not pings(client, VIP), 5, "a reload with no_accept")
    assert d1.stop() == 0
    assert TABLE not in tables(d1.host)


def test_ipv6_neighbour_discovery_goes_on(d1, topo):
    client = topo["c1"]
    client.ip("-6", "addr", "add", "2001:db8:10::1/64", "dev", "eth0", "nodad")
    client.ip("-6", "neigh", "flush", "to", VIP6)
    start_master(d1, config("no_accept", vip=f"fe80::10/64\n        {VIP6}/64"))
    assert not pings(client, VIP6) and not pings(client, "fe80::10%eth0")
    assert knows_neighbour(client, VIP6) and knows_neighbour(client, "fe80::10")
    d1.reload(config("accept", vip=f"fe80::10/64\n        {VIP6}/64"))
    wait_until(lambda: pings(client, VIP6) and pings(client, "fe80::10%eth0"), 5, "accept")


def test_an_owner_takes_packets(d1, topo):
    start_master(d1, config("no_accept", priority=255))
    assert pings(topo["c1"], VIP)
    assert TABLE not in tables(d1.host)


def test_a_killed_daemon_leaves_the_drop_and_the_next_owns_it(d1, topo):
    start_master(d1, config("no_accept"))
    d1.kill_daemon()
    # Until the lease ends the address is here, and still takes nothing.
    assert not pings(topo["c1"], VIP)
    assert TABLE in tables(d1.host)
    d1.start(config("no_accept"))
    d1.wait_state("MASTER", 20)
    assert not pings(topo["c1"], VIP)
    d1.kill_daemon()
    d1.start(config("accept"))
    d1.wait_state("MASTER", 20)
    assert TABLE not in tables(d1.host)
    assert pings(topo["c1"], VIP)


def test_tables_of_others_are_not_touched(d1):
    d1.host.run("nft", "add", "table", "inet", "of_others")
    try:
        start_master(d1, config("no_accept"))
        assert d1.stop() == 0
        assert "of_others" in tables(d1.host)
    finally:
        d1.host.run("nft", "delete", "table", "inet", "of_others")
