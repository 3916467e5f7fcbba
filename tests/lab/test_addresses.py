"""What an instance holds beside its VIP, and static entries: seen in the kernel, as `ip` shows it.

Whatever somebody removes has to be back within 100 ms of our reading the notification; the bound
here leaves room for a busy machine.
"""

import json
import time

import pytest

from lab.network import wait_until

VIP = "192.0.2.10"
BACK_S = 1.0

HELD = """
    virtual_ipaddress {
        192.0.2.10/32 brd 192.0.2.255 scope link label eth0:vip
    }
    virtual_ipaddress_excluded {
        10.7.0.1/24 noprefixroute
        10.8.0.1 peer 10.8.0.2/30
        10.9.0.1/24 no_track
        2001:db8:7::1/64
        2001:db8:7::2
    }
    virtual_routes {
        198.51.100.0/24 via 192.0.2.11 src 192.0.2.10 table 1000 metric 7 mtu 1400
        198.51.103.0/24 via 192.0.2.11 src 192.0.2.10
        198.51.101.0/24 nexthop via 192.0.2.11 weight 2 nexthop via 192.0.2.12
        blackhole 203.0.113.0/24
        2001:db8:8::/48 dev eth0
    }
    virtual_rules {
        from 192.0.2.10 table 1000 preference 100
        inet6 fwmark 5/0xff table 1000 preference 101
    }
"""

STATIC = """
static_ipaddress {
    10.6.0.1/24 dev eth0
}
static_routes {
    198.51.102.0/24 via 10.6.0.2
}
static_rules {
    to 198.51.102.0/24 table main preference 90
}
"""


def config(priority=100, lines=HELD, outside=""):
    return f"""
vrrp_instance VI_1 {{
    state BACKUP
    interface eth0
    virtual_router_id 51
    priority {priority}
    advert_int 1
{lines}}}
{outside}"""


def addresses(host):
    listing = json.loads(host.ip("-j", "addr", "show", "dev", "eth0"))[0]["addr_info"]
    return {entry["local"]: entry for entry in listing}


def routes(host, *words):
    return {route["dst"]: route for route in json.loads(
        host.ip("-j", *words, "route", "show", "table", "all", "proto", "18") or "[]")}


def rules(host, family="-4"):
    return {rule["priority"]: rule for rule in json.loads(host.ip("-j", family, "rule", "show"))}


@pytest.fixture
def d1(crew, topo):
    topo["d1"].set_sysctl("net.ipv6.conf.eth0.disable_ipv6", 0)
    yield crew.headgated("d1")
    topo["d1"].set_sysctl("net.ipv6.conf.eth0.disable_ipv6", 1)


def start_master(director, text):
    director.start(text)
    director.wait_state("MASTER", 20)


def test_addresses_have_their_attributes_and_leases(d1):
    start_master(d1, config())
    seen = addresses(d1.host)
    vip = seen[VIP]
    assert vip["label"] == "eth0:vip" and vip["scope"] == "link"
    assert vip["broadcast"] == "192.0.2.255" and vip["valid_life_time"] <= 3
    assert seen["10.7.0.1"]["noprefixroute"]
    assert seen["10.8.0.1"]["address"] == "10.8.0.2" and seen["10.8.0.1"]["prefixlen"] == 30
    ipv6 = seen["2001:db8:7::1"]
    # Usable at once: nobody is asked whether he has it.
    assert ipv6["nodad"] and not ipv6.get("tentative") and ipv6["valid_life_time"] <= 3
    # No source for connections of this host.
    assert seen["2001:db8:7::2"]["deprecated"]
    assert not ipv6.get("deprecated")


def test_routes_and_rules_come_and_go_with_mastership(d1):
    start_master(d1, config())
    ipv4 = routes(d1.host, "-4")
    assert ipv4["198.51.100.0/24"]["table"] == "1000"
    assert ipv4["198.51.100.0/24"]["prefsrc"] == VIP and ipv4["198.51.100.0/24"]["metric"] == 7
    assert [hop["weight"] for hop in ipv4["198.51.101.0/24"]["nexthops"]] == [2, 1]
    assert ipv4["203.0.113.0/24"]["type"] == "blackhole"
    assert "2001:db8:8::/48" in routes(d1.host, "-6")
    assert rules(d1.host)[100]["src"] == VIP and 101 in rules(d1.host, "-6")
    assert d1.stop() == 0
    assert routes(d1.host, "-4") == {} and routes(d1.host, "-6") == {}
    assert 100 not in rules(d1.host) and 101 not in rules(d1.host, "-6")
    assert not {"10.7.0.1", "10.8.0.1", "2001:db8:7::1"} & set(addresses(d1.host))


def test_what_others_remove_comes_back_without_a_state_change(d1):
    start_master(d1, config())
    before = d1.status()["vrrp"][0]["becameMaster"]
    host = d1.host
    removed = [("addr", "del", "10.7.0.1/24", "dev", "eth0"),
               ("-6", "addr", "del", "2001:db8:7::1/64", "dev", "eth0"),
               ("route", "del", "198.51.100.0/24", "table", "1000"),
               ("route", "del", "blackhole", "203.0.113.0/24"),
               ("-6", "route", "del", "2001:db8:8::/48", "dev", "eth0"),
               ("rule", "del", "preference", "100"),
               # Its route goes with it, in silence.
               ("addr", "del", f"{VIP}/32", "dev", "eth0")]
    for words in removed:
        host.ip(*words)

        def is_back():
            return ({VIP, "10.7.0.1", "2001:db8:7::1"} <= set(addresses(host)) and
                    {"198.51.100.0/24", "198.51.103.0/24",
                     "203.0.113.0/24"} <= set(routes(host, "-4")) and
                    "2001:db8:8::/48" in routes(host, "-6") and 100 in rules(host))
        wait_until(is_back, BACK_S, f"back after ip {' '.join(words)}")
    host.ip("addr", "del", "10.9.0.1/24", "dev", "eth0")
    time.sleep(2.5)
    assert "10.9.0.1" not in addresses(host)  # no_track
    instance = d1.status()["vrrp"][0]
    assert instance["state"] == "MASTER" and instance["becameMaster"] == before


