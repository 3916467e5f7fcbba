#include "common/unix_socket.h"

namespace headgate {

Result<sockaddr_un> unix_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    // One byte less than the field: the kernel wants it terminated.
    if (path.size() >= sizeof address.sun_path)
        return fail("the socket path {} is longer than {} bytes", path,
                    sizeof address.sun_path - 1);
    path.copy(static_cast<char*>(address.sun_path), path.size());
    return address;
}

}  // namespace headgate
