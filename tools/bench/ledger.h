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
    bool stopped;        /* nothing more is claimed; what is under way is finished */
    float *answers;      /* milliseconds of the accepted ones: end of data to 250, */
    float *transactions; /* and MAIL to 250 */
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
    ledger.answers = grow(NULL, options.messages * sizeof *ledger.answers);
    ledger.transactions = grow(NULL, options.messages * sizeof *ledger.transactions);
    ledger.put_back = grow(NULL, options.messages * sizeof *ledger.put_back);
}

/* The number of a message to send, or -1 when there is none left. */
static long claim(void) {
    if (ledger.stopped) return -1;
    if (ledger.put_back_count) return ledger.put_back[--ledger.put_back_count];
    return ledger.next < options.messages ? ledger.next++ : -1;
}

static void put_back(long id) { ledger.put_back[ledger.put_back_count++] = id; }

static bool any_left(void) {
    return !ledger.stopped && (ledger.put_back_count || ledger.next < options.messages);
}

/* The messages that this load is about: all, or those that were begun before it was stopped. */
static long message_count(void) {
    return ledger.stopped ? ledger.next - ledger.put_back_count : options.messages;
}

static bool all_settled(void) {
    return ledger.accepted + ledger.refused + ledger.failed + ledger.unknown >= message_count();
}

static void settle_accepted(long id, double begun_at, double ended_at) {
    ledger.latest = now();
    ledger.answers[ledger.accepted] = (ledger.latest - ended_at) * 1e3;
    ledger.transactions[ledger.accepted++] = (ledger.latest - begun_at) * 1e3;
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

/* The time that `share` of the messages did not exceed; `times` are sorted. */
static double quantile(const float *times, double share) {
    return ledger.accepted ? times[(long)((ledger.accepted - 1) * share + 0.5)] : 0;
}

static void print_times(const char *of, float *times) {
    qsort(times, ledger.accepted, sizeof *times, by_value);
    printf("\"%sp50_ms\":%.3f,\"%sp90_ms\":%.3f,\"%sp99_ms\":%.3f,\"%smax_ms\":%.3f,", of,
           quantile(times, .5), of, quantile(times, .9), of, quantile(times, .99), of,
           quantile(times, 1));
}

static void print_ledger(double began) {
    double seconds = ledger.latest > began ? ledger.latest - began : 0;
    printf(
        "\"messages\":%ld,\"accepted\":%ld,\"refused\":%ld,\"failed\":%ld,\"unknown\":%ld,"
        "\"began\":%.6f,\"latest\":%.6f,\"rate\":%.2f,",
        options.idle ? 0 : message_count(), ledger.accepted, ledger.refused, ledger.failed,
        ledger.unknown, began, ledger.latest, seconds > 0 ? ledger.accepted / seconds : 0);
    print_times("", ledger.answers);
    print_times("transaction_", ledger.transactions);
    printf("\"not_accepted\":[");
    for (int i = 0; i < ledger.named_count; i++) {
        printf("%s{\"id\":%ld,\"code\":%d,\"reply\":", i ? "," : "", ledger.named[i].id,
               ledger.named[i].code);
        print_json_string(ledger.named[i].reply);
        putchar('}');
    }
    putchar(']');
}

#endif
