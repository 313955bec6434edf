/* load: sends mail over SMTP as fast as the receiver takes it, over a fixed number of connections.
 *
 *   lockstep    one command at a time, as clients do that know nothing of PIPELINING
 *   pipelined   MAIL, RCPT and DATA in one write (RFC 2920), then the content
 *   bdat        MAIL, RCPT and the content as one chunk in one write (RFC 3030)
 *
 * A connection whose work is done sends QUIT and is closed without waiting for the 221, as
 * Postfix's own client does; --wait-quit waits. A refused message ends its connection.
 *
 * It says what happens on standard output, one JSON object a line: `progress` (--progress), `idle`
 * (--idle: all connections are open), `end`. Times are seconds of CLOCK_MONOTONIC. Milliseconds are
 * counted twice: from the write of the last byte of the content (CRLF.CRLF, or the end of the chunk)
 * to the read of the 250, and as `transaction` from the write of MAIL to it. SIGINT begins no more
 * messages and finishes those under way, SIGTERM ends at once. One thread, epoll.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <signal.h>
#include <stddef.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>
#ifdef BENCH_TLS
#include <openssl/ssl.h>
#endif

#include "ledger.h"
#include "load_options.h"
#include "mail.h"
#include "net.h"

#define READ_BYTES 16384
#define DIALS_MAX 128     /* connections of the idle test that are not greeted yet */
#define FAILURES_MAX 200  /* broken connections beyond which it gives up, without --persist */
#define TEND_SECONDS 0.02 /* wait before a broken connection is made again */
#define FIRST_SOURCE 0x7f100000U /* 127.16.0.0 */
#define TELL_SECONDS 0.25 /* between two lines of progress */

enum step {
    GREETING, /* what the next reply answers: the connection, */
    HELLO,
    STARTTLS,
    HANDSHAKE, /* (TLS is under way) */
    SENDER,    /* MAIL, RCPT, DATA and the content one by one, */
    RECIPIENT,
    START,
    CONTENT,
    GROUP,   /* or MAIL, RCPT and DATA or BDAT at once, */
    LEAVING, /* QUIT, */
    IDLE     /* or nothing that was asked. */
};

typedef struct connection {
    int fd; /* -1: closed */
    enum step step;
    bool wants_write;
    long id;       /* of the message at hand; -1: none */
    long sent;     /* messages, on this connection */
    long expected; /* replies to what was written */
    int recipient;
    int refusal; /* code of the first refusal of the message */
    bool may_send_8bit, may_pipeline, may_chunk;
    double dialled_at;
    double begun_at; /* when MAIL was written */
    double ended_at; /* when the last byte of content was handed to the system; 0: not yet */
    char line[REPLY_BYTES], refusal_text[REPLY_BYTES];
    size_t line_size;
    char *front;            /* commands and head of the message */
    struct iovec pieces[3]; /* front, content, tail: what is still to be sent */
    message message;
#ifdef BENCH_TLS
    SSL *tls;
#endif
} connection;

static struct {
    long connections, broken, open, greeted, redialled;
    double began; /* first connection attempt */
} counted;

static connection *connections;
static size_t front_bytes;
static struct sockaddr_in target;
static int poller;
static volatile sig_atomic_t stop_wanted, end_wanted;
#ifdef BENCH_TLS
static SSL_CTX *tls_context;
#endif

/* ---- sockets ---- */

static ssize_t receive(connection *from, char *to, size_t room) {
#ifdef BENCH_TLS
    if (from->tls) {
        int got = SSL_read(from->tls, to, room);
        if (got > 0) return got;
        int why = SSL_get_error(from->tls, got);
        errno = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? EAGAIN : EPROTO;
        return why == SSL_ERROR_ZERO_RETURN ? 0 : -1;
    }
#endif
    return recv(from->fd, to, room, 0);
}

static ssize_t transmit(connection *to, struct iovec *pieces, int count) {
#ifdef BENCH_TLS
    if (to->tls) {
        int sent = SSL_write(to->tls, pieces->iov_base, pieces->iov_len);
        if (sent > 0) return sent;
        int why = SSL_get_error(to->tls, sent);
        errno = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? EAGAIN : EPROTO;
        return -1;
    }
#endif
    struct msghdr all = {.msg_iov = pieces, .msg_iovlen = count};
    return sendmsg(to->fd, &all, MSG_NOSIGNAL);
}

