/* XXH64 (the xxHash specification, 64 bits, seed 0), fed piece by piece.
 *
 * Load and sink agree by it that content arrived byte for byte. It is chosen for its speed: about
 * 6 us for 64 KB, so that checking does not take the processor from the gateway under test. It
 * guards against mistakes, not against malice.
 */
#ifndef BENCH_DIGEST_H
#define BENCH_DIGEST_H

#include <stdint.h>
#include <string.h>

#define XXH_P1 0x9E3779B185EBCA87ULL
#define XXH_P2 0xC2B2AE3D27D4EB4FULL
#define XXH_P3 0x165667B19E3779F9ULL
#define XXH_P4 0x85EBCA77C2B2AE63ULL
#define XXH_P5 0x27D4EB2F165667C5ULL
#define STRIPE 32

typedef struct {
    uint64_t lane[4];
    uint64_t total;             /* bytes so far */
    unsigned char rest[STRIPE]; /* the last, incomplete stripe */
    unsigned held;              /* bytes in rest */
} digest_t;

static inline uint64_t rotate_left(uint64_t value, int bits) {
    return (value << bits) | (value >> (64 - bits));
}

static inline uint64_t word64(const unsigned char *at) {
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value; /* little-endian machines only: see the check in digest_start */
}

static inline uint64_t mix(uint64_t lane, uint64_t word) {
    return rotate_left(lane + word * XXH_P2, 31) * XXH_P1;
}

static inline void digest_start(digest_t *digest) {
    _Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "XXH64 reads little-endian words");
    memset(digest, 0, sizeof *digest);
    digest->lane[0] = XXH_P1 + XXH_P2;
    digest->lane[1] = XXH_P2;
    digest->lane[3] = 0 - XXH_P1;
}

static inline void eat_stripe(digest_t *digest, const unsigned char *at) {
    for (int i = 0; i < 4; i++) digest->lane[i] = mix(digest->lane[i], word64(at + 8 * i));
}

static inline void digest_add(digest_t *digest, const void *data, size_t size) {
    const unsigned char *at = data, *end = at + size;
    digest->total += size;
    if (digest->held) {
        size_t room = STRIPE - digest->held, taken = size < room ? size : room;
        memcpy(digest->rest + digest->held, at, taken);
        digest->held += taken;
        at += taken;
        if (digest->held < STRIPE) return;
        eat_stripe(digest, digest->rest);
        digest->held = 0;
    }
    for (; end - at >= STRIPE; at += STRIPE) eat_stripe(digest, at);
    digest->held = end - at;
    memcpy(digest->rest, at, digest->held);
}

/* The digest of all that was added; adding may go on afterwards. */
static inline uint64_t digest_value(const digest_t *digest) {
    static const int turns[4] = {1, 7, 12, 18};
    uint64_t hash = 0;
    if (digest->total >= STRIPE) {
        for (int i = 0; i < 4; i++) hash += rotate_left(digest->lane[i], turns[i]);
        for (int i = 0; i < 4; i++) hash = (hash ^ mix(0, digest->lane[i])) * XXH_P1 + XXH_P4;
    } else {
        hash = XXH_P5; /* the seed, 0, and P5 */
    }
    hash += digest->total;
    const unsigned char *at = digest->rest, *end = at + digest->held;
    for (; end - at >= 8; at += 8)
        hash = rotate_left(hash ^ mix(0, word64(at)), 27) * XXH_P1 + XXH_P4;
    if (end - at >= 4) {
        uint32_t word;
        memcpy(&word, at, sizeof word);
        hash = rotate_left(hash ^ word * XXH_P1, 23) * XXH_P2 + XXH_P3;
        at += 4;
    }
    for (; at < end; at++) hash = rotate_left(hash ^ *at * XXH_P5, 11) * XXH_P1;
    hash = (hash ^ hash >> 33) * XXH_P2;
    hash = (hash ^ hash >> 29) * XXH_P3;
    return hash ^ hash >> 32;
}

#endif
