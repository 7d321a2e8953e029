/* conform.c -- does a port keep the contract of mpsport.h?
 *
 * It calls the port itself, as the library would, and puts it through the contract
 * sentence by sentence. SENTENCES has them in the header's order. Each gets a line:
 *
 *   ok    tried, and kept
 *   FAIL  broken; what showed it follows
 *   none  about something that this port or machine does not have
 *   --    can't be tested by a program; the reason follows
 *
 * A sentence without a verdict counts as broken, so nothing is left out silently.
 *
 * Freestanding C11. conform.h has what it wants of the machine besides the port.
 */

#include "mpsport.h"
#include "conform.h"

#include <stdatomic.h>
#include <stdint.h>

/* --- The sentences --- */

#define SENTENCES(S) \
  S(ALL_RANGES, "all functions", "ranges are never empty; base and size are multiples of the page size") \
  S(ALL_CODES, "all functions", "functions that can fail return 0, 1, 2, 3 or 5") \
  S(ALL_UNCHANGED, "all functions", "on failure nothing has changed") \
  S(ALL_STATES, "all functions", "a function is called from the state named only") \
  S(ALL_OWN, "all functions", "a port never calls the MPS, but for the fault handler and the fork hooks") \
  S(ALL_IN_FAULT, "all functions", "may be called inside the fault handler") \
  S(ALL_STOPPED, "all functions", "may be called while other threads are stopped at any instruction") \
  S(ALL_THREADS, "all functions", "any thread may call at any time") \
  S(VERSION, "mps_port_abi_2", "the port defines the version of the contract") \
  S(CAPS, "mps_port_capabilities", "a sum of known capabilities, always the same") \
  S(CAPS_BETWEEN, "MPS_PORT_STOPS_BETWEEN_ACCESSES", "no thread is stopped between a look and its access") \
  S(PAGE, "mps_port_page_size", "a power of two, always the same") \
  S(RESERVE_ALIGN, "mps_port_reserve", "the base is a multiple of align") \
  S(RESERVE_APART, "mps_port_reserve", "ranges do not overlap") \
  S(RESERVE_FAILS, "mps_port_reserve", "without address space it fails with 2") \
  S(RELEASE_RESERVED, "mps_port_release", "gives back a range that is reserved") \
  S(RELEASE_MAPPED, "mps_port_release", "gives back a range of which parts are mapped or protected") \
  S(MAP_ZERO, "mps_port_map", "memory under reserved addresses is zeroed") \
  S(MAP_WRITABLE, "mps_port_map", "mapped memory is readable and writable, and keeps what is written") \
  S(MAP_NOT_CODE, "mps_port_map", "mapped memory is never executable") \
  S(MAP_PART, "mps_port_map", "mapping a part of a range changes no other part") \
  S(MAP_FAILS, "mps_port_map", "without memory it fails with 3") \
  S(UNMAP_LOST, "mps_port_unmap", "the contents are lost: mapped again, memory is zeroed") \
  S(UNMAP_KEEPS, "mps_port_unmap", "the address space is kept") \
  S(UNMAP_PART, "mps_port_unmap", "unmapping a part of a range changes no other part") \
  S(DENY_WRITES, "mps_port_protect", "2 denies writes and no reads") \
  S(DENY_READS, "mps_port_protect", "1 denies reads") \
  S(DENY_BOTH, "mps_port_protect", "3 denies reads and writes") \
  S(DENY_NONE, "mps_port_protect", "0 allows all") \
  S(PROTECT_RANGE, "mps_port_protect", "all of the range is protected, and nothing beside it") \
  S(PROTECT_ANEW, "mps_port_protect", "the last call decides; contents stay; memory mapped anew is not protected") \
  S(FAULT_ADDR, "fault handler", "gets the address of the access") \
  S(FAULT_WRITE, "fault handler", "is told a write from a read") \
  S(FAULT_THREAD, "fault handler", "is called on the thread that made the access") \
  S(FAULT_STACK, "fault handler", "has a stack with room for the client's scan methods (16 KB)") \
  S(FAULT_RETRY, "fault handler", "not 0: the instruction runs again") \
  S(FAULT_REGS, "fault handler", "not 0: the instruction runs again, with registers and stack as they were") \
  S(FAULT_NOT_OURS, "fault handler", "0: the fault is not the MPS's, and is not tried for ever") \
  S(FAULT_AGAIN, "fault handler", "may be entered again before it returns") \
  S(INSTALL, "mps_port_install_faults", "takes the handler") \
  S(FORK_ORDER, "mps_port_install_fork", "before, after in the parent, after in the child") \
  S(FORK_THREAD, "mps_port_install_fork", "the hooks run on the forking thread") \
  S(FORK_STAYS, "mps_port_install_fork", "is called once; the structure stays") \
  S(ID_NOT_0, "mps_port_thread_id", "is not 0, and stays the same") \
  S(ID_APART, "mps_port_thread_id", "tells threads apart") \
  S(ID_FAULT, "mps_port_thread_id", "is the same in the fault handler") \
  S(RELAX, "mps_port_relax", "returns, whatever the round") \
  S(HANDLER_FAULTS, "interrupts", "a handler may access managed memory: its faults are reported") \
  S(HANDLER_POOLS, "interrupts", "a handler may use a manual pool that nobody else uses") \
  S(QUIET_OFF, "mps_port_quiet_begin", "handlers are kept off, and come afterwards") \
  S(QUIET_NEST, "mps_port_quiet_begin", "pairs may nest") \
  S(QUIET_FAULTS, "mps_port_quiet_begin", "faults are still reported") \
  S(QUIET_STOPS, "mps_port_quiet_begin", "a thread may still be stopped (in mps_port_stop_begin it must be)") \
  S(SLOT, "mps_port_thread_s", "the port uses the slot alone, from all zero, until it is deregistered") \
  S(STACK, "mps_port_thread_stack", "from the lowest address to the cold end of the caller's own stack") \
  S(STACK_OTHER, "mps_port_thread_stack", "5 on another stack") \
  S(REGISTER, "mps_port_thread_register", "the thread can be stopped by others") \
  S(REGISTER_TWICE, "mps_port_thread_register", "a thread may be registered more than once") \
  S(DEREGISTER, "mps_port_thread_deregister", "forgets it, on any thread") \
  S(BATCH_ONE, "mps_port_stop_begin", "one batch runs at a time; others wait") \
  S(BATCH_STOPPED, "mps_port_stop_begin", "a thread that waits there may itself be stopped") \
  S(STOP_NOTHING, "mps_port_thread_stop", "a stopped thread executes nothing until it is resumed") \
  S(STOP_ANY, "mps_port_thread_stop", "a thread can be stopped in the fault handler") \
  S(STOP_ASKED, "mps_port_thread_stop", "threads are all asked first, then waited for; never the caller") \
  S(STOP_GONE, "mps_port_thread_stop", "it or mps_port_thread_wait fails with 1 if the thread is gone") \
  S(CONTEXT_HOT, "mps_port_thread_context", "hot is on its stack, below everything that is in use, red zone included") \
  S(CONTEXT_REGS, "mps_port_thread_context", "what its registers hold is in regs, or on the stack from hot on") \
  S(CONTEXT_VECTORS, "mps_port_thread_context", "registers for vectors are among them, if the program uses these") \
  S(RESUME, "mps_port_thread_resume", "lets it run, with registers as they were")

typedef enum sentence_t {
#define AS_NAME(name, function, text) name,
  SENTENCES(AS_NAME)
#undef AS_NAME
  SENTENCE_COUNT
} sentence_t;

typedef enum verdict_t { NOT_REACHED, OK, FAILED, NONE, CANNOT } verdict_t;

static const struct { const char *function, *text; } sentences[] = {
#define AS_TEXT(name, function, text) {function, text},
  SENTENCES(AS_TEXT)
#undef AS_TEXT
};
static const char *const names[] = {
#define AS_STRING(name, function, text) function ": " text,
  SENTENCES(AS_STRING)
#undef AS_STRING
};

