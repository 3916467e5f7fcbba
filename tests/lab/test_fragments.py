"""Datagrams larger than the MTU and ICMP errors about them reach the right real server.

Method: one director, three UDP echo servers behind the VIP; the client's kernel cuts the datagrams
into fragments. A host that is no part of a connection sends the errors, by a raw socket.
"""

import socket
import struct

import pytest

from lab import configs, namespace
from lab.servers import DatagramEchoServer
from lab.traffic import exchange_datagrams, exchange_sizes, send_with_hops

VIP = configs.VIP
PORT = 7007
LARGE = 4000  # three fragments on Ethernet


@pytest.fixture
def echoes(topo):
    made = [DatagramEchoServer(topo[name], VIP, PORT) for name in ("r1", "r2", "r3")]
    yield made
    for echo in made:
        echo.close()


def reasons(director):
    return {entry["name"]: int(entry.get("count", 0))
            for entry in director.status()["dataplane"]["reasons"]}


@pytest.mark.usefixtures("echoes")
def test_large_and_small_datagrams_of_a_flow_reach_the_same_server(balanced, topo):
    director = balanced(configs.Virtual(PORT, "rr", check="none", protocol="UDP"))
    before = reasons(director)
    servers = exchange_sizes(topo["c1"], VIP, PORT, 9, (LARGE, 5, LARGE))
    assert servers == {"r1": 3, "r2": 3, "r3": 3}
    counted = reasons(director)
    assert counted["connection_created"] - before["connection_created"] == 9
    # Nothing of it went to the kernel, whose own reassembly would have found no listener.
    assert counted["fragment"] == before["fragment"]
    assert counted["fragment_early"] == 0 and counted["fragment_given_up"] == 0


@pytest.mark.usefixtures("echoes")
def test_a_client_learns_that_its_packet_died_at_the_director(balanced, topo):
    director = balanced(configs.Virtual(PORT, "rr", check="none", protocol="UDP"))
    assert send_with_hops(topo["c1"], VIP, PORT, 1) == "EHOSTUNREACH"
    assert send_with_hops(topo["c1"], VIP, PORT, 2) in ("r1", "r2", "r3")
    counted = reasons(director)
    assert counted["hops_exceeded"] == 1 and counted["icmp_answered"] == 1


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def port_unreachable(vip, client):
    """An ICMP message that quotes a datagram from the VIP's service to the client's socket."""
    address, port = client
    quote = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28, 1, 0, 64, socket.IPPROTO_UDP, 0,
                        socket.inet_aton(vip), socket.inet_aton(address))
    quote += struct.pack("!HHHH", PORT, port, 8, 0)
    body = struct.pack("!BBHI", 3, 3, 0, 0) + quote
    return body[:2] + struct.pack("!H", checksum(body)) + body[4:]


@pytest.mark.usefixtures("echoes")
def test_an_icmp_error_reaches_the_server_that_it_is_about(balanced, topo):
    director = balanced(configs.Virtual(PORT, "rr", check="none", protocol="UDP"))
    assert exchange_datagrams(topo["c1"], VIP, PORT, 3) == {"r1": 1, "r2": 1, "r3": 1}

    def open_flow():
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.settimeout(3)
        client.connect((VIP, PORT))
        client.send(b"hello")
        return client, client.recv(2048).split()[0].decode(), client.getsockname()

    def icmp_received(name):
        """Port unreachable messages that the host's kernel has taken."""
        text = topo[name].run("nstat", "-asz", "IcmpInDestUnreachs").stdout
        return int(text.split("IcmpInDestUnreachs")[1].split()[0])

    client, server, address = namespace.call_inside(topo["c1"].namespace, open_flow)
    try:
        before = {name: icmp_received(name) for name in ("r1", "r2", "r3")}

        def send_errors():
            with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
                for _ in range(5):
                    raw.sendto(port_unreachable(VIP, address), (VIP, 0))
                    raw.sendto(port_unreachable(VIP, (address[0], 9)), (VIP, 0))
        namespace.call_inside(topo["c2"].namespace, send_errors)
        counted = reasons(director)
        assert counted["icmp_error_forwarded"] == 5
        assert counted["icmp_unrelated"] == 5
        for name, count in before.items():
            assert icmp_received(name) - count == (5 if name == server else 0), (name, server)
    finally:
        client.close()
    assert topo["c1"].run("ping", "-c", "2", "-W", "1", "-q", VIP).returncode == 0
