/* sink: the next hop of a benchmark. Takes mail over SMTP, checks it, counts it, keeps nothing.
 *
 * Every message of load.c carries in its header
 *
 *     X-Bench-Id: <run>-<number>
 *     X-Bench-Digest: <XXH64 in hex> <bytes>
 *
 * where digest and length are those of all content behind that line, dots unstuffed. Header fields
 * that the relay puts on top are passed over; anything else that it changes is found here. What is
 * counted is one delivery for each pair of message and recipient (u0@..., u1@...).
 *
 * It says what happens on standard output, one JSON object a line: `listening`, `mark` (when as many
 * different deliveries have arrived as `mark NUMBER` on standard input asked for), `status` (on
 * SIGUSR1), `end` (on SIGTERM, or when a pipe on standard input is closed).
 * Times are seconds of CLOCK_MONOTONIC. One thread, epoll.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <strings.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "digest.h"
#include "net.h"
#include "tally.h"

#define LINE_MAX_BYTES 4096  /* of a command */
#define FIELD_KEPT_BYTES 256 /* of a header line: more than id and digest take */
#define READ_BYTES (256 * 1024)
#define OUTPUT_MAX_BYTES (1 << 20) /* replies that the peer does not read */
#define ORDER_MAX_BYTES 64         /* of a line on standard input */

enum state { COMMAND, TEXT, CHUNK, HOLDING };
enum phase { SEARCHING, ID_FOUND, DIGESTING, UNMARKED };

typedef struct connection {
    int fd;
    enum state state;
    bool closing, wants_write;
    bool has_sender, begun; /* MAIL taken; content of this message has begun */
    bool discards, last;    /* this BDAT chunk belongs to no transaction; it is the last */
    size_t chunk_left;
    char before[2]; /* the two bytes before those at hand, to find dots at a line start */
    char *carried;  /* bytes read but not yet understood */
    size_t carried_size;
    char *output;
    size_t output_size, output_room;
    int *recipients;
    int recipient_count, recipient_room;
    /* the message */
    enum phase phase;
    char field[FIELD_KEPT_BYTES];
    size_t field_size;
    bool is_ours; /* the id is of this run */
    long id;
    uint64_t digest_wanted;
    uint64_t length_wanted;
    digest_t digest;
    /* waiting to answer */
    double due;
    struct connection *next, *previous;
} connection;

static int poller;
static connection *oldest, *youngest; /* of those that wait to answer */
static char input[READ_BYTES];
static volatile sig_atomic_t status_wanted, end_wanted;

/* ---- the message: header fields, then the digest ---- */

static void begin_message(connection *from) {
    from->phase = SEARCHING;
    from->field_size = 0;
    from->begun = true;
}

static void read_id(connection *from, const char *value) {
    size_t tag = strlen(options.run);
    from->is_ours = !strncmp(value, options.run, tag) && value[tag] == '-';
    from->id = from->is_ours ? atol(value + tag + 1) : -1;
    from->phase = ID_FOUND;
}

static void read_field(connection *from) {
    char *line = from->field;
    line[from->field_size] = 0;
    line[strcspn(line, "\r\n")] = 0;
    if (from->phase == ID_FOUND) {
        int fields =
            sscanf(line, DIGEST_FIELD "%16lx %lu", &from->digest_wanted, &from->length_wanted);
        from->phase = fields == 2 ? DIGESTING : UNMARKED;
        digest_start(&from->digest);
    } else if (!*line) {
        from->phase = UNMARKED; /* the header is over */
    } else if (!strncasecmp(line, ID_FIELD, sizeof ID_FIELD - 1)) {
        read_id(from, line + sizeof ID_FIELD - 1);
    }
    from->field_size = 0;
}

static void take_content(connection *from, const char *at, const char *end) {
    counted.bytes += end - at;
    while (at < end && from->phase < DIGESTING) {
        const char *newline = memchr(at, '\n', end - at);
        const char *stop = newline ? newline + 1 : end;
        size_t room = sizeof from->field - 1 - from->field_size, size = stop - at;
        if (size > room) size = room; /* a longer line is none of ours; its beginning tells */
        memcpy(from->field + from->field_size, at, size);
        from->field_size += size;
        at = stop;
        if (newline) read_field(from);
    }
    if (from->phase == DIGESTING) digest_add(&from->digest, at, end - at);
}

