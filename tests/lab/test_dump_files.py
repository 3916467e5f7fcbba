"""keepalived's signals and files: the text and JSON of keepalived for the same configuration.

Each kind of director runs on d1 with the same file, hears the same peer, and is sent the same
signals; its files are read as exporters read them.
"""

import json
import re
import signal
import subprocess
import time

import pytest

from lab import configs
from lab.directors import HEADGATED
from lab.network import wait_until
from lab.topology import DIRECTORS

VIP = configs.VIP
SIGNALS = {"data": signal.SIGUSR1, "stats": signal.SIGUSR2, "json": 36}


def read_data(text):
    """As exporters do: {instance: {key: value}}, and lists under the key before them."""
    instances = {}
    fields = None
    key = ""
    for line in text.splitlines():
        if line.startswith(" VRRP Instance = "):
            fields = instances.setdefault(line.split(" = ")[1], {})
        elif fields is not None and line.startswith("     "):
            fields.setdefault(f"those of {key}", []).append(line.strip())
        elif fields is not None and line.startswith("   "):
            key, _, value = (re.split(r"( = | ?:)", line.strip(), maxsplit=1) + ["", ""])[:3]
            fields[key] = value
        else:
            fields = None
    return instances


def read_stats(text):
    """{instance: {"Section/Key": number}}"""
    instances = {}
    section = ""
    for line in text.splitlines():
        name, _, value = line.strip().partition(":")
        if line.startswith("VRRP Instance"):
            counts = instances.setdefault(value.strip(), {})
        elif line.endswith(":"):
            section = name
        else:
            counts[f"{section}/{name}" if line.startswith("    ") else name] = int(value)
    return instances


ELECTION = """\
    preempt_delay 5
    higher_prio_send_advert
    lower_prio_no_advert
    down_timer_adverts 4
    garp_master_refresh 60
    garp_master_repeat 2
"""
# What a configuration has besides the common part, and its version of VRRP.
CONFIGURATIONS = {
    "version 2": (2, ""),
    "version 3": (3, ""),
    "elections": (3, ELECTION + "    nopreempt\n    skip_check_adv_addr\n    dont_track_primary\n"
                  "    virtual_ipaddress_excluded {{\n        192.0.2.15/32 dev eth0\n    }}\n"),
    "unicast": (2, """\
    unicast_src_ip {own}
    unicast_peer {{
        {other}
    }}
    unicast_ttl 64
    check_unicast_src
"""),
    "AH": (2, """\
    authentication {{
        auth_type AH
        auth_pass s3cret
    }}
"""),
}


ROUTES = """\
    virtual_routes {{
        198.51.100.0/24 via 192.0.2.11 dev eth0 metric 5 mtu lock 1400 initcwnd 9
        append 198.51.101.0/24 dev eth0 src {own} table 100 scope link
    }}
    virtual_rules {{
        from 198.51.100.0/24 table 5 preference 100
        not to 198.51.99.0/24 iif eth0 fwmark 3/7 tos 0x10 table 6 priority 102
    }}
    virtual_ipaddress_excluded {{
        2001:db8:9::1/64
        2001:db8:9::2/64 home noprefixroute preferred_lft 30
        192.0.2.16/32 dev lo no_track
    }}
"""
CONFIGURATIONS["routes"] = (2, ROUTES)
CONFIGURATIONS["vmac"] = (2, "    use_vmac\n    vmac_xmit_base\n")

TRACKING = """\
vrrp_script chk {
    script /usr/bin/true
    interval 1
    weight -20
    rise 2
    fall 3
}
vrrp_sync_group G1 {
    group {
        VI_1
    }
    sync_group_tracking_weight
}
"""
CONFIGURATIONS["tracking"] = (2, """\
    track_interface {{
        lo weight 10
    }}
    track_script {{
        chk
    }}
""")


def text_of(name, priority, configuration):
    version, more = CONFIGURATIONS[configuration]
    other = "d2" if name == "d1" else "d1"
    password = None if "authentication" in more else configs.PASSWORD
    text = configs.director_text(
        name, configs.Vrrp("BACKUP", priority, version=version, password=password))
    mark = "    virtual_ipaddress {\n"
    if configuration == "tracking":
        text = text.replace("vrrp_instance", TRACKING + "vrrp_instance", 1)
        text = text.replace("global_defs {", "global_defs {\n    script_user root", 1)
    return text.replace(mark, more.format(own=DIRECTORS[name], other=DIRECTORS[other]) + mark)


def read_when_written(path):
    """keepalived writes its files in place, bit by bit."""
    wait_until(lambda: path.exists() and path.stat().st_size > 0, 5, f"{path} is written")
    time.sleep(0.2)
    return path.read_text()


