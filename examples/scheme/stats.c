/* stats.c -- watching the collector from the program's side
 *
 * Pauses are measured from outside.  The evaluator calls stats_sample every
 * SAMPLE_CALLS procedure calls, and the gap between two samples goes into a
 * histogram.  Most gaps contain no collector work, so the median gap is what
 * the program itself needs; whatever a gap exceeds the median by is called a
 * pause.  That includes barrier faults and, unavoidably, time taken by the
 * operating system and by single long-running builtins.  Time inside the
 * allocation slow path is also measured by itself ("allocation stall").
 */

#define _DEFAULT_SOURCE 1       /* the width of a terminal */
#include <stdio.h>
#include <string.h>
#ifndef _WIN32
#include <sys/ioctl.h>
#endif
#include <time.h>
#include <unistd.h>

#include "mps.h"
#ifdef HAVE_MPSX
#include "mpsx.h"
#endif
#include "heap.h"
#include "stats.h"

enum { SAMPLE_CALLS = 64, IDLE_CALLS = 20000 };

/* Buckets: powers of two of nanoseconds, each divided into SUB equal parts,
 * so a reading is off by at most one part in SUB. */
enum { SUB = 16, OCTAVES = 48 };
typedef struct { unsigned long count[OCTAVES * SUB], total; double longest; }
  histogram_s;

static stats_options_s options;
static double origin, last;
static mps_word_t seen;
static histogram_s gaps, stalls;

/* On a terminal one line moves with the collections: each is written over the
 * one before, and whatever else is written takes the line away first. */
static int columns;     /* of the terminal; 0: a line for each collection */
static int shown;       /* how many characters of the line stand there */

#define MB(bytes) ((double)(bytes) / (1024.0 * 1024.0))

static double clock_seconds(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void record(histogram_s *h, double seconds)
{
  unsigned long long ns = seconds > 0 ? (unsigned long long)(seconds * 1e9) : 0;
  unsigned octave = 0;
  while ((ns >> octave) >= 2 * SUB && octave < OCTAVES - 2)
    ++octave;
  /* Below 2*SUB readings are exact; above, the index starts at SUB in each
   * octave, so that the octaves follow one another without a hole. */
  ++h->count[octave * SUB + (size_t)((ns >> octave) & (2 * SUB - 1))];
  ++h->total;
  if (seconds > h->longest)
    h->longest = seconds;
}

static double quantile(const histogram_s *h, double q)
{
  double want = q * (double)h->total;
  unsigned long sum = 0;
  size_t octave, i;
  for (octave = 0; octave < OCTAVES - 1; ++octave)
    for (i = octave == 0 ? 0 : SUB; i < 2 * SUB; ++i) {
      size_t index = octave * SUB + i;
      sum += h->count[index];
      if (h->count[index] != 0 && (double)sum >= want)
        return (double)((unsigned long long)i << octave) * 1e-9;
    }
  return h->longest;
}

/* Terminals that do not tell their width are taken to have 80 columns. */
static int terminal_columns(void)
{
  if (!isatty(STDERR_FILENO))
    return 0;
#ifdef TIOCGWINSZ
  {
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 2)
      return size.ws_col;
  }
#endif
  return 80;
}

void stats_hide(void)
{
  if (shown != 0)
    fprintf(stderr, "\r%*s\r", shown, "");
  shown = 0;
}

/* The last column stays free: in some terminals it starts a new line. */
static void show(const char *text)
{
  int length = (int)strlen(text), room = columns - 1;
  if (length > room)
    length = room;
  fprintf(stderr, "\r%.*s%*s", length, text,
          shown > length ? shown - length : 0, "");
  shown = length;
  fflush(stderr);
}

static void report(void)
{
  char text[160];
  snprintf(text, sizeof text, "gc %4lu: committed %8.2f MB, allocated %10.2f "
           "MB, at %8.3f s", (unsigned long)seen,
           MB(mps_arena_committed(heap.arena)), MB(heap.bytes), stats_now());
  if (columns != 0)
    show(text);
  else
    fprintf(stderr, "%s\n", text);
}

