// Backend: the ForwardingBackend that forwards with the kernel's IPVS. Main thread only; it blocks
// as Kernel does. Only connections are read by a thread of its own.
//
// Nothing is asked of the kernel until a table has services, or a former run has left some. From
// then on its table is looked at about once a second, and put right. A headgated that dies leaves
// the kernel forwarding; the next one goes on from what is there.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "controlplane/config/model_services.h"
#include "controlplane/forwarding/backend.h"
#include "controlplane/forwarding/ipvs/sync_daemon.h"
#include "controlplane/forwarding/ipvs/table.h"

namespace boost::asio {
class io_context;
}

namespace headgate::forwarding::ipvs {

class Kernel;

class Backend final : public ForwardingBackend {
public:
    struct State {
        bool wanted = false;
        bool up = false;    // the kernel answers
        std::string error;  // why not, in words
        // What it does not do, though it answers: why, by service.
        std::map<ServiceKey, std::string> failures;
        std::uint64_t repairs = 0;  // changes of others that were put back
        // Timeouts and sysctls that it has not, and sync daemons that do not stop, in words.
        std::string settings_error;
        std::string version;                   // "1.2.1"; empty: not known
        std::uint32_t connection_buckets = 0;  // likewise
        struct Sync {
            SyncDaemon daemon;
            std::string error;  // why it does not run, in words; empty: it does
        };
        std::vector<Sync> sync;  // daemons that are to run
    };

    // `owners_file` is where it remembers which services are its own. `on_change` is called when
    // `up`, `error` or `failures` have changed, not from within a call. Requires: `context`
    // outlives the backend.
    Backend(boost::asio::io_context& context, std::unique_ptr<Kernel> kernel,
            const std::filesystem::path& owners_file, std::function<void()> on_change);
    ~Backend() override;

    // How the kernel's table begins and ends, from now on.
    void configure(const config::IpvsPolicy& policy);

    // The sync daemons that the policy asks for run from now on. `is_master`: its VRRP instance is.
    void keep_synced(bool is_master);

    // The orderly end.
    void stop();

    [[nodiscard]] State state() const;

    [[nodiscard]] service::Capabilities capabilities() const override;
    void apply(api::ServiceTable table) override;
    void stats(StatsHandler handler) override;
    void ask(const api::DataplaneRequest& request, ReplyHandler handler) override;

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace headgate::forwarding::ipvs
