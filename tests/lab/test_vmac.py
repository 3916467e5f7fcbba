"""use_vmac: the VIP keeps its MAC address when it moves, alone and beside keepalived 2.2.7."""

import json
import pathlib
import time

import pytest

from lab import configs, namespace
from lab.adverts import Tap
from lab.network import wait_until
from lab.traffic import request_many

VIP = "192.0.2.10"
VMAC = "00:00:5e:00:01:33"
DEVICE = "vrrp.51"


def config(state="BACKUP", priority=100, lines="use_vmac", advert_int=1):
    return f"""
vrrp_instance VI_1 {{
    state {state}
    interface eth0
    version 3
    virtual_router_id 51
    priority {priority}
    advert_int {advert_int}
    {lines}
    virtual_ipaddress {{
        {VIP}/32
    }}
}}
"""


def link(host, device=DEVICE):
    listing = host.ip("-j", "-d", "link", "show", "dev", device, check=False)
    return json.loads(listing)[0] if listing else None


def has_vip(host, device=DEVICE):
    # The device may go at any time.
    listing = host.ip("-j", "addr", "show", "dev", device, check=False)
    return any(entry.get("local") == VIP for entry in (
        json.loads(listing)[0]["addr_info"] if listing else []))


def learned_mac(client):
    entries = json.loads(client.ip("-j", "neigh", "show", "to", VIP) or "[]")
    return entries[0].get("lladdr") if entries else None


def pings(client):
    return client.run("ping", "-c1", "-W1", VIP, check=False).returncode == 0


def switch_of(host, name, device="eth0"):
    path = pathlib.Path(f"/proc/sys/net/ipv4/conf/{device}/{name}")
    return namespace.call_inside(host.namespace, path.read_text).strip()


def start_master(director, text):
    director.start(text)
    wait_until(lambda: has_vip(director.host), 20, "the VIP is on the interface of its MAC address")


@pytest.fixture(autouse=True)
def clean(topo):
    yield
    for name in ("d1", "d2"):
        topo[name].ip("link", "del", DEVICE, check=False)
    topo["c1"].ip("neigh", "flush", "dev", "eth0")


def test_the_vip_has_the_mac_address_of_the_virtual_router(crew, topo):
    director, client = crew.headgated("d1"), topo["c1"]
    names = ("arp_ignore", "arp_filter", "arp_announce")
    before = {name: switch_of(director.host, name) for name in names}
    with Tap(client) as tap:
        start_master(director, config())
        assert pings(client)
        time.sleep(1.2)
    assert learned_mac(client) == VMAC
    device = link(director.host)
    assert device["address"] == VMAC
    assert device["linkinfo"]["info_data"]["mode"] == "vepa"
    assert VIP not in director.host.addresses("eth0")
    frames = {advert.frame[6:12].hex(":") for advert in tap.adverts}
    assert frames == {VMAC}
    assert {advert.source for advert in tap.adverts} == {director.host.address}
    assert {arp.mac for arp in tap.arps if arp.address == VIP} == {VMAC}
    assert [switch_of(director.host, name) for name in names] == ["1", "1", "2"]
    assert director.stop() == 0
    assert link(director.host) is None
    assert before == {name: switch_of(director.host, name) for name in before}


@pytest.mark.parametrize("kinds", [("headgated", "headgated"), ("headgated", "keepalived"),
                                   ("keepalived", "headgated")])
def test_a_failover_keeps_the_mac_address(crew, topo, kinds):
    master, backup = (getattr(crew, kind)(name) for kind, name in zip(kinds, ("d1", "d2")))
    client = topo["c1"]
    master.start(config("MASTER", 150))
    backup.start(config("BACKUP", 100))
    wait_until(lambda: has_vip(master.host), 15, "the master has the VIP")
    time.sleep(4.5)  # longer than the backup's patience: it hears the master
    assert not has_vip(backup.host) and pings(client) and learned_mac(client) == VMAC
    master.stop()
    wait_until(lambda: has_vip(backup.host), 10, "the backup takes over")
    wait_until(lambda: pings(client), 5, "the VIP answers")
    assert learned_mac(client) == VMAC
    master.start()
    wait_until(lambda: has_vip(master.host) and not has_vip(backup.host), 15, "and gives it back")
    wait_until(lambda: pings(client), 5, "the VIP answers")
    assert learned_mac(client) == VMAC


def test_adverts_may_come_from_the_interface_below(crew, topo):
    director = crew.headgated("d1")
    with Tap(topo["c1"]) as tap:
        start_master(director, config(lines="use_vmac\n    vmac_xmit_base"))
        time.sleep(1.2)
    assert {advert.frame[6:12].hex(":") for advert in tap.adverts} == {director.host.mac()}
    assert {arp.mac for arp in tap.arps if arp.address == VIP} == {VMAC}