static _Atomic int verdicts[SENTENCE_COUNT];
static const char *reasons[SENTENCE_COUNT];
static int lines[SENTENCE_COUNT];

static void try(sentence_t s)
{
  int fresh = NOT_REACHED;
  host_trying(names[s]);
  atomic_compare_exchange_strong(&verdicts[s], &fresh, OK);
}

static void settle(sentence_t s, verdict_t v, const char *why)
{
  int fresh = NOT_REACHED;
  if (atomic_compare_exchange_strong(&verdicts[s], &fresh, (int)v))
    reasons[s] = why;
}

/* As it turns out, it can't be tried here. */
static void not_tried(sentence_t s, const char *why)
{
  if (verdicts[s] == OK)
    verdicts[s] = NOT_REACHED;
  settle(s, NONE, why);
}

static int check(sentence_t s, int holds, int line, const char *what)
{
  if (!holds && atomic_exchange(&verdicts[s], FAILED) != FAILED) {
    reasons[s] = what;
    lines[s] = line;
    host_broken(names[s]);
  }
  return holds;
}
#define CHECK(s, c) check((s), (c) != 0, __LINE__, #c)

/* What a call returned. */
static int code(int c)
{
  CHECK(ALL_CODES, c == 0 || c == 1 || c == 2 || c == 3 || c == 5);
  return c;
}

static void print_number(unsigned n)
{
  char digits[12], *p = digits + sizeof digits;
  *--p = '\0';
  do
    *--p = (char)('0' + n % 10);
  while ((n /= 10) != 0);
  host_print(p);
}

static unsigned report(void)
{
  static const char *const head[] = {"FAIL ", "ok   ", "FAIL ", "none ", "--   "};
  unsigned counts[5] = {0}, i;
  for (i = 0; i < SENTENCE_COUNT; ++i) {
    int v = verdicts[i];
    ++counts[v];
    host_print(head[v]);
    print_number(i + 1);
    host_print(" ");
    host_print(sentences[i].function);
    host_print(": ");
    host_print(sentences[i].text);
    if (v == NOT_REACHED)
      host_print(": the test did not get here");
    if (v == NONE || v == CANNOT)
      host_print(v == NONE ? ": not tried: " : ": can't be tested by a program: ");
    if (v == FAILED) {
      host_print(": conform.c:");
      print_number((unsigned)lines[i]);
      host_print(": ");
    }
    if (reasons[i] != NULL)
      host_print(reasons[i]);
    host_print("\n");
  }
  print_number(counts[OK]);
  host_print(" kept, ");
  print_number(counts[FAILED] + counts[NOT_REACHED]);
  host_print(" broken, ");
  print_number(counts[NONE]);
  host_print(" not tried, ");
  print_number(counts[CANNOT]);
  host_print(" that no program can test\n");
  return counts[FAILED] + counts[NOT_REACHED];
}

/* --- Helpers --- */

static size_t page;
static unsigned caps;

typedef volatile unsigned char byte;

static int is_all(const byte *p, size_t size, unsigned char value)
{
  size_t i;
  for (i = 0; i < size; ++i)
    if (p[i] != value)
      return 0;
  return 1;
}

static void set(byte *p, size_t size, unsigned char value)
{
  size_t i;
  for (i = 0; i < size; ++i)
    p[i] = value;
}

static int overlap(const byte *a, size_t a_size, const byte *b, size_t b_size)
{
  return a < b + b_size && b < a + a_size;
}

/* Pages that are reserved and mapped; NULL: it can't be had. */
static byte *pages(size_t count)
{
  void *p = NULL;
  if (code(mps_port_reserve(&p, count * page, page)) != 0)
    return NULL;
  if (code(mps_port_map(p, count * page)) != 0) {
    mps_port_release(p, count * page);
    return NULL;
  }
  return p;
}

/* Waits until a word is no longer what it was. What hangs here is what is being tried. */
static void until_not(atomic_size_t *word, size_t was)
{
  while (atomic_load(word) == was)
    host_pause();
}

/* --- Memory --- */

/* The largest power of two of bytes that can be had at once. */
static size_t largest(void)
{
  size_t size = ~(size_t)0 / 4 + 1;
  void *p;
  for (; size > page; size /= 2) {
    if (code(mps_port_reserve(&p, size, page)) == 0) {
      mps_port_release(p, size);
      break;
    }
  }
  return size;
}

/* How many ranges of so many bytes can be had. */
static unsigned how_many(size_t size)
{
  static void *all[64];
  unsigned n = 0, i;
  int c = 0;
  while (n < 64 && (c = code(mps_port_reserve(&all[n], size, page))) == 0) {
    for (i = 0; i < n; ++i)
      CHECK(RESERVE_APART, !overlap(all[i], size, all[n], size));
    ++n;
  }
  CHECK(RESERVE_FAILS, n == 64 || c == 2);
  for (i = 0; i < n; ++i)
    mps_port_release(all[i], size);
  return n;
}

static void memory_reserve(void)
{
  enum { RANGES = 5 };
  byte *bases[RANGES];
  void *p, *untouched = &p;
  size_t align = page, size = 3 * page, big;
  unsigned i, j, n;

  try(RESERVE_ALIGN);
  for (i = 0; i < RANGES; ++i, align *= 2) {
    p = NULL;
    if (!CHECK(RESERVE_ALIGN, code(mps_port_reserve(&p, size, align)) == 0))
      return;
    bases[i] = p;
    CHECK(RESERVE_ALIGN, p != NULL && (uintptr_t)p % align == 0);
  }
  try(RESERVE_APART);
  for (i = 0; i < RANGES; ++i)
    for (j = 0; j < i; ++j)
      CHECK(RESERVE_APART, !overlap(bases[i], size, bases[j], size));
  try(RELEASE_RESERVED);
  for (i = 0; i < RANGES; ++i)
    mps_port_release((void *)bases[i], size);

  try(RESERVE_FAILS);
  p = untouched;
  CHECK(RESERVE_FAILS, code(mps_port_reserve(&p, ~(size_t)0 - page + 1, page)) == 2);
  CHECK(RESERVE_FAILS, code(mps_port_reserve(&p, ~(size_t)0 - page + 1, page << 4)) == 2);
  if (sizeof(size_t) > 4) { /* 2 GB may be had */
    CHECK(RESERVE_FAILS, code(mps_port_reserve(&p, ~(size_t)0 / 2 + 1, page)) == 2);
    CHECK(RESERVE_FAILS, code(mps_port_reserve(&p, ~(size_t)0 / 2 + 1, page << 4)) == 2);
  }
  try(ALL_UNCHANGED);
  CHECK(ALL_UNCHANGED, p == untouched);
  big = largest();
  n = how_many(big);
  CHECK(ALL_UNCHANGED, n > 0 && how_many(big) == n);

  /* So much that it must have been given back each time. */
  try(RELEASE_RESERVED);
  for (i = 0; i < 200; ++i) {
    if (!CHECK(RELEASE_RESERVED, code(mps_port_reserve(&p, big, page)) == 0))
      return;
    mps_port_release(p, big);
  }
  try(RELEASE_MAPPED);
  for (i = 0; i < 20; ++i) {
    if (!CHECK(RELEASE_MAPPED, code(mps_port_reserve(&p, big, page)) == 0))
      return;
    CHECK(RELEASE_MAPPED, code(mps_port_map(p, page)) == 0);
    if (caps & MPS_PORT_PROTECT)
      CHECK(RELEASE_MAPPED, code(mps_port_protect(p, page, 3)) == 0);
    mps_port_release(p, big);
  }
}