void stats_start(const stats_options_s *o)
{
  options = *o;
  columns = o->monitor && !o->log ? terminal_columns() : 0;
  origin = last = clock_seconds();
#ifdef SCHEME_GC_MESSAGES
  mps_message_type_enable(heap.arena, mps_message_type_gc());
#endif
}

double stats_now(void)
{
  return clock_seconds() - origin;
}

int stats_fuel(void)
{
  return options.summary ? SAMPLE_CALLS : IDLE_CALLS;
}

void stats_sample(void)
{
  if (options.summary) {
    double now = clock_seconds();
    record(&gaps, now - last);
    last = now;
  }
  stats_poll();
}

double stats_clock(void)
{
  return options.summary ? clock_seconds() : 0;
}

void stats_stall(double start)
{
  if (options.summary)
    record(&stalls, clock_seconds() - start);
}

void stats_poll(void)
{
  mps_word_t now = mps_collections(heap.arena);
#ifdef SCHEME_GC_MESSAGES
  mps_message_t message;
  while (mps_message_get(&message, heap.arena, mps_message_type_gc())) {
    if (options.monitor)
      fprintf(stderr, "gc message: condemned %.2f MB, live %.2f MB, "
              "not condemned %.2f MB\n",
              MB(mps_message_gc_condemned_size(heap.arena, message)),
              MB(mps_message_gc_live_size(heap.arena, message)),
              MB(mps_message_gc_not_condemned_size(heap.arena, message)));
    mps_message_discard(heap.arena, message);
  }
#endif
  while (seen != now) {
    ++seen;
    if (options.monitor)
      report();
  }
}

static void line(const char *what, double value, const char *unit)
{
  fprintf(stderr, "  %-34s %14.3f %s\n", what, value, unit);
}

static double over(double gap, double median)
{
  return gap > median ? (gap - median) * 1e3 : 0;
}

static void number(const char *what, mps_word_t value)
{
  fprintf(stderr, "  %-34s %14lu\n", what, (unsigned long)value);
}

/* What the library itself has to say: its pauses include all barrier hits and
 * nothing of the program's or the operating system's. */
static void library_summary(void)
{
#ifdef HAVE_MPSX
  mps_x_stats_s s;
  s.struct_size = sizeof s;
  if (mps_x_stats(heap.arena, &s) != MPS_RES_OK)
    return;
  fprintf(stderr, "the library's own figures\n");
  number("pauses", s.pauses);
  line("longest pause", s.pause_max_seconds * 1e3, "ms");
  line("99.9th percentile pause", s.pause_p999_seconds * 1e3, "ms");
  line("99th percentile pause", s.pause_p99_seconds * 1e3, "ms");
  line("50th percentile pause", s.pause_p50_seconds * 1e3, "ms");
  line("all pauses", s.pause_total_seconds, "s");
  line("moved", MB(s.bytes_copied), "MB");
  number("barrier hits, reads", s.barrier_hits_read);
  number("barrier hits, writes", s.barrier_hits_write);
  number("system calls to map", s.syscalls_map);
  number("system calls to unmap", s.syscalls_unmap);
  number("system calls to protect", s.syscalls_protect);
#endif
}

void stats_summary(void)
{
  double median;
  stats_hide();
  if (!options.summary)
    return;
  median = quantile(&gaps, 0.5);
  heap_measure();
  fprintf(stderr, "scheme: summary\n");
  fprintf(stderr, "  %-34s %14lu\n", "collections",
          (unsigned long)mps_collections(heap.arena));
  line("run time", stats_now(), "s");
  line("allocated", MB(heap.bytes), "MB");
  line("peak committed memory", MB(heap.peak_committed), "MB");
  line("peak reserved address space", MB(heap.peak_reserved), "MB");
  fprintf(stderr, "  %-34s %14lu (median gap %.1f us)\n", "pause samples",
          gaps.total, median * 1e6);
  line("longest pause", over(gaps.longest, median), "ms");
  line("99.9th percentile pause", over(quantile(&gaps, 0.999), median), "ms");
  line("longest allocation stall", stalls.longest * 1e3, "ms");
  line("99.9th percentile stall", quantile(&stalls, 0.999) * 1e3, "ms");
  library_summary();
}
