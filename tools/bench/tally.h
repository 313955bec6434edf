/* What arrived at the sink: what it was told to expect, counts of each delivery, JSON about it. */
#ifndef BENCH_TALLY_H
#define BENCH_TALLY_H

#include <stdbool.h>

#include "net.h"

#define SAMPLES 20 /* numbers of wrong messages that are named */
#define COUNT_MAX 9 /* of one delivery's copies */

static struct {
    const char *run;
    long messages;
    int recipients;
    double delay;
    long defer_every;
    bool pipelining, chunking;
    const char *fates;
} options = {
    .run = "run", .messages = 1000000, .recipients = 1, .pipelining = true, .chunking = true};

static struct {
    long transactions, deferred, bytes, connections, open, open_peak;
    long unique, duplicates, damaged, unmarked, foreign, misordered;
    long sample_damaged[SAMPLES], sample_duplicate[SAMPLES];
    double first, last; /* arrival of the first and of the latest new delivery */
    long mark;          /* different deliveries to be told of; 0: none */
} counted;

static unsigned char *seen; /* copies of each delivery, message by message */

static void print_samples(const char *name, const long *sample, long count) {
    printf(",\"%s\":[", name);
    for (long i = 0; i < count && i < SAMPLES; i++) printf("%s%ld", i ? "," : "", sample[i]);
    putchar(']');
}

static void print_missing(void) {
    long total = options.messages * options.recipients, shown = 0;
    printf(",\"missing_sample\":[");
    for (long i = 0; i < total && shown < SAMPLES; i++)
        if (!seen[i]) printf("%s%ld", shown++ ? "," : "", i / options.recipients);
    putchar(']');
}

static void tell(const char *event) {
    printf(
        "{\"event\":\"%s\",\"time\":%.6f,\"transactions\":%ld,\"unique\":%ld,\"duplicates\":%ld,"
        "\"damaged\":%ld,\"unmarked\":%ld,\"foreign\":%ld,\"misordered\":%ld,\"deferred\":%ld,"
        "\"bytes\":%ld,\"connections\":%ld,\"connections_peak\":%ld,\"first\":%.6f,"
        "\"last\":%.6f,\"cpu_seconds\":%.4f",
        event, now(), counted.transactions, counted.unique, counted.duplicates, counted.damaged,
        counted.unmarked, counted.foreign, counted.misordered, counted.deferred, counted.bytes,
        counted.connections, counted.open_peak, counted.first, counted.last, cpu_seconds());
    print_samples("damaged_sample", counted.sample_damaged, counted.damaged);
    print_samples("duplicate_sample", counted.sample_duplicate, counted.duplicates);
    if (!strcmp(event, "end")) print_missing();
    puts("}");
    fflush(stdout);
}

static void write_fates(void) {
    FILE *file = fopen(options.fates, "wb");
    if (!file) fail("cannot write %s: %s", options.fates, strerror(errno));
    for (long i = 0; i < options.messages * options.recipients; i++) putc('0' + seen[i], file);
    if (fclose(file)) fail("cannot write %s: %s", options.fates, strerror(errno));
}

/* Tell of the mark, once, when as many different deliveries have arrived. */
static void check_mark(void) {
    if (!counted.mark || counted.unique < counted.mark) return;
    counted.mark = 0;
    tell("mark");
}

static void count_delivery(long id, int recipient) {
    unsigned char *slot = seen + id * options.recipients + recipient;
    if (*slot) {
        if (*slot < COUNT_MAX) ++*slot;
        if (counted.duplicates < SAMPLES) counted.sample_duplicate[counted.duplicates] = id;
        counted.duplicates++;
        return;
    }
    *slot = 1;
    counted.last = now();
    if (!counted.unique++) counted.first = counted.last;
    check_mark();
}

#endif