static void memory_map(void)
{
  void *p = NULL, *other[6];
  byte *b;
  unsigned round, i;
  int x;

  try(MAP_ZERO);
  for (round = 0; round < 4; ++round) {
    if (!CHECK(MAP_ZERO, code(mps_port_reserve(&p, 8 * page, page)) == 0))
      return;
    b = p;
    CHECK(MAP_ZERO, code(mps_port_map((void *)(b + page), 2 * page)) == 0);
    CHECK(MAP_ZERO, is_all(b + page, 2 * page, 0));
    set(b + page, 2 * page, 0xA5);
    try(MAP_WRITABLE);
    CHECK(MAP_WRITABLE, is_all(b + page, 2 * page, 0xA5));
    try(MAP_PART);
    CHECK(MAP_PART, code(mps_port_map((void *)(b + 3 * page), 2 * page)) == 0);
    CHECK(MAP_PART, is_all(b + page, 2 * page, 0xA5));
    CHECK(MAP_ZERO, is_all(b + 3 * page, 2 * page, 0));
    set(b + 3 * page, 2 * page, 0x5A);
    try(UNMAP_PART);
    mps_port_unmap((void *)(b + 2 * page), 2 * page);
    CHECK(UNMAP_PART, is_all(b + page, page, 0xA5) && is_all(b + 4 * page, page, 0x5A));
    try(UNMAP_KEEPS);
    if (!CHECK(UNMAP_KEEPS, code(mps_port_map((void *)(b + 2 * page), 2 * page)) == 0))
      return;
    try(UNMAP_LOST);
    CHECK(UNMAP_LOST, is_all(b + 2 * page, 2 * page, 0));
    CHECK(UNMAP_PART, is_all(b + page, page, 0xA5) && is_all(b + 4 * page, page, 0x5A));
    try(UNMAP_KEEPS);
    mps_port_unmap((void *)(b + page), 4 * page);
    for (i = 0; i < 6; ++i) {
      other[i] = NULL;
      if (code(mps_port_reserve(&other[i], 4 * page, page)) == 0)
        CHECK(UNMAP_KEEPS, !overlap(other[i], 4 * page, b, 8 * page));
    }
    CHECK(UNMAP_KEEPS, code(mps_port_map((void *)b, 8 * page)) == 0 && is_all(b, 8 * page, 0));
    set(b, 8 * page, 0xFF);
    for (i = 0; i < 6; ++i)
      if (other[i] != NULL)
        mps_port_release(other[i], 4 * page);
    CHECK(MAP_WRITABLE, is_all(b, 8 * page, 0xFF));
    try(MAP_NOT_CODE);
    x = host_executable((void *)b);
    if (x < 0)
      not_tried(MAP_NOT_CODE, "the host can't say what is executable");
    else
      CHECK(MAP_NOT_CODE, x == 0);
    try(MAP_ZERO);
    mps_port_release(p, 8 * page); /* the next round may get the same memory again */
  }

  if (host_scarce(0) < 0) {
    settle(MAP_FAILS, NONE, "the host can't make memory scarce");
    return;
  }
  try(MAP_FAILS);
  if (!CHECK(MAP_FAILS, code(mps_port_reserve(&p, (size_t)64 << 20, page)) == 0))
    return;
  b = p;
  CHECK(MAP_FAILS, code(mps_port_map((void *)b, page)) == 0);
  b[0] = 77;
  host_scarce(1);
  x = code(mps_port_map((void *)(b + page), ((size_t)64 << 20) - page));
  host_scarce(0);
  CHECK(MAP_FAILS, x == 3);
  try(ALL_UNCHANGED);
  CHECK(ALL_UNCHANGED, b[0] == 77);
  CHECK(ALL_UNCHANGED, code(mps_port_map((void *)(b + page), page)) == 0 && is_all(b + page, page, 0));
  mps_port_release(p, (size_t)64 << 20);
}

/* --- Faults --- */

enum { DEEPEST = 3 };

/* What the fault handler does, and what it has seen. One test at a time uses it, but for
 * `simple`, which any thread may meet. */
static struct {
  byte *base;                   /* pages that are denied */
  size_t count;
  atomic_uint calls;
  size_t addr;                  /* of the last call */
  int is_write;
  size_t thread;
  unsigned ignore;              /* how many calls change nothing */
  unsigned depth, deepest;
  byte *next[DEEPEST];          /* what a call at that depth reads before it returns */
  void (*also)(void);           /* what it does besides */
  int not_ours;
} seen;

/* Threads besides the one that tests. Two at least; fewer if processors are dear. */
#ifndef CONFORM_WORKERS
#define CONFORM_WORKERS 4
#endif
enum { WORKERS = CONFORM_WORKERS };
/* Where threads are slow to answer, as on emulated processors: one of so many rounds. */
#ifndef CONFORM_ONE_OF
#define CONFORM_ONE_OF 1
#endif
#define ROUNDS(n) ((n) / CONFORM_ONE_OF)
/* A page for each of them, to make faults of its own. */
static byte *simple[WORKERS];
static atomic_size_t simple_thread[WORKERS];
static atomic_size_t simple_wait[WORKERS]; /* not 0: stays in the handler */
static atomic_size_t simple_count[WORKERS];

static int on_fault(size_t addr, int is_write)
{
  size_t a;
  unsigned i, depth;
  for (i = 0; i < WORKERS; ++i) {
    if (simple[i] != NULL && addr - (size_t)simple[i] < page) {
      simple_thread[i] = mps_port_thread_id();
      while (simple_wait[i] != 0)
        ++simple_count[i];
      mps_port_protect((void *)simple[i], page, 0);
      return 1;
    }
  }
  if (seen.not_ours)
    return 0;
  a = addr & ~(page - 1);
  ++seen.calls;
  seen.addr = addr;
  seen.is_write = is_write;
  seen.thread = mps_port_thread_id();
  depth = seen.depth++;
  if (seen.depth > seen.deepest)
    seen.deepest = seen.depth;
  if (depth < DEEPEST && seen.next[depth] != NULL) {
    byte *next = seen.next[depth];
    seen.next[depth] = NULL;
    (void)*next;
  }
  if (seen.also != NULL)
    seen.also();
  --seen.depth;
  if (seen.ignore != 0) {
    --seen.ignore;
    return 1;
  }
  if (a - (size_t)seen.base < seen.count * page)
    mps_port_protect((void *)a, page, 0);
  else
    check(FAULT_ADDR, 0, __LINE__, "the address is in a page that was protected");
  return 1;
}

/* How often the handler is called meanwhile. */
static unsigned faults_of_read(byte *p)
{
  unsigned before = seen.calls;
  (void)*p;
  return seen.calls - before;
}

static unsigned faults_of_write(byte *p, unsigned char value)
{
  unsigned before = seen.calls;
  *p = value;
  return seen.calls - before;
}

static void protect(byte *p, size_t count, int denied)
{
  CHECK(INSTALL, code(mps_port_protect((void *)p, count * page, denied)) == 0);
}

