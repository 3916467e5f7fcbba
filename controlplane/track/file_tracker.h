// FileTracker: the numbers in all tracked files, from inotify. Main thread only.
//
// Both the directory and the file itself are watched, so that writing, creating, deleting, renaming
// (as editors do) and changing the target of a symbolic link are all seen. While a directory is
// missing it is looked for once a second.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "controlplane/config/model_tracking.h"
#include "controlplane/track/verdict.h"

namespace boost::asio {
class io_context;
}

namespace headgate::track {

// The number at the beginning of a file's text, within 32 bits; 0 when there is none.
std::int64_t first_number(std::string_view text);

class FileTracker {
public:
    // `context` and `report` outlive the tracker.
    FileTracker(boost::asio::io_context& context, const Report& report);
    ~FileTracker();
    FileTracker(const FileTracker&) = delete;
    FileTracker& operator=(const FileTracker&) = delete;

    // Files that are new are initialized as they want it, and reported before it returns; those
    // that stay keep their value.
    void configure(const std::vector<config::TrackFile>& files);

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace headgate::track