static void watch(connection *of, bool writes) {
    if (of->wants_write == writes) return;
    of->wants_write = writes;
    struct epoll_event event = {.events = EPOLLIN | (writes ? EPOLLOUT : 0), .data.ptr = of};
    epoll_ctl(poller, EPOLL_CTL_MOD, of->fd, &event);
}

static bool unsent(const connection *of) {
    return of->pieces[0].iov_len || of->pieces[1].iov_len || of->pieces[2].iov_len;
}

/* Send what waits; false when the connection is broken. */
static bool flush(connection *to) {
    while (unsent(to)) {
        int first = to->pieces[0].iov_len ? 0 : to->pieces[1].iov_len ? 1 : 2;
        ssize_t sent = transmit(to, to->pieces + first, 3 - first);
        if (sent < 0) {
            if (errno != EAGAIN) return false;
            watch(to, true);
            return true;
        }
        for (int i = first; i < 3; i++) {
            size_t taken =
                (size_t)sent < to->pieces[i].iov_len ? (size_t)sent : to->pieces[i].iov_len;
            to->pieces[i].iov_base = (char *)to->pieces[i].iov_base + taken;
            to->pieces[i].iov_len -= taken;
            sent -= taken;
        }
    }
    bool has_content = to->step == CONTENT || (to->step == GROUP && options.mode == BDAT);
    if (has_content && !to->ended_at) to->ended_at = now();
    watch(to, false);
    return true;
}

static void shut(connection *gone) {
#ifdef BENCH_TLS
    if (gone->tls) SSL_free(gone->tls);
    gone->tls = NULL;
#endif
    close(gone->fd);
    gone->fd = -1;
    counted.open--;
}

/* Give up a connection that broke, and decide what that means for its message. */
static void give_up(connection *broken) {
    counted.broken++;
    if (broken->id >= 0) {
        if (broken->ended_at)
            settle_lost(broken->id, UNKNOWN, 0, "connection lost behind the end of data");
        else if (options.persist) put_back(broken->id);
        else settle_lost(broken->id, FAILED, 0, "connection lost");
        broken->id = -1;
    }
    shut(broken);
}

/* Take the next of the client addresses; 7919 is prime, so that neighbours do not follow. */
static bool take_source(int fd) {
    if (options.sources == 1) return true;
    unsigned turn = counted.connections * 7919UL % options.sources;
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(FIRST_SOURCE + turn)};
    int on = 1; /* the port is chosen by connect, not now, when all would be of one address */
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    return !bind(fd, (struct sockaddr *)&from, sizeof from);
}

/* Connect, with a message to send; false when there is none left. */
static bool dial(connection *with) {
    long id = options.idle ? -1 : claim();
    if (id < 0 && !options.idle) return false;
    char *front = with->front;
    memset(with, 0, offsetof(connection, message));
    with->front = front ? front : grow(NULL, front_bytes);
    with->id = id;
    with->expected = 1;
    with->dialled_at = now();
    with->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (with->fd < 0) fail("cannot open a socket: %s", strerror(errno));
    no_delay(with->fd);
    counted.open++;
    counted.connections++;
    if (!take_source(with->fd)) fail("cannot take an address: %s", strerror(errno));
    if (connect(with->fd, (struct sockaddr *)&target, sizeof target) && errno != EINPROGRESS) {
        if (errno == EADDRNOTAVAIL) { /* all ports are in use: wait for one */
            put_back(with->id);
            with->id = -1;
        }
        give_up(with);
        return true;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = with};
    epoll_ctl(poller, EPOLL_CTL_ADD, with->fd, &event);
    return true;
}

/* ---- what is said ---- */

static void say(connection *to, const char *format, ...) {
    char *end = (char *)to->pieces[0].iov_base + to->pieces[0].iov_len;
    if (!to->pieces[0].iov_len) end = to->pieces[0].iov_base = to->front;
    va_list values;
    va_start(values, format);
    to->pieces[0].iov_len += vsnprintf(end, to->front + front_bytes - end, format, values);
    va_end(values);
}

