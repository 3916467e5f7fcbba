#include "controlplane/holds.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <google/protobuf/util/json_util.h>

#include "common/api.pb.h"
#include "common/check.h"
#include "common/log.h"
#include "common/write_file.h"

namespace headgate {

namespace {

// A reloaded instance keeps its hold to the millisecond; the clocks may differ by a little.
constexpr std::int64_t slack_ms = 1000;

bool same(const Holds::ByInstance& left, const Holds::ByInstance& right) {
    return std::ranges::equal(left, right, [](const auto& one, const auto& other) {
        return one.first == other.first && one.second.reason == other.second.reason &&
               std::abs(one.second.until_unix_ms - other.second.until_unix_ms) <= slack_ms;
    });
}

}  // namespace

Holds::ByInstance Holds::load() {
    std::ifstream file(file_);
    if (!file)
        return {};
    std::stringstream text;
    text << file.rdbuf();
    api::SavedHolds read;
    const auto parsed = google::protobuf::util::JsonStringToMessage(text.str(), &read);
    if (!parsed.ok()) {
        log::warn("{} is not what headgated has written, nobody is held back: {}", file_.string(),
                  parsed.ToString());
        return {};
    }
    for (const auto& [name, hold] : read.holds())
        saved_[name] = {.until_unix_ms = hold.until_unix_ms(), .reason = hold.reason()};
    return saved_;
}

void Holds::update(const std::vector<vrrp::Standing>& instances) {
    ByInstance wanted;
    for (const vrrp::Standing& instance : instances) {
        if (instance.hold)
            wanted[instance.name] = *instance.hold;
    }
    if (same(wanted, saved_))
        return;
    api::SavedHolds written;
    for (const auto& [name, hold] : wanted) {
        api::VrrpHold& saved = (*written.mutable_holds())[name];
        saved.set_until_unix_ms(hold.until_unix_ms);
        saved.set_reason(hold.reason);
    }
    std::string text;
    const auto rendered = google::protobuf::util::MessageToJsonString(written, &text);
    check(rendered.ok(), "the message has a JSON form");
    if (const auto done = write_file(file_, text); !done)
        log::warn("a restart will not remember who holds back: {}", done.error().message);
    saved_ = std::move(wanted);
}

}  // namespace headgate
