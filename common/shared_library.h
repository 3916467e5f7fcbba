// SharedLibrary: a library that is loaded when it is needed for the first time, so that a process
// that never needs it does not carry it. It stays loaded until the process ends. Any thread.
#pragma once

#include <string>

#include "common/result.h"

namespace headgate {

class SharedLibrary {
public:
    // `name`: its soname, such as "libcurl.so.4".
    static Result<SharedLibrary> load(const std::string& name);

    // Sets `function` to the library's function of this name. The first one that is missing is
    // remembered.
    template <typename Function>
    SharedLibrary& find(const char* name, Function*& function) {
        function = reinterpret_cast<Function*>(address_of(name));
        return *this;
    }
    // Whether every function was there.
    [[nodiscard]] Result<void> complete() const;

private:
    SharedLibrary(std::string name, void* handle) : name_(std::move(name)), handle_(handle) {}
    void* address_of(const char* name);

    std::string name_;
    void* handle_;
    std::string missing_;
};

}  // namespace headgate