#if defined(__x86_64__) && defined(__GNUC__)
/* Do registers and red zone survive a fault? 0: they do. */
static int registers_survive(byte *p)
{
  int wrong;
  size_t magic = (size_t)0x5EED0FACADE5EED1;
  __asm__ volatile(
    "leaq -256(%%rsp), %%rsp\n\t" /* beyond the compiler's own red zone */
    "movq %[m], %%r8\n\t"  "movq %[m], %%r9\n\t"  "movq %[m], %%r10\n\t" "movq %[m], %%r11\n\t"
    "movq %[m], %%r12\n\t" "movq %[m], %%r13\n\t" "movq %[m], %%r14\n\t" "movq %[m], %%r15\n\t"
#if defined(__SSE2__)
    "movq %[m], %%xmm0\n\t" "movq %[m], %%xmm7\n\t" "movq %[m], %%xmm15\n\t"
#endif
#if !defined(CONFORM_NO_RED_ZONE)
    "movq %[m], -8(%%rsp)\n\t" "movq %[m], -128(%%rsp)\n\t"
#endif
    "xorl %%eax, %%eax\n\t"
    "movb $1, (%[p])\n\t" /* the fault */
    "xorq %[m], %%r8\n\t"  "orq %%r8, %%rax\n\t"  "xorq %[m], %%r9\n\t"  "orq %%r9, %%rax\n\t"
    "xorq %[m], %%r10\n\t" "orq %%r10, %%rax\n\t" "xorq %[m], %%r11\n\t" "orq %%r11, %%rax\n\t"
    "xorq %[m], %%r12\n\t" "orq %%r12, %%rax\n\t" "xorq %[m], %%r13\n\t" "orq %%r13, %%rax\n\t"
    "xorq %[m], %%r14\n\t" "orq %%r14, %%rax\n\t" "xorq %[m], %%r15\n\t" "orq %%r15, %%rax\n\t"
#if !defined(CONFORM_NO_RED_ZONE)
    "movq -8(%%rsp), %%r8\n\t"   "xorq %[m], %%r8\n\t" "orq %%r8, %%rax\n\t"
    "movq -128(%%rsp), %%r8\n\t" "xorq %[m], %%r8\n\t" "orq %%r8, %%rax\n\t"
#endif
#if defined(__SSE2__)
    "movq %%xmm0, %%r8\n\t"  "xorq %[m], %%r8\n\t" "orq %%r8, %%rax\n\t"
    "movq %%xmm7, %%r8\n\t"  "xorq %[m], %%r8\n\t" "orq %%r8, %%rax\n\t"
    "movq %%xmm15, %%r8\n\t" "xorq %[m], %%r8\n\t" "orq %%r8, %%rax\n\t"
#endif
    "testq %%rax, %%rax\n\t" "setnz %%al\n\t" "movzbl %%al, %%eax\n\t"
    "leaq 256(%%rsp), %%rsp"
    : "=&a"(wrong)
    : [m] "D"(magic), [p] "S"(p)
    : "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
#if defined(__SSE2__)
      "xmm0", "xmm7", "xmm15",
#endif
      "cc", "memory");
  return wrong;
}
#else
/* Elsewhere: some registers that the compiler chooses. */
static int registers_survive(byte *p)
{
  size_t a = 1, b = 2, c = 4, d = 8, e = 16, f = 32;
  __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));
  *p = 1;
  __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));
  return a + b + c + d + e + f != 63;
}
#endif

static void use_stack(void)
{
  byte room[16 << 10];
  set(room, sizeof room, 0x77);
  CHECK(FAULT_STACK, is_all(room, sizeof room, 0x77));
}

/* The functions about memory, where they must work as everywhere. */
static void use_memory(sentence_t s)
{
  void *p = NULL;
  if (caps & MPS_PORT_VM) {
    if (CHECK(s, code(mps_port_reserve(&p, 2 * page, 2 * page)) == 0)) {
      CHECK(s, code(mps_port_map(p, 2 * page)) == 0);
      if (caps & MPS_PORT_PROTECT)
        CHECK(s, code(mps_port_protect(p, page, 2)) == 0);
      mps_port_unmap(p, page);
      mps_port_release(p, 2 * page);
    }
  }
  CHECK(s, mps_port_page_size() == page && mps_port_capabilities() == caps);
  CHECK(s, mps_port_thread_id() != 0);
  mps_port_relax(0);
  mps_port_relax(300);
}

static void use_port(void)
{
  size_t was;
  use_memory(ALL_IN_FAULT);
  was = mps_port_quiet_begin();
  if (caps & MPS_PORT_THREADS) {
    mps_port_stop_begin();
    mps_port_stop_end();
  }
  mps_port_quiet_end(was);
}

static byte *hopeless;

static void touch_hopeless(void)
{
  (void)*hopeless;
}

static void protection(void)
{
  byte *b = pages(6);
  unsigned i;

  try(INSTALL);
  if (!CHECK(INSTALL, b != NULL) || !CHECK(INSTALL, code(mps_port_install_faults(on_fault)) == 0))
    return;
  seen.base = b;
  seen.count = 6;
  set(b, 6 * page, 3);

  try(DENY_WRITES);
  protect(b + page, 1, 2);
  CHECK(DENY_WRITES, faults_of_read(b + page) == 0 && is_all(b + page, page, 3));
  CHECK(DENY_WRITES, faults_of_write(b + page + 5, 9) == 1);
  CHECK(DENY_WRITES, b[page + 5] == 9 && b[page + 4] == 3);
  try(FAULT_ADDR);
  CHECK(FAULT_ADDR, seen.addr == (size_t)(b + page + 5));
  try(FAULT_WRITE);
  CHECK(FAULT_WRITE, seen.is_write != 0);
  try(DENY_READS);
  protect(b + page, 1, 1);
  CHECK(DENY_READS, faults_of_read(b + 2 * page - 1) == 1);
  CHECK(FAULT_ADDR, seen.addr == (size_t)(b + 2 * page - 1));
  CHECK(FAULT_WRITE, seen.is_write == 0);
  try(DENY_BOTH);
  protect(b + page, 1, 3);
  CHECK(DENY_BOTH, faults_of_read(b + page + 5) == 1 && b[page + 5] == 9);
  protect(b + page, 1, 3);
  CHECK(DENY_BOTH, faults_of_write(b + page + 5, 10) == 1 && b[page + 5] == 10);
  try(DENY_NONE);
  protect(b + page, 1, 3);
  protect(b + page, 1, 0);
  CHECK(DENY_NONE, faults_of_read(b + page) == 0 && faults_of_write(b + page, 3) == 0);

  try(PROTECT_RANGE);
  protect(b + page, 3, 3);
  CHECK(PROTECT_RANGE, faults_of_write(b + page - 1, 3) == 0 && faults_of_write(b + 4 * page, 3) == 0);
  for (i = 1; i < 4; ++i) {
    CHECK(PROTECT_RANGE, faults_of_read(b + i * page) == 1); /* opens this page alone */
    CHECK(PROTECT_RANGE, faults_of_read(b + (i + 1) * page - 1) == 0);
  }
  protect(b, 6, 2);
  protect(b + 2 * page, 2, 0);
  CHECK(PROTECT_RANGE, faults_of_write(b + 2 * page, 3) == 0 && faults_of_write(b + 4 * page - 1, 3) == 0);
  CHECK(PROTECT_RANGE, faults_of_write(b + 2 * page - 1, 3) == 1 && faults_of_write(b + 4 * page, 3) == 1);
  protect(b, 6, 0);

  try(PROTECT_ANEW);
  protect(b + page, 1, 3);
  protect(b + page, 1, 2);
  CHECK(PROTECT_ANEW, faults_of_read(b + page) == 0 && faults_of_write(b + page, 3) == 1);
  protect(b + page, 1, 3);
  mps_port_unmap((void *)(b + page), page);
  CHECK(PROTECT_ANEW, code(mps_port_map((void *)(b + page), page)) == 0);
  CHECK(PROTECT_ANEW, faults_of_read(b + page) == 0 && faults_of_write(b + page, 3) == 0);

  try(FAULT_THREAD);
  protect(b + page, 1, 3);
  CHECK(FAULT_THREAD, faults_of_read(b + page) == 1);
  try(ID_FAULT);
  CHECK(ID_FAULT, seen.thread == mps_port_thread_id());
  try(FAULT_RETRY);
  protect(b + page, 1, 3);
  seen.ignore = 2;
  CHECK(FAULT_RETRY, faults_of_write(b + page, 11) == 3 && b[page] == 11);
  try(FAULT_REGS);
  protect(b + page, 1, 2);
  CHECK(FAULT_REGS, registers_survive(b + page) == 0);
  try(FAULT_STACK);
  protect(b + page, 1, 2);
  seen.also = use_stack;
  CHECK(FAULT_STACK, faults_of_write(b + page, 1) == 1);
  try(FAULT_AGAIN);
  seen.also = NULL;
  protect(b, 6, 3);
  seen.next[0] = b + 2 * page;
  seen.next[1] = b + 4 * page;
  CHECK(FAULT_AGAIN, faults_of_read(b) == 3);
  CHECK(FAULT_AGAIN, seen.deepest == 3 && seen.depth == 0);
  protect(b, 6, 0);
  try(ALL_IN_FAULT);
  protect(b + page, 1, 3);
  seen.also = use_port;
  CHECK(ALL_IN_FAULT, faults_of_read(b + page) == 1);
  seen.also = NULL;

  /* An access that the handler refuses. */
  hopeless = b;
  protect(b, 1, 3);
  seen.not_ours = 1;
  host_trying(names[FAULT_NOT_OURS]);
  switch (host_dies(touch_hopeless)) {
  case -1:
    settle(FAULT_NOT_OURS, NONE, "the host can't try what ends the program");
    break;
  case 0:
    check(FAULT_NOT_OURS, 0, __LINE__, "an access that nobody allows does not return");
    break;
  default:
    try(FAULT_NOT_OURS);
  }
  seen.not_ours = 0;
  protect(b, 1, 0);
  mps_port_release((void *)b, 6 * page);
}

