"""Listens to VRRP adverts and gratuitous ARP on the lab's switch, as a host on the segment does."""

import dataclasses
import socket
import struct
import threading
import time

from . import namespace

ETH_P_ALL = 3
ETH_P_IP = 0x0800
ETH_P_ARP = 0x0806
IPPROTO_VRRP = 112


@dataclasses.dataclass(frozen=True)
class Advert:
    time: float
    source: str
    version: int
    vrid: int
    priority: int
    frame: bytes


@dataclasses.dataclass(frozen=True)
class GratuitousArp:
    time: float
    address: str
    mac: str


class Tap:
    """Records adverts and gratuitous ARPs that reach the host. A context manager."""

    def __init__(self, host):
        self._socket = namespace.call_inside(host.namespace, self._open)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self.adverts = []
        self.arps = []

    @staticmethod
    def _open():
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        tap.bind(("eth0", ETH_P_ALL))
        tap.settimeout(0.1)
        return tap

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        self._socket.close()

    def _listen(self):
        while not self._stop.is_set():
            try:
                frame = self._socket.recv(2048)
            except TimeoutError:
                continue
            self._record(time.monotonic(), frame)

    def _record(self, now, frame):
        (protocol,) = struct.unpack_from("!H", frame, 12)
        if protocol == ETH_P_IP and frame[23] == IPPROTO_VRRP:
            header = 14 + 4 * (frame[14] & 15)
            self.adverts.append(Advert(
                time=now, source=socket.inet_ntoa(frame[26:30]), version=frame[header] >> 4,
                vrid=frame[header + 1], priority=frame[header + 2], frame=frame))
        elif protocol == ETH_P_ARP and frame[28:32] == frame[38:42]:
            self.arps.append(GratuitousArp(now, socket.inet_ntoa(frame[28:32]),
                                           frame[22:28].hex(":")))

    def first_advert(self, source, since, priority_min=1):
        """The first advert from `source` after `since` that claims the VIP, or None."""
        return next((advert for advert in self.adverts if advert.source == source
                     and advert.time >= since and advert.priority >= priority_min), None)