def test_a_killed_daemon_leaves_the_interface_and_the_next_adopts_it(crew):
    director = crew.headgated("d1")
    start_master(director, config())
    index = link(director.host)["ifindex"]
    director.kill_daemon()
    wait_until(lambda: not has_vip(director.host), 8, "the lease ends")
    start_master(director, config())
    assert link(director.host)["ifindex"] == index
    director.reload(config(lines=""))
    wait_until(lambda: link(director.host) is None and has_vip(director.host, "eth0"), 15,
               "a reload without use_vmac")


def test_an_interface_that_is_removed_is_made_anew(crew):
    director = crew.headgated("d1")
    start_master(director, config())
    director.host.ip("link", "del", DEVICE)
    wait_until(lambda: has_vip(director.host), 10, "it is there again, with the VIP")
    assert link(director.host)["address"] == VMAC


def test_an_interface_of_the_name_with_another_mac_address_is_replaced(crew):
    director = crew.headgated("d1")
    director.host.ip("link", "add", DEVICE, "link", "eth0", "address", "02:00:00:00:00:01",
                     "type", "macvlan", "mode", "private")
    start_master(director, config())
    assert link(director.host)["address"] == VMAC


def add_base(host):
    host.ip("link", "add", "base0", "type", "veth", "peer", "name", "base1")
    for name in ("base0", "base1"):
        host.ip("link", "set", name, "up")
    host.ip("addr", "add", "10.5.0.1/24", "dev", "base0")


def test_the_interface_below_comes_and_goes(crew):
    director = crew.headgated("d1")
    host = director.host
    add_base(host)
    try:
        start_master(director, config().replace("eth0", "base0"))
        host.ip("link", "del", "base0")
        director.wait_state("FAULT", 5)
        assert link(host) is None
        add_base(host)
        wait_until(lambda: has_vip(host), 15, "it is made on the new one")
        assert switch_of(host, "arp_ignore", "base0") == "1"
    finally:
        host.ip("link", "del", "base0", check=False)


@pytest.fixture
def ipv6(topo):
    for name in ("d1", "d2", "c1"):
        topo[name].set_sysctl("net.ipv6.conf.eth0.disable_ipv6", 0)
    yield
    for name in ("d1", "d2", "c1"):
        topo[name].set_sysctl("net.ipv6.conf.eth0.disable_ipv6", 1)


def ipv6_config(priority):
    return config(priority=priority).replace(f"{VIP}/32", "fe80::10/64\n        2001:db8:10::10/64")


@pytest.mark.usefixtures("ipv6")
def test_ipv6_has_a_mac_address_of_its_own(crew, topo):
    master, backup, client = crew.headgated("d1"), crew.headgated("d2"), topo["c1"]
    client.ip("-6", "addr", "add", "2001:db8:10::1/64", "dev", "eth0", "nodad")
    master.start(ipv6_config(150))
    backup.start(ipv6_config(100))
    master.wait_state("MASTER", 20)
    time.sleep(4.5)  # longer than the backup's patience: it hears the master
    assert backup.vrrp_state() == "BACKUP"

    def answers():
        return client.run("ping", "-c1", "-W1", "2001:db8:10::10", check=False).returncode == 0

    def learned():
        entries = json.loads(client.ip("-j", "neigh", "show", "to", "2001:db8:10::10") or "[]")
        return entries[0].get("lladdr") if entries else None

    assert answers() and learned() == "00:00:5e:00:02:33"
    # None that the kernel makes from the MAC address, which both would have.
    assert not [entry for entry in json.loads(
        backup.host.ip("-j", "addr", "show", "dev", "vrrp6.51"))[0]["addr_info"]]
    master.stop()
    backup.wait_state("MASTER", 10)
    wait_until(answers, 5, "the VIP answers")
    assert learned() == "00:00:5e:00:02:33"


def add_second(host):
    host.ip("link", "add", "eth1", "type", "veth", "peer", "name", "peer1")
    for name in ("eth1", "peer1"):
        host.ip("link", "set", name, "up")


def macs_by_address(host):
    """The MAC address of the interface that has it, for each address."""
    return {entry["local"]: interface["address"]
            for interface in json.loads(host.ip("-j", "addr", "show"))
            for entry in interface["addr_info"]}


@pytest.mark.parametrize("lines, word", [("use_vmac_addr", ""), ("use_vmac\n    use_vmac_addr", ""),
                                         ("", "use_vmac")])
