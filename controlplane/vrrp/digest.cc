#include "controlplane/vrrp/digest.h"

#include <cstddef>
#include <memory>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

namespace headgate::vrrp {

namespace {

template <auto release>
struct Releaser {
    template <typename T>
    void operator()(T* object) const {
        release(object);
    }
};

template <std::size_t size>
std::optional<std::array<std::uint8_t, size>> hmac(const char* digest_name, ByteView key,
                                                   std::initializer_list<ByteView> pieces) {
    // Looked up once: it costs more than a digest of an advert.
    static const std::unique_ptr<EVP_MAC, Releaser<EVP_MAC_free>> mac(
        EVP_MAC_fetch(nullptr, "HMAC", nullptr));
    const std::unique_ptr<EVP_MAC_CTX, Releaser<EVP_MAC_CTX_free>> context(
        mac ? EVP_MAC_CTX_new(mac.get()) : nullptr);
    // The library takes it as mutable and does not change it.
    const std::array parameters{
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>(digest_name), 0),
        OSSL_PARAM_construct_end()};
    if (!context || EVP_MAC_init(context.get(), key.data(), key.size(), parameters.data()) != 1)
        return std::nullopt;
    for (const ByteView piece : pieces) {
        if (EVP_MAC_update(context.get(), piece.data(), piece.size()) != 1)
            return std::nullopt;
    }
    std::array<std::uint8_t, size> digest{};
    std::size_t written = 0;
    if (EVP_MAC_final(context.get(), digest.data(), &written, digest.size()) != 1 ||
        written != size)
        return std::nullopt;
    return digest;
}

}  // namespace

std::optional<std::array<std::uint8_t, 16>> hmac_md5(ByteView key,
                                                     std::initializer_list<ByteView> pieces) {
    return hmac<16>("MD5", key, pieces);
}

std::optional<std::array<std::uint8_t, 32>> hmac_sha256(ByteView key,
                                                        std::initializer_list<ByteView> pieces) {
    return hmac<32>("SHA256", key, pieces);
}

bool equal_constant_time(ByteView left, ByteView right) {
    return left.size() == right.size() &&
           CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

}  // namespace headgate::vrrp
