"""`headgate doctor`: what is wrong is found on a real namespace, and its command fixes it."""

import json

import pytest

from lab import network
from lab.directors import HEADGATE


@pytest.fixture(name="host")
def fixture_host():
    with network.Network() as net:
        yield net.add_host("d1", "192.0.2.1")


def doctor(host, *words):
    """The exit status, and the findings by what they are about."""
    done = host.run(HEADGATE, "doctor", *words, "--json", check=False)
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout).get("findings", [])


def of(findings, subject, word):
    return [finding for finding in findings
            if finding["subject"] == subject and word in finding["problem"]]


def run_fix(host, finding):
    for line in finding["fix"].splitlines():
        host.run(*line.partition("#")[0].split())


def test_a_real_server_that_answers_arp_is_found_and_fixed(host):
    status, findings = doctor(host, "server", "192.0.2.1")
    assert status == 2
    [finding] = of(findings, "192.0.2.1", "arp_ignore is 0")
    assert finding["severity"] == "error"
    run_fix(host, finding)
    status, findings = doctor(host, "server", "192.0.2.1")
    assert (status, findings) == (0, [])


def test_another_machine_gets_advice_only(host):
    status, [finding] = doctor(host, "server", "192.0.2.11")
    assert status == 0 and finding["severity"] == "note"
    assert "arp_ignore=1" in finding["fix"]


def test_an_interface_is_judged_and_fixed(host):
    host.ip("link", "set", "eth0", "mtu", "1500")
    _, findings = doctor(host, "eth0")
    [finding] = of(findings, "eth0", "MTU is 1500")
    assert finding["severity"] == "note"
    run_fix(host, finding)
    _, findings = doctor(host, "eth0")
    assert not of(findings, "eth0", "MTU")


def test_strict_rp_filter_counts_without_an_address_only(host):
    host.set_sysctl("net.ipv4.conf.all.rp_filter", 1)
    assert not of(doctor(host)[1], "eth0", "rp_filter")
    host.ip("addr", "flush", "dev", "eth0")
    status, findings = doctor(host)
    [finding] = of(findings, "eth0", "rp_filter")
    assert status >= 1
    run_fix(host, finding)
    assert not of(doctor(host)[1], "eth0", "rp_filter")


def test_the_text_says_what_why_and_how(host):
    done = host.run(HEADGATE, "doctor", "server", "192.0.2.1", check=False)
    assert done.returncode == 2
    for part in ("error: 192.0.2.1: ", "\n  why: ", "\n  fix: sysctl -w "):
        assert part in done.stdout


def test_what_is_not_there_is_an_error(host):
    done = host.run(HEADGATE, "doctor", "eth7", check=False)
    assert done.returncode == 2 and "no interface eth7" in done.stderr
    done = host.run(HEADGATE, "doctor", "server", "lb1", check=False)
    assert done.returncode == 2 and "lb1" in done.stderr
