"""Clients: counted requests, a request every 10 ms with gaps measured, long-lived connections.

All times are time.monotonic() of this machine, in seconds.
"""

import collections
import concurrent.futures
import dataclasses
import errno
import http.client
import itertools
import random
import socket
import struct
import threading
import time

from . import namespace
from .network import family_of

# linux/in.h and linux/in6.h: ICMP errors become errors of the socket.
IP_RECVERR = 11
IPV6_RECVERR = 25


@dataclasses.dataclass(frozen=True)
class Request:
    start: float
    end: float
    server: str | None  # the name that answered; None when the request failed
    error: str | None


def request_once(address, port, timeout_s):
    """One HTTP request on a connection of its own, in the calling thread's namespace."""
    start = time.monotonic()
    connection = http.client.HTTPConnection(address, port, timeout=timeout_s)
    try:
        connection.request("GET", "/", headers={"Connection": "close"})
        response = connection.getresponse()
        body = response.read().decode().strip()
        if response.status != 200:
            return Request(start, time.monotonic(), None, f"HTTP {response.status}")
        return Request(start, time.monotonic(), body, None)
    except (OSError, http.client.HTTPException) as error:
        return Request(start, time.monotonic(), None, type(error).__name__)
    finally:
        connection.close()


def request_many(host, address, port, count, timeout_s=2.0):
    """`count` requests from the host, one after the other; how many each server answered.

    A failed request is counted under its error.
    """
    def run():
        return [request_once(address, port, timeout_s) for _ in range(count)]
    requests = namespace.call_inside(host.namespace, run)
    return collections.Counter(request.server or request.error for request in requests)


class Prober:
    """Sends a request every `interval_s` from the host, whatever became of the ones before.

    Use it as a context manager; the requests are complete after the block.
    """

    def __init__(self, host, address, port, interval_s=0.010, timeout_s=0.25):
        self._host = host
        self._target = (address, port, timeout_s)
        self._interval_s = interval_s
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._requests = []
        # Enough threads that requests which wait for their time-out never hold up the next one.
        self._pool = concurrent.futures.ThreadPoolExecutor(
            max_workers=int(timeout_s / interval_s) + 16,
            initializer=namespace.enter, initargs=(host.namespace,))
        self._pacer = threading.Thread(target=self._pace, daemon=True)

    def __enter__(self):
        self._pacer.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._pacer.join()
        self._pool.shutdown(wait=True)

    def _pace(self):
        due = time.monotonic()
        while not self._stop.is_set():
            self._pool.submit(self._request)
            due += self._interval_s
            time.sleep(max(0.0, due - time.monotonic()))

    def _request(self):
        request = request_once(*self._target)
        with self._lock:
            self._requests.append(request)

    def requests(self, since=0.0, until=float("inf")):
        """The ended requests that were started in the interval, in order of their start."""
        with self._lock:
            chosen = [r for r in self._requests if since <= r.start <= until]
        return sorted(chosen, key=lambda request: request.start)

    def failed(self, since=0.0, until=float("inf")):
        return [r for r in self.requests(since, until) if r.error]

    def servers(self, since=0.0, until=float("inf")):
        return {r.server for r in self.requests(since, until) if r.server}

    def last_failure(self, since):
        """The time at which the last failed request was started, or `since`."""
        return max((r.start for r in self.failed(since)), default=since)

    def gap(self, since, until=float("inf")):
        """The longest time without an answer, beginning at the last answer before `since`."""
        with self._lock:
            answers = sorted(r.end for r in self._requests if r.server and r.end <= until)
        before = [end for end in answers if end < since][-1:]
        answers = before + [end for end in answers if end >= since]
        return max((b - a for a, b in zip(answers, answers[1:])), default=float("inf"))


class Sessions:
    """`count` TCP connections that stay open and exchange a line every 50 ms each.

    Use it as a context manager. `broken` lists what happened to those that did not live on.
    """

    def __init__(self, host, address, port, count):
        self.servers = []
        self.broken = []
        self.exchanges = 0
        self._stop = threading.Event()
        self._streams = namespace.call_inside(host.namespace, self._open, address, port, count)
        self._thread = threading.Thread(target=self._talk, daemon=True)

    def _open(self, address, port, count):
        streams = []
        for _ in range(count):
            connection = socket.create_connection((address, port), timeout=3)
            stream = connection.makefile("rwb")
            self.servers.append(stream.readline().decode().strip())
            streams.append((connection, stream))
        return streams

    def _talk(self):
        alive = list(self._streams)
        while not self._stop.is_set():
            for pair in list(alive):
                line = f"{self.exchanges}\n".encode()
                try:
                    pair[1].write(line)
                    pair[1].flush()
                    answer = pair[1].readline()
                    if answer != line:
                        raise OSError(f"sent {line!r}, received {answer!r}")
                    self.exchanges += 1
                except OSError as error:
                    self.broken.append(repr(error))
                    alive.remove(pair)
            self._stop.wait(0.05)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._stop.set()
        self._thread.join()
        for connection, stream in self._streams:
            try:
                stream.close()
            except OSError:
                pass
            connection.close()


