"""Real servers: nginx that says its own name, and an echo service for long connections."""

import signal
import socketserver
import time

from . import namespace
from .network import family_of, wait_until

NGINX_CONFIG = """\
daemon off;
user root;
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/nginx-error.log warn;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    keepalive_timeout 0;
    server {{
        {listen}
        location = / {{ return 200 "{name}\\n"; }}
        location ~ ^/(status|healthz)$ {{ return 200 "ok\\n"; }}
        location = /broken {{ return 503 "out of order\\n"; }}
    }}
}}
"""


class WebServer:
    """nginx on a host: / answers with the name of the host, /status and /healthz with ok."""

    def __init__(self, host, vip, ports, vip6=None):
        self.host = host
        self.name = host.name
        self.address = host.address
        self.ports = ports
        self.process = None
        # Direct routing: the VIP is on the loopback, and ARP does not speak of it.
        host.ip("addr", "add", f"{vip}/32", "dev", "lo")
        host.set_sysctl("net.ipv4.conf.all.arp_ignore", 1)
        host.set_sysctl("net.ipv4.conf.all.arp_announce", 2)
        listen = [f"listen {port} backlog=511;" for port in ports]
        if vip6:
            # Neighbour discovery speaks of an interface's own addresses only.
            host.ip("addr", "add", f"{vip6}/128", "dev", "lo")
            listen += [f"listen [::]:{port} backlog=511 ipv6only=on;" for port in ports]
        self.config = host.directory / "nginx.conf"
        self.config.write_text(NGINX_CONFIG.format(
            directory=host.directory, name=host.name,
            listen=" ".join(listen)))

    def start(self):
        self.process = self.host.spawn("nginx", "nginx", "-p", self.host.directory,
                                       "-e", self.host.directory / "nginx-error.log",
                                       "-c", self.config)
        wait_until(self.listening, 10, f"nginx of {self.name} listens")

    def listening(self):
        return str(self.ports[-1]) in self.host.run(
            "ss", "-Hltn", f"sport = :{self.ports[-1]}").stdout

    def stop(self):
        """Stops nginx at once; returns the time (monotonic) at which nobody listens any more."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=10)
        stopped = time.monotonic()
        self.process = None
        return stopped


ECHO_PORT = 7007


class EchoServer:
    """Greets each connection with the host's name and sends every line back, until it is closed."""

    def __init__(self, host, port, address="0.0.0.0"):
        name = host.name.encode()

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                self.wfile.write(name + b"\n")
                try:
                    for line in self.rfile:
                        self.wfile.write(line)
                except OSError:
                    pass

        class Server(socketserver.ThreadingTCPServer):
            address_family = family_of(address)
            allow_reuse_address = True
            daemon_threads = True

        self._server = namespace.call_inside(host.namespace, Server, (address, port), Handler)
        namespace.start_inside(host.namespace, self._server.serve_forever)

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class DatagramEchoServer:
    """Answers every datagram with the host's name, a blank and the datagram, from the VIP."""

    def __init__(self, host, vip, port):
        name = host.name.encode()

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                data, sender = self.request
                sender.sendto(name + b" " + data, self.client_address)

        class Server(socketserver.UDPServer):
            address_family = family_of(vip)

        self._server = namespace.call_inside(host.namespace, Server, (vip, port), Handler)
        namespace.start_inside(host.namespace, self._server.serve_forever)

    def close(self):
        self._server.shutdown()
        self._server.server_close()