static void count_message(connection *from) {
    if (from->phase != DIGESTING) {
        counted.unmarked++;
    } else if (!from->is_ours || from->id < 0 || from->id >= options.messages) {
        counted.foreign++;
    } else if (from->digest.total != from->length_wanted ||
               digest_value(&from->digest) != from->digest_wanted) {
        if (counted.damaged < SAMPLES) counted.sample_damaged[counted.damaged] = from->id;
        counted.damaged++;
    } else {
        for (int i = 0; i < from->recipient_count; i++)
            count_delivery(from->id, from->recipients[i]);
    }
}

/* ---- the conversation ---- */

static void reply(connection *to, const char *text) {
    size_t size = strlen(text);
    if (to->output_size + size > to->output_room) {
        to->output_room = (to->output_size + size) * 2;
        to->output = grow(to->output, to->output_room);
    }
    memcpy(to->output + to->output_size, text, size);
    to->output_size += size;
}

static void misordered(connection *to) {
    counted.misordered++;
    reply(to, "503 5.5.1 Bad sequence of commands\r\n");
}

static void end_transaction(connection *of) {
    of->has_sender = of->begun = false;
    of->recipient_count = 0;
}

static void answer_message(connection *to) {
    to->state = COMMAND;
    counted.transactions++;
    if (options.defer_every && counted.transactions % options.defer_every == 0) {
        counted.deferred++;
        reply(to, "451 4.3.0 Try again later\r\n");
    } else {
        count_message(to);
        reply(to, "250 2.0.0 Ok\r\n");
    }
    end_transaction(to);
}

static void watch_again(connection *of) {
    unsigned reads = of->state == HOLDING ? 0 : EPOLLIN, writes = of->wants_write ? EPOLLOUT : 0;
    struct epoll_event event = {.events = reads | writes, .data.ptr = of};
    epoll_ctl(poller, EPOLL_CTL_MOD, of->fd, &event);
}

static void end_message(connection *from) {
    if (options.delay <= 0) {
        answer_message(from);
        return;
    }
    from->state = HOLDING; /* reads nothing until it has answered */
    watch_again(from);
    from->due = now() + options.delay;
    from->next = NULL;
    from->previous = youngest;
    *(youngest ? &youngest->next : &oldest) = from;
    youngest = from;
}

static void stop_holding(connection *from) {
    *(from->previous ? &from->previous->next : &oldest) = from->next;
    *(from->next ? &from->next->previous : &youngest) = from->previous;
}

static char before_dot(const connection *from, const char *start, const char *at, int back) {
    return at - start >= back ? at[-back] : from->before[2 - back + (at - start)];
}

/* Take message text up to `end`; return where it stopped: behind the final dot, or where more bytes
 * are needed to tell what a dot means. */
static const char *take_text(connection *from, const char *start, const char *end) {
    const char *kept = start, *search = start, *stop = end;
    bool finished = false;
    while (search < end) {
        const char *dot = memchr(search, '.', end - search);
        if (!dot) break;
        search = dot + 1;
        if (before_dot(from, start, dot, 1) != '\n' || before_dot(from, start, dot, 2) != '\r')
            continue;
        if (end - dot < 3 && (end - dot < 2 || dot[1] == '\r')) {
            stop = dot;
            break;
        }
        take_content(from, kept, dot);
        kept = dot + 1; /* RFC 5321, 4.5.2: a first dot is not content */
        if (dot[1] == '\r' && dot[2] == '\n') {
            finished = true;
            break;
        }
    }
    if (finished) {
        end_message(from);
        return kept + 2;
    }
    take_content(from, kept, stop);
    char last[2] = {before_dot(from, start, stop, 2), before_dot(from, start, stop, 1)};
    memcpy(from->before, last, 2);
    return stop;
}

