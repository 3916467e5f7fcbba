// Rows of the schema table: auth_hmac.
#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>

#include "controlplane/config/reader.h"
#include "controlplane/config/schema.h"

namespace headgate::config {
namespace {

constexpr std::size_t secret_min = 32;
constexpr std::size_t secret_max = 64;
constexpr std::string_view key_notation =
    "write `key ID SECRET`: an ID from 0 to 255, and 32 to 64 bytes as they are, or as "
    "`hex:DIGITS`";

constexpr std::array replays{
    Choice{"time", 1, ""},
    Choice{"monotonic", 0, ""},
};
constexpr std::array modes{
    Choice{"enforce", static_cast<int>(AuthHmac::Mode::enforce), ""},
    Choice{"permissive", static_cast<int>(AuthHmac::Mode::permissive), ""},
    Choice{"receive-only", static_cast<int>(AuthHmac::Mode::receive_only), ""},
};

AuthHmacDraft& hmac_of(const Context& context) {
    return *context.instance->transport.hmac;
}

void read_hmac(const Context& context, const Value& value) {
    AuthHmacDraft& draft = context.instance->transport.hmac.emplace();
    draft.where = value.statement->keyword().span;
    context.instance->mentions.merge(read_body(context, *value.statement, Block::auth_hmac));
}

std::optional<std::vector<std::uint8_t>> from_hex(std::string_view digits) {
    const auto value_of = [](char digit) {
        return static_cast<unsigned>(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
    };
    if (digits.size() % 2 != 0 ||
        !std::ranges::all_of(digits, [](unsigned char digit) { return std::isxdigit(digit) != 0; }))
        return std::nullopt;
    std::vector<std::uint8_t> bytes;
    for (std::size_t index = 0; index < digits.size(); index += 2)
        bytes.push_back(
            static_cast<std::uint8_t>(value_of(digits[index]) << 4U | value_of(digits[index + 1])));
    return bytes;
}

// The secret itself is not repeated in diagnostics, which are logged.
void add_key(const Context& context, const Value& value) {
    constexpr std::string_view hex = "hex:";
    if (value.words.size() != 2) {
        context.report.error(value.where, "`key` takes an id and a secret",
                             std::string(key_notation));
        return;
    }
    const auto id = read_number(value.words[0], 0, 255, context.report, std::string(key_notation));
    if (!id)
        return;
    const Word& word = value.words[1];
    const std::string_view text = word.text;
    std::vector<std::uint8_t> secret(text.begin(), text.end());
    if (text.starts_with("file:")) {
        context.report.error(word.span, "secrets in files of their own are not read",
                             "write the secret here, or `include` a file with this line in it, "
                             "which only root can read; the key is left out");
        return;
    }
    if (text.starts_with(hex)) {
        const auto bytes = from_hex(text.substr(hex.size()));
        if (!bytes) {
            context.report.error(word.span, "these are not pairs of hexadecimal digits",
                                 std::string(key_notation));
            return;
        }
        secret = *bytes;
    }
    if (secret.size() < secret_min || secret.size() > secret_max) {
        context.report.error(word.span, fmt::format("this secret has {} bytes", secret.size()),
                             std::string(key_notation) + "; the key is left out");
        return;
    }
    auto& keys = hmac_of(context).keys;
    const auto same = [&](const auto& key) { return key.value.id == *id; };
    if (std::ranges::any_of(keys, same)) {
        context.report.error(value.words[0].span, fmt::format("there is a key {} already", *id),
                             "give this one another id; it is left out");
        return;
    }
    keys.push_back(
        {{.id = static_cast<std::uint8_t>(*id), .secret = std::move(secret)}, value.where});
}

constexpr Keyword vrrp_auth_rows[] = {
    {
        .blocks = Block::vrrp_instance,
        .name = "auth_hmac",
        .argument = nothing().with_block(Block::auth_hmac),
        .handler = read_hmac,
        .doc = "Adverts of version 3 prove who sent them and when, as with keepalived 2.4.2 and "
               "later (older ones have another format).",
    },
    {
        .blocks = Block::auth_hmac,
        .name = "key",
        .argument = words("ID SECRET"),
        .handler = add_key,
        .doc = "A secret of 32 to 64 bytes, as it is or as `hex:DIGITS`, with an id from 0 to 255. "
               "Adverts name the id of theirs, so that keys can be replaced one router at a time.",
        .repeats = true,
    },
    {
        .blocks = Block::auth_hmac,
        .name = "active_key",
        .argument = number(0, 255),
        .default_text = "the first key",
        .handler =
            [](const Context& context, const Value& value) {
                hmac_of(context).active_key = {static_cast<std::uint8_t>(value.number),
                                               value.where};
            },
        .doc = "The id of the key that our adverts are signed with.",
    },
    {
        .blocks = Block::auth_hmac,
        .name = "anti_replay",
        .argument = one_of(replays),
        .default_text = "time",
        .handler =
            [](const Context& context, const Value& value) {
                hmac_of(context).bounded_by_time = {value.number == 1, value.where};
            },
        .doc = "`time`: the clocks of the routers must agree within `time_window`. `monotonic`: "
               "the time in adverts must only grow.",
    },
    {
        .blocks = Block::auth_hmac,
        .name = "time_window",
        .argument = number(1, 300),
        .default_text = "3 x advert_int, and at least 5",
        .handler =
            [](const Context& context, const Value& value) {
                hmac_of(context).time_window = {std::chrono::seconds(value.number), value.where};
            },
        .doc = "Seconds by which the time in an advert may differ from ours.",
    },
    {
        .blocks = Block::auth_hmac,
        .name = "mode",
        .argument = one_of(modes),
        .default_text = "enforce",
        .handler =
            [](const Context& context, const Value& value) {
                hmac_of(context).mode = {static_cast<AuthHmac::Mode>(value.number), value.where};
            },
        .doc = "`enforce`: adverts without a trailer are refused. `permissive`: they are accepted. "
               "`receive-only`: and ours have none. For changing a cluster router by router: "
               "receive-only, then permissive, then enforce.",
    },
};

}  // namespace

std::span<const Keyword> vrrp_auth_keywords() {
    return vrrp_auth_rows;
}

}  // namespace headgate::config
