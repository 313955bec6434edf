/* What became of each message: who has it, whether it was accepted, how long that took. */
#ifndef BENCH_LEDGER_H
#define BENCH_LEDGER_H

#include <stdbool.h>

#include "load_options.h"
#include "net.h"

#define REPLY_BYTES 512 /* of a reply that are kept */
#define NAMED_MAX 50    /* messages not accepted that are named in the report */

enum fate { NOT_SENT = '-', ACCEPTED = '.', REFUSED = 'r', FAILED = 'f', UNKNOWN = '?' };

static struct {
    long next;      /* number of the first message that nobody has claimed */
    long *put_back; /* numbers that were claimed and are free again */
    long put_back_count;
    char *fates;
    float *latencies; /* milliseconds, of the accepted ones */
    long accepted, refused, failed, unknown;
    double latest; /* when the latest 250 came */
    struct {
        long id;
        int code;
        char reply[REPLY_BYTES];
    } named[NAMED_MAX];
    int named_count;
} ledger;

static void open_ledger(void) {
    ledger.fates = grow(NULL, options.messages);
    memset(ledger.fates, NOT_SENT, options.messages);
    ledger.latencies = grow(NULL, options.messages * sizeof *ledger.latencies);
    ledger.put_back = grow(NULL, options.messages * sizeof *ledger.put_back);
}

/* The number of a message to send, or -1 when there is none left. */
static long claim(void) {
    if (ledger.put_back_count) return ledger.put_back[--ledger.put_back_count];
    return ledger.next < options.messages ? ledger.next++ : -1;
}

static void put_back(long id) { ledger.put_back[ledger.put_back_count++] = id; }

static bool any_left(void) { return ledger.put_back_count || ledger.next < options.messages; }

static bool all_settled(void) {
    return ledger.accepted + ledger.refused + ledger.failed + ledger.unknown >= options.messages;
}

static void settle_accepted(long id, double ended_at) {
    ledger.latest = now();
    ledger.latencies[ledger.accepted++] = (ledger.latest - ended_at) * 1e3;
    ledger.fates[id] = ACCEPTED;
}

static void settle_lost(long id, enum fate fate, int code, const char *reply) {
    ledger.fates[id] = fate;
    if (fate == REFUSED) ledger.refused++;
    if (fate == FAILED) ledger.failed++;
    if (fate == UNKNOWN) ledger.unknown++;
    if (ledger.named_count == NAMED_MAX) return;
    ledger.named[ledger.named_count].id = options.first + id;
    ledger.named[ledger.named_count].code = code;
    snprintf(ledger.named[ledger.named_count++].reply, REPLY_BYTES, "%s", reply);
}

static int by_value(const void *one, const void *other) {
    float a = *(const float *)one, b = *(const float *)other;
    return (a > b) - (a < b);
}

/* The latency that `share` of the messages did not exceed; they are sorted by then. */
static double latency(double share) {
    return ledger.accepted ? ledger.latencies[(long)((ledger.accepted - 1) * share + 0.5)] : 0;
}

static void print_ledger(double began) {
    double seconds = ledger.latest > began ? ledger.latest - began : 0;
    qsort(ledger.latencies, ledger.accepted, sizeof *ledger.latencies, by_value);
    printf(
        "\"messages\":%ld,\"accepted\":%ld,\"refused\":%ld,\"failed\":%ld,\"unknown\":%ld,"
        "\"began\":%.6f,\"latest\":%.6f,\"rate\":%.2f,"
        "\"p50_ms\":%.3f,\"p90_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,\"not_accepted\":[",
        options.idle ? 0 : options.messages, ledger.accepted, ledger.refused, ledger.failed,
        ledger.unknown, began, ledger.latest, seconds > 0 ? ledger.accepted / seconds : 0,
        latency(.5), latency(.9), latency(.99), latency(1));
    for (int i = 0; i < ledger.named_count; i++) {
        printf("%s{\"id\":%ld,\"code\":%d,\"reply\":", i ? "," : "", ledger.named[i].id,
               ledger.named[i].code);
        print_json_string(ledger.named[i].reply);
        putchar('}');
    }
    putchar(']');
}

#endif
