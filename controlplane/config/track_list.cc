// See track_list.h.
#include "controlplane/config/track_list.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace headgate::config {
namespace {

constexpr std::int64_t port_max = 65535;
constexpr std::array<std::string_view, 3> protocols{"tcp", "udp", "sctp"};

std::string notation_of(TrackerKind kind) {
    const int most = weight_max(kind);
    const std::string_view name = kind == TrackerKind::interface ? "INTERFACE"
                                  : kind == TrackerKind::virtual_server
                                      ? "IP PORT [tcp | udp | sctp] | fwmark MARK"
                                      : "NAME";
    return fmt::format("write `{} [weight <-{}..{}> [reverse]]`", name, most, most);
}

// Reads the entries of one list.
class ListReader {
public:
    ListReader(const Context& context, TrackerKind kind)
        : report_(context.report), kind_(kind), notation_(notation_of(kind)) {}

    std::optional<TrackerUseDraft> read(const Statement& entry) {
        rest_ = std::span(entry.words);
        draft_ = {};
        draft_.tracker.kind = kind_;
        draft_.where = entry.keyword().span;
        if (!read_name() || !read_weight_option())
            return std::nullopt;
        if (entry.has_block)
            report_.error(entry.keyword().span, "an entry of this list has no block",
                          notation_ + "; the block is ignored");
        return std::move(draft_);
    }

private:
    const Word& take() {
        const Word& word = rest_.front();
        rest_ = rest_.subspan(1);
        return word;
    }

    bool read_name() {
        if (kind_ == TrackerKind::virtual_server)
            return read_service();
        const Word& name = take();
        if (kind_ == TrackerKind::interface && !read_interface(name, report_, notation_))
            return false;
        draft_.tracker.name = name.text;
        return true;
    }

    bool read_service() {
        if (rest_.front().text == "fwmark")
            return read_mark();
        const auto address = read_address(take(), report_, notation_);
        if (!address)
            return false;
        draft_.endpoint.address = *address;
        if (rest_.empty()) {
            report_.error(draft_.where, "the port of the virtual server is missing", notation_);
            return false;
        }
        const auto port = read_number(take(), 0, port_max, report_, notation_);
        if (!port)
            return false;
        draft_.endpoint.port = static_cast<std::uint16_t>(*port);
        if (!rest_.empty() && std::ranges::find(protocols, rest_.front().text) != protocols.end())
            draft_.protocol = take().text;
        return true;
    }

    bool read_mark() {
        const Word& keyword = take();
        if (rest_.empty()) {
            report_.error(keyword.span, "`fwmark` needs a number", notation_);
            return false;
        }
        const auto mark = read_number(take(), 1, UINT32_MAX, report_, notation_);
        draft_.fwmark = static_cast<std::uint32_t>(mark.value_or(0));
        return mark.has_value();
    }

    // False: the entry cannot be used.
    bool read_weight_option() {
        if (rest_.empty())
            return true;
        const Word& option = take();
        if (option.text != "weight") {
            report_.error(option.span,
                          fmt::format("{} is not an option of this list", quote(option.text)),
                          IpAddress::parse(option.text) || kind_ != TrackerKind::virtual_server
                              ? notation_ + ", each on a line of its own"
                              : notation_);
            return false;
        }
        if (rest_.empty()) {
            report_.error(option.span, "`weight` needs a value", notation_);
            return false;
        }
        draft_.weight = read_weight(rest_, weight_max(kind_), report_);
        return draft_.weight.has_value();
    }

    Report& report_;
    const TrackerKind kind_;
    const std::string notation_;
    std::span<const Word> rest_;
    TrackerUseDraft draft_;
};

}  // namespace

int weight_max(TrackerKind kind) {
    return kind == TrackerKind::file || kind == TrackerKind::process ? 254 : 253;
}

void read_track_list(const Context& context, const Value& value, TrackerKind kind) {
    const Word& keyword = value.statement->keyword();
    if (value.statement->body.empty())
        context.report.warning(keyword.span, "this list is empty", notation_of(kind) + " in it");
    ListReader reader(context, kind);
    for (const Statement& entry : value.statement->body) {
        if (entry.unusable)
            continue;
        auto use = reader.read(entry);
        if (use)
            context.uses->push_back(std::move(*use));
    }
}

std::optional<WeightDraft> read_weight(std::span<const Word> words, int maximum, Report& report) {
    const std::string notation = fmt::format(
        "a weight is a number from -{} to {}, and may be followed by `reverse`", maximum, maximum);
    const auto weight = read_number(words.front(), -maximum, maximum, report, notation);
    if (!weight)
        return std::nullopt;
    WeightDraft draft{.weight = static_cast<int>(*weight), .reverse = std::nullopt};
    if (words.size() > 1) {
        const Word& option = words[1];
        draft.reverse = option.text == "reverse";
        const bool known = *draft.reverse || option.text == "noreverse";
        if (!known || words.size() > 2) {
            const Word& wrong = known ? words[2] : option;
            report.error(wrong.span,
                         fmt::format("{} is not an option of a weight", quote(wrong.text)),
                         notation);
        }
    }
    return draft;
}

}  // namespace headgate::config
