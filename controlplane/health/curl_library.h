// CurlLibrary: libcurl's functions, loaded with the first HTTP check. With it come TLS, Kerberos
// and LDAP, a third of the memory of a director that does VRRP alone. Main thread only.
#pragma once

#include <curl/curl.h>

#include "common/result.h"

// Macros that check the types of arguments, which name the functions themselves.
#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt

namespace headgate::health {

struct CurlLibrary {
    // The library, initialised; the same one each time.
    static const Result<CurlLibrary>& get();

    decltype(curl_global_init)* global_init = nullptr;
    decltype(curl_easy_init)* easy_init = nullptr;
    decltype(curl_easy_cleanup)* easy_cleanup = nullptr;
    decltype(curl_easy_setopt)* easy_setopt = nullptr;
    decltype(curl_easy_getinfo)* easy_getinfo = nullptr;
    decltype(curl_easy_strerror)* easy_strerror = nullptr;
    decltype(curl_multi_init)* multi_init = nullptr;
    decltype(curl_multi_cleanup)* multi_cleanup = nullptr;
    decltype(curl_multi_setopt)* multi_setopt = nullptr;
    decltype(curl_multi_add_handle)* multi_add_handle = nullptr;
    decltype(curl_multi_remove_handle)* multi_remove_handle = nullptr;
    decltype(curl_multi_socket_action)* multi_socket_action = nullptr;
    decltype(curl_multi_info_read)* multi_info_read = nullptr;
    decltype(curl_slist_append)* slist_append = nullptr;
    decltype(curl_slist_free_all)* slist_free_all = nullptr;

private:
    static Result<CurlLibrary> load();
};

}  // namespace headgate::health
