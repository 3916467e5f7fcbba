# The Debian 12 packages that Headgate needs, by purpose. Sourced by scripts/setup.
# shellcheck shell=bash disable=SC2034

# To configure and compile the three programs and the XDP objects.
build_packages=(
    g++ meson ninja-build pkg-config ccache
    clang-16                                    # BPF target
    libboost1.81-dev libboost-program-options1.81-dev
    libspdlog-dev libfmt-dev libexpected-dev
    nlohmann-json3-dev
    libprotobuf-dev protobuf-compiler
    libnl-3-dev libnl-route-3-dev
    libnftables-dev                             # also loads nftables' libraries at run time
    libbpf-dev libxdp-dev bpftool
    libcurl4-openssl-dev libssl-dev
)

# To build and run the tests, the demo and the benchmarks.
test_packages=(
    libgtest-dev libgmock-dev libbenchmark-dev
    clang-tidy-16 clang-format-16 libclang-rt-16-dev lld-16 universal-ctags
    python3 python3-pytest python3-scapy
    keepalived frr nginx-light nftables
    iproute2 iputils-ping ethtool tcpdump curl util-linux
    qemu-system-x86 ipvsadm kmod                # a guest with IPVS: tests/vm
)
