// LinkWriter: makes and removes interfaces, and brings them up. One thread.
#pragma once

#include <string>
#include <utility>

#include "common/net.h"
#include "common/result.h"
#include "controlplane/netlink/socket.h"

namespace headgate::netlink {

class LinkWriter {
public:
    static Result<LinkWriter> open();

    // A macvlan on another interface, down. In mode VEPA: what comes from others with its MAC
    // address reaches the interface below, too. In mode private it alone gets that.
    Result<void> add_macvlan(int base_index, const std::string& name, const MacAddress& mac);
    // Makes that the mode of a macvlan that is there.
    Result<void> set_vepa(int index);
    Result<void> set_up(int index);
    // At most 255 bytes.
    Result<void> set_alias(int index, const std::string& text);
    // Not to be there any more is success.
    Result<void> remove(int index);

private:
    explicit LinkWriter(Socket socket) : socket_(std::move(socket)) {}
    Socket socket_;
};

}  // namespace headgate::netlink
