#include "controlplane/forwarding/ipvs/owners_file.h"

#include <fstream>
#include <sstream>

#include <google/protobuf/util/json_util.h>

#include "common/api.pb.h"
#include "common/check.h"
#include "common/log.h"
#include "common/write_file.h"

namespace headgate::forwarding::ipvs {

Owned OwnersFile::load() const {
    std::ifstream file(file_);
    if (!file)
        return {};
    std::stringstream text;
    text << file.rdbuf();
    api::SavedIpvsServices read;
    const auto parsed = google::protobuf::util::JsonStringToMessage(text.str(), &read);
    if (!parsed.ok()) {
        log::warn("{} is not what headgated has written, services that are left in IPVS stay: {}",
                  file_.string(), parsed.ToString());
        return {};
    }
    Owned ours;
    for (const api::SavedIpvsServices::Service& each : read.services()) {
        if (const auto address = IpAddress::parse(each.address()))
            ours.services.insert({.endpoint = {*address, static_cast<std::uint16_t>(each.port())},
                                  .protocol = static_cast<std::uint8_t>(each.protocol()),
                                  .fwmark = each.fwmark()});
    }
    for (const std::string& role : read.sync_daemons()) {
        for (const SyncRole each : {SyncRole::master, SyncRole::backup}) {
            if (role == to_word(each))
                ours.sync_roles.insert(each);
        }
    }
    return ours;
}

void OwnersFile::save(const Owned& ours) const {
    api::SavedIpvsServices written;
    for (const ServiceKey& key : ours.services) {
        api::SavedIpvsServices::Service& each = *written.add_services();
        each.set_address(key.endpoint.address.to_string());
        each.set_port(key.endpoint.port);
        each.set_protocol(key.protocol);
        each.set_fwmark(key.fwmark);
    }
    for (const SyncRole role : ours.sync_roles)
        written.add_sync_daemons(std::string(to_word(role)));
    std::string text;
    const auto rendered = google::protobuf::util::MessageToJsonString(written, &text);
    check(rendered.ok(), "the message has a JSON form");
    if (const auto done = write_file(file_, text); !done)
        log::warn("a restart will not remember what it has in IPVS: {}", done.error().message);
}

}  // namespace headgate::forwarding::ipvs