static const char *take_chunk(connection *from, const char *at, const char *end) {
    size_t size = end - at;
    if (size > from->chunk_left) size = from->chunk_left;
    if (!from->discards) take_content(from, at, at + size);
    from->chunk_left -= size;
    if (from->chunk_left) return at + size;
    from->state = COMMAND;
    if (from->discards) misordered(from);
    else if (from->last) end_message(from);
    else reply(from, "250 2.0.0 Chunk taken\r\n");
    return at + size;
}

static void take_recipient(connection *from, const char *line) {
    const char *mailbox = strchr(line, '<');
    int index = 0;
    if (!from->has_sender) {
        misordered(from);
        return;
    }
    if (options.recipients > 1) {
        if (!mailbox || mailbox[1] != 'u' || !isdigit((unsigned char)mailbox[2]) ||
            (index = atoi(mailbox + 2)) >= options.recipients) {
            reply(from, "550 5.1.1 No such recipient in this run\r\n");
            return;
        }
    }
    if (from->recipient_count == RECIPIENTS_MAX) {
        reply(from, "452 4.5.3 Too many recipients\r\n");
        return;
    }
    if (from->recipient_count == from->recipient_room) {
        from->recipient_room = from->recipient_room ? from->recipient_room * 2 : 4;
        from->recipients = grow(from->recipients, from->recipient_room * sizeof(int));
    }
    from->recipients[from->recipient_count++] = index;
    reply(from, "250 2.1.5 Ok\r\n");
}

static void take_bdat(connection *from, const char *arguments) {
    char *rest;
    from->chunk_left = strtoul(arguments, &rest, 10);
    while (*rest == ' ') rest++;
    from->last = !strncasecmp(rest, "LAST", 4);
    from->discards = !from->recipient_count;
    if (!from->discards && !from->begun) begin_message(from);
    from->state = CHUNK;
    if (!from->chunk_left) take_chunk(from, arguments, arguments);
}

static void greet_back(connection *to) {
    reply(to, "250-sink.test\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n");
    if (options.pipelining) reply(to, "250-PIPELINING\r\n");
    if (options.chunking) reply(to, "250-CHUNKING\r\n");
    reply(to, "250 SIZE 1073741824\r\n");
}

static void take_command(connection *from, char *line) {
    if (!strncasecmp(line, "EHLO", 4)) {
        greet_back(from);
    } else if (!strncasecmp(line, "HELO", 4)) {
        reply(from, "250 sink.test\r\n");
    } else if (!strncasecmp(line, "MAIL", 4)) {
        if (from->has_sender) {
            misordered(from);
            return;
        }
        from->has_sender = true;
        reply(from, "250 2.1.0 Ok\r\n");
    } else if (!strncasecmp(line, "RCPT", 4)) {
        take_recipient(from, line);
    } else if (!strncasecmp(line, "DATA", 4)) {
        if (!from->recipient_count) {
            misordered(from);
            return;
        }
        begin_message(from);
        memcpy(from->before, "\r\n", 2);
        from->state = TEXT;
        reply(from, "354 Go ahead\r\n");
    } else if (options.chunking && !strncasecmp(line, "BDAT ", 5)) {
        take_bdat(from, line + 5);
    } else if (!strncasecmp(line, "RSET", 4)) {
        end_transaction(from);
        reply(from, "250 2.0.0 Ok\r\n");
    } else if (!strncasecmp(line, "NOOP", 4)) {
        reply(from, "250 2.0.0 Ok\r\n");
    } else if (!strncasecmp(line, "QUIT", 4)) {
        reply(from, "221 2.0.0 Bye\r\n");
        from->closing = true;
    } else {
        reply(from, "500 5.5.2 Command unknown\r\n");
    }
}

/* Understand as much as there is; return where it stopped. */
static char *take(connection *from, char *at, char *end) {
    while (at < end && from->state != HOLDING && !from->closing) {
        if (from->state == TEXT) {
            const char *stop = take_text(from, at, end);
            if (stop == at) break;
            at += stop - at;
        } else if (from->state == CHUNK) {
            at += take_chunk(from, at, end) - at;
        } else {
            char *newline = memchr(at, '\n', end - at);
            if (!newline) {
                if (end - at > LINE_MAX_BYTES) from->closing = true;
                break;
            }
            *newline = 0;
            take_command(from, at);
            at = newline + 1;
        }
    }
    return at;
}

