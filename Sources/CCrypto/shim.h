// CCrypto: OpenSSL's libcrypto, of which Kinglet uses SHA-256. Apple's systems have CryptoKit instead.
#include <openssl/sha.h>
