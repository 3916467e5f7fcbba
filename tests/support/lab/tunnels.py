"""The other end of a tunnel (lb_kind TUN) on a host whose kernel has no tunnel devices.

The kernel's own IP layer takes the outer packets, puts their fragments together and checks the UDP
checksum; a thread here takes the packet out and gives it to the kernel on a TUN device, as the
tunnel devices of a kernel that has them do.
"""

import fcntl
import os
import socket
import struct

from . import namespace
from .network import family_of

TUNSETIFF = 0x400454ca
IFF_TUN = 0x0001
IFF_NO_PI = 0x1000
UDP_NO_CHECK6_RX = 102

GUE_PORT = 6080
GRE_CHECKSUM = 0x8000
ETHERTYPES = {4: 0x0800, 6: 0x86dd}


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


class Decapsulator:
    """Takes packets for the VIPs out of tunnels that end at `address`.

    `kind`: ipip, gre or gue. `sources`: where outer packets came from; `ports`: from which UDP
    ports; `wrong`: what was not as it should be.
    """

    def __init__(self, host, address, kind):
        self.kind = kind
        self.sources = set()
        self.ports = set()
        self.wrong = []
        self.count = 0
        self._closed = False
        self._is_v4 = family_of(address) == socket.AF_INET
        suffix = "/32" if self._is_v4 else "/128"
        host.ip("addr", "replace", address + suffix, "dev", "lo")
        self._host = host
        self._device = namespace.call_inside(host.namespace, self._open_device)
        host.ip("link", "set", "dec0", "up")
        for device in ("all", "dec0"):
            host.set_sysctl(f"net.ipv4.conf.{device}.rp_filter", 0)
        host.set_sysctl("net.ipv4.conf.dec0.forwarding", 0)
        self._sockets = namespace.call_inside(host.namespace, self._open_sockets, address)
        self._threads = [
            namespace.start_inside(host.namespace, self._serve, made, number)
            for number, made in self._sockets.items()]

    @staticmethod
    def _open_device():
        device = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", b"dec0", IFF_TUN | IFF_NO_PI))
        return device

    def _open_sockets(self, address):
        """By the IP protocol of the outer packet."""
        sockets = {}
        family = family_of(address)
        if self.kind == "gue":
            udp = socket.socket(family, socket.SOCK_DGRAM)
            if not self._is_v4:
                udp.setsockopt(socket.IPPROTO_UDP, UDP_NO_CHECK6_RX, 1)
            udp.bind((address, GUE_PORT))
            sockets[socket.IPPROTO_UDP] = udp
        else:
            for number in (4, 41) if self.kind == "ipip" else (47,):
                raw = socket.socket(family, socket.SOCK_RAW, number)
                raw.bind((address, 0))
                sockets[number] = raw
        for made in sockets.values():
            made.settimeout(0.2)
        return sockets

    def _serve(self, made, number):
        while not self._closed:
            try:
                data, sender = made.recvfrom(65536)
            except TimeoutError:
                continue
            except OSError:
                return
            self.sources.add(sender[0])
            self.count += 1
            packet = self._unwrap(data, sender, number)
            if packet:
                os.write(self._device, packet)

    def _unwrap(self, data, sender, number):
        if self._is_v4 and number != socket.IPPROTO_UDP:
            data = data[(data[0] & 15) * 4:]  # a raw socket of IPv4 sees the outer header
        if number in (4, 41):
            return self._inner(data, 4 if number == 4 else 6)
        if number == socket.IPPROTO_UDP:
            self.ports.add(sender[1])
            control, protocol, flags = struct.unpack("!BBH", data[:4])
            if control != 0 or flags != 0:
                self.wrong.append(f"GUE header {data[:4].hex()}")
            return self._inner(data[4:], 4 if protocol == 4 else 6)
        flags, ethertype = struct.unpack("!HH", data[:4])
        inner = data[8 if flags == GRE_CHECKSUM else 4:]
        if flags == GRE_CHECKSUM and checksum(data) != 0:
            self.wrong.append("GRE checksum")
        elif flags not in (0, GRE_CHECKSUM):
            self.wrong.append(f"GRE flags {flags:#x}")
        if ethertype not in ETHERTYPES.values():
            self.wrong.append(f"GRE type {ethertype:#x}")
        return self._inner(inner, 4 if ethertype == ETHERTYPES[4] else 6)

    def _inner(self, packet, version):
        if packet[0] >> 4 == version:
            return packet
        self.wrong.append(f"a packet of IP version {packet[0] >> 4} instead of {version}")
        return None

    def close(self):
        self._closed = True
        # A socket that somebody still waits for keeps its port.
        for thread in self._threads:
            thread.join()
        for made in self._sockets.values():
            made.close()
        os.close(self._device)