/* ---- the sockets ---- */

static void drop(connection *gone) {
    if (gone->state == HOLDING) stop_holding(gone);
    close(gone->fd);
    free(gone->carried);
    free(gone->output);
    free(gone->recipients);
    free(gone);
    counted.open--;
}

/* Send what waits; false when the connection is over. */
static bool flush(connection *to) {
    while (to->output_size) {
        ssize_t sent = send(to->fd, to->output, to->output_size, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno != EAGAIN || to->output_size > OUTPUT_MAX_BYTES) return false;
            to->wants_write = true;
            watch_again(to);
            return true;
        }
        to->output_size -= sent;
        memmove(to->output, to->output + sent, to->output_size);
    }
    if (to->wants_write) {
        to->wants_write = false;
        watch_again(to);
    }
    return !to->closing;
}

static void carry(connection *of, const char *at, size_t size) {
    if (size) of->carried = grow(of->carried, size);
    if (size) memmove(of->carried, at, size);
    of->carried_size = size;
}

static bool take_carried(connection *from) {
    size_t size = from->carried_size;
    char *start = from->carried;
    char *stop = take(from, start, start + size);
    from->carried_size = size - (stop - start);
    memmove(start, stop, from->carried_size);
    return flush(from);
}

/* Read once and act on it; false when the connection is over. */
static bool receive(connection *from) {
    size_t carried = from->carried_size;
    if (carried > sizeof input / 2) return false; /* nothing of ours is that long */
    ssize_t got = recv(from->fd, input + carried, sizeof input - carried, 0);
    if (got <= 0) return got < 0 && errno == EAGAIN;
    if (carried) memcpy(input, from->carried, carried);
    char *end = input + carried + got, *stop = take(from, input, end);
    carry(from, stop, end - stop);
    return flush(from);
}

static void answer_due(void) {
    double time = now();
    while (oldest && oldest->due <= time) {
        connection *next = oldest;
        stop_holding(next);
        answer_message(next);
        watch_again(next);
        if (!take_carried(next)) drop(next);
    }
}

static void accept_all(int listener) {
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        no_delay(fd);
        connection *new = zeroed(1, sizeof *new);
        new->fd = fd;
        counted.connections++;
        if (++counted.open > counted.open_peak) counted.open_peak = counted.open;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = new};
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
        reply(new, "220 sink.test ESMTP\r\n");
        if (!flush(new)) drop(new);
    }
}

static int listen_on(const char *address, int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    struct sockaddr_in at = ip4(address, port);
    socklen_t size = sizeof at;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&at, size) || listen(fd, 4096))
        fail("cannot listen on %s:%d: %s", address, port, strerror(errno));
    getsockname(fd, (struct sockaddr *)&at, &size);
    printf("{\"event\":\"listening\",\"port\":%d}\n", ntohs(at.sin_port));
    fflush(stdout);
    return fd;
}

static void obey(const char *order) {
    if (strncmp(order, "mark ", 5)) fail("unknown order: %s", order);
    counted.mark = number("mark", order + 5, 1, 1000000000);
    check_mark();
}

/* Read what was ordered. The end of it means that whoever started this has gone. */
static void read_orders(void) {
    static char line[ORDER_MAX_BYTES];
    static size_t size;
    ssize_t got = read(STDIN_FILENO, line + size, sizeof line - size);
    if (got <= 0) {
        end_wanted = 1;
        return;
    }
    size += got;
    char *end;
    while ((end = memchr(line, '\n', size))) {
        *end = 0;
        obey(line);
        size -= end + 1 - line;
        memmove(line, end + 1, size);
    }
    if (size == sizeof line) fail("an order is too long");
}

