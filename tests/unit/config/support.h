// What the configuration tests share: loading from strings, and a marked place in a text.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "controlplane/config/load.h"

namespace headgate::config {

using Files = std::map<std::string, std::string>;

// Loads `main_file` of `files`; a pattern matches the files whose name begins with what stands
// before its `*`.
inline LoadResult load_files(const Files& files, const std::string& main_file) {
    FileAccess access;
    access.read = [&files](const std::string& path) -> Result<std::string> {
        const auto file = files.find(path);
        if (file == files.end())
            return fail("cannot open `{}`", path);
        return file->second;
    };
    access.expand = [&files](const std::string& pattern) {
        std::vector<std::string> paths;
        const std::size_t star = pattern.find('*');
        for (const auto& [path, text] : files) {
            if (path == pattern || (star != std::string::npos &&
                                    path.starts_with(std::string_view(pattern).substr(0, star))))
                paths.push_back(path);
        }
        return paths;
    };
    return load(main_file, access, "testhost");
}

inline LoadResult load_text(std::string_view text) {
    return load_files({{"test.conf", std::string(text)}}, "test.conf");
}

// The model of a text in which nothing is wrong; anything else fails the test.
Config load_fine(const std::string& text);

// A configuration of one good instance, with more lines in it or behind it.
inline std::string instance_with(std::string_view lines, std::string_view behind = "") {
    return "vrrp_instance VI_1 {\n"
           "    interface eth0\n"
           "    virtual_router_id 51\n"
           "    virtual_ipaddress {\n"
           "        192.0.2.10/24\n"
           "    }\n" +
           std::string(lines) + "\n}\n" + std::string(behind) + "\n";
}

// A configuration of one good virtual server, with more lines in it, in its real server, or in the
// HTTP_GET or url of that.
struct ServerLines {
    std::string_view server{};
    std::string_view real_server{};
    std::string_view http_get{};
    std::string_view url{};
};

inline std::string server_with(const ServerLines& lines) {
    return "dataplane {\n"
           "    interface eth0\n"
           "}\n"
           "virtual_server 192.0.2.10 80 {\n"
           "    lb_algo rr\n"
           "    lb_kind DR\n"
           "    protocol TCP\n" +
           std::string(lines.server) + "\n    real_server 192.0.2.11 80 {\n" +
           std::string(lines.real_server) + "\n        HTTP_GET {\n" + std::string(lines.http_get) +
           "\n            url {\n"
           "                path /\n" +
           std::string(lines.url) +
           "\n            }\n"
           "        }\n"
           "    }\n"
           "}\n";
}

// Every value of the model, one on each line, for comparing two configurations.
std::string describe(const Config& config);

}  // namespace headgate::config