/* --- Interrupts --- */

static atomic_size_t interrupts;
static byte *interrupt_page;
static unsigned interrupt_faults;

static void on_interrupt(void)
{
  if (interrupt_page != NULL)
    interrupt_faults = faults_of_read(interrupt_page);
  ++interrupts;
}

static void quiet(void)
{
  size_t outer, inner;
  byte *b;
  if (host_interrupts(on_interrupt) != 0) {
    static const char *const why = "the host has no interrupts";
    settle(QUIET_OFF, NONE, why);
    settle(QUIET_NEST, NONE, why);
    settle(HANDLER_FAULTS, NONE, why);
  } else {
    try(QUIET_OFF);
    host_interrupt();
    until_not(&interrupts, 0);
    outer = mps_port_quiet_begin();
    host_interrupt();
    host_pause();
    CHECK(QUIET_OFF, interrupts == 1);
    try(QUIET_NEST);
    inner = mps_port_quiet_begin();
    mps_port_quiet_end(inner);
    host_pause();
    CHECK(QUIET_NEST, interrupts == 1);
    mps_port_quiet_end(outer);
    try(QUIET_OFF);
    until_not(&interrupts, 1);
    CHECK(QUIET_OFF, interrupts == 2);
    host_interrupt();
    until_not(&interrupts, 2);
  }
  if (!(caps & MPS_PORT_PROTECT)) {
    settle(QUIET_FAULTS, NONE, "the port has no MPS_PORT_PROTECT");
    settle(HANDLER_FAULTS, NONE, "the port has no MPS_PORT_PROTECT");
    return;
  }
  b = pages(1);
  if (!CHECK(QUIET_FAULTS, b != NULL))
    return;
  seen.base = b;
  seen.count = 1;
  try(QUIET_FAULTS);
  protect(b, 1, 3);
  outer = mps_port_quiet_begin();
  CHECK(QUIET_FAULTS, faults_of_read(b) == 1);
  mps_port_quiet_end(outer);
  if (verdicts[HANDLER_FAULTS] == NOT_REACHED) {
    size_t before = interrupts;
    try(HANDLER_FAULTS);
    protect(b, 1, 3);
    interrupt_page = b;
    host_interrupt();
    until_not(&interrupts, before);
    interrupt_page = NULL;
    CHECK(HANDLER_FAULTS, interrupt_faults == 1);
  }
  mps_port_release((void *)b, page);
}

/* --- Threads --- */

typedef struct worker_s {
  unsigned number;
  int thread;                   /* the host's number of it */
  mps_port_thread_s slot, slot2;
  int twice;                    /* registers with both slots */
  int stays;                    /* ends without being deregistered */
  void (*job)(struct worker_s *w);
  atomic_size_t ready, counter, leave, id;
  size_t cold;                  /* an address on its stack, above what is in use */
  size_t local;                 /* that of a local variable */
  size_t hidden[3];             /* what it keeps in a register, in one for vectors and in the
                                   red zone: inverted, so that it stands nowhere else */
  int lost;                     /* it no longer had that afterwards */
  int stack_code;
  void *stack_base, *stack_limit;
} worker_s;

static worker_s workers[WORKERS];

#if defined(__x86_64__) && defined(__SSE2__) && defined(__GNUC__)
enum { VECTORS = 1 };
#else
enum { VECTORS = 0 };
#endif
#if defined(__x86_64__) && defined(__GNUC__) && !defined(CONFORM_NO_RED_ZONE)
enum { RED_ZONE = 1 };
#else
enum { RED_ZONE = 0 };
#endif

/* Counts until it is told to leave, with what is hidden in registers. */
#if defined(__x86_64__) && defined(__GNUC__)
static int count_on(worker_s *w)
{
  size_t wrong;
  __asm__ volatile(
    "leaq -256(%%rsp), %%rsp\n\t" /* beyond the compiler's own red zone */
    "movq %[r], %%r12\n\t" "notq %%r12\n\t"
#if defined(__SSE2__)
    "movq %[v], %%rax\n\t" "notq %%rax\n\t" "movq %%rax, %%xmm9\n\t"
#endif
#if !defined(CONFORM_NO_RED_ZONE)
    "movq %[z], %%rax\n\t" "notq %%rax\n\t" "movq %%rax, -128(%%rsp)\n\t"
#endif
    "xorl %%eax, %%eax\n\t"
    "movq $1, %[ready]\n\t"
    "1: lock incq %[counter]\n\t"
    "cmpq $0, %[leave]\n\t"
    "je 1b\n\t"
    "notq %%r12\n\t" "xorq %[r], %%r12\n\t"
#if defined(__SSE2__)
    "movq %%xmm9, %%rax\n\t" "notq %%rax\n\t" "xorq %[v], %%rax\n\t" "orq %%rax, %%r12\n\t"
#endif
#if !defined(CONFORM_NO_RED_ZONE)
    "movq -128(%%rsp), %%rax\n\t" "notq %%rax\n\t" "xorq %[z], %%rax\n\t" "orq %%rax, %%r12\n\t"
#endif
    "movq %%r12, %%rax\n\t"
    "leaq 256(%%rsp), %%rsp"
    : "=&a"(wrong), [ready] "+m"(*(size_t *)&w->ready),
      [counter] "+m"(*(size_t *)&w->counter), [leave] "+m"(*(size_t *)&w->leave)
    : [r] "m"(w->hidden[0]), [v] "m"(w->hidden[1]), [z] "m"(w->hidden[2])
    : "r12",
#if defined(__SSE2__)
      "xmm9",
#endif
      "cc", "memory");
  return wrong != 0;
}
#else
static int count_on(worker_s *w)
{
  size_t magic = ~w->hidden[0];
  atomic_store(&w->ready, 1);
  while (atomic_load(&w->leave) == 0) {
    atomic_fetch_add(&w->counter, 1);
    __asm__ volatile("" : "+r"(magic)); /* so in a register, or on the stack */
  }
  return magic != ~w->hidden[0];
}
#endif

static void job_count(worker_s *w)
{
  w->lost = count_on(w);
}

/* Meets a fault, and stays in the handler until it is told to leave. */
static void job_fault(worker_s *w)
{
  size_t magic = ~w->hidden[0];
  atomic_store(&w->ready, 1);
  __asm__ volatile("" : "+r"(magic));
  *simple[w->number] = 1;
  __asm__ volatile("" : "+r"(magic));
  w->lost = magic != ~w->hidden[0];
  while (atomic_load(&w->leave) == 0)
    host_pause();
}

/* Uses the port as fast as it can. */
static void job_port(worker_s *w)
{
  unsigned char mine = (unsigned char)(w->number + 1);
  byte *b;
  atomic_store(&w->ready, 1);
  while (atomic_load(&w->leave) == 0) {
    if (!CHECK(ALL_THREADS, (b = pages(4)) != NULL))
      continue;
    CHECK(ALL_THREADS, is_all(b, 4 * page, 0));
    set(b, 4 * page, mine);
    if (caps & MPS_PORT_PROTECT) {
      CHECK(ALL_THREADS, code(mps_port_protect((void *)(b + page), page, 2)) == 0);
      CHECK(ALL_THREADS, code(mps_port_protect((void *)(b + page), page, 0)) == 0);
    }
    CHECK(ALL_THREADS, is_all(b, 4 * page, mine));
    mps_port_unmap((void *)b, page);
    mps_port_release((void *)b, 4 * page);
    CHECK(ALL_THREADS, mps_port_thread_id() == w->id);
    atomic_fetch_add(&w->counter, 1);
  }
}

