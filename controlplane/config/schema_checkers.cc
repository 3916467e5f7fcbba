// Rows of the schema table: the health checks of a real_server.
#include <algorithm>

#include <fmt/format.h>

#include "controlplane/config/reader.h"
#include "controlplane/config/schema.h"

namespace headgate::config {
namespace {

constexpr std::int64_t status_min = 100;
constexpr std::int64_t status_max = 599;

void read_check(const Context& context, const Value& value, CheckKind kind, Block block) {
    CheckDraft draft;
    draft.kind = kind;
    draft.where = value.statement->keyword().span;
    Context inner = context;
    inner.check = &draft;
    inner.timing = &draft.timing;
    inner.virtual_host = &draft.virtual_host;
    read_body(inner, *value.statement, block);
    const bool usable = kind == CheckKind::tcp || !draft.urls.empty();
    if (usable)
        context.real_server->checks.push_back(std::move(draft));
}

void read_tcp_check(const Context& context, const Value& value) {
    read_check(context, value, CheckKind::tcp, Block::tcp_check);
}

void read_http_check(const Context& context, const Value& value) {
    read_check(context, value, CheckKind::http, Block::http_get);
}

void read_url(const Context& context, const Value& value) {
    UrlDraft draft;
    Context inner = context;
    inner.url = &draft;
    inner.virtual_host = &draft.virtual_host;
    read_body(inner, *value.statement, Block::url);
    if (draft.path)
        context.check->urls.push_back(std::move(draft));
}

// "200" or "200-299"; absent: neither, and reported.
std::optional<StatusRange> read_status(const Word& word, Report& report) {
    constexpr std::string_view hint =
        "write codes from 100 to 599 or ranges of them, such as `status_code 200-299 304`";
    const std::size_t dash = word.text.find('-');
    Word first = word;
    first.text = word.text.substr(0, dash);
    const auto low = read_number(first, status_min, status_max, report, std::string(hint));
    if (!low)
        return std::nullopt;
    std::optional<std::int64_t> high = low;
    if (dash != std::string::npos) {
        Word last = word;
        last.text = word.text.substr(dash + 1);
        high = read_number(last, status_min, status_max, report, std::string(hint));
        if (!high)
            return std::nullopt;
    }
    if (*high < *low) {
        report.error(word.span, quote(word.text) + " is a range that ends before it begins",
                     fmt::format("write {}-{}", *high, *low));
        return std::nullopt;
    }
    return StatusRange{static_cast<std::uint16_t>(*low), static_cast<std::uint16_t>(*high)};
}

void add_statuses(const Context& context, const Value& value) {
    for (const Word& word : value.words) {
        if (const auto status = read_status(word, context.report))
            context.url->statuses.push_back(*status);
    }
}

// HTTP has no other form of target than one that begins with a slash; keepalived sends what it is
// given, and servers answer 400.
void set_path(const Context& context, const Value& value) {
    if (!value.text.starts_with('/')) {
        context.report.error(
            value.where, quote(value.text) + " does not begin with a slash",
            fmt::format("write `path /{}`; that is what is requested", value.text));
        context.url->path = "/" + std::string(value.text);
        return;
    }
    context.url->path = std::string(value.text);
}

constexpr Blocks every_check = Block::tcp_check | Block::http_get;

constexpr Keyword checker_rows[] = {
    {
        .blocks = Block::real_server,
        .name = "TCP_CHECK",
        .argument = nothing().with_block(Block::tcp_check),
        .handler = read_tcp_check,
        .doc = "Passes when a TCP connection can be opened.",
        .repeats = true,
    },
    {
        .blocks = Block::real_server,
        .name = "HTTP_GET",
        .argument = nothing().with_block(Block::http_get),
        .handler = read_http_check,
        .doc = "Passes when every `url` is answered with a status that it allows.",
        .repeats = true,
    },
    {
        .blocks = every_check,
        .name = "connect_ip",
        .argument = address(),
        .default_text = "that of the real_server",
        .handler = [](const Context& context,
                      const Value& value) { context.check->connect_address = value.address; },
        .doc = "The address that is checked.",
    },
    {
        .blocks = every_check,
        .name = "connect_port",
        .argument = number(1, 65535),
        .default_text = "that of the real_server",
        .handler =
            [](const Context& context, const Value& value) {
                context.check->connect_port = static_cast<std::uint16_t>(value.number);
            },
        .doc = "The port that is checked.",
    },
    {
        .blocks = Block::http_get,
        .name = "url",
        .argument = nothing().with_block(Block::url),
        .handler = read_url,
        .doc = "One page to ask for.",
        .repeats = true,
        .required = true,
    },
    {
        .blocks = Block::url,
        .name = "path",
        .argument = text("PATH", 1024),
        .handler = set_path,
        .doc = "What is requested, with the query if there is one.",
        .required = true,
    },
    {
        .blocks = Block::url,
        .name = "status_code",
        .argument = words("CODE | FIRST-LAST ..."),
        .default_text = "200-299",
        .handler = add_statuses,
        .doc = "The HTTP status codes that count as success, 100 to 599.",
    },
};

}  // namespace

std::span<const Keyword> checker_keywords() {
    return checker_rows;
}

}  // namespace headgate::config