static void say_sender(connection *to) {
    build_message(&to->message, options.run, options.first + to->id);
    bool is_8bit = to->may_send_8bit && to->message.content->is_8bit;
    say(to, "MAIL FROM:<%s>%s\r\n", options.sender, is_8bit ? " BODY=8BITMIME" : "");
}

static void say_recipient(connection *to, int index) {
    say(to, "RCPT TO:<u%d@%s>\r\n", index, options.domain);
}

static void say_content(connection *to, bool as_chunk) {
    message *what = &to->message;
    const content *content = what->content;
    if (as_chunk) {
        say(to, "BDAT %zu LAST\r\n", what->head_size + content->plain_size + what->tail_size);
        to->pieces[1] = (struct iovec){content->plain, content->plain_size};
    } else {
        to->pieces[1] = (struct iovec){content->wire, content->wire_size};
        memcpy(what->tail + what->tail_size, ".\r\n", 3);
        what->tail_size += 3;
    }
    say(to, "%s", what->head);
    to->pieces[2] = (struct iovec){what->tail, what->tail_size};
}

static void say_group(connection *to) {
    say_sender(to);
    for (int i = 0; i < options.recipients; i++) say_recipient(to, i);
    if (options.mode == BDAT) say_content(to, true);
    else say(to, "DATA\r\n");
    to->step = GROUP;
    to->expected = 2 + options.recipients;
}

static void leave(connection *from) {
    say(from, "QUIT\r\n");
    from->step = LEAVING;
    from->expected = 1;
}

static void begin_message(connection *on) {
    on->sent++;
    on->refusal = 0;
    on->ended_at = 0;
    on->begun_at = now();
    if (options.mode == LOCKSTEP) {
        say_sender(on);
        on->step = SENDER;
        on->expected = 1;
    } else {
        say_group(on);
    }
}

static void go_on(connection *with) {
    bool may = !options.per_connection || with->sent < options.per_connection;
    with->id = may ? claim() : -1;
    if (with->id >= 0) begin_message(with);
    else leave(with);
}

static void expect(connection *from, enum step step) {
    from->step = step;
    from->expected = 1;
}

/* ---- what is heard: each returns false when the connection is to be given up ---- */

static bool heard_hello(connection *from) {
    counted.greeted++;
#ifdef BENCH_TLS
    if (options.starttls && !from->tls) {
        say(from, "STARTTLS\r\n");
        expect(from, STARTTLS);
        return true;
    }
#endif
    if (options.mode == PIPELINED && !from->may_pipeline) fail("the receiver offers no PIPELINING");
    if (options.mode == BDAT && !from->may_chunk) fail("the receiver offers no CHUNKING");
    if (options.idle) expect(from, IDLE);
    else begin_message(from);
    return true;
}

static bool heard_refusal(connection *from) {
    settle_lost(from->id, REFUSED, from->refusal, from->refusal_text);
    from->id = -1;
    leave(from);
    return true;
}

static bool heard_group(connection *from, int code) {
    if (!from->refusal && code == (options.mode == BDAT ? 250 : 354)) {
        if (options.mode == BDAT) {
            if (!from->ended_at) return false; /* it cannot have seen all of it */
            settle_accepted(from->id, from->begun_at, from->ended_at);
            go_on(from);
        } else {
            say_content(from, false);
            expect(from, CONTENT);
        }
        return true;
    }
    if (code != 354) return heard_refusal(from);
    /* Some recipients are refused and content is asked for: let nobody have it. */
    settle_lost(from->id, REFUSED, from->refusal, from->refusal_text);
    from->id = -1;
    return false;
}

static bool heard_recipient(connection *from) {
    if (++from->recipient < options.recipients) {
        say_recipient(from, from->recipient);
        from->expected = 1;
    } else {
        say(from, "DATA\r\n");
        expect(from, START);
    }
    return true;
}