static void serve(int listener) {
    static char orders; /* its address stands for standard input */
    struct epoll_event events[256], first = {.events = EPOLLIN, .data.ptr = NULL};
    struct epoll_event second = {.events = EPOLLIN, .data.ptr = &orders};
    poller = epoll_create1(0);
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &first);
    epoll_ctl(poller, EPOLL_CTL_ADD, STDIN_FILENO, &second); /* /dev/null cannot be added: good */
    while (!end_wanted) {
        int wait = -1;
        if (oldest) wait = oldest->due > now() ? (int)((oldest->due - now()) * 1e3) + 1 : 0;
        int count = epoll_wait(poller, events, 256, wait);
        if (status_wanted) tell("status");
        status_wanted = 0;
        for (int i = 0; i < count; i++) {
            connection *of = events[i].data.ptr;
            if (events[i].data.ptr == &orders) {
                read_orders();
                continue;
            }
            if (!of) {
                accept_all(listener);
                continue;
            }
            unsigned what = events[i].events;
            bool alive = of->state != HOLDING || !(what & (EPOLLHUP | EPOLLERR));
            if (alive && what & EPOLLOUT) alive = flush(of);
            if (alive && what & (EPOLLIN | EPOLLHUP | EPOLLERR)) alive = receive(of);
            if (!alive) drop(of);
        }
        answer_due();
    }
}

static void on_signal(int number) {
    if (number == SIGUSR1) status_wanted = 1;
    else end_wanted = 1;
}

static void catch_signals(void) {
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
}

/* clang-format off */
static const char help[] =
    "sink [--address 127.0.0.1] [--port 0] [--run TAG] [--messages 1000000] [--recipients 1]\n"
    "     [--delay-us 0] [--defer-every 0] [--no-pipelining] [--no-chunking] [--fates FILE]\n"
    "     reads orders: mark DELIVERIES\n"
    "--fates writes one digit for each recipient of each message: how often it arrived, up to 9.\n";

enum { ADDRESS, PORT, RUN, MESSAGES, RECIPIENTS, DELAY, DEFER, NO_PIPELINING, NO_CHUNKING,
       FATES, HELP };

static const struct option known[] = {
    {"address", 1, 0, ADDRESS}, {"port", 1, 0, PORT}, {"run", 1, 0, RUN},
    {"messages", 1, 0, MESSAGES}, {"recipients", 1, 0, RECIPIENTS},
    {"delay-us", 1, 0, DELAY}, {"defer-every", 1, 0, DEFER},
    {"no-pipelining", 0, 0, NO_PIPELINING}, {"no-chunking", 0, 0, NO_CHUNKING},
    {"fates", 1, 0, FATES}, {"help", 0, 0, HELP}, {0, 0, 0, 0}};
/* clang-format on */

/* Read the options; return the listening socket. */
static int parse(int argc, char **argv) {
    const char *address = "127.0.0.1";
    int port = 0, option;
    while ((option = getopt_long(argc, argv, "", known, NULL)) >= 0) switch (option) {
            case ADDRESS: address = optarg; break;
            case PORT: port = number("port", optarg, 0, 65535); break;
            case RUN: options.run = optarg; break;
            case MESSAGES: options.messages = number("messages", optarg, 1, 100000000); break;
            case RECIPIENTS:
                options.recipients = number("recipients", optarg, 1, RECIPIENTS_MAX);
                break;
            case DELAY: options.delay = number("delay-us", optarg, 0, 60000000) * 1e-6; break;
            case DEFER: options.defer_every = number("defer-every", optarg, 0, 1000000000); break;
            case NO_PIPELINING: options.pipelining = false; break;
            case NO_CHUNKING: options.chunking = false; break;
            case FATES: options.fates = optarg; break;
            case HELP: fputs(help, stdout); exit(0);
            default: fputs(help, stderr); exit(2);
        }
    check_run_tag(options.run);
    if (options.messages * options.recipients > 2000000000L) fail("too many deliveries to count");
    return listen_on(address, port);
}

int main(int argc, char **argv) {
    raise_file_limit();
    catch_signals();
    int listener = parse(argc, argv);
    seen = zeroed(options.messages * options.recipients, 1);
    serve(listener);
    tell("end");
    if (options.fates) write_fates();
    return 0;
}
