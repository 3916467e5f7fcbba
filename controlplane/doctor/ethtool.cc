#include "controlplane/doctor/ethtool.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace headgate::doctor {

namespace {

// A structure of the kernel that ends in an array, with room for it.
template <typename Head, typename Element>
class WithArray {
public:
    WithArray(std::uint32_t command, std::size_t count)
        : words_((sizeof(Head) + count * sizeof(Element) + sizeof(std::uint64_t) - 1) /
                 sizeof(std::uint64_t)) {
        head()->cmd = command;
    }
    [[nodiscard]] Head* head() { return reinterpret_cast<Head*>(words_.data()); }
    [[nodiscard]] Element element(std::size_t index) const {
        Element element;
        std::memcpy(&element,
                    reinterpret_cast<const std::uint8_t*>(words_.data()) + sizeof(Head) +
                        index * sizeof(Element),
                    sizeof element);
        return element;
    }

private:
    std::vector<std::uint64_t> words_;
};

struct Name {
    char text[ETH_GSTRING_LEN];
};

constexpr std::uint32_t bits_per_block = 32;

}  // namespace

Result<Ethtool> Ethtool::open() {
    Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket)
        return fail_errno("open a socket");
    return Ethtool(std::move(socket));
}

bool Ethtool::ask(const std::string& interface, void* command) const {
    ifreq request{};
    std::strncpy(request.ifr_name, interface.c_str(), sizeof request.ifr_name - 1);
    request.ifr_data = static_cast<char*>(command);
    return ioctl(socket_.get(), SIOCETHTOOL, &request) == 0;
}

std::string Ethtool::driver(const std::string& interface) const {
    ethtool_drvinfo info{};
    info.cmd = ETHTOOL_GDRVINFO;
    return ask(interface, &info) ? info.driver : "";
}

std::optional<Ethtool::Queues> Ethtool::queues(const std::string& interface) const {
    ethtool_channels channels{};
    channels.cmd = ETHTOOL_GCHANNELS;
    if (!ask(interface, &channels))
        return std::nullopt;
    // Some drivers have queues for both directions, some, as veth, one kind for each.
    return Queues{.now = channels.combined_count + channels.rx_count,
                  .max = std::max(channels.max_combined, channels.max_rx)};
}

std::optional<bool> Ethtool::feature(const std::string& interface, const std::string& name) const {
    WithArray<ethtool_sset_info, std::uint32_t> set(ETHTOOL_GSSET_INFO, 1);
    set.head()->sset_mask = 1ULL << ETH_SS_FEATURES;
    if (!ask(interface, set.head()) || set.head()->sset_mask == 0)
        return std::nullopt;
    const std::uint32_t count = set.element(0);
    WithArray<ethtool_gstrings, Name> names(ETHTOOL_GSTRINGS, count);
    names.head()->string_set = ETH_SS_FEATURES;
    names.head()->len = count;
    const std::uint32_t num_blocks = (count + bits_per_block - 1) / bits_per_block;
    WithArray<ethtool_gfeatures, ethtool_get_features_block> features(ETHTOOL_GFEATURES,
                                                                      num_blocks);
    features.head()->size = num_blocks;
    if (!ask(interface, names.head()) || !ask(interface, features.head()))
        return std::nullopt;
    for (std::uint32_t bit = 0; bit < count; ++bit) {
        const Name candidate = names.element(bit);
        if (name == std::string(candidate.text, strnlen(candidate.text, sizeof candidate.text)))
            return (features.element(bit / bits_per_block).active >> (bit % bits_per_block) & 1U) !=
                   0;
    }
    return std::nullopt;
}

}  // namespace headgate::doctor