/* Act on a whole reply. */
static bool heard(connection *from, int code) {
    if (from->expected <= 0) return false; /* nobody asked */
    if (code >= 400 && !from->refusal) {
        from->refusal = code;
        snprintf(from->refusal_text, REPLY_BYTES, "%s", from->line);
    }
    if (--from->expected > 0) return true;
    bool in_transaction = from->step == SENDER || from->step == RECIPIENT || from->step == START ||
                          from->step == CONTENT;
    if (in_transaction && from->refusal) return heard_refusal(from);
    switch (from->step) {
        case GREETING:
            if (code != 220) return false;
            say(from, "EHLO load.test\r\n");
            expect(from, HELLO);
            return true;
        case HELLO: return code == 250 && heard_hello(from);
        case STARTTLS:
#ifdef BENCH_TLS
            if (code != 220) return false;
            from->tls = SSL_new(tls_context);
            SSL_set_fd(from->tls, from->fd);
            SSL_set_connect_state(from->tls);
            from->step = HANDSHAKE;
            return true;
#endif
        case HANDSHAKE: return false;
        case SENDER:
            from->recipient = 0;
            say_recipient(from, 0);
            expect(from, RECIPIENT);
            return true;
        case RECIPIENT: return heard_recipient(from);
        case START:
            if (code != 354) return false;
            say_content(from, false);
            expect(from, CONTENT);
            return true;
        case GROUP: return heard_group(from, code);
        case CONTENT:
            if (code != 250 || !from->ended_at) return false;
            settle_accepted(from->id, from->begun_at, from->ended_at);
            go_on(from);
            return true;
        case LEAVING: return true;
        case IDLE: return false; /* 421: it is being closed */
    }
    return false;
}

static bool heard_line(connection *from) {
    from->line[from->line_size] = 0;
    from->line[strcspn(from->line, "\r\n")] = 0;
    bool goes_on = from->line_size > 3 && from->line[3] == '-';
    from->line_size = 0;
    if (from->step == HELLO) {
        const char *offer = from->line + 4;
        if (!strncasecmp(offer, "8BITMIME", 8)) from->may_send_8bit = true;
        if (!strncasecmp(offer, "PIPELINING", 10)) from->may_pipeline = true;
        if (!strncasecmp(offer, "CHUNKING", 8)) from->may_chunk = true;
    }
    return goes_on || heard(from, atoi(from->line));
}

static bool hear(connection *from, const char *at, const char *end) {
    while (at < end) {
        const char *newline = memchr(at, '\n', end - at);
        const char *stop = newline ? newline + 1 : end;
        size_t room = REPLY_BYTES - 1 - from->line_size, size = stop - at;
        if (size > room) size = room;
        memcpy(from->line + from->line_size, at, size);
        from->line_size += size;
        at = stop;
        if (newline && !heard_line(from)) return false;
    }
    return true;
}

#ifdef BENCH_TLS
static bool shake_hands(connection *with) {
    int done = SSL_do_handshake(with->tls);
    if (done == 1) {
        watch(with, false);
        say(with, "EHLO load.test\r\n");
        expect(with, HELLO);
        counted.greeted--; /* it is greeted a second time */
        return flush(with);
    }
    int why = SSL_get_error(with->tls, done);
    watch(with, why == SSL_ERROR_WANT_WRITE);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
}
#endif

/* Act on what epoll says; false when the connection is to be given up. */
static bool attend(connection *to, unsigned events) {
    static char input[READ_BYTES];
    ssize_t got;
#ifdef BENCH_TLS
    if (to->step == HANDSHAKE) return shake_hands(to);
#endif
    if (events & EPOLLOUT && !flush(to)) return false;
    if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR))) return true;
    do {
        got = receive(to, input, sizeof input);
        if (got == 0 || (got < 0 && errno != EAGAIN)) return false;
        if (got > 0 && (!hear(to, input, input + got) || !flush(to))) return false;
#ifdef BENCH_TLS
        if (to->step == HANDSHAKE) return shake_hands(to);
    } while (got > 0 && to->tls && SSL_pending(to->tls));
#else
    } while (false);
#endif
    return true;
}

static bool has_left(const connection *from) {
    return from->step == LEAVING && !unsent(from) && (!options.wait_quit || !from->expected);
}

static void attend_and_redial(connection *to, unsigned events) {
    bool was_leaving = to->step == LEAVING;
    bool alive = attend(to, events);
    if (alive && !has_left(to)) return;
    if (alive || was_leaving) shut(to); /* a receiver may close before it has read the QUIT */
    else give_up(to);
    if (alive && !options.idle) dial(to);
}

/* ---- the run ---- */

static bool gave_up(void) {
    return !options.persist && counted.broken > FAILURES_MAX + options.connections;
}

