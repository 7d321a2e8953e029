/* port.c -- mpsport.h: memory, protection and faults by page tables
 *
 * The same for all processors, for their page tables are alike: trees of
 * tables with 512 entries of 64 bits, the last level for pages of 4 KB, the one
 * above for blocks of 2 MB. arch.h says what an entry looks like (arch_leaf,
 * arch_table, arch_block, arch_frame) and how many levels there are.
 *
 * RAM stands at its own addresses, so a table can be written where its frame
 * is. Frames come from a pool: all RAM behind the image. Address space comes
 * from a window that nothing else uses.
 *
 * What an entry of the window says:
 *
 *   0                     nothing is there: reserved, or nobody's
 *   a frame, valid        mapped; perhaps without writes
 *   a frame, not valid    mapped, and no access is allowed: the frame stays
 *                         in the entry, where the processor doesn't look
 *
 * Several processors: the lock below is taken with interrupts off, so nobody is
 * stopped while he has it, and is never held while waiting for another processor.
 */

#include "kernel.h"
#include "arch.h"
#include "mpsport.h"

enum { PAGE = 4096, ENTRIES = 512, RANGES = 64 };
#define BLOCK ((uintptr_t)PAGE * ENTRIES)

MPS_PORT_DEFINE
MPS_PORT_DEFINE_NO_FORK

extern char image_end[];        /* the linker script: the first byte behind it */

static arch_lock_t lock;

/* --- frames --- */

static uintptr_t frame_next, frame_limit;       /* never used yet */
static uintptr_t frame_free;                    /* given back: a chain through them */
static size_t frames_mapped;

/* A frame's address, or 0. What is in it is anything. */
static uintptr_t frame_take(void)
{
  uintptr_t f = frame_free;
  if (f != 0) {
    frame_free = *(uintptr_t *)f;
  } else if (frame_next < frame_limit) {
    f = frame_next;
    frame_next += PAGE;
  }
  return f;
}

static void frame_give(uintptr_t f)
{
  *(uintptr_t *)f = frame_free;
  frame_free = f;
}

size_t memory_frames(void) { return frames_mapped; }

/* --- page tables --- */

static uint64_t *top;

/* The entry for an address at a level: 0 for pages, 1 for blocks. Null if there
 * is no table for it; with make, if there is no memory for one. */
static uint64_t *entry_at(uintptr_t addr, unsigned level, int make)
{
  uint64_t *table = top;
  unsigned l;
  for (l = ARCH_LEVELS - 1; ; --l) {
    uint64_t *e = &table[(addr >> (12 + 9 * l)) % ENTRIES];
    if (l == level)
      return e;
    if (*e == 0) {
      uintptr_t f = make ? frame_take() : 0;
      if (f == 0)
        return 0;
      memset((void *)f, 0, PAGE);
      *e = arch_table(f, l);
    }
    table = (uint64_t *)arch_frame(*e);
  }
}

/* The next page that may have an entry, after p: where there is no table,
 * there is nothing for all of the addresses that it would be for. A range may be of many
 * gigabytes with little in it. */
static uintptr_t after(uintptr_t p)
{
  unsigned l;
  for (l = ARCH_LEVELS - 1; l > 0; --l) {
    const uint64_t *e = entry_at(p, l, 0);
    if (e == 0 || *e == 0) {
      uintptr_t span = (uintptr_t)PAGE << 9 * l;
      return (p & ~(span - 1)) + span;
    }
  }
  return p + PAGE;
}

static void map_blocks(uintptr_t base, uintptr_t size, int device)
{
  uintptr_t p;
  for (p = base & ~(BLOCK - 1); p - base < size || p < base; p += BLOCK) {
    uint64_t *e = entry_at(p, 1, 1);
    CHECK(e != 0);
    *e = arch_block(p, device);
  }
}

