// The typed configuration: what a keepalived.conf means, with every default filled in.
// Plain values, immutable after load; the parts of the control plane take from it what concerns
// them. No part writes into it, and nothing here knows how it was parsed.
#pragma once

#include <string>
#include <vector>

#include "common/realtime.h"
#include "controlplane/config/model_bfd.h"
#include "controlplane/config/model_dump.h"
#include "controlplane/config/model_services.h"
#include "controlplane/config/model_tracking.h"
#include "controlplane/config/model_vrrp.h"

namespace headgate::config {

struct Config {
    std::string file;
    std::string router_id;  // default: the host name
    Vrrp vrrp;
    std::vector<BfdInstance> bfd_instances;
    Trackers trackers;
    Scheduling bfd_scheduling;
    std::vector<VirtualServer> virtual_servers;
    ConnectionTimeouts connection_timeouts;
    Dataplane dataplane;
    IpvsPolicy ipvs;
    DumpFiles dump_files;
};

}  // namespace headgate::config
