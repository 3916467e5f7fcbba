"""Goal: requests get their answers by way of the kernel's IPVS, and of the bypass beside it, by
address and by firewall mark; a director without the address does not balance; counters survive a
SIGKILL.
"""

import dataclasses

from cluster import MASTER, PATIENCE_S, PORTS, SERVERS, VIP, config
from lab import configs
from lab.network import wait_until
from lab.traffic import request_many


def test_requests_are_shared_and_counted_over_a_sigkill(direct, hosts):
    director = direct()
    # So long that even this machine restarts it in time: its VRRP goes on as MASTER then.
    director.start(config("ipvs", vrrp=dataclasses.replace(MASTER, advert_int=3)).replace(
        "priority 150", "priority 150\n    vip_lease 6"))
    director.wait_up(80)
    assert request_many(hosts["c1"], VIP, 80, 20) == {"r1": 10, "r2": 10}
    wait_until(lambda: director.counted(80) == {address: 10 for address in SERVERS.values()},
               PATIENCE_S, "all are counted", interval_s=0.2)
    assert "on IPVS" in director.cli("status", check=False).stdout
    before = director.table()

    director.kill_daemon()
    director.start()
    director.wait_up(80)
    assert director.table() == before
    assert director.counted(80) == {address: 10 for address in SERVERS.values()}
    assert request_many(hosts["c1"], VIP, 80, 4) == {"r1": 2, "r2": 2}
    assert "put back" not in director.log()


def test_a_director_without_the_address_does_not_balance(direct):
    director = direct()
    director.start(config("ipvs", vrrp=configs.Vrrp("BACKUP", 100)))
    wait_until(director.status, PATIENCE_S, "it answers", interval_s=0.1)
    assert director.table() == ""
    director.wait_up(80)
    assert director.table().count("-a ") == 2
    peer = direct("d2")
    peer.start(configs.director_text("lb2", configs.Vrrp("MASTER", 200)))
    director.wait_state("BACKUP", PATIENCE_S)
    wait_until(lambda: director.table() == "", 5, "it has left IPVS", interval_s=0.1)
    peer.stop()
    director.wait_up(80)
    assert director.table().count("-a ") == 2


def test_nat_is_carried_beside_the_bypass(direct, hosts):
    director = direct()
    text = config("auto") + configs.virtual_text(
        configs.Virtual(81, weights=(1, 1)), list(SERVERS.values())).replace("lb_kind DR",
                                                                            "lb_kind NAT")
    director.start(text)
    director.wait_serving(80, 2, PATIENCE_S)
    director.wait_up(81)
    wait_until(lambda: director.placement(80) == "bypass", PATIENCE_S, "the bypass is up",
               interval_s=0.1)
    assert director.placement(81) == "ipvs: lb_kind NAT is not supported (supported: DR, TUN)"
    table = director.table()
    assert f"-a -t {VIP}:81 -r 192.0.2.11:81 -m" in table
    assert f"-a -t {VIP}:80 -r 192.0.2.11:80 -g" in table, "where it stands by"
    assert request_many(hosts["c2"], VIP, 81, 10) == {"r1": 5, "r2": 5}
    by_bypass = request_many(hosts["c1"], VIP, 80, 10)
    assert set(by_bypass) <= set(SERVERS) and by_bypass.total() == 10
    # The kernel brings its counters up to date every two seconds.
    wait_until(lambda: director.totals() == [10, 10], PATIENCE_S, "all are counted",
               interval_s=0.2)


def test_ipvs_takes_over_from_a_dataplane_that_does_not_come_up(direct, hosts):
    director = direct()
    director.dataplane = "/bin/false"
    director.start(config("auto"))
    wait_until(lambda: (director.placement(80) or "").startswith("ipvs: headgate-dataplane"),
               PATIENCE_S, "it is on IPVS", interval_s=0.1)
    director.wait_up(80)
    assert "exited with status 1" in director.placement(80)
    assert request_many(hosts["c1"], VIP, 80, 10) == {"r1": 5, "r2": 5}
    assert "IPVS takes over" in director.log()


MARKING = f"""table ip marking {{
    chain web {{
        type filter hook prerouting priority mangle;
        ip daddr {VIP} tcp dport {{ {", ".join(map(str, PORTS))} }} meta mark set 7
    }}
}}
"""


def test_a_firewall_mark_is_one_service_for_several_ports(direct, hosts):
    director = direct()
    virtual = configs.Virtual(80, weights=(1, 1), target="fwmark 7", check="TCP_CHECK")
    director.start(configs.director_text("lb", MASTER, [virtual], list(SERVERS.values())))
    rules = director.host.directory / "marking.nft"
    rules.write_text(MARKING)
    director.host.run("nft", "-f", rules)
    director.wait_up(0)
    assert director.placement(0) == "ipvs: it is selected by a firewall mark"
    assert director.table() == "-A -f 7 -s rr\n" + "".join(
        f"-a -f 7 -r {address}:0 -g -w 1\n" for address in SERVERS.values())
    director.wait_state("MASTER", PATIENCE_S)
    for port in PORTS:
        assert request_many(hosts["c1"], VIP, port, 10) == {"r1": 5, "r2": 5}
    wait_until(lambda: director.totals() == [20], PATIENCE_S, "all are counted", interval_s=0.2)
    assert "fwmark 7 is up: 2 of 2 real servers are up" in director.cli("why", "fwmark 7").stdout
    director.host.run("nft", "delete", "table", "ip", "marking")
