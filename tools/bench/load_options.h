/* What load is told on its command line. */
#ifndef BENCH_LOAD_OPTIONS_H
#define BENCH_LOAD_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>

#include "net.h"

#define FILE_MAX_BYTES (1L << 30)
#define SOURCES_MAX (1L << 23)

enum mode { LOCKSTEP, PIPELINED, BDAT };

static struct {
    long messages, connections, per_connection, first, sources;
    int recipients, port;
    enum mode mode;
    const char *address, *run, *sender, *domain, *fates;
    double limit_seconds, redial_seconds;
    bool starttls, wait_quit, persist, progress, idle;
} options = {.messages = 1000,
             .connections = 10,
             .per_connection = 1,
             .sources = 1,
             .recipients = 1,
             .port = 2525,
             .address = "127.0.0.1",
             .run = "run",
             .sender = "sender@bench.test",
             .domain = "sink.test",
             .limit_seconds = 300};

static enum mode mode_named(const char *name) {
    if (!strcmp(name, "lockstep")) return LOCKSTEP;
    if (!strcmp(name, "pipelined")) return PIPELINED;
    if (!strcmp(name, "bdat")) return BDAT;
    fail("--mode needs lockstep, pipelined or bdat");
    return LOCKSTEP;
}

/* clang-format off */
static const char help[] =
    "load [--address 127.0.0.1] [--port 2525] [--messages 1000] [--connections 10]\n"
    "     [--per-connection 1 (0: all over the same connections)] [--size 4096 | --files LIST]\n"
    "     [--mode lockstep|pipelined|bdat] [--recipients 1] [--run TAG] [--first 0]\n"
    "     [--sources 1] [--sender ADDRESS] [--domain sink.test] [--starttls] [--wait-quit]\n"
    "     [--persist] [--limit-seconds 300] [--redial-seconds 0] [--progress] [--fates FILE]\n"
    "load --idle [--connections 10] ...   open them, greet, hold them until SIGTERM\n"
    "--sources takes so many client addresses in turn, 127.16.0.0 and those behind it.\n"
    "--files names a list of message files, one path a line; - reads it from standard input.\n"
    "--persist connects again where a connection breaks, and sends its message again unless its\n"
    "end of data was sent. --redial-seconds makes connections anew that get no greeting for so\n"
    "long. --fates writes one letter a message: . accepted, r refused, f failed, ? lost behind the\n"
    "end of data, - not sent.\n";

enum { ADDRESS, PORT, MESSAGES, CONNECTIONS, PER, SIZE, FILES, MODE, RECIPIENTS, RUN, FIRST, FROM,
       SOURCES, DOMAIN, TLS, WAIT, PERSIST, LIMIT, REDIAL, PROGRESS, FATES, STAY, HELP };

static const struct option known[] = {
    {"address", 1, 0, ADDRESS}, {"port", 1, 0, PORT}, {"messages", 1, 0, MESSAGES},
    {"connections", 1, 0, CONNECTIONS}, {"per-connection", 1, 0, PER}, {"size", 1, 0, SIZE},
    {"files", 1, 0, FILES}, {"mode", 1, 0, MODE}, {"recipients", 1, 0, RECIPIENTS},
    {"run", 1, 0, RUN}, {"first", 1, 0, FIRST}, {"sender", 1, 0, FROM}, {"sources", 1, 0, SOURCES},
    {"domain", 1, 0, DOMAIN}, {"starttls", 0, 0, TLS}, {"wait-quit", 0, 0, WAIT},
    {"persist", 0, 0, PERSIST}, {"limit-seconds", 1, 0, LIMIT}, {"redial-seconds", 1, 0, REDIAL},
    {"progress", 0, 0, PROGRESS}, {"fates", 1, 0, FATES}, {"idle", 0, 0, STAY},
    {"help", 0, 0, HELP}, {0, 0, 0, 0}};
/* clang-format on */

static size_t parse(int argc, char **argv, const char **files) {
    size_t size = 4096;
    int option;
    while ((option = getopt_long(argc, argv, "", known, NULL)) >= 0) switch (option) {
            case ADDRESS: options.address = optarg; break;
            case PORT: options.port = number("port", optarg, 1, 65535); break;
            case MESSAGES: options.messages = number("messages", optarg, 1, 100000000); break;
            case CONNECTIONS: options.connections = number("connections", optarg, 1, 100000); break;
            case PER:
                options.per_connection = number("per-connection", optarg, 0, 1000000000);
                break;
            case SIZE: size = number("size", optarg, 1, FILE_MAX_BYTES); break;
            case FILES: *files = optarg; break;
            case MODE: options.mode = mode_named(optarg); break;
            case RECIPIENTS:
                options.recipients = number("recipients", optarg, 1, RECIPIENTS_MAX);
                break;
            case RUN: options.run = optarg; break;
            case FIRST: options.first = number("first", optarg, 0, 100000000); break;
            case SOURCES: options.sources = number("sources", optarg, 1, SOURCES_MAX); break;
            case FROM: options.sender = optarg; break;
            case DOMAIN: options.domain = optarg; break;
            case TLS: options.starttls = true; break;
            case WAIT: options.wait_quit = true; break;
            case PERSIST: options.persist = true; break;
            case LIMIT: options.limit_seconds = number("limit-seconds", optarg, 1, 1000000); break;
            case REDIAL: options.redial_seconds = number("redial-seconds", optarg, 0, 1000); break;
            case PROGRESS: options.progress = true; break;
            case FATES: options.fates = optarg; break;
            case STAY: options.idle = true; break;
            case HELP: fputs(help, stdout); exit(0);
            default: fputs(help, stderr); exit(2);
        }
    check_run_tag(options.run);
    if (strlen(options.sender) > 255 || strlen(options.domain) > 255)
        fail("the address is too long");
    return size;
}

#endif
