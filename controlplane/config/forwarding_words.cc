#include "controlplane/config/forwarding_words.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>

#include <fmt/format.h>

#include "controlplane/config/suggest.h"

namespace headgate::config {
namespace {

constexpr std::array<std::string_view, 3> method_words{"NAT", "DR", "TUN"};
constexpr std::array<std::string_view, 3> tunnel_types{"ipip", "gue", "gre"};
constexpr std::array<std::string_view, 3> checksum_words{"nocsum", "csum", "remcsum"};

// The enumerators have the order of their words.
template <typename Enumerator>
std::optional<Enumerator> enumerator_of(std::span<const std::string_view> words,
                                        std::string_view word) {
    const auto found = std::ranges::find(words, word);
    if (found == words.end())
        return std::nullopt;
    return static_cast<Enumerator>(found - words.begin());
}

class ForwardingReader {
public:
    ForwardingReader(const Value& value, Report& report)
        : value_(value), words_(value.words), report_(report) {}

    std::optional<Forwarding> run() {
        const Word& word = words_[next_++];
        const auto method = enumerator_of<ForwardingMethod>(method_words, word.text);
        if (!method) {
            refuse(word, fmt::format("is not a value of {}", value_.row->name),
                   suggestion(word, method_words));
            return std::nullopt;
        }
        result_.method = *method;
        if (result_.method != ForwardingMethod::tun)
            return refuse_surplus();
        while (next_ < words_.size()) {
            if (!read_option(words_[next_++]))
                return std::nullopt;
        }
        return check_together();
    }

private:
    bool read_option(const Word& word) {
        if (word.text == "type")
            return read_type(word);
        if (const auto checksum = enumerator_of<TunnelChecksum>(checksum_words, word.text)) {
            result_.checksum = *checksum;
            checksum_word_ = &word;
            return true;
        }
        constexpr std::array<std::string_view, 5> options{"type", "port", checksum_words[0],
                                                          checksum_words[1], checksum_words[2]};
        if (word.text == "port")
            return read_port(word);
        return refuse(word, "is no option of a tunnel", suggestion(word, options));
    }

    bool read_type(const Word& option) {
        if (next_ == words_.size())
            return refuse(option, "needs a type of tunnel");
        const Word& word = words_[next_++];
        const auto type = enumerator_of<TunnelType>(tunnel_types, word.text);
        if (!type)
            return refuse(word, "is not a type of tunnel", suggestion(word, tunnel_types));
        result_.type = *type;
        type_word_ = &word;
        return true;
    }

    bool read_port(const Word& option) {
        if (next_ == words_.size())
            return refuse(option, "needs a number");
        const auto port = read_number(words_[next_++], 1, port_max, report_, advice());
        result_.port = static_cast<std::uint16_t>(port.value_or(0));
        port_word_ = &option;
        return port.has_value();
    }

    // What keepalived refuses, too.
    std::optional<Forwarding> check_together() {
        const bool is_gue = result_.type == TunnelType::gue;
        bool right = true;
        if (is_gue && port_word_ == nullptr)
            right = refuse(*type_word_, "needs a port", "write `type gue port 6080`; ");
        else if (!is_gue && port_word_ != nullptr)
            right = refuse(*port_word_, "is for gue tunnels only");
        else if (result_.type == TunnelType::ipip && result_.checksum != TunnelChecksum::none)
            right = refuse(*checksum_word_, "is for gue and gre tunnels only");
        else if (result_.type == TunnelType::gre && result_.checksum == TunnelChecksum::remote)
            right = refuse(*checksum_word_, "is for gue tunnels only", "write `csum`; ");
        return right ? std::optional(result_) : std::nullopt;
    }

    std::optional<Forwarding> refuse_surplus() {
        if (next_ < words_.size())
            report_.error(
                join(words_[next_].span, words_.back().span),
                fmt::format("{} is too much for {}", quote(words_[next_].text), value_.row->name),
                "remove it: what follows is for tunnels (TUN) only");
        return result_;
    }

    static std::string suggestion(const Word& word, std::span<const std::string_view> names) {
        const std::string_view meant = nearest(word.text, names);
        return meant.empty() ? "" : fmt::format("did you mean `{}`? ", meant);
    }
    [[nodiscard]] std::string advice() const {
        return fmt::format("{}; the default ({}) is used", expectation(*value_.row),
                           value_.row->default_text);
    }
    bool refuse(const Word& word, std::string_view why, std::string_view first = {}) {
        report_.error(word.span, fmt::format("{} {}", quote(word.text), why),
                      std::string(first) + advice());
        return false;
    }

    const Value& value_;
    std::span<const Word> words_;
    Report& report_;
    std::size_t next_ = 0;
    Forwarding result_;
    const Word* type_word_ = nullptr;
    const Word* port_word_ = nullptr;
    const Word* checksum_word_ = nullptr;
};

}  // namespace

std::optional<Forwarding> read_forwarding(const Value& value, Report& report) {
    return ForwardingReader(value, report).run();
}

}  // namespace headgate::config