/* One batch, in which all others stop; several threads do this at once. */
static atomic_int in_batch;
static atomic_size_t batches_done;
enum { BATCHES = ROUNDS(60) };

static void one_batch(worker_s *me)
{
  size_t was = mps_port_quiet_begin(), counter[WORKERS];
  unsigned i;
  mps_port_stop_begin();
  CHECK(BATCH_ONE, atomic_fetch_add(&in_batch, 1) == 0);
  for (i = 0; i < WORKERS; ++i)
    if (&workers[i] != me)
      CHECK(REGISTER, code(mps_port_thread_stop(&workers[i].slot)) == 0);
  for (i = 0; i < WORKERS; ++i)
    if (&workers[i] != me)
      CHECK(REGISTER, code(mps_port_thread_wait(&workers[i].slot)) == 0);
  for (i = 0; i < WORKERS; ++i)
    counter[i] = atomic_load(&workers[i].counter);
  mps_port_relax(20);
  for (i = 0; i < WORKERS; ++i)
    CHECK(STOP_NOTHING, &workers[i] == me || counter[i] == atomic_load(&workers[i].counter));
  CHECK(BATCH_ONE, atomic_fetch_sub(&in_batch, 1) == 1);
  for (i = 0; i < WORKERS; ++i)
    if (&workers[i] != me)
      mps_port_thread_resume(&workers[i].slot);
  mps_port_stop_end();
  mps_port_quiet_end(was);
}

static atomic_size_t go;

static void job_batches(worker_s *w)
{
  unsigned i;
  atomic_store(&w->ready, 1);
  until_not(&go, 0);
  for (i = 0; i < BATCHES; ++i) {
    one_batch(w);
    atomic_fetch_add(&w->counter, 1);
  }
  atomic_fetch_add(&batches_done, 1);
  until_not(&w->leave, 0);
}

/* Waits where batches begin. */
static void job_begin(worker_s *w)
{
  size_t was;
  atomic_store(&w->ready, 1);
  until_not(&go, 0);
  was = mps_port_quiet_begin();
  atomic_store(&w->counter, 1);
  mps_port_stop_begin();
  atomic_store(&w->counter, 2);
  mps_port_stop_end();
  mps_port_quiet_end(was);
  until_not(&w->leave, 0);
}

static void job_nothing(worker_s *w)
{
  atomic_store(&w->ready, 1);
}

#if defined(__GNUC__)
extern int mps_port_thread_stack(void **, void **) __attribute__((weak));
static int has_stack(void) { return mps_port_thread_stack != NULL; }
#else
static int has_stack(void) { return 1; }
#endif

static void worker(void *arg)
{
  worker_s *w = arg;
  volatile size_t cold = 0;
  w->cold = (size_t)&cold;
  w->local = (size_t)&cold;
  atomic_store(&w->id, mps_port_thread_id());
  if (has_stack())
    w->stack_code = mps_port_thread_stack(&w->stack_base, &w->stack_limit);
  CHECK(REGISTER, code(mps_port_thread_register(&w->slot)) == 0);
  if (w->twice)
    CHECK(REGISTER_TWICE, code(mps_port_thread_register(&w->slot2)) == 0);
  w->job(w);
  CHECK(ID_NOT_0, mps_port_thread_id() == w->id);
  if (!w->stays) {
    if (w->twice)
      mps_port_thread_deregister(&w->slot2);
    mps_port_thread_deregister(&w->slot);
  }
  ++cold;
}

/* 0: the host has no threads. */
static int start(unsigned i, void (*job)(worker_s *), int twice, int stays)
{
  static const mps_port_thread_s zero;
  worker_s *w = &workers[i];
  size_t k;
  w->number = i;
  w->slot = zero;
  w->slot2 = zero;
  w->twice = twice;
  w->stays = stays;
  w->job = job;
  w->lost = 0;
  w->ready = 0;
  w->counter = 0;
  w->leave = 0;
  for (k = 0; k < 3; ++k)
    w->hidden[k] = ~((size_t)0x6D616769 * (i * 3 + k + 2) ^ ((size_t)0x4B3D << (sizeof(size_t) * 8 - 17)));
  w->thread = host_thread(worker, w);
  if (w->thread < 0)
    return 0;
  until_not(&w->ready, 0);
  return 1;
}

static void finish(unsigned i)
{
  atomic_store(&workers[i].leave, 1);
  host_join(workers[i].thread);
}

/* Stops worker i for a moment: a batch of one. */
static int stop_one(mps_port_thread_s *slot)
{
  int c;
  mps_port_stop_begin();
  c = code(mps_port_thread_stop(slot));
  if (c == 0)
    c = code(mps_port_thread_wait(slot));
  return c;
}

static void resume_one(mps_port_thread_s *slot)
{
  mps_port_thread_resume(slot);
  mps_port_stop_end();
}

static int holds(const void *from, size_t count, size_t word)
{
  const volatile size_t *p = from;
  for (; count != 0; --count)
    if (*p++ == word)
      return 1;
  return 0;
}

/* Can a word be found where the library looks for it? */
static int found(const worker_s *w, const mps_port_context_s *c, size_t word)
{
  size_t hot = (size_t)c->hot;
  return holds(c->regs, c->reg_count, word)
    || (hot < w->cold && holds(c->hot, (w->cold - hot) / sizeof(size_t), word));
}

static void look_at(worker_s *w, mps_port_thread_s *slot)
{
  mps_port_context_s c = {0, 0, 0};
  mps_port_thread_context(slot, &c);
  CHECK(CONTEXT_HOT, (size_t)c.hot % sizeof(size_t) == 0);
  CHECK(CONTEXT_HOT, (size_t)c.hot <= w->local && w->local - (size_t)c.hot < (size_t)1 << 16);
  if (has_stack() && w->stack_code == 0)
    CHECK(CONTEXT_HOT, (size_t)c.hot >= (size_t)w->stack_base && (size_t)c.hot < (size_t)w->stack_limit);
  CHECK(CONTEXT_REGS, found(w, &c, ~w->hidden[0]));
  if (VECTORS && w->job == job_count)
    CHECK(CONTEXT_VECTORS, found(w, &c, ~w->hidden[1]));
  if (RED_ZONE && w->job == job_count)
    CHECK(CONTEXT_HOT, found(w, &c, ~w->hidden[2]));
}

enum { LOOK_AFTER = 10 };