def test_addresses_elsewhere_have_a_mac_address_of_their_own(crew, lines, word):
    director = crew.headgated("d1")
    host = director.host
    add_second(host)
    try:
        director.start(config(lines=f"""{lines}
    virtual_ipaddress_excluded {{
        10.9.0.1/24 dev eth1 {word}
    }}"""))
        wait_until(lambda: {VIP, "10.9.0.1"} <= set(macs_by_address(host)), 20, "it is MASTER")
        found = macs_by_address(host)
        assert found["10.9.0.1"] == VMAC
        assert found[VIP] == (VMAC if "use_vmac\n" in lines else host.mac())
        assert link(host, "vrrp.51.1")["link"] == "eth1"
        assert director.stop() == 0
        assert link(host, "vrrp.51.1") is None and link(host) is None
    finally:
        host.ip("link", "del", "eth1", check=False)


def test_what_a_killed_daemon_leaves_is_removed_and_put_back_by_the_next(crew):
    director = crew.headgated("d1")
    host = director.host
    names = ("arp_ignore", "arp_filter", "arp_announce")
    for name in names:
        host.set_sysctl(f"net.ipv4.conf.eth0.{name}", 0)
    host.ip("link", "add", "mine", "link", "eth0", "type", "macvlan", "mode", "vepa")
    host.ip("link", "set", "mine", "alias", "headgate of my own")
    try:
        for _ in range(2):  # also by one that has adopted it itself
            start_master(director, config())
            director.kill_daemon()
        assert link(host) is not None and switch_of(host, "arp_filter") == "1"
        director.start(config(lines=""))
        wait_until(lambda: link(host) is None and has_vip(host, "eth0"), 15,
                   "the next removes it")
        assert [switch_of(host, name) for name in names] == ["0", "0", "0"]
        assert link(host, "mine") is not None
    finally:
        host.ip("link", "del", "mine", check=False)


def test_the_interface_of_another_daemon_stays(crew):
    director, other = crew.headgated("d1"), crew.headgated("d2")
    other.host, other.log_name = director.host, "other"  # in one network namespace
    start_master(director, config())
    index = link(director.host)["ifindex"]
    other.config.write_text(config(lines="").replace("virtual_router_id 51", "virtual_router_id 52")
                            .replace(VIP, "192.0.2.20"))
    other.start()
    wait_until(lambda: "192.0.2.20" in director.host.addresses("eth0"), 20, "both are MASTER")
    assert has_vip(director.host) and link(director.host)["ifindex"] == index
    other.stop()


def has_ipvlan(host):
    made = host.run("ip", "link", "add", "probe", "link", "eth0", "type", "ipvlan", check=False)
    host.ip("link", "del", "probe", check=False)
    return made.returncode == 0


def test_a_kernel_without_ipvlan_is_a_fault_that_says_so(crew, topo):
    """use_ipvlan could not be run on a kernel that has it; what the kernel is asked for is in the
    unit tests."""
    director = crew.headgated("d1")
    if has_ipvlan(director.host):
        pytest.skip("the kernel has ipvlan")
    director.start(config(lines="use_ipvlan 192.0.2.99"))
    director.wait_state("FAULT", 10)
    reason = "interface vrrp.51 cannot be made on eth0: the kernel has no ipvlan"
    assert reason in director.status()["vrrp"][0]["reason"]
    assert reason in director.cli("why", "VI_1").stdout
    assert director.log().count(f"{reason} (") >= 1
    director.reload(config(lines="use_vmac"))
    wait_until(lambda: has_vip(director.host), 15, "a reload that asks for something else")


def carried(servers, port, vip="192.0.2.20"):
    """An instance without use_vmac, and a virtual server on its address."""
    text = configs.vrrp_text(configs.Vrrp("MASTER", 150, vip=vip))
    text = text.replace("VI_1", "VI_2").replace("router_id 51", "router_id 52")
    return text + configs.virtual_text(configs.Virtual(port), servers).replace(VIP, vip)


def test_a_virtual_server_on_the_vip_is_left_to_the_kernel(crew, topo):
    director, client, servers = crew.headgated("d1"), topo["c1"], topo.server_addresses
    reason = "its address has a MAC address of its own (use_vmac)"
    start_master(director, config() + carried(servers, 81) + configs.virtual_text(
        configs.Virtual(80), servers))
    director.wait_serving(81, 3)  # so the dataplane has its program on the same interface
    placements = {virtual["port"]: virtual["placement"]
                  for virtual in director.status()["virtualServers"]}
    # IPVS takes it where the kernel has it.
    assert reason in placements[80] and placements[81] == "bypass"
    assert reason in director.cli("status", check=False).stdout
    assert reason in director.cli("why", f"{VIP}:80", check=False).stdout
    assert pings(client) and learned_mac(client) == VMAC
    assert sum(request_many(client, "192.0.2.20", 81, 30).values()) == 30
    assert pings(client)
