// Goal: what the status shows of a BFD session is what is known of it. Sessions at work: the lab.
#include "controlplane/bfd_sessions.h"

#include <gtest/gtest.h>

namespace headgate {
namespace {

TEST(BfdStatus, ShowsASessionWhole) {
    bfd::InstanceStatus session;
    session.name = "b1";
    session.neighbor = IpAddress::parse("192.0.2.3").value();
    session.state = bfd::State::down;
    session.diagnostic = bfd::Diagnostic::detection_time_expired;
    session.remote_state = bfd::State::up;
    session.since_unix_ms = 1234;
    session.discriminator = 7;
    session.remote_discriminator = 9;
    session.tx_interval = std::chrono::milliseconds(10);
    session.detection_time = std::chrono::milliseconds(50);
    session.packets_sent = 3;
    session.packets_received = 2;
    session.became_up = 1;
    session.packet_errors = {{"ttl", 4}};
    session.warning = "no route";
    api::BfdStatus shown;
    fill_bfd(session, shown);
    EXPECT_EQ(shown.ShortDebugString(),
              "name: \"b1\" neighbor: \"192.0.2.3\" state: \"Down\" diagnostic: \"Control "
              "Detection Time Expired\" since_unix_ms: 1234 remote_state: \"Up\" "
              "remote_diagnostic: \"No Diagnostic\" discriminator: 7 remote_discriminator: 9 "
              "tx_interval_us: 10000 detection_time_us: 50000 packets_sent: 3 packets_received: 2 "
              "became_up: 1 packet_errors { name: \"ttl\" count: 4 } warning: \"no route\"");
}

}  // namespace
}  // namespace headgate