@pytest.fixture
def dumps(crew, topo):
    """Runs a kind of director as a backup of d2, and returns its files by kind."""
    def collect(kind, configuration):
        peer = crew.headgated("d2")
        peer.start(text_of("d2", 200, configuration))
        peer.wait_state("MASTER", 15)
        director = getattr(crew, kind)("d1")
        directory = topo["d1"].directory / f"dump-{kind}"
        directory.mkdir(exist_ok=True)
        inner = director.command
        director.command = lambda: ["env", f"TMPDIR={directory}", *inner()]
        director.start(text_of("d1", 150, configuration))
        wait_until(lambda: "Entering BACKUP STATE" in director.log(), 10, f"{kind} is BACKUP")
        seen = director.log
        texts = {}

        def heard():
            director.process.send_signal(SIGNALS["stats"])
            counts = read_stats(read_when_written(directory / "keepalived.stats")).get("VI_1", {})
            return counts.get("Advertisements/Received", 0) >= 2
        wait_until(heard, 15, f"{kind} hears the peer", interval_s=0.3)
        for name, number in SIGNALS.items():
            path = directory / f"keepalived.{name}"
            path.unlink(missing_ok=True)
            director.process.send_signal(number)
            texts[name] = read_when_written(path)
            assert path.stat().st_mode & 0o777 == 0o600
        assert "Printing VRRP as json for process" in seen()
        director.process.send_signal(63)
        wait_until(lambda: "Printing and clearing VRRP stats for process" in seen(), 5, "cleared")
        (directory / "keepalived.stats").unlink()
        director.process.send_signal(SIGNALS["stats"])
        texts["cleared"] = read_when_written(directory / "keepalived.stats")
        crew.clear()
        crew.members.clear()
        for name in DIRECTORS:
            topo[name].ip("link", "del", "vrrp.51", check=False)
        return texts
    return collect


# Times and counters, and what Headgate hides or does not have.
VARIABLE = ("Last transition", "Read timeout", "Password", "fd_in", "Unicast checksum")


def read_sections(text, title):
    """{name: {key: value}} of what begins with " TITLE = "; its users under "users"."""
    found = {}
    fields = None
    for line in text.splitlines():
        if line.startswith(f" {title} = "):
            fields = found.setdefault(line.split(" = ")[1], {"users": []})
        elif fields is not None and line.startswith("     "):
            fields["users"].append(line.strip())
        elif fields is not None and line.startswith("   ") and " = " in line:
            fields.update([line.strip().split(" = ", 1)])
        elif not line.startswith("   "):
            fields = None
    return found


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_files_are_those_of_keepalived(dumps, configuration):
    theirs, ours = dumps("keepalived", configuration), dumps("headgated", configuration)

    data = [read_data(texts["data"])["VI_1"] for texts in (theirs, ours)]
    wanted = {key: value for key, value in data[0].items() if not key.startswith(VARIABLE)}
    assert {key: data[1].get(key) for key in wanted} == wanted
    assert set(data[1]) - set(data[0]) == set()

    scripts = [read_sections(texts["data"], "VRRP Script") for texts in (theirs, ours)]
    assert list(scripts[0]) == list(scripts[1])
    for name, wanted in scripts[0].items():
        # keepalived shows what the file says; without it the interval counts.
        wanted.pop("Timeout")
        for key in ("Insecure", "Init state", "Script uid:gid"):
            wanted.pop(key)
        assert {key: scripts[1][name].get(key) for key in wanted} == wanted

    stats = [read_stats(texts["stats"])["VI_1"] for texts in (theirs, ours)]
    assert list(stats[0]) == list(stats[1])
    assert all(each["Advertisements/Received"] >= 2 for each in stats)
    cleared = [read_stats(texts["cleared"])["VI_1"] for texts in (theirs, ours)]
    assert all(each["Advertisements/Received"] <= 1 for each in cleared)

    documents = [json.loads(texts["json"]) for texts in (theirs, ours)]
    for part in ("data", "stats"):
        left, right = documents[0][0][part], documents[1][0][part]
        assert list(left) == list(right)
        assert {key: type(value) for key, value in left.items()} == \
            {key: type(value) for key, value in right.items()}
    same = [{key: value for key, value in each[0]["data"].items()
             if key not in ("last_transition", "auth_data")} for each in documents]
    assert same[0] == same[1]
    assert "s3cret" not in ours["json"] + ours["data"]


def test_configured_files_and_json_version_2(crew, topo):
    director = crew.headgated("d1")
    directory = topo["d1"].directory
    text = configs.director_text("d1", configs.Vrrp("MASTER", 150))
    director.start(text.replace("global_defs {", f"""global_defs {{
    json_version 2
    json_dump_file {directory}/v.json
    stats_dump_file {directory}/v.stats"""))
    director.wait_vip(VIP, 15)
    for number, name in ((36, "v.json"), (signal.SIGUSR2, "v.stats")):
        director.process.send_signal(number)
        wait_until((directory / name).exists, 5, f"{name} is written")
    document = json.loads((directory / "v.json").read_text())
    assert document["vrrp"][0]["data"]["state"] == 2


def test_signum_prints_what_keepalived_prints():
    for name in ("STOP", "RELOAD", "DATA", "STATS", "STATS_CLEAR", "JSON"):
        printed = [subprocess.run([program, f"--signum={name}"], check=True, capture_output=True,
                                  text=True).stdout for program in ("keepalived", HEADGATED)]
        assert printed[0] == printed[1], name
    assert subprocess.run([HEADGATED, "--signum=X"], check=False).returncode == 1