static void stops(void)
{
  size_t before[WORKERS];
  unsigned i, round, k;

  try(CONTEXT_HOT);
  try(CONTEXT_REGS);
  if (VECTORS)
    try(CONTEXT_VECTORS);
  else
    settle(CONTEXT_VECTORS, NONE, "this test knows none of this processor, or is compiled without them");
  try(STOP_NOTHING);
  /* One at a time, and looked at without delay: a thread that runs on another processor goes
   * on for some microseconds when it has been asked. */
  for (round = 0; round < ROUNDS(400) && verdicts[STOP_NOTHING] == OK; ++round) {
    i = round % WORKERS;
    CHECK(REGISTER, stop_one(&workers[i].slot) == 0);
    before[0] = atomic_load(&workers[i].counter);
    for (k = 0; k < 2000; ++k)
      atomic_signal_fence(memory_order_seq_cst);
    mps_port_relax(20);
    CHECK(STOP_NOTHING, before[0] == atomic_load(&workers[i].counter));
    resume_one(&workers[i].slot);
    if (round < WORKERS) {
      /* Does it go on? If not, that is what this test waits for. */
      host_trying(names[RESUME]);
      while (before[0] == atomic_load(&workers[i].counter))
        mps_port_relax(20);
      host_trying(names[STOP_NOTHING]);
    }
  }
  for (round = 0; round < LOOK_AFTER + ROUNDS(50); ++round) {
    mps_port_stop_begin();
    for (i = 0; i < WORKERS; ++i)
      CHECK(REGISTER, code(mps_port_thread_stop(&workers[i].slot)) == 0);
    for (i = 0; i < WORKERS; ++i)
      CHECK(REGISTER, code(mps_port_thread_wait(&workers[i].slot)) == 0);
    for (i = 0; i < WORKERS; ++i)
      before[i] = atomic_load(&workers[i].counter);
    for (k = 0; k < 40; ++k)
      mps_port_relax(k % 20); /* lets them run, if they could */
    if (round < LOOK_AFTER) /* for longer, as one may not have had its turn */
      for (k = 0; k < 20; ++k)
        mps_port_relax(1000);
    for (i = 0; i < WORKERS; ++i) {
      CHECK(STOP_NOTHING, before[i] == atomic_load(&workers[i].counter));
      /* Where a thread stands that runs can't be said. */
      if (round >= LOOK_AFTER && verdicts[STOP_NOTHING] == OK)
        look_at(&workers[i], &workers[i].slot);
    }
    for (i = 0; i < WORKERS; ++i)
      mps_port_thread_resume(&workers[i].slot);
    mps_port_stop_end();
    host_trying(names[RESUME]);
    for (i = 0; i < WORKERS; ++i)
      until_not(&workers[i].counter, before[i]);
    host_trying(names[STOP_NOTHING]);
  }
}

static void threads(void)
{
  static mps_port_thread_s mine;
  size_t before;
  unsigned i, j;

  try(REGISTER);
  if (!start(0, job_count, 0, 0)) {
    /* Said below. */
    return;
  }
  for (i = 1; i < WORKERS; ++i)
    start(i, job_count, 0, 0);
  CHECK(REGISTER, code(mps_port_thread_register(&mine)) == 0);
  try(ID_APART);
  for (i = 0; i < WORKERS; ++i) {
    CHECK(ID_NOT_0, workers[i].id != 0);
    CHECK(ID_APART, workers[i].id != mps_port_thread_id());
    for (j = 0; j < i; ++j)
      CHECK(ID_APART, workers[i].id != workers[j].id);
    if (has_stack())
      CHECK(STACK, workers[i].stack_code == 5
            || (workers[i].stack_code == 0 && (size_t)workers[i].stack_base < workers[i].cold
                && workers[i].cold < (size_t)workers[i].stack_limit));
  }
  stops();
  try(RESUME);
  for (i = 0; i < WORKERS; ++i) {
    finish(i);
    CHECK(RESUME, !workers[i].lost);
  }

  try(REGISTER_TWICE);
  start(0, job_count, 1, 0);
  for (i = 0; i < 20; ++i) {
    mps_port_stop_begin();
    CHECK(REGISTER_TWICE, code(mps_port_thread_stop(&workers[0].slot)) == 0);
    CHECK(REGISTER_TWICE, code(mps_port_thread_stop(&workers[0].slot2)) == 0);
    CHECK(REGISTER_TWICE, code(mps_port_thread_wait(&workers[0].slot)) == 0);
    CHECK(REGISTER_TWICE, code(mps_port_thread_wait(&workers[0].slot2)) == 0);
    before = workers[0].counter;
    look_at(&workers[0], &workers[0].slot);
    look_at(&workers[0], &workers[0].slot2);
    mps_port_relax(20);
    CHECK(REGISTER_TWICE, before == workers[0].counter);
    mps_port_thread_resume(&workers[0].slot);
    mps_port_thread_resume(&workers[0].slot2);
    mps_port_stop_end();
    until_not(&workers[0].counter, before);
  }
  /* Either alone, and the one when the other is gone. */
  CHECK(REGISTER_TWICE, stop_one(&workers[0].slot2) == 0);
  resume_one(&workers[0].slot2);
  CHECK(REGISTER_TWICE, stop_one(&workers[0].slot) == 0);
  resume_one(&workers[0].slot);
  try(DEREGISTER);
  mps_port_thread_deregister(&workers[0].slot); /* here, on another thread */
  CHECK(DEREGISTER, stop_one(&workers[0].slot2) == 0);
  before = workers[0].counter;
  resume_one(&workers[0].slot2);
  until_not(&workers[0].counter, before);
  mps_port_thread_deregister(&workers[0].slot2);
  workers[0].stays = 1; /* done already */
  finish(0);

  if (caps & MPS_PORT_PROTECT) {
    try(STOP_ANY);
    for (i = 0; i < WORKERS; ++i) {
      simple[i] = pages(1);
      protect(simple[i], 1, 3);
      simple_wait[i] = 1;
      start(i, job_fault, 0, 0);
      until_not(&simple_count[i], 0);
    }
    for (j = 0; j < 20; ++j) {
      for (i = 0; i < WORKERS; ++i) {
        CHECK(STOP_ANY, stop_one(&workers[i].slot) == 0);
        before = simple_count[i];
        look_at(&workers[i], &workers[i].slot);
        mps_port_relax(20);
        CHECK(STOP_ANY, before == simple_count[i]);
        resume_one(&workers[i].slot);
        until_not(&simple_count[i], before);
      }
    }
    for (i = 0; i < WORKERS; ++i) {
      simple_wait[i] = 0;
      finish(i);
      CHECK(FAULT_REGS, !workers[i].lost);
      CHECK(FAULT_THREAD, simple_thread[i] == workers[i].id);
      CHECK(ID_FAULT, simple_thread[i] == workers[i].id);
      mps_port_release((void *)simple[i], page);
      simple[i] = NULL;
    }
  } else {
    settle(STOP_ANY, NONE, "the port has no MPS_PORT_PROTECT");
  }

  if (caps & MPS_PORT_VM) {
    try(ALL_THREADS);
    try(ALL_STOPPED);
    for (i = 0; i < WORKERS; ++i)
      start(i, job_port, 0, 0);
    for (j = 0; j < ROUNDS(150); ++j) {
      mps_port_stop_begin();
      for (i = 0; i < WORKERS; ++i)
        CHECK(ALL_STOPPED, code(mps_port_thread_stop(&workers[i].slot)) == 0);
      for (i = 0; i < WORKERS; ++i)
        CHECK(ALL_STOPPED, code(mps_port_thread_wait(&workers[i].slot)) == 0);
      use_memory(ALL_STOPPED);
      for (i = 0; i < WORKERS; ++i)
        mps_port_thread_resume(&workers[i].slot);
      mps_port_stop_end();
      host_pause();
    }
    for (i = 0; i < WORKERS; ++i)
      finish(i);
  }

  try(BATCH_STOPPED);
  go = 0;
  start(0, job_begin, 0, 0);
  mps_port_stop_begin();
  go = 1;
  until_not(&workers[0].counter, 0);
  for (i = 0; i < 50; ++i)
    mps_port_relax(20);
  CHECK(BATCH_ONE, workers[0].counter == 1);
  CHECK(BATCH_STOPPED, code(mps_port_thread_stop(&workers[0].slot)) == 0);
  CHECK(BATCH_STOPPED, code(mps_port_thread_wait(&workers[0].slot)) == 0);
  try(QUIET_STOPS);
  mps_port_relax(20);
  CHECK(BATCH_ONE, workers[0].counter == 1);
  mps_port_thread_resume(&workers[0].slot);
  mps_port_stop_end();
  until_not(&workers[0].counter, 1);
  finish(0);

  try(BATCH_ONE);
  go = 0;
  for (i = 0; i < WORKERS; ++i)
    start(i, job_batches, 0, 0);
  go = 1;
  while (batches_done < WORKERS)
    host_pause();
  for (i = 0; i < WORKERS; ++i)
    finish(i);

  try(STOP_GONE);
  start(0, job_nothing, 0, 1);
  host_join(workers[0].thread);
  CHECK(STOP_GONE, stop_one(&workers[0].slot) == 1);
  mps_port_stop_end();
  /* Another thread may have its number now, or its stack. */
  start(1, job_count, 0, 0);
  mps_port_stop_begin();
  {
    int c = code(mps_port_thread_stop(&workers[0].slot));
    CHECK(STOP_GONE, code(mps_port_thread_stop(&workers[1].slot)) == 0);
    CHECK(STOP_GONE, c == 1 || code(mps_port_thread_wait(&workers[0].slot)) == 1);
    CHECK(STOP_GONE, code(mps_port_thread_wait(&workers[1].slot)) == 0);
  }
  before = workers[1].counter;
  mps_port_thread_resume(&workers[1].slot);
  mps_port_stop_end();
  until_not(&workers[1].counter, before);
  finish(1);
  mps_port_thread_deregister(&workers[0].slot);
  mps_port_thread_deregister(&mine);
}