def test_a_killed_daemon_leaves_no_address_and_the_next_removes_its_routes(d1):
    start_master(d1, config())
    d1.kill_daemon()
    wait_until(lambda: not {VIP, "10.7.0.1", "2001:db8:7::1"} & set(addresses(d1.host)), 8,
               "the leases end")
    # Its source address took this one along, as it does in the main table; the others stay.
    assert "198.51.103.0/24" not in routes(d1.host, "-4")
    assert "203.0.113.0/24" in routes(d1.host, "-4") and 100 in rules(d1.host)
    d1.start(config(lines="    virtual_ipaddress {\n        192.0.2.10\n    }\n"))
    wait_until(lambda: routes(d1.host, "-4") == {} and 100 not in rules(d1.host) and
               101 not in rules(d1.host, "-6"), 10, "what was left behind is removed")


def test_static_entries_are_here_in_every_state(d1):
    host = d1.host
    d1.start(config(outside=STATIC))
    wait_until(lambda: "10.6.0.1" in addresses(host) and 90 in rules(host) and
               "198.51.102.0/24" in routes(host), 5, "static entries while BACKUP")
    # Not leased.
    assert addresses(host)["10.6.0.1"]["valid_life_time"] > 10000
    host.ip("addr", "del", "10.6.0.1/24", "dev", "eth0")
    host.ip("rule", "del", "preference", "90")
    wait_until(lambda: "10.6.0.1" in addresses(host) and 90 in rules(host) and
               "198.51.102.0/24" in routes(host), 3, "static entries put back")
    d1.reload(config(outside=STATIC.replace("10.6.0.1/24", "10.6.0.3/24")))
    wait_until(lambda: "10.6.0.3" in addresses(host) and "10.6.0.1" not in addresses(host), 5,
               "the reload changes one address")
    assert d1.stop() == 0
    assert "10.6.0.3" not in addresses(host) and 90 not in rules(host) and routes(host) == {}


def test_a_missing_static_entry_is_a_fault_for_its_track_group(d1):
    outside = """
track_group NEEDED {
    group {
        VI_1
    }
}
static_ipaddress {
    10.6.0.1/24 dev later0 track_group NEEDED
}
"""
    d1.start(config(outside=outside))
    d1.wait_state("FAULT", 10)
    d1.host.ip("link", "add", "later0", "type", "veth", "peer", "name", "later1")
    try:
        d1.host.ip("link", "set", "later0", "up")
        d1.wait_state("MASTER", 20)
    finally:
        d1.host.ip("link", "del", "later0")
    d1.wait_state("FAULT", 10)


def test_a_static_route_that_cannot_be_put_back_is_a_fault_for_its_track_group(d1):
    outside = """
track_group NEEDED {
    group {
        VI_1
    }
}
static_routes {
    198.51.104.0/24 via 10.4.0.2 track_group NEEDED
}
"""
    host = d1.host
    host.ip("addr", "add", "10.4.0.1/24", "dev", "eth0")
    start_master(d1, config(outside=outside))
    host.ip("route", "del", "198.51.104.0/24")
    wait_until(lambda: "198.51.104.0/24" in routes(host), BACK_S, "the route is put back")
    assert d1.vrrp_state() == "MASTER"
    # Its gateway cannot be reached any more.
    host.ip("addr", "del", "10.4.0.1/24", "dev", "eth0")
    host.ip("route", "del", "198.51.104.0/24", check=False)
    d1.wait_state("FAULT", 10)
    assert "198.51.104.0/24" in d1.status()["vrrp"][0]["reason"]
    assert VIP not in addresses(host)
    host.ip("addr", "add", "10.4.0.1/24", "dev", "eth0")
    d1.wait_state("MASTER", 20)
    assert "198.51.104.0/24" in routes(host)


def promotes(host):
    path = "/proc/sys/net/ipv4/conf/eth0/promote_secondaries"
    return host.run("cat", path).stdout.strip()


def test_promote_secondaries_is_on_while_it_is_wanted(d1):
    lines = "    virtual_ipaddress {\n        192.0.2.10\n    }\n"
    before = promotes(d1.host)
    d1.host.set_sysctl("net.ipv4.conf.eth0.promote_secondaries", 0)
    try:
        d1.start(config(lines=lines + "    promote_secondaries\n"))
        wait_until(lambda: promotes(d1.host) == "1", 5, "the switch is on")
        d1.reload(config(lines=lines))
        wait_until(lambda: promotes(d1.host) == "0", 5, "a reload without it puts it back")
        d1.reload(config(lines=lines + "    promote_secondaries\n"))
        wait_until(lambda: promotes(d1.host) == "1", 5, "the switch is on again")
        assert d1.stop() == 0
        assert promotes(d1.host) == "0"
    finally:
        d1.host.set_sysctl("net.ipv4.conf.eth0.promote_secondaries", before)
