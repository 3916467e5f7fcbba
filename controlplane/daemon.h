// Daemon: headgated's parts wired together on the main thread's io_context. Configuration, check
// results and VRRP state flow in; the ServiceTable flows out to the forwarding backend. Owns every
// part; the VRRP thread reaches it only by posting to the io_context.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "common/result.h"
#include "controlplane/config/model.h"

namespace boost::asio {
class io_context;
}

namespace headgate {

class Daemon {
public:
    struct Options {
        std::filesystem::path config_file;
        std::filesystem::path api_socket;
        std::filesystem::path dataplane_socket;
        std::filesystem::path dataplane_pins;
        // Of nftables; another for each daemon of one machine.
        std::string firewall_table = "headgate";
        std::filesystem::path holds_file;  // see Holds
        std::filesystem::path ipvs_file;   // see forwarding/ipvs/owners_file.h
        std::filesystem::path dataplane_program;
        std::vector<std::string> dataplane_arguments;
        bool run_vrrp = true;
        bool run_services = true;
    };

    // Starts every part that the configuration needs. Fails when VRRP or the control API cannot
    // run; a dataplane that does not come up is tried again and shown in the status. Requires:
    // `context` outlives the daemon.
    static Result<std::unique_ptr<Daemon>> start(boost::asio::io_context& context, Options options,
                                                 config::Config config);
    ~Daemon();
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;

    // Reads the configuration file again. One with an error changes nothing: the error says what
    // is wrong with it, and is kept for the status.
    Result<void> reload();

    // Writes one of keepalived's dump files, with the state of now. Errors are logged.
    enum class Dump { data, stats, stats_and_clear, json };
    void dump(Dump what);

    // The orderly end: VRRP resigns and its addresses go, the dataplane stops; then `done`.
    void stop(std::function<void()> done);

private:
    class Impl;
    explicit Daemon(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace headgate
