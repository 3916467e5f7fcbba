"""Adverts of every kind between Headgate and Debian's keepalived 2.2.7, in both roles.

All kinds run at once, an instance each: version 2 and 3, IPv4 and IPv6, multicast and unicast,
without and with PASS and AH. What keepalived sends is compared byte for byte in tests/unit/vrrp.
"""

import dataclasses
import time

import pytest

from lab.network import wait_until

ADDRESSES = {"d1": ("192.0.2.2", "fd00::2"), "d2": ("192.0.2.3", "fd00::3")}


@dataclasses.dataclass(frozen=True)
class Kind:
    vrid: int
    version: int
    ipv6: bool = False
    unicast: bool = False
    auth: str = ""

    @property
    def name(self):
        return f"VI_{self.vrid}"

    @property
    def vip(self):
        return f"2001:db8::{self.vrid}" if self.ipv6 else f"192.0.2.{self.vrid}"

    def text(self, own, other, state, priority):
        lines = [f"vrrp_instance {self.name} {{", f"state {state}", "interface eth0",
                 f"virtual_router_id {self.vrid}", f"priority {priority}", "advert_int 1",
                 f"version {self.version}"]
        if self.unicast:
            lines += [f"unicast_src_ip {ADDRESSES[own][self.ipv6]}", "unicast_peer {",
                      ADDRESSES[other][self.ipv6], "}"]
        if self.auth:
            lines += ["authentication {", f"auth_type {self.auth}", "auth_pass s3cret", "}"]
        vips = [f"fe80::{self.vrid}/64", f"{self.vip}/64"] if self.ipv6 else [f"{self.vip}/32"]
        return "\n".join(lines + ["virtual_ipaddress {"] + vips + ["}", "}", ""])


KINDS = [
    Kind(51, 2), Kind(52, 2, auth="PASS"), Kind(53, 2, auth="AH"), Kind(54, 3),
    Kind(55, 3, unicast=True), Kind(56, 2, unicast=True, auth="PASS"),
    Kind(57, 2, unicast=True, auth="AH"), Kind(58, 3, ipv6=True), Kind(59, 2, ipv6=True),
    Kind(60, 3, ipv6=True, unicast=True),
]


def text(own, other, state, priority):
    return "global_defs {\n    router_id lab\n}\n" + "".join(
        kind.text(own, other, state, priority) for kind in KINDS)


def holds(host, kind):
    found = host.ip("-o", "addr", "show", "dev", "eth0", "to", kind.vip)
    return kind.vip in found


def names_held(host):
    return {kind.name for kind in KINDS if holds(host, kind)}


ALL = {kind.name for kind in KINDS}


@pytest.fixture
def dual_stack(topo):
    for name, (_, address) in ADDRESSES.items():
        topo[name].set_sysctl("net.ipv6.conf.eth0.disable_ipv6", 0)
        topo[name].ip("addr", "replace", f"{address}/64", "dev", "eth0", "nodad")
        wait_until(lambda host=topo[name]: "tentative" not in host.ip(
            "-6", "addr", "show", "dev", "eth0", "scope", "link"), 10,
            f"{name} has a link-local address")
    yield
    for name in ADDRESSES:
        for kind in KINDS:
            for vip in (f"fe80::{kind.vrid}/64", f"{kind.vip}/64", f"{kind.vip}/32"):
                topo[name].ip("addr", "del", vip, "dev", "eth0", check=False)


@pytest.mark.usefixtures("dual_stack")
@pytest.mark.parametrize("master_kind", ["keepalived", "headgated"])
def test_every_kind_of_advert_is_understood_both_ways(crew, topo, master_kind):
    master = getattr(crew, master_kind)("d1")
    backup = getattr(crew, "headgated" if master_kind == "keepalived" else "keepalived")("d2")
    master.start(text("d1", "d2", "MASTER", 150))
    wait_until(lambda: names_held(topo["d1"]) == ALL, 15, "the master has every address")
    backup.start(text("d2", "d1", "BACKUP", 100))
    time.sleep(5)  # longer than the backup's patience: whom it does not understand, it replaces
    assert names_held(topo["d2"]) == set()
    assert names_held(topo["d1"]) == ALL

    # Priority 0 is understood, too: the backup waits for its skew time only.
    master.stop()
    wait_until(lambda: names_held(topo["d2"]) == ALL, 10, "the backup has every address")

    # And whoever comes back with a higher priority is obeyed.
    master.start()
    wait_until(lambda: names_held(topo["d1"]) == ALL, 15, "the master has every address again")
    wait_until(lambda: names_held(topo["d2"]) == set(), 5, "the backup has none")
