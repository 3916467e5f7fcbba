#include "common/shared_library.h"

#include <dlfcn.h>

namespace headgate {

Result<SharedLibrary> SharedLibrary::load(const std::string& name) {
    void* const handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr)
        return fail("{} cannot be loaded: {}", name, dlerror());
    return SharedLibrary(name, handle);
}

Result<void> SharedLibrary::complete() const {
    if (!missing_.empty())
        return fail("{} has no function {}", name_, missing_);
    return {};
}

void* SharedLibrary::address_of(const char* name) {
    void* const address = dlsym(handle_, name);
    if (address == nullptr && missing_.empty())
        missing_ = name;
    return address;
}

}  // namespace headgate
