// Program: one command line of the configuration, made ready to be run: found, allowed, and with
// the user it runs as. Looks at the file system and the user database, so not for the VRRP thread.
//
// Script security, as in keepalived: a program that would run as root must not be changeable by
// anybody else. Its file, every directory on the way to it, and everything that symbolic links on
// that way lead over must be writable by root only.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "common/result.h"

namespace headgate::process {

// How programs may be run.
struct Rules {
    std::string
        user{};  // of those that name none; empty: keepalived_script if it exists, else root
    std::string group{};                // empty: the user's own
    bool security = false;              // refuse what others than root could change
    bool keep_symlinks = false;         // run it under the name that was given, not the real one
    bool supplementary_groups = false;  // with the user's other groups, too
    bool operator==(const Rules&) const = default;
};

struct Credentials {
    uid_t user = 0;
    gid_t group = 0;
    std::vector<gid_t> supplementary{};
    bool operator==(const Credentials&) const = default;
};

struct Program {
    std::string path;
    std::vector<std::string> words;  // as the program sees them: its name first
    Credentials credentials;
};

// A user or group may be a name or a number.
Result<Credentials> find_credentials(const std::string& user, const std::string& group,
                                     bool with_supplementary);

// Fails for what nobody but root could have put there; with `Result`'s message naming the culprit.
Result<void> check_only_root_can_change(const std::string& path);

// `words`: the program and its arguments; a program without a '/' is looked for in PATH. `user` and
// `group` are those that the command itself names, or empty.
Result<Program> prepare(const std::vector<std::string>& words, const std::string& user,
                        const std::string& group, const Rules& rules);

}  // namespace headgate::process
