// Who may begin a connection: lists of clients, limits of prefixes, and rates.
#include "tests/unit/core/reference_model.h"

namespace headgate::dataplane {

// Through all of them: the longest decides.
Access ReferenceModel::access_of(const IpAddress& client) const {
    const AccessRule* longest = nullptr;
    for (const AccessRule& rule : rules_)
        if (rule.prefix.contains(client) &&
            (longest == nullptr || rule.prefix.length > longest->prefix.length))
            longest = &rule;
    return longest == nullptr ? Access::normal : longest->access;
}

bool ReferenceModel::take(Count& count, std::uint32_t rate, Tick now) {
    if (count.second != now)
        count = {now, 0};
    if (rate != TokenBudget::unlimited && count.taken >= rate)
        return false;
    ++count.taken;
    return true;
}

// By the prefix of a client: the shortest address with it.
bool ReferenceModel::take_source(const IpAddress& client, Tick now) {
    if (protection_.source_rate == TokenBudget::unlimited)
        return true;
    const std::uint8_t length =
        client.is_v4() ? protection_.source_prefix_length_v4 : protection_.source_prefix_length_v6;
    for (auto& [address, count] : sources_)
        if (Prefix{address, length}.contains(client))
            return take(count, protection_.source_rate, now);
    return take(sources_[client], protection_.source_rate, now);
}

ReferenceModel::Admission ReferenceModel::admit(const Service& service, const ModelPacket& packet,
                                                bool opens, bool unremembered, Tick now) {
    if (access_of(packet.client.address) == Access::allowed)
        return opens ? Admission::scheduled : Admission::repeatable;
    if (opens && !take_source(packet.client.address, now))
        return Admission::limited;
    if (unremembered)
        return Admission::scheduled;
    const bool is_udp = packet.protocol == Protocol::udp;
    const std::uint32_t rate = protection_.connection_rate.value_or(TokenBudget::unlimited);
    std::optional<Tick>& repeatable = is_udp ? repeatable_until_udp_ : repeatable_until_;
    if (take(opens ? opened_ : returned_, rate, now))
        return !opens || (repeatable && now <= *repeatable) ? Admission::repeatable
                                                            : Admission::scheduled;
    State state = State::established;
    if (opens)
        state = is_udp ? State::udp : State::syn;
    const Tick until = now + timeout(service.config, state);
    stateless_until_ = std::max(stateless_until_.value_or(0), until);
    if (opens)
        repeatable = std::max(repeatable.value_or(0), until);
    return Admission::deferred;
}

void ReferenceModel::enforce_access() {
    std::vector<ConnectionKey> blocked;
    for (const auto& [key, connection] : connections_)
        if (access_of(std::get<Endpoint>(key).address) == Access::blocked)
            blocked.push_back(key);
    for (const ConnectionKey& key : blocked)
        end(key);
}

}  // namespace headgate::dataplane
