// Words that keepalived's text and JSON dumps share. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "controlplane/config/model.h"
#include "controlplane/vrrp/status.h"

namespace headgate::dump {

// Instead of a password: the files outlive the reason for which they were written.
inline constexpr const char* masked_password = "********";

// "192.0.2.11/24"; the length of a host is left out.
std::string prefix_words(const Prefix& prefix);

// "192.0.2.11/24 brd 192.0.2.255 dev vrrp.51@eth0 scope global label eth0:1 set", "set" while the
// kernel has it.
std::string address_words(const config::VrrpInstance& instance,
                          const config::VirtualAddress& address, bool present);

// "'/usr/bin/chk' 'web'"
std::string command_words(const config::Command& command);

// Whether the kernel has the address of this instance.
bool is_present(const vrrp::InstanceStatus& instance, const config::VirtualAddress& address);

// "none" where parameters are not looked at, else "exact", "partial" or "initial".
std::string_view match_words(const config::TrackProcess& process);
// Whether too many processes are a fault, too.
bool has_maximum(const config::TrackProcess& process);

enum class Auth : std::uint8_t { none, password, header };
Auth auth_of(const config::VrrpInstance& instance);

// As keepalived's JSON has them: a flag; 0 none, 1 password, 2 header; 0 INIT, 1 BACKUP, 2 MASTER,
// 3 FAULT.
int number_of(bool flag);
int number_of(Auth auth);
int number_of(vrrp::State state);

}  // namespace headgate::dump
