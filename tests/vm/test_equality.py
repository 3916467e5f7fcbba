"""Goal: the kernel's table is the one that keepalived makes of the same configuration, to the byte
of `ipvsadm -S`, the order of services and servers included, since schedulers go by it.

Method: Debian's keepalived and headgated with `engine ipvs` load each configuration in turn.
"""

import pytest

from ipvs import ipvsadm, saved, settled, wait_saved

ENGINE = "dataplane {\n    engine ipvs\n}\n"

ALGORITHMS = ["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "sh", "mh", "dh", "fo", "ovf", "sed",
              "nq"]


def virtual(address="192.0.2.10 80", algorithm="rr", kind="DR", protocol="TCP", lines=(),
            servers=("10.0.0.11 80", "10.0.0.12 80")):
    """A virtual server; each of `servers` may have lines of its own behind a semicolon."""
    text = (f"virtual_server {address} {{\n    delay_loop 1\n    lb_algo {algorithm}\n"
            f"    lb_kind {kind}\n    protocol {protocol}\n")
    text += "".join(f"    {line}\n" for line in lines)
    for server in servers:
        endpoint, *own = server.split(";")
        body = "".join(f"        {line.strip()}\n" for line in own)
        text += f"    real_server {endpoint} {{\n{body}    }}\n"
    return text + "}\n"


GROUP = """virtual_server_group G {
    192.0.2.10 80
    192.0.2.20-22 81
    2001:db8::1 82
}
"""

MARKS = """virtual_server_group M {
    fwmark 9
    192.0.2.10 80
    fwmark 3
}
"""

FAILING = ("TCP_CHECK {", "connect_port 1", "connect_timeout 1", "retry 0", "}")

CONFIGS = {
    **{f"algorithm-{name}": virtual(algorithm=name, servers=(
        "10.0.0.11 80;weight 3", "10.0.0.12 80", "10.0.0.13 80;weight 7")) for name in ALGORITHMS},
    "nat": virtual(kind="NAT", servers=("10.0.0.11 8080", "10.0.0.12 8081")),
    "udp": virtual("192.0.2.10 53", protocol="UDP", servers=("10.0.0.11 53", "10.0.0.12 53")),
    "one-packet": virtual("192.0.2.10 53", protocol="UDP", lines=["ops"],
                          servers=("10.0.0.11 53",)),
    "sctp": virtual("192.0.2.10 36412", protocol="SCTP", servers=("10.0.0.11 36412",)),
    "ipv6": virtual("2001:db8::10 80", servers=("2001:db8::11 80", "2001:db8::12 80")),
    "persistence": virtual(lines=["persistence_timeout 50"]),
    "persistence-by-default": virtual(lines=["persistence_timeout"]),
    "granularity": virtual(lines=["persistence_timeout 600",
                                  "persistence_granularity 255.255.255.0"]),
    "granularity-ipv6": virtual("2001:db8::10 80", lines=["persistence_timeout 600",
                                                          "persistence_granularity 64"],
                                servers=("2001:db8::11 80",)),
    "every-port": virtual("192.0.2.10 0", lines=["persistence_timeout 100"],
                          servers=("10.0.0.11 0", "10.0.0.12 0")),
    "sh-flags": virtual(algorithm="sh", lines=["sh-port", "sh-fallback"]),
    "mh-flags": virtual(algorithm="mh", lines=["mh-port", "mh-fallback"]),
    "thresholds": virtual(servers=("10.0.0.11 80;uthreshold 100;lthreshold 50",
                                   "10.0.0.12 80;uthreshold 7")),
    "weights": virtual(algorithm="wrr", servers=("10.0.0.11 80;weight 0",
                                                 "10.0.0.12 80;weight 65535")),
    "tunnel": virtual(kind="TUN"),
    "tunnel-gue": virtual(kind="TUN type gue port 6080"),
    "tunnel-gue-csum": virtual(kind="TUN type gue port 6080 csum"),
    "tunnel-gue-remcsum": virtual(kind="TUN type gue port 6080 remcsum"),
    "tunnel-gre": virtual(kind="TUN type gre"),
    "tunnel-gre-csum": virtual(kind="TUN type gre csum"),
    "tunnel-to-the-other-family": virtual(kind="TUN", servers=("10.0.0.11 80",
                                                               "2001:db8::12 80")),
    "ways-of-servers": virtual(kind="DR", servers=(
        "10.0.0.11 80;lvs_method NAT", "10.0.0.12 80", "10.0.0.13 80;lvs_method TUN type gre")),
    "many": "".join(virtual(f"192.0.2.{10 + number} {80 + number % 3}",
                            algorithm=ALGORITHMS[number],
                            servers=[f"10.0.0.{11 + each} {80 + number % 3}"
                                     for each in range(number % 5 + 1)])
                    for number in range(13)),
    "group": GROUP + virtual("group G", kind="TUN", lines=["persistence_timeout 60"]),
    "marks": "".join((
        virtual("fwmark 1", servers=("10.0.0.11 80", "10.0.0.12 8080", "10.0.0.13")),
        virtual("fwmark 2", kind="NAT", servers=("10.0.0.11 80", "10.0.0.12 8080")),
        virtual("fwmark 3", servers=("2001:db8::11 80",)),
        virtual("fwmark 4", lines=["persistence_timeout 50", "ops"]),
        virtual("fwmark 5", kind="TUN", servers=("2001:db8::11 80", "10.0.0.11 80")),
        virtual("fwmark 3", kind="TUN", lines=["ip_family inet"]), virtual())),
    "marks-of-a-group": MARKS + virtual("group M", servers=("10.0.0.11 80",)),
    "marks-of-an-ipv6-group": MARKS.replace("192.0.2.10", "2001:db8::10") + virtual(
        "group M", kind="TUN"),
    "sip-and-flags": "".join((
        virtual("192.0.2.10 5060", protocol="UDP",
                lines=["persistence_timeout 60", "persistence_engine sip"],
                servers=("10.0.0.11 5060", "10.0.0.12 5060")),
        virtual("192.0.2.11 80", lines=["flag-1", "flag-3"]),
        virtual("192.0.2.12 80", algorithm="mh", lines=["flag-1", "flag-2", "flag-3"]))),
    "timeouts": "global_defs {\n    lvs_timeouts tcp 777 tcpfin 66 udp 55\n}\n" + virtual(),
    "failed-server": virtual(servers=("127.0.0.1 80;" + ";".join(FAILING), "10.0.0.12 80")),
    "inhibited-server": virtual(servers=("127.0.0.1 80;inhibit_on_failure;" + ";".join(FAILING),
                                         "10.0.0.12 80")),
}


# What a table has when the checks have had their say.
FAILED = {
    "failed-server": lambda table: "10.0.0.12" in table and "127.0.0.1" not in table,
    "inhibited-server": lambda table: "127.0.0.1:80 -g -w 0" in table,
}


@pytest.mark.parametrize("name", CONFIGS)
def test_the_table_is_keepaliveds(name, crew):
    config = CONFIGS[name]
    peer = crew.keepalived()
    peer.start(config)
    expected, timeouts = settled(FAILED.get(name, bool)), ipvsadm("-L", "--timeout")
    peer.stop()
    assert saved() == ""

    director = crew.headgated()
    director.start(config + ENGINE)
    wait_saved(expected, "the table of keepalived")
    assert ipvsadm("-L", "--timeout") == timeouts
    director.stop()
    assert saved() == ""
