"""Who may include whom: the folder rules of ARCHITECTURE.md as data, and the check of one file.

Quoted includes are project files and are written from the root; angle includes are libraries.
"""

import re

INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)')

# The longest matching prefix decides. A file may include project files under the listed prefixes.
MAY_INCLUDE = {
    "bpf/": ["bpf/"],
    "common/": ["common/"],
    "dataplane/core/": ["common/", "bpf/abi.h", "dataplane/core/"],
    "dataplane/port/": ["common/", "bpf/", "dataplane/core/", "dataplane/port/"],
    "dataplane/": ["common/", "bpf/", "dataplane/"],
    "controlplane/config/": ["common/", "controlplane/config/"],
    "controlplane/process/": ["common/", "controlplane/process/"],
    "controlplane/track/": ["common/", "controlplane/config/model", "controlplane/process/",
                            "controlplane/track/"],
    "controlplane/netlink/": ["common/", "controlplane/config/model", "controlplane/netlink/"],
    "controlplane/bfd/": ["common/", "controlplane/config/model", "controlplane/bfd/"],
    "controlplane/vrrp/": ["common/", "controlplane/config/model", "controlplane/netlink/",
                           "controlplane/vrrp/"],
    "controlplane/health/": ["common/", "controlplane/config/model", "controlplane/health/"],
    "controlplane/service/": ["common/", "controlplane/config/model", "controlplane/health/",
                              "controlplane/service/"],
    "controlplane/forwarding/": ["common/", "controlplane/config/model",
                                 "controlplane/service/", "controlplane/forwarding/"],
    "controlplane/forwarding/ipvs/": ["common/", "controlplane/config/model",
                                      "controlplane/netlink/", "controlplane/service/",
                                      "controlplane/forwarding/"],
    "controlplane/explain/": ["common/", "controlplane/explain/"],
    "controlplane/doctor/": ["common/", "controlplane/netlink/", "controlplane/doctor/"],
    "controlplane/dump/": ["common/", "controlplane/config/model", "controlplane/track/activity.h",
                           "controlplane/vrrp/status.h", "controlplane/dump/"],
    "controlplane/admin/": ["common/", "controlplane/admin/"],
    "controlplane/cli/": ["common/", "controlplane/config/", "controlplane/doctor/",
                          "controlplane/cli/"],
    "controlplane/": ["common/", "controlplane/"],
    "bench/": [""],
    "tests/": [""],
}

# What abi.h may take from outside: integer types, nothing else.
ABI_HEADERS = {"linux/types.h", "stdint.h", "cstdint"}

# Input, output and clocks have no place in the pure parts.
PURE_PARTS = ("dataplane/core/", "controlplane/config/model")
IMPURE_HEADERS = re.compile(
    r"^(bpf/|xdp/|netlink/|boost/asio|sys/socket\.h|sys/epoll\.h|net/if\.h|poll\.h|spdlog/|"
    r"google/protobuf|curl/|rte_)")

# A port driver talks to exactly one I/O library.
IO_LIBRARIES = {"bpf/": "libxdp", "xdp/": "libxdp", "rte_": "dpdk", "pcap": "pcap"}


def rule_of(file):
    matching = [prefix for prefix in MAY_INCLUDE if file.startswith(prefix)]
    return max(matching, key=len) if matching else None


def project_include_violation(root, file, target):
    """What is wrong with `file` including the project file `target`, or None."""
    generated = target.endswith(".pb.h")
    bpf_skeleton = target.endswith((".skel.h", "vmlinux.h"))
    if not generated and not bpf_skeleton and not (root / target).is_file():
        return f"\"{target}\" is not a path from the root of the tree"
    rule = rule_of(file)
    if rule is None:
        return None
    if not any(target.startswith(prefix) for prefix in MAY_INCLUDE[rule]):
        return f"{rule} must not include \"{target}\""
    return None


def library_include_violation(file, target):
    """What is wrong with `file` including the library header `target`, or None."""
    if file == "bpf/abi.h" and target not in ABI_HEADERS:
        return f"abi.h needs integer types only, not <{target}>"
    if file.startswith(PURE_PARTS) and IMPURE_HEADERS.match(target):
        return f"<{target}>: this part is pure"
    return None


def io_libraries(targets):
    return {library for target in targets for prefix, library in IO_LIBRARIES.items()
            if target.startswith(prefix)}


def include_violations(root, file, lines):
    """One message per include of `file` (a path from the root) that a rule forbids."""
    libraries = []
    for number, line in enumerate(lines, 1):
        found = INCLUDE.match(line)
        if not found:
            continue
        quoted, angled = found.groups()
        if quoted:
            complaint = project_include_violation(root, file, quoted)
        else:
            libraries.append(angled)
            complaint = library_include_violation(file, angled)
        if complaint:
            yield f"{file}:{number}: {complaint}"
    if file.startswith("dataplane/port/") and len(io_libraries(libraries)) > 1:
        yield f"{file}:1: uses {sorted(io_libraries(libraries))}: one I/O library per driver"