/* --- Stacks --- */

static int other_code;

static void ask_stack(void *unused)
{
  void *base, *limit;
  (void)unused;
  other_code = code(mps_port_thread_stack(&base, &limit));
}

static void stack(void)
{
  void *base = NULL, *limit = NULL;
  volatile size_t local = 0;
  if (!has_stack()) {
    settle(STACK, NONE, "the port leaves this function out");
    settle(STACK_OTHER, NONE, "the port leaves this function out");
    return;
  }
  try(STACK);
  switch (code(mps_port_thread_stack(&base, &limit))) {
  case 0:
    CHECK(STACK, (size_t)base < (size_t)&local && (size_t)&local < (size_t)limit);
    break;
  case 5:
    break;
  default:
    CHECK(STACK, !"0 or 5");
  }
  host_trying(names[STACK_OTHER]);
  other_code = 5;
  if (host_other_stack(ask_stack, NULL) < 0) {
    settle(STACK_OTHER, NONE, "the host has no other stack");
  } else {
    try(STACK_OTHER);
    CHECK(STACK_OTHER, other_code == 5);
  }
}

/* --- Forks --- */

static unsigned fork_order;     /* digits: 1 before, 2 in the parent, 3 in the child */
static size_t fork_thread;
static int fork_elsewhere;

static void hook(unsigned digit)
{
  fork_order = fork_order * 10 + digit;
  if (mps_port_thread_id() != fork_thread)
    fork_elsewhere = 1;
}
static void hook_prepare(void) { hook(1); }
static void hook_parent(void) { hook(2); }
static void hook_child(void) { hook(3); }

static int in_child(void)
{
  byte *b;
  if (fork_order != 13)
    return 1;
  if (fork_elsewhere)
    return 2;
  if (caps & MPS_PORT_VM) {
    if ((b = pages(2)) == NULL || !is_all(b, 2 * page, 0))
      return 3;
    mps_port_release((void *)b, 2 * page);
  }
  /* The worker is not in this process. */
  if ((caps & MPS_PORT_THREADS) && workers[0].ready && stop_one(&workers[0].slot) != 1)
    return 4;
  return 0;
}

static void forks(void)
{
  static const mps_port_fork_s hooks = {hook_prepare, hook_parent, hook_child};
  int c, r, has_worker;
  try(FORK_ORDER);
  c = code(mps_port_install_fork(&hooks));
  if (c == 5) {
    /* The port says that there are no forks. */
    not_tried(FORK_ORDER, "the port knows no forks (5)");
    settle(FORK_THREAD, NONE, "the port knows no forks (5)");
    return;
  }
  CHECK(FORK_ORDER, c == 0);
  fork_thread = mps_port_thread_id();
  has_worker = (caps & MPS_PORT_THREADS) && start(0, job_count, 0, 0);
  if (!has_worker)
    workers[0].ready = 0;
  r = host_fork(in_child);
  if (has_worker)
    finish(0);
  if (r < 0) {
    not_tried(FORK_ORDER, "the host has no forks");
    settle(FORK_THREAD, NONE, "the host has no forks");
    return;
  }
  CHECK(FORK_ORDER, fork_order == 12 && r != 1);
  try(FORK_THREAD);
  CHECK(FORK_THREAD, !fork_elsewhere && r != 2);
  CHECK(FORK_ORDER, r != 3);
  CHECK(STOP_GONE, r != 4);
}

/* --- All --- */

static void absent(sentence_t from, sentence_t to, const char *why)
{
  unsigned s;
  for (s = from; s <= to; ++s)
    settle((sentence_t)s, NONE, why);
}

unsigned conform(void)
{
  static const char *const ours = "it is the caller's to keep";
  static const char *const no_vm = "the port has no MPS_PORT_VM";
  static const char *const no_protect = "the port has no MPS_PORT_PROTECT";
  static const char *const no_threads = "the port has no MPS_PORT_THREADS, or the host no threads";
  unsigned i;

  settle(ALL_RANGES, CANNOT, ours);
  settle(ALL_STATES, CANNOT, ours);
  settle(STOP_ASKED, CANNOT, ours);
  settle(FORK_STAYS, CANNOT, ours);
  settle(HANDLER_POOLS, CANNOT, "it is about the library, not about the port");
  settle(SLOT, CANNOT, "who else has the slot's address can't be known");
  try(ALL_OWN); /* this program has no function of the MPS, and links */
  try(ALL_CODES);

  try(VERSION);
  CHECK(VERSION, *(const volatile int *)&mps_port_abi_2 == 2);
  try(CAPS);
  caps = mps_port_capabilities();
  CHECK(CAPS, (caps & ~15u) == 0 && caps == mps_port_capabilities());
  if (caps & MPS_PORT_STOPS_BETWEEN_ACCESSES)
    settle(CAPS_BETWEEN, CANNOT, "what is between two instructions of a program can't be seen from outside");
  else
    settle(CAPS_BETWEEN, NONE, "the port does not claim it");
  try(PAGE);
  page = mps_port_page_size();
  CHECK(PAGE, page != 0 && (page & (page - 1)) == 0 && page == mps_port_page_size());
  try(ID_NOT_0);
  CHECK(ID_NOT_0, mps_port_thread_id() != 0 && mps_port_thread_id() == mps_port_thread_id());
  try(RELAX);
  for (i = 0; i < 400; ++i)
    mps_port_relax(i);
  mps_port_relax(~0u);

  if (caps & MPS_PORT_VM) {
    memory_reserve();
    memory_map();
    if (caps & MPS_PORT_PROTECT)
      protection();
  }
  if (verdicts[RESERVE_ALIGN] == NOT_REACHED)
    absent(RESERVE_ALIGN, UNMAP_PART, no_vm);
  settle(ALL_UNCHANGED, NONE, "nothing of this port failed");
  if (!(caps & MPS_PORT_PROTECT)) {
    absent(DENY_WRITES, INSTALL, no_protect);
    settle(ALL_IN_FAULT, NONE, no_protect);
    settle(ID_FAULT, NONE, no_protect);
  } else if (!(caps & MPS_PORT_VM)) {
    static const char *const nothing = "the port gives no memory to protect";
    absent(DENY_WRITES, INSTALL, nothing);
    settle(ALL_IN_FAULT, NONE, nothing);
    settle(ID_FAULT, NONE, nothing);
  }
  quiet();
  stack();
  if (caps & MPS_PORT_THREADS)
    threads();
  forks();
  if (!(caps & MPS_PORT_THREADS) || verdicts[STOP_GONE] == NOT_REACHED) {
    not_tried(REGISTER, no_threads);
    absent(REGISTER, RESUME, no_threads);
    settle(ALL_STOPPED, NONE, no_threads);
    settle(ALL_THREADS, NONE, no_threads);
    settle(ID_APART, NONE, no_threads);
    settle(QUIET_STOPS, NONE, no_threads);
  }
  return report();
}