static bool waits_too_long(const connection *who, double time) {
    return options.redial_seconds > 0 && who->fd >= 0 && who->step == GREETING &&
           time - who->dialled_at > options.redial_seconds;
}

/* Make the connections that are closed, and those anew that nobody answers: where a receiver's
 * listen queue is full, TCP takes minutes to get through. */
static void tend_connections(double time) {
    for (long i = 0; i < options.connections; i++) {
        connection *at = &connections[i];
        if (waits_too_long(at, time)) {
            counted.redialled++;
            put_back(at->id);
            shut(at);
        }
        if (at->fd < 0 && any_left()) dial(at);
    }
}

static void print_progress(void) {
    printf("{\"event\":\"progress\",\"accepted\":%ld,\"time\":%.6f}\n", ledger.accepted, now());
    fflush(stdout);
}

static void run_messages(void) {
    struct epoll_event events[512];
    double told = now(), tended = 0;
    while (!all_settled() && !end_wanted && !gave_up()) {
        double time = now();
        if (time - counted.began > options.limit_seconds) break;
        ledger.stopped = stop_wanted;
        if (options.progress && time - told >= TELL_SECONDS) {
            told = time;
            print_progress();
        }
        if (time - tended >= TEND_SECONDS) {
            tended = time;
            tend_connections(time);
        }
        int count = epoll_wait(poller, events, 512, 1000 * TEND_SECONDS);
        for (int i = 0; i < count; i++) attend_and_redial(events[i].data.ptr, events[i].events);
    }
}

static void run_idle(void) {
    struct epoll_event events[512];
    long dialled = 0;
    bool told = false;
    while (!stop_wanted && now() - counted.began < options.limit_seconds) {
        while (dialled < options.connections &&
               dialled - counted.greeted - counted.broken < DIALS_MAX)
            dial(&connections[dialled++]);
        if (!told && counted.greeted + counted.broken >= options.connections) {
            told = true;
            printf("{\"event\":\"idle\",\"open\":%ld,\"broken\":%ld,\"seconds\":%.3f}\n",
                   counted.open, counted.broken, now() - counted.began);
            fflush(stdout);
        }
        int count = epoll_wait(poller, events, 512, 200);
        for (int i = 0; i < count; i++) attend_and_redial(events[i].data.ptr, events[i].events);
    }
}

static void print_end(void) {
    printf(
        "{\"event\":\"end\",\"connections\":%ld,\"broken\":%ld,\"redialled\":%ld,\"open\":%ld,"
        "\"cpu_seconds\":%.4f,",
        counted.connections, counted.broken, counted.redialled, counted.open, cpu_seconds());
    print_ledger(counted.began);
    puts("}");
}

static void write_fates(void) {
    FILE *file = fopen(options.fates, "wb");
    if (!file || fwrite(ledger.fates, 1, options.messages, file) != (size_t)options.messages ||
        fclose(file))
        fail("cannot write %s", options.fates);
}

static void on_signal(int number) {
    if (number == SIGTERM || stop_wanted) end_wanted = 1;
    stop_wanted = 1;
}

static void start_tls(void) {
#ifdef BENCH_TLS
    tls_context = SSL_CTX_new(TLS_client_method()); /* certificates are not checked: it is a load */
    SSL_CTX_set_mode(tls_context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(tls_context, SSL_SESS_CACHE_OFF);
#else
    fail("built without TLS: install libssl-dev and build again");
#endif
}

static void prepare(size_t size, const char *files) {
    target = ip4(options.address, options.port);
    if (files) add_files(files);
    else generate(size, options.run);
    if (options.starttls) start_tls();
    raise_file_limit();
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    front_bytes = 1024;
    if (options.mode != LOCKSTEP) front_bytes += options.recipients * (strlen(options.domain) + 32);
    connections = zeroed(options.connections, sizeof *connections);
    for (long i = 0; i < options.connections; i++) connections[i].fd = -1;
    open_ledger();
    poller = epoll_create1(0);
}

int main(int argc, char **argv) {
    const char *files = NULL;
    prepare(parse(argc, argv, &files), files);
    counted.began = now();
    if (options.idle) run_idle();
    else run_messages();
    print_end();
    if (options.fates) write_fates();
    return options.idle || ledger.accepted == options.messages ? 0 : 1;
}
