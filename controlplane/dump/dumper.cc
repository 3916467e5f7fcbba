#include "controlplane/dump/dumper.h"

#include <unistd.h>

#include "common/log.h"
#include "common/write_file.h"
#include "controlplane/dump/data.h"
#include "controlplane/dump/json.h"

namespace headgate::dump {

namespace {

const std::string& configured_path(Kind kind, const config::DumpFiles& files) {
    switch (kind) {
        case Kind::data:
            return files.data;
        case Kind::stats:
            return files.stats;
        case Kind::json:
            break;
    }
    return files.json;
}

}  // namespace

void Dumper::write(Kind kind, const config::Config& config,
                   const std::vector<vrrp::InstanceStatus>& instances,
                   const track::Activity& activity) {
    switch (kind) {
        case Kind::data:
            log::info("Printing VRRP data for process({}) on signal", ::getpid());
            return store(kind, config, render_data(config, instances, activity));
        case Kind::stats:
            log::info("Printing VRRP stats for process({}) on signal", ::getpid());
            return store(kind, config, render_stats(instances, baseline_));
        case Kind::json:
            log::info("Printing VRRP as json for process({}) on signal", ::getpid());
            return store(kind, config, render_json(config, instances, activity, baseline_));
    }
}

void Dumper::write_stats_and_clear(const config::Config& config,
                                   const std::vector<vrrp::InstanceStatus>& instances) {
    log::info("Printing and clearing VRRP stats for process({}) on signal", ::getpid());
    store(Kind::stats, config, render_stats(instances, baseline_));
    baseline_.clear();
    for (const vrrp::InstanceStatus& instance : instances)
        baseline_[instance.name] = stats_of(instance);
}

void Dumper::store(Kind kind, const config::Config& config, const std::string& text) const {
    if (config.vrrp.instances.empty()) {
        log::info("There is no VRRP instance, so no file is written");
        return;
    }
    const auto path = path_of(kind, configured_path(kind, config.dump_files), temporary_directory_);
    if (const auto written = write_file(path, text); !written)
        log::error("{}", written.error().message);
}

}  // namespace headgate::dump