class SynFlood:
    """SYNs from addresses drawn at random, as fast as Python can, while the block runs.

    Their TCP checksums are wrong, which only a real server sees: it is not what is tested.
    """

    def __init__(self, host, address, port):
        self.sent = 0
        self._target = address
        self._rest = struct.pack("!HIIBBHHH", port, 1, 0, 5 << 4, 2, 65535, 0, 0)
        self._stop = threading.Event()
        self._socket = namespace.call_inside(
            host.namespace, socket.socket, socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self._thread = threading.Thread(target=self._send, daemon=True)

    def _send(self):
        draw = random.Random(1)
        destination = socket.inet_aton(self._target)
        while not self._stop.is_set():
            # A client's first octet: no address that cannot be one.
            source = bytes([draw.randint(1, 126)]) + draw.randbytes(3)
            header = struct.pack("!BBHHHBBH", 0x45, 0, 40, 0, 0, 64, socket.IPPROTO_TCP, 0)
            port = struct.pack("!H", draw.randint(1024, 65535))
            self._socket.sendto(header + source + destination + port + self._rest,
                                (self._target, 0))
            self.sent += 1

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        self._socket.close()


# Of datagrams: the kernel draws ports at random, and now and then one that it has had before, which
# is no new connection.
source_ports = itertools.count(20000)


def exchange_datagrams(host, address, port, count):
    """Sends `count` datagrams from as many source ports; how many each server answered."""
    def run():
        answers = collections.Counter()
        for number, source_port in enumerate(ports):
            with socket.socket(family_of(address), socket.SOCK_DGRAM) as client:
                client.bind(("", source_port))
                client.settimeout(2)
                client.connect((address, port))
                client.send(str(number).encode())
                server, echoed = client.recv(2048).decode().split()
                answers[server if echoed == str(number) else f"wrong: {echoed}"] += 1
        return answers
    ports = list(itertools.islice(source_ports, count))
    return namespace.call_inside(host.namespace, run)


def exchange_sizes(host, address, port, count, sizes):
    """From `count` ports one datagram of each size; how many ports each server answered.

    A port that several servers answered is counted under all their names.
    """
    def run():
        answers = collections.Counter()
        for source_port in ports:
            with socket.socket(family_of(address), socket.SOCK_DGRAM) as client:
                client.bind(("", source_port))
                client.settimeout(3)
                client.connect((address, port))
                servers = set()
                for size in sizes:
                    payload = bytes(number % 251 for number in range(size))
                    client.send(payload)
                    server, echoed = client.recv(65535).split(b" ", 1)
                    servers.add(server.decode() if echoed == payload else "wrong")
                answers["+".join(sorted(servers))] += 1
        return answers
    ports = list(itertools.islice(source_ports, count))
    return namespace.call_inside(host.namespace, run)


def send_with_hops(host, address, port, hops):
    """A datagram with that TTL or hop limit: the server that answered, or the error's name."""
    def run():
        with socket.socket(family_of(address), socket.SOCK_DGRAM) as client:
            client.settimeout(3)
            if client.family == socket.AF_INET:
                client.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, hops)
                client.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
            else:
                client.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, hops)
                client.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
            client.connect((address, port))
            try:
                client.send(b"ping")
                return client.recv(2048).split()[0].decode()
            except OSError as error:
                return errno.errorcode.get(error.errno, type(error).__name__)
    return namespace.call_inside(host.namespace, run)


def echo_bulk(host, address, port, num_bytes):
    """Sends num_bytes through an EchoServer in full-sized frames; whether they came back right."""
    def run():
        line = bytes(range(32, 127)) * (num_bytes // 95) + b"\n"
        with socket.create_connection((address, port), timeout=20) as client:
            stream = client.makefile("rb")
            stream.readline()
            sender = threading.Thread(target=client.sendall, args=(line,), daemon=True)
            sender.start()
            echoed = stream.readline()
            sender.join()
            return echoed == line
    return namespace.call_inside(host.namespace, run)
