// Addresses of Unix stream sockets by path. Any thread.
#pragma once

#include <string>

#include <sys/socket.h>
#include <sys/un.h>

#include "common/result.h"

namespace headgate {

// Fails when the path is longer than the kernel takes (107 bytes).
Result<sockaddr_un> unix_address(const std::string& path);

// For bind() and connect(), which take the size of a sockaddr_un beside it.
inline const sockaddr* as_sockaddr(const sockaddr_un& address) {
    return reinterpret_cast<const sockaddr*>(&address);
}

}  // namespace headgate
