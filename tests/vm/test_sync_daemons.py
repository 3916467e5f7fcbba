"""Goal: the sync daemons of the kernel's IPVS are those that keepalived starts, for each state of
the VRRP instance; they are started again when somebody stops them; and an error is told in words.
"""

import subprocess

import pytest

from ipvs import PATIENCE_S, Keepalived, ipvsadm
from lab.network import wait_until

OPTIONS = {
    "defaults": "",
    "all": "id 7 maxlen 1400 port 8849 ttl 3 group 239.0.0.81",
}


def config(options="", interface="sync0"):
    return f"""global_defs {{
    lvs_sync_daemon {interface} VI_1 {options}
}}
vrrp_instance VI_1 {{
    state BACKUP
    interface sync0
    virtual_router_id 51
    priority 100
    advert_int 1
    virtual_ipaddress {{
        192.0.2.10/32
    }}
}}
"""


def daemons():
    return ipvsadm("-L", "--daemon", check=False)


class KeepalivedVrrp(Keepalived):
    """Debian's keepalived, with VRRP alone."""

    def command(self):
        return [{"-C": "-P", "-c": "-r"}.get(word, word) for word in super().command()]


@pytest.fixture(autouse=True)
def interface():
    # keepalived sends no multicast on a dummy.
    for words in ("link add sync0 type veth peer name sync1", "link set sync1 up",
                  "addr add 192.0.2.250/24 dev sync0", "link set sync0 up"):
        subprocess.run(["ip", *words.split()], check=True)
    yield
    for role in ("master", "backup"):
        ipvsadm("--stop-daemon", role, check=False)
    subprocess.run(["ip", "link", "del", "sync0"], check=True)


def wait_role(role):
    wait_until(lambda: daemons().startswith(role), PATIENCE_S, f"a {role} daemon", interval_s=0.1)
    return daemons()


def life_of(program, text):
    """What ipvsadm says in both states of the instance, and after the end."""
    program.start(text)
    states = [wait_role("backup"), wait_role("master")]
    program.stop()
    return [*states, daemons()]


@pytest.mark.parametrize("name", OPTIONS)
def test_they_are_keepaliveds(name, crew):
    text = config(OPTIONS[name])
    expected = life_of(crew.add(KeepalivedVrrp), text)
    assert expected[2] == ""
    assert life_of(crew.headgated(), text) == expected


def shown(director):
    return ((director.status() or {}).get("ipvs") or {}).get("syncDaemons", [])


def test_one_that_is_stopped_is_started_again(crew):
    director = crew.headgated()
    director.start(config())
    before = wait_role("master")
    ipvsadm("--stop-daemon", "master")
    assert wait_role("master") == before
    assert [(each["role"], each["running"]) for each in shown(director)] == [("master", True)]
    assert int(director.status()["ipvs"]["repairs"]) == 1
    director.kill()
    assert daemons() == before
    director.start("vrrp_instance" + config().split("vrrp_instance")[1])
    wait_until(lambda: daemons() == "", PATIENCE_S, "the next configuration has none",
               interval_s=0.1)


def test_an_interface_that_is_missing_is_named(crew):
    director = crew.headgated()
    director.start(config(interface="nosuch0"))
    wait_until(lambda: any("there is no interface nosuch0" in each.get("error", "")
                           for each in shown(director)), PATIENCE_S, "the error", interval_s=0.2)
    assert "sync daemon does not run" in director.cli("status")
    subprocess.run(["ip", "link", "add", "nosuch0", "type", "dummy"], check=True)
    subprocess.run(["ip", "addr", "add", "198.51.100.250/24", "dev", "nosuch0"], check=True)
    subprocess.run(["ip", "link", "set", "nosuch0", "up"], check=True)
    try:
        wait_until(lambda: all(each["running"] for each in shown(director)), PATIENCE_S,
                   "it runs, without a restart", interval_s=0.2)
    finally:
        director.stop()
        subprocess.run(["ip", "link", "del", "nosuch0"], check=True)