void memory_init(void)
{
  size_t i;
  frame_next = ((uintptr_t)image_end + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
  frame_limit = ARCH_RAM_BASE + ((uintptr_t)ARCH_RAM_MB << 20);
  top = (uint64_t *)frame_take();
  memset(top, 0, PAGE);
  map_blocks(ARCH_RAM_BASE, (uintptr_t)ARCH_RAM_MB << 20, 0);
  for (i = 0; i < sizeof arch_devices / sizeof arch_devices[0]; ++i)
    map_blocks(arch_devices[i], BLOCK, 1);
  arch_tables_on(top);
}

/* --- mpsport.h: memory --- */

unsigned mps_port_capabilities(void)
{
  return MPS_PORT_VM | MPS_PORT_PROTECT | ARCH_CAPABILITIES;
}

size_t mps_port_page_size(void) { return PAGE; }

/* Reserved ranges, in order of addresses. */
static struct { uintptr_t base, limit; } ranges[RANGES];
static size_t range_count;

static int reserve(uintptr_t *base_o, size_t size, size_t align)
{
  uintptr_t base = ARCH_WINDOW;
  size_t i, k;
  if (range_count == RANGES || size > ARCH_WINDOW_SIZE)
    return 2;
  for (i = 0; ; ++i) {          /* the first gap that is large enough */
    uintptr_t limit = i < range_count ? ranges[i].base : ARCH_WINDOW + ARCH_WINDOW_SIZE;
    base = (base + align - 1) & ~(uintptr_t)(align - 1);
    if (base < limit && limit - base >= size)
      break;
    if (i == range_count)
      return 2;
    base = ranges[i].limit;
  }
  for (k = range_count++; k > i; --k)
    ranges[k] = ranges[k - 1];
  ranges[i].base = base;
  ranges[i].limit = base + size;
  *base_o = base;
  return 0;
}

int mps_port_reserve(void **base_o, size_t size, size_t align)
{
  uintptr_t base = 0;
  size_t was = arch_lock(&lock);
  int res = reserve(&base, size, align);
  arch_unlock(&lock, was);
  if (res == 0)
    *base_o = (void *)base;
  return res;
}

static void deny(uintptr_t base, size_t size, int denied)
{
  uintptr_t p;
  for (p = base; p - base < size; p = after(p)) {
    uint64_t *e = entry_at(p, 0, 0);
    if (e != 0 && *e != 0) {
      *e = arch_leaf(arch_frame(*e), denied);
      arch_flush(p);
    }
  }
}

static void take_away(uintptr_t base, size_t size)
{
  uintptr_t p;
  for (p = base; p - base < size; p = after(p)) {
    uint64_t *e = entry_at(p, 0, 0);
    if (e != 0 && *e != 0) {
      frame_give(arch_frame(*e));
      *e = 0;
      --frames_mapped;
    }
  }
}

void mps_port_unmap(void *base, size_t size)
{
  size_t was = arch_lock(&lock);
  deny((uintptr_t)base, size, 3);
  arch_unlock(&lock, was);
  arch_flush_others();          /* now no processor can get at the frames */
  was = arch_lock(&lock);
  take_away((uintptr_t)base, size);
  arch_unlock(&lock, was);
}

void mps_port_release(void *base, size_t size)
{
  size_t was, i;
  mps_port_unmap(base, size);
  was = arch_lock(&lock);
  for (i = 0; i < range_count && ranges[i].base != (uintptr_t)base; ++i)
    ;
  CHECK(i < range_count && ranges[i].limit == (uintptr_t)base + size);
  for (--range_count; i < range_count; ++i)
    ranges[i] = ranges[i + 1];
  arch_unlock(&lock, was);
}

int mps_port_map(void *base, size_t size)
{
  uintptr_t p, b = (uintptr_t)base;
  size_t was = arch_lock(&lock);
  int res = 0;
  for (p = b; p < b + size; p += PAGE) {
    uint64_t *e = entry_at(p, 0, 1);
    uintptr_t f = e == 0 ? 0 : frame_take();
    if (f == 0) {
      deny(b, p - b, 3);
      take_away(b, p - b);
      res = 3;
      break;
    }
    memset((void *)f, 0, PAGE);
    *e = arch_leaf(f, 0);
    arch_flush(p);
    ++frames_mapped;
  }
  arch_unlock(&lock, was);
  return res;
}

/* --- protection --- */

int mps_port_protect(void *base, size_t size, int denied)
{
  size_t was = arch_lock(&lock);
  deny((uintptr_t)base, size, denied);
  arch_unlock(&lock, was);
  /* Another processor that still remembers that less was allowed meets a fault,
   * and tries again. One that remembers more must forget it now. */
  if (denied != 0)
    arch_flush_others();
  return 0;
}

static mps_port_fault_t handler;
size_t memory_faults;

int mps_port_install_faults(mps_port_fault_t h)
{
  handler = h;
  return 0;
}

/* A page of memory_check's, and what is expected there: 1 a read, 2 a write. */
static volatile uintptr_t check_page;
static volatile int check_expected;

int memory_fault(uintptr_t addr, int is_write)
{
  if (check_page != 0 && addr == check_page && check_expected == (is_write ? 2 : 1)) {
    check_expected = 0;
    (void)mps_port_protect((void *)addr, PAGE, 0);
    return 1;
  }
  if (handler == 0 || !handler(addr, is_write))
    return 0;
  ++memory_faults;
  arch_flush(addr);
  return 1;
}

/* An access that was allowed a moment ago and is denied now must be a fault. The
 * workload need not notice if the processor remembers what was allowed. */
void memory_check(void)
{
  void *base;
  volatile char *p;
  CHECK(mps_port_reserve(&base, PAGE, PAGE) == 0);
  CHECK(mps_port_map(base, PAGE) == 0);
  p = base;
  check_page = (uintptr_t)base;
  CHECK(*p == 0);
  *p = 1;
  CHECK(mps_port_protect(base, PAGE, 2) == 0);
  CHECK(*p == 1);
  check_expected = 2;
  *p = 2;
  CHECK(check_expected == 0);
  CHECK(mps_port_protect(base, PAGE, 3) == 0);
  check_expected = 1;
  CHECK(*p == 2);
  CHECK(check_expected == 0);
  check_page = 0;
  mps_port_release(base, PAGE);
  CHECK(memory_frames() == 0);
}

/* --- threads: one for each processor --- */

int mps_port_thread_stack(void **base_o, void **limit_o)
{
  void *base, *limit;
  volatile char here = 0;
  arch_stack(&base, &limit);
  if ((uintptr_t)&here - (uintptr_t)base >= (uintptr_t)limit - (uintptr_t)base)
    return 5;                   /* on another stack than its own */
  *base_o = base;
  *limit_o = limit;
  return 0;
}

#if CPUS == 1
MPS_PORT_DEFINE_ONE_THREAD
#endif
#if TICK_HZ == 0 && CPUS == 1
MPS_PORT_DEFINE_NO_INTERRUPTS
#endif
