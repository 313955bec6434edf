/* What load and sink share: the clock, the limits, addresses, options, JSON text. */
#ifndef BENCH_NET_H
#define BENCH_NET_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#define ID_FIELD "X-Bench-Id: "
#define DIGEST_FIELD "X-Bench-Digest: "
#define RUN_TAG_MAX 16       /* letters of the tag that tells one run's messages from another's */
#define RECIPIENTS_MAX 10000 /* of one message */

/* Seconds of CLOCK_MONOTONIC, which all processes of a machine share. */
static inline double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec + at.tv_nsec * 1e-9;
}

static inline double cpu_seconds(void) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return used.ru_utime.tv_sec + used.ru_stime.tv_sec +
           (used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6;
}

static inline void fail(const char *format, ...) {
    va_list values;
    va_start(values, format);
    vfprintf(stderr, format, values);
    va_end(values);
    fputc('\n', stderr);
    exit(2);
}

static inline void *grow(void *old, size_t size) {
    void *memory = realloc(old, size ? size : 1);
    if (!memory) fail("out of memory");
    return memory;
}

static inline void *zeroed(size_t count, size_t size) {
    void *memory = calloc(count ? count : 1, size);
    if (!memory) fail("out of memory");
    return memory;
}

static inline void raise_file_limit(void) {
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static inline struct sockaddr_in ip4(const char *address, int port) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, address, &at.sin_addr) != 1) fail("%s is not an IPv4 address", address);
    if ((ntohl(at.sin_addr.s_addr) >> 24) != 127)
        fail("%s is not a loopback address; this tool is for 127.0.0.0/8 only", address);
    return at;
}

static inline void no_delay(int fd) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* The number in `text`, or the end of the program, naming `option`. */
static inline long number(const char *option, const char *text, long least, long most) {
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno || end == text || *end || value < least || value > most)
        fail("--%s needs a number from %ld to %ld, not %s", option, least, most, text);
    return value;
}

static inline void check_run_tag(const char *tag) {
    if (!*tag || strlen(tag) > RUN_TAG_MAX) fail("--run needs 1 to %d letters", RUN_TAG_MAX);
    for (const char *at = tag; *at; at++)
        if (!(*at >= 'a' && *at <= 'z') && !(*at >= '0' && *at <= '9'))
            fail("--run takes a-z and 0-9 only");
}

static inline void print_json_string(const char *text) {
    putchar('"');
    for (; *text; text++) {
        unsigned char letter = *text;
        if (letter == '"' || letter == '\\') printf("\\%c", letter);
        else if (letter < 32 || letter > 126) printf("\\u%04x", letter);
        else putchar(letter);
    }
    putchar('"');
}

#endif
