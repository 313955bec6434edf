/* The messages that load sends: generated ones of an exact size, or files.
 *
 * A message on the wire is a head (id and digest, different for each), a shared content that was
 * made ready beforehand, and a tail. The tail of generated messages repeats the id, so that a relay
 * that puts one message's header on another one's body is found out.
 */
#ifndef BENCH_MAIL_H
#define BENCH_MAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "digest.h"
#include "load_options.h"
#include "net.h"

#define VARIANTS 16 /* different contents of generated messages */
#define HEAD_MAX_BYTES 160
#define TAIL_MAX_BYTES 64

typedef struct {
    char *plain; /* CRLF line ends */
    size_t plain_size;
    char *wire; /* the same, dots stuffed */
    size_t wire_size;
    digest_t digest; /* of plain; goes on over the tail */
    bool is_8bit;
} content;

typedef struct {
    char head[HEAD_MAX_BYTES], tail[TAIL_MAX_BYTES + 3];
    size_t head_size, tail_size; /* the tail has no final dot yet */
    const content *content;
} message;

static content *contents;
static long content_count, content_room;
static bool has_tail;

static size_t put_tail(char *to, long id) {
    return has_tail ? (size_t)sprintf(to, "This was message %09ld.\r\n", id) : 0;
}

static size_t put_head(char *to, const char *run, long id, uint64_t digest, size_t size) {
    return snprintf(to, HEAD_MAX_BYTES, ID_FIELD "%s-%09ld\r\n" DIGEST_FIELD "%016lx %09zu\r\n",
                    run, id, digest, size);
}

/* Make ready the message with the number `id`, whose content is that of `id` modulo their count. */
static void build_message(message *built, const char *run, long id) {
    const content *from = &contents[id % content_count];
    digest_t digest = from->digest;
    built->content = from;
    built->tail_size = put_tail(built->tail, id);
    digest_add(&digest, built->tail, built->tail_size);
    built->head_size = put_head(built->head, run, id, digest_value(&digest), digest.total);
}

static void stuff_dots(content *of) {
    bool at_start = true;
    char *to = of->wire = grow(NULL, of->plain_size * 2);
    for (const char *at = of->plain; at < of->plain + of->plain_size; at++) {
        if (at_start && *at == '.') *to++ = '.'; /* RFC 5321, 4.5.2 */
        *to++ = *at;
        at_start = *at == '\n';
    }
    of->wire_size = to - of->wire;
}

/* Take `plain`, which is kept, into the contents. */
static void add_content(char *plain, size_t size) {
    if (content_count == content_room) {
        content_room = content_room ? content_room * 2 : VARIANTS;
        contents = grow(contents, content_room * sizeof *contents);
    }
    content *new = &contents[content_count++];
    *new = (content){.plain = plain, .plain_size = size};
    for (size_t i = 0; i < size && !new->is_8bit; i++) new->is_8bit = plain[i] & 0x80;
    digest_start(&new->digest);
    digest_add(&new->digest, plain, size);
    stuff_dots(new);
}

static void add_file(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END)) fail("cannot read %s: %s", path, strerror(errno));
    long size = ftell(file);
    if (size < 0 || size > FILE_MAX_BYTES) fail("%s is too large", path);
    rewind(file);
    char *raw = grow(NULL, size), *plain = grow(NULL, size * 2 + 2), *to = plain;
    if (fread(raw, 1, size, file) != (size_t)size) fail("cannot read %s", path);
    fclose(file);
    for (long i = 0; i < size; i++) {
        if (raw[i] == '\n' && (to == plain || to[-1] != '\r')) *to++ = '\r';
        *to++ = raw[i];
    }
    if (to - plain < 2 || to[-1] != '\n') {
        *to++ = '\r'; /* DATA ends with a line end */
        *to++ = '\n';
    }
    free(raw);
    add_content(plain, to - plain);
}

/* Add the files whose paths stand in `list`, one a line; `-` is standard input. */
static void add_files(const char *list) {
    FILE *lines = strcmp(list, "-") ? fopen(list, "r") : stdin;
    char *path = NULL;
    size_t room = 0;
    ssize_t size;
    if (!lines) fail("cannot read %s: %s", list, strerror(errno));
    while ((size = getline(&path, &room, lines)) > 0) {
        path[strcspn(path, "\n")] = 0;
        if (*path) add_file(path);
    }
    free(path);
    if (!content_count) fail("%s names no files", list);
}

static void add_generated(size_t size, unsigned variant) {
    char *text = grow(NULL, size + 512), *to = text, *end = text + size;
    unsigned random = 2463534242u + variant * 7919u, column = 0;
    to += sprintf(to,
                  "From: Sender <sender@bench.test>\r\nTo: Recipient <u0@sink.test>\r\n"
                  "Subject: Message of kind %02u\r\nDate: Mon, 01 Jan 2024 12:00:00 +0000\r\n"
                  "Message-ID: <kind%02u@bench.test>\r\nMIME-Version: 1.0\r\n"
                  "Content-Type: text/plain; charset=us-ascii\r\n\r\n",
                  variant, variant);
    while (to < end - 2) {
        if (column >= 70 && end - to > 4) {
            *to++ = '\r';
            *to++ = '\n';
            column = 0;
        }
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        *to++ = random % 6 ? 'a' + random / 6 % 26 : ' ';
        column++;
    }
    memcpy(end - 2, "\r\n", 2);
    add_content(text, size);
}

/* Generate contents so that a whole message has `size` bytes, head and tail included. */
static void generate(size_t size, const char *run) {
    char scratch[HEAD_MAX_BYTES];
    has_tail = true;
    size_t around = put_head(scratch, run, 0, 0, 0) + put_tail(scratch, 0);
    if (size < around + 512) fail("--size needs at least %zu", around + 512);
    for (unsigned i = 0; i < VARIANTS; i++) add_generated(size - around, i);
}

#endif
