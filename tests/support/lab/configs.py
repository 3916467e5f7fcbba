"""keepalived.conf texts for the lab's directors, as people write them."""

import dataclasses

VIP = "192.0.2.10"
VRID = 51
PASSWORD = "s3cret"


@dataclasses.dataclass(frozen=True)
class Vrrp:
    state: str
    priority: int
    advert_int: int | float = 1
    nopreempt: bool = False
    version: int = 2
    password: str | None = PASSWORD
    vip: str = VIP


@dataclasses.dataclass(frozen=True)
class Virtual:
    port: int
    algorithm: str = "rr"
    weights: tuple = (1, 1, 1)
    persistence_timeout: int = 0
    path: str = "/status"
    check: str = "HTTP_GET"  # or TCP_CHECK, or none
    protocol: str = "TCP"
    lines: tuple = ()       # more lines of the virtual_server
    real_lines: tuple = ()  # more lines of each real_server, one string for each
    target: str = ""        # instead of the VIP and the port: "group NAME"


def vrrp_text(vrrp):
    nopreempt = "    nopreempt\n" if vrrp.nopreempt else ""
    authentication = ""
    if vrrp.password and vrrp.version == 2:
        authentication = f"""\
    authentication {{
        auth_type PASS
        auth_pass {vrrp.password}
    }}
"""
    return f"""\
vrrp_instance VI_1 {{
    state {vrrp.state}
    interface eth0
    virtual_router_id {VRID}
    priority {vrrp.priority}
    advert_int {vrrp.advert_int}
{nopreempt}{authentication}    virtual_ipaddress {{
        {vrrp.vip}/32 dev eth0
    }}
}}
"""


def check_text(virtual):
    if virtual.check == "none":
        return ""
    if virtual.check == "TCP_CHECK":
        return """\
        TCP_CHECK {
            connect_timeout 1
            retry 1
            delay_before_retry 1
        }
"""
    return f"""\
        HTTP_GET {{
            url {{
                path {virtual.path}
                status_code 200
            }}
            connect_timeout 1
            retry 1
            delay_before_retry 1
        }}
"""


def virtual_text(virtual, servers):
    """A virtual server on the VIP; `servers` are the addresses of its real servers."""
    persistence = ""
    if virtual.persistence_timeout:
        persistence = f"    persistence_timeout {virtual.persistence_timeout}\n"
    more = "".join(f"    {line}\n" for line in virtual.lines)
    real_lines = virtual.real_lines or ("",) * len(virtual.weights)
    reals = "".join(f"""
    real_server {address} {virtual.port} {{
        weight {weight}
        {line}
{check_text(virtual)}    }}
""" for address, weight, line in zip(servers, virtual.weights, real_lines))
    return f"""
virtual_server {virtual.target or f"{VIP} {virtual.port}"} {{
    delay_loop 1
    lb_algo {virtual.algorithm}
    lb_kind DR
    protocol {virtual.protocol}
{more}{persistence}{reals}}}
"""


def director_text(router_id, vrrp, virtuals=(), servers=()):
    """A whole configuration file. `vrrp` may be None: virtual servers only."""
    version = f"    vrrp_version {vrrp.version}\n" if vrrp and vrrp.version != 2 else ""
    text = f"global_defs {{\n    router_id {router_id}\n{version}}}\n\n"
    if vrrp:
        text += vrrp_text(vrrp)
    for virtual in virtuals:
        text += virtual_text(virtual, servers)
    return text
