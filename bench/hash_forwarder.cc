#include "bench/hash_forwarder.h"

#include <array>
#include <cstring>
#include <utility>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <rte_memory.h>
#include <sys/mman.h>

#include "common/check.h"

namespace headgate::bench {
namespace {

constexpr std::size_t ethernet_bytes = 14;
constexpr std::size_t mac_bytes = 6;
constexpr std::size_t ttl_at = ethernet_bytes + 8;
constexpr std::size_t checksum_at = ethernet_bytes + 10;
constexpr std::size_t addresses_at = ethernet_bytes + 12;
constexpr std::size_t ports_at = ethernet_bytes + 20;

// Both addresses, both ports and the protocol, in four words that are compared at once.
struct Key {
    std::uint64_t addresses = 0;
    std::uint32_t ports = 0;
    std::uint32_t protocol = 0;
};
static_assert(sizeof(Key) == 16);

Key key_of(const std::uint8_t* frame) {
    Key key;
    std::memcpy(&key.addresses, frame + addresses_at, sizeof(key.addresses));
    std::memcpy(&key.ports, frame + ports_at, sizeof(key.ports));
    key.protocol = frame[ethernet_bytes + 9];
    return key;
}

// RFC 1624 eqn. 3, for the TTL in the upper byte of its word.
void count_hop(std::uint8_t* frame) {
    --frame[ttl_at];
    std::uint16_t checksum = 0;
    std::memcpy(&checksum, frame + checksum_at, sizeof(checksum));
    const std::uint32_t sum = Be16::from_raw(checksum).host() + 0x0100U;
    const auto raw = Be16(static_cast<std::uint16_t>(sum + (sum >> 16U))).raw();
    std::memcpy(frame + checksum_at, &raw, sizeof(raw));
}

int prefer_huge_pages(const rte_memseg_list* list, void* /*unused*/) {
    static_cast<void>(::madvise(list->base_va, list->len, MADV_HUGEPAGE));
    return 0;
}

}  // namespace

void start_dpdk() {
    // Ordinary memory, made huge as the core's is: hugepages that were set aside are for real
    // users.
    std::array arguments{"core_bench", "--no-huge",      "--no-shconf",
                         "--no-pci",   "--no-telemetry", "-m",
                         "1024",       "--lcores=0",     "--log-level=error"};
    std::array<char*, arguments.size()> argv{};
    for (std::size_t index = 0; index < argv.size(); ++index)
        argv[index] = const_cast<char*>(arguments[index]);
    check(rte_eal_init(static_cast<int>(argv.size()), argv.data()) >= 0, "DPDK starts");
    rte_memseg_list_walk(prefer_huge_pages, nullptr);
}

HashForwarder::HashForwarder(std::uint32_t flows, MacAddress own,
                             std::vector<MacAddress> destinations)
    : table_(nullptr), own_(own), destinations_(std::move(destinations)) {
    rte_hash_parameters parameters{};
    parameters.name = "flows";
    // A cuckoo table that is full to the last entry does not take every key.
    parameters.entries = flows + flows / 4;
    parameters.key_len = sizeof(Key);
    parameters.hash_func = rte_hash_crc;
    parameters.socket_id = SOCKET_ID_ANY;
    table_ = rte_hash_create(&parameters);
    check(table_ != nullptr, "DPDK has memory for the flows");
}

HashForwarder::~HashForwarder() {
    rte_hash_free(table_);
}

std::size_t HashForwarder::flows() const {
    return static_cast<std::size_t>(rte_hash_count(table_));
}

void HashForwarder::process(dataplane::Burst& burst) {
    std::array<Key, dataplane::burst_max> keys;
    std::array<const void*, dataplane::burst_max> pointers{};
    std::array<void*, dataplane::burst_max> found{};
    for (std::uint32_t index = 0; index < burst.count; ++index) {
        keys[index] = key_of(burst.frames[index].data);
        pointers[index] = &keys[index];
    }
    std::uint64_t hits = 0;
    rte_hash_lookup_bulk_data(table_, pointers.data(), burst.count, &hits, found.data());
    for (std::uint32_t index = 0; index < burst.count; ++index) {
        std::uint8_t* frame = burst.frames[index].data;
        if ((hits >> index & 1U) == 0) {
            // Its destination, by its place in the list; never null.
            found[index] = &destinations_[next_];
            next_ = (next_ + 1) % destinations_.size();
            check(rte_hash_add_key_data(table_, &keys[index], found[index]) == 0,
                  "there is room for every flow");
        }
        const auto* const destination = static_cast<const MacAddress*>(found[index]);
        std::memcpy(frame, destination->bytes.data(), mac_bytes);
        std::memcpy(frame + mac_bytes, own_.bytes.data(), mac_bytes);
        count_hop(frame);
        burst.verdicts[index] = dataplane::Verdict::transmit;
    }
}

}  // namespace headgate::bench
