#include "controlplane/health/curl_library.h"

#include "common/shared_library.h"

namespace headgate::health {

const Result<CurlLibrary>& CurlLibrary::get() {
    static const Result<CurlLibrary> loaded = load();
    return loaded;
}

Result<CurlLibrary> CurlLibrary::load() {
    auto library = SharedLibrary::load("libcurl.so.4");
    if (!library)
        return tl::unexpected(library.error());
    CurlLibrary curl;
    library->find("curl_global_init", curl.global_init)
        .find("curl_easy_init", curl.easy_init)
        .find("curl_easy_cleanup", curl.easy_cleanup)
        .find("curl_easy_setopt", curl.easy_setopt)
        .find("curl_easy_getinfo", curl.easy_getinfo)
        .find("curl_easy_strerror", curl.easy_strerror)
        .find("curl_multi_init", curl.multi_init)
        .find("curl_multi_cleanup", curl.multi_cleanup)
        .find("curl_multi_setopt", curl.multi_setopt)
        .find("curl_multi_add_handle", curl.multi_add_handle)
        .find("curl_multi_remove_handle", curl.multi_remove_handle)
        .find("curl_multi_socket_action", curl.multi_socket_action)
        .find("curl_multi_info_read", curl.multi_info_read)
        .find("curl_slist_append", curl.slist_append)
        .find("curl_slist_free_all", curl.slist_free_all);
    if (const auto complete = library->complete(); !complete)
        return tl::unexpected(complete.error());
    if (curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return fail("libcurl does not initialise");
    return curl;
}

}  // namespace headgate::health
