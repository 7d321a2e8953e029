/* mpsx.h -- extensions of this implementation
 *
 * Nothing here exists in the reference.  Everything is optional for a
 * client, and a structure can grow at its end: the caller says how much of
 * it it knows.
 */

#ifndef mpsx_h
#define mpsx_h

#include "mps.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What an arena has done since it was created.  Counters only grow.
 *
 * A pause is a time that the program waits for the collector: from the first
 * piece of collection work in a call to the library until the call returns,
 * or for as long as a barrier hit takes.  What the client asks for by
 * mps_arena_collect and the like counts as well.  Pauses are measured in units
 * of mps_clock (the default plinth's: microseconds of the process's CPU time).
 *
 * Percentiles come from a histogram of fixed size: they are never less than
 * the exact ones, and more by less than a 16th of them.  Pauses of less than
 * 32 clock units, and the longest, are exact. */
typedef struct mps_x_stats_s {
  size_t struct_size;           /* in: sizeof(mps_x_stats_s); see below */
  mps_word_t collections;       /* collections finished */
  mps_word_t barrier_hits_read; /* accesses stopped by the read barrier */
  mps_word_t barrier_hits_write;/* accesses stopped by the write barrier */
  mps_word_t bytes_condemned;   /* put at stake by all collections */
  mps_word_t bytes_copied;      /* moved from one place to another */
  mps_word_t bytes_reclaimed;   /* found dead and taken back */
  mps_word_t syscalls_map;      /* calls to commit memory */
  mps_word_t syscalls_unmap;    /* calls to give memory back */
  mps_word_t syscalls_protect;  /* calls to change protection */
  mps_word_t steps;             /* slices of collection work */
  mps_word_t flips;             /* moments at which references changed */
  double longest_step_seconds;  /* the longest slice */
  mps_word_t pauses;            /* how many, barrier hits included */
  mps_word_t thread_stops;      /* threads stopped: two signals each */
  double pause_total_seconds;   /* all pauses together */
  double pause_p50_seconds;     /* half of the pauses take no longer */
  double pause_p99_seconds;     /* 99 of 100 */
  double pause_p999_seconds;    /* 999 of 1000 */
  double pause_max_seconds;     /* the longest */
  mps_word_t longest_step_us;   /* these again, in whole microseconds */
  mps_word_t pause_total_us;
  mps_word_t pause_p50_us;
  mps_word_t pause_p99_us;
  mps_word_t pause_p999_us;
  mps_word_t pause_max_us;
  mps_word_t collections_late;  /* see MPS_KEY_X_UTILISATION */
  mps_word_t busiest_20ms_us;   /* the most that pauses took of 20 ms (or a
                                   little more: of at most 22.5 ms) */
} mps_x_stats_s;

/* Read the counters of an arena.
 * stats: the caller's structure.  Its struct_size says how many bytes the
 * caller has; members that do not fit are not written, members the library
 * does not have are set to zero, and struct_size is left alone.
 * Returns: MPS_RES_OK; MPS_RES_PARAM if struct_size is less than its own
 * size.  Threads: any; takes the arena lock. */
extern mps_res_t mps_x_stats(mps_arena_t arena, mps_x_stats_s *stats);

/* Post the finalization message of every registered object, alive or not, in the
 * order of registration: for a program or a part of it that ends.  An object
 * that was registered n times gets n messages.  Messages that were posted before come
 * first.  Each keeps its object alive until it is discarded, as always, and
 * its registration is used up.
 * Returns: MPS_RES_OK; MPS_RES_FAIL if messages of that type are not enabled, and
 * then nothing has changed.  Takes no memory.  Threads: any; takes the arena
 * lock, and does all at once: O(n log n), n registrations. */
extern mps_res_t mps_x_finalize_all(mps_arena_t arena);

/* Write a snapshot of the heap to the telemetry stream: each object of a pool with a
 * format, with its pool, size, generation and references, and each root with its
 * references.  `mps-telemetry heap` says from it what keeps an object alive, what
 * takes the memory, and between two of them what has grown (docs/telemetry.md).
 * Whatever categories of telemetry are on.  Labels (mps_telemetry_label) of objects, pools
 * and formats are shown if the user category was on when they were given.
 *
 * Objects that are dead and were not collected yet are in it, and marked as such by the
 * tool.  A collection in progress is finished first.  The program is held until all is
 * written: for each object about as long as its scan, and some ten bytes to the plinth's
 * mps_io_write.
 * Returns: MPS_RES_OK; MPS_RES_IO if the stream can't be opened or does not take it;
 * MPS_RES_FAIL if another thread has the stream for too long.  Then the snapshot is not there,
 * or breaks off.  Takes no memory.  Threads: any; takes the arena lock.
 * In a debugger, with the program stopped outside of the library:
 *     call (int)mps_x_heap_snapshot(arena)
 * and if it was stopped inside, call mps_arena_postmortem(arena) first; the program can't go on
 * then. */
extern mps_res_t mps_x_heap_snapshot(mps_arena_t arena);

/* As mps_message_get, up to n times: take the first messages of a type.
 * messages_o: where they are written, in order; room for n.  Each is to be
 * discarded.
 * Returns: how many there were, from 0 to n.  Threads: any; takes the arena lock
 * once. Cost: grows with the number of messages. */
extern size_t mps_x_messages_get(mps_arena_t arena, mps_message_type_t type,
                                 size_t n, mps_message_t *messages_o);

/* A blocking region: the calling thread touches no managed memory between these two
 * calls, and is not stopped.  System calls do not come back with EINTR for our sake,
 * and collections don't wait for the thread.
 * thread: the calling one, registered with this arena; with other arenas there is
 * a region of its own for each.
 *
 * What the thread holds meanwhile is what was in its registers and on its stack when
 * the region began.  All that its callers have there stays alive and in place.  But
 * a compiler may move a variable of the function that calls begin while the
 * region lasts.  So begin, the system call and end stand in a function that is not
 * inlined and has no references of its own that are needed later.
 *
 * In the region the thread, and signal handlers on it, call no function of this
 * arena but these two, and read and write no object of it.  (System calls that do:
 * mps_x_expose_begin, before the region.)  Regions nest, and the outermost counts.  end waits while a
 * collection has stopped the threads.
 * Threads: the registered one; both take the arena lock. */
extern void mps_x_blocking_begin(mps_thr_t thread);
extern void mps_x_blocking_end(mps_thr_t thread);

/* Keep a range of memory readable, writable and in place, whatever collection is in progress,
 * until mps_x_expose_end is called with the same range: for system calls
 * that read or write objects, such as read(2).  Without, the system meets the barrier, and
 * the call fails with EFAULT.
 * base, limit: its first address and the one after its last.  In pools whose objects are
 * collected it lies in objects that the program has references to, all the while; these
 * stay in place.  Memory of other pools, and what is none of the arena's, may be exposed as
 * well.
 * What is written may be references, provided that the collector could be offered them at
 * any time, as in any object.  Ranges may overlap and be exposed several times.
 * Returns: MPS_RES_OK; MPS_RES_MEMORY and the like, and then nothing has changed.
 * Threads: any, with a reference to the objects; both take the arena lock.
 * Cost: meanwhile the segments of the range are scanned by each collection, without
 * pause between objects; mps_x_expose_end is linear in the number of roots. */
extern mps_res_t mps_x_expose_begin(mps_arena_t arena, void *base, void *limit);
extern void mps_x_expose_end(mps_arena_t arena, void *base, void *limit);

/* Pin an object: it lives, and stays where it is, until it has been unpinned as often as it was
 * pinned.  The barrier is as before (mps_x_expose_begin is for what must be open as well).
 * addr: a reference to an object in the arena, which the collector knows of until the call
 * returns: in a register or on the stack of a registered thread, say.  In pools that the client
 * frees blocks of, a pin does nothing, for these stay where they are.
 * Returns: MPS_RES_OK; MPS_RES_MEMORY and the like, and then nothing has changed.
 * Threads: any; both take the arena lock.  Pins end with the arena.
 * Cost: fixed, on average; each collection looks at every object that is pinned. */
extern mps_res_t mps_x_pin(mps_arena_t arena, mps_addr_t addr);
extern void mps_x_unpin(mps_arena_t arena, mps_addr_t addr);

/* A handle: a word that stays the same, for a reference to an object that may move. */
typedef struct mps_x_handle_s *mps_x_handle_t;

/* Make a handle.
 * rank: mps_rank_exact (it keeps the object alive) or mps_rank_weak.
 * addr: a reference as for mps_x_pin, or null.
 * Returns: MPS_RES_OK; MPS_RES_MEMORY and the like, and then nothing has changed.
 * Threads: any; takes the arena lock once for some hundred handles.
 * Cost: fixed, usually; each collection looks at every handle. */
extern mps_res_t mps_x_handle_create(mps_x_handle_t *handle_o, mps_arena_t arena,
                                     mps_rank_t rank, mps_addr_t addr);

/* Returns: the reference as it is now; of a weak handle, null when the object has died (together
 * with all other weak references to it).
 * Threads: any, registered, so that what it returns is kept in place.  A strong handle is read
 * without a lock; so is a weak one, but between a collection's flip and its end. */
extern mps_addr_t mps_x_handle_get(mps_x_handle_t handle);

/* Give a handle back.  It must not be used any more.  Those that are left go with the arena.
 * Threads: any; takes no lock. */
extern void mps_x_handle_destroy(mps_x_handle_t handle);

/* A fiber: a stack of the client's own, on which its threads run in turn. */
typedef struct mps_x_fiber_s *mps_x_fiber_t;

/* Register the stack from base to limit, and make it a root.  Nothing is on it yet.
 * base, limit: its lowest address and the one after its highest; it grows downwards.
 * Returns: MPS_RES_OK; MPS_RES_MEMORY and the like as for any root.
 * Threads: any; takes the arena lock. */
extern mps_res_t mps_x_fiber_create(mps_x_fiber_t *fiber_o, mps_arena_t arena,
                                    void *base, void *limit);

/* Forget a fiber.  No thread is on it, and nothing that is left on it holds anything
 * any more.  Threads: any; takes the arena lock. */
extern void mps_x_fiber_destroy(mps_x_fiber_t fiber);

/* Switch the calling thread to another stack.
 * thread: the calling one, registered with the arena of the fiber.
 * to: where to go on, or null for the thread's own stack.
 * swap: called once, with closure, on the stack that is being left.  It does the
 * switch, by swapcontext or a few lines of assembly or in any other way, either to
 * where swap was called on the other stack, or, if nothing is on that yet, to a
 * function that begins there.  It touches no managed memory.
 *
 * Returns when somebody switches back to this stack, perhaps on another thread.
 * While a stack is left, what lies on it holds its objects in place, as what is on the
 * stack of a running thread does: a fiber as a whole, a thread's own stack up to the cold end
 * of its root.  The stack that a thread is on is scanned from its stack pointer
 * on.  A stack is switched to by one thread at a time, and not before the thread that
 * leaves it has done so.  All switches between stacks are made by this
 * function.  A thread is deregistered on its own stack.
 *
 * Threads: the registered one; takes no lock.  Cost: the registers are saved, and a
 * handful of stores.  With several arenas a stack is a fiber of each, and switches nest:
 * the swap of the first calls mps_x_fiber_switch for the second. */
extern void mps_x_fiber_switch(mps_thr_t thread, mps_x_fiber_t to,
                               void (*swap)(void *), void *closure);

/* Choose the two signals that stop and restart registered threads, for the
 * whole process.  Hosted Unix only.
 * suspend_signal, resume_signal: two different signals, real-time ones
 * included, that the client neither handles nor blocks.
 * Returns: MPS_RES_OK; MPS_RES_PARAM for signals that cannot be used;
 * MPS_RES_FAIL once any thread has been registered with any arena;
 * MPS_RES_UNIMPL where threads are not stopped by signals.
 * Threads: any; call it before the first mps_thread_reg. */
extern mps_res_t mps_x_thread_signals(int suspend_signal, int resume_signal);

/* A root for all of a thread: registers and stack, up to the cold end that the
 * system knows.  What mps_root_create_thread makes, but nothing can lie beyond
 * the cold end, whatever the compiler does with frames.  Arguments of the
 * program and, in threads other than the first, thread-local variables are
 * scanned as well.
 * thread: registered with this arena.
 * Returns: MPS_RES_OK; MPS_RES_UNIMPL if the port does not know where stacks
 * are, or if the thread registered while it ran on a stack of the program's
 * (a coroutine, a signal handler); MPS_RES_MEMORY and the like as for any root.
 * Threads: any; takes the arena lock. */
extern mps_res_t mps_x_root_create_stack(mps_root_t *root_o,
                                         mps_arena_t arena,
                                         mps_thr_t thread);

/* Key for mps_arena_create_k: what share of its time the program keeps while a
 * collection is in progress.  (Double from 0.0 to 1.0.)  In any 20 ms the
 * collector takes at most the rest.  Barrier hits count: they are not put off,
 * but the collector's own steps then wait.  0.0 is no limit.  The default is 0.5
 * if the pause time is at most 10 ms and the arena may use 64 MB or more (a VM
 * arena without a limit may); else no limit, and as few steps as can be.
 *
 * With a limit, work follows allocation.  When a collection begins it is given
 * room: it is to end before the program has allocated a quarter of what is in
 * pools whose objects are collected (or of what the arena may still commit, if that
 * is less).  A step does what has become due.  If the room is used up all the same,
 * the share is no longer kept, and a step of up to the pause time is done for
 * each 64 KB: the collection is late (collections_late in mps_x_stats_s, and
 * the event Pace in the telemetry).
 *
 * Just after a collection has begun to move objects, the program meets many
 * objects for the first time, and each of these meetings is a barrier hit.  A
 * program that goes all over its memory has less than its share then.
 *
 * The second key is the same in parts per thousand.  Threads: any; the functions
 * take the arena lock.  They take and return the share that holds; 0 if there
 * is no limit. */
extern const struct mps_key_s _mps_key_x_UTILISATION;
#define MPS_KEY_X_UTILISATION (&_mps_key_x_UTILISATION)
#define MPS_KEY_X_UTILISATION_FIELD d
extern const struct mps_key_s _mps_key_x_UTILISATION_PERMILLE;
#define MPS_KEY_X_UTILISATION_PERMILLE (&_mps_key_x_UTILISATION_PERMILLE)
#define MPS_KEY_X_UTILISATION_PERMILLE_FIELD size
extern size_t mps_x_arena_utilisation_permille(mps_arena_t arena);
extern void mps_x_arena_utilisation_permille_set(mps_arena_t arena,
                                                 size_t permille);

/* Key for mps_fmt_create_k: a method that scans a part of an object.  With it a
 * large object is collected in parts: the collector scans as much of it at a
 * time as fits a step, a barrier hit scans and opens the part that the program
 * wants, and after a write only that part is scanned by the next collection.
 * Parts are 16 KB, or a page or a grain if that is more.  This is for objects that
 * have a segment of their own: of AMC (MPS_KEY_LARGE_SIZE), and of AMS and AWL above
 * 16 KB, whatever the rank.  Others are scanned by the scan method, which every
 * format with references has; so are all of an AWL pool with
 * MPS_KEY_AWL_FIND_DEPENDENT: an object's dependent has to be open, and may be
 * written to, whenever a part of the object is scanned.
 *
 * object: the address that clients use, as for the skip method.
 * base, limit: the part, as addresses in memory: with a header in band, the first
 * part of an object begins with it, before the address that clients use.
 * Both are multiples of a page, or the beginning or end of the object; so
 * no reference that is aligned to its size lies across two parts.
 *
 * The method fixes every reference that lies in the part, as the scan method
 * does, with the same macros and the same results.  It may read all that does
 * not change and lies at the beginning of the object, such as its size or its kind:
 * if the barrier stops it there, the library lets it through.  It must not
 * write outside of the part, or rely on other parts having been scanned.
 * Not with objects that may be forwarded or padded: such are no large ones. */
typedef mps_res_t (*mps_x_fmt_scan_part_t)(mps_ss_t ss, mps_addr_t object,
                                           mps_addr_t base, mps_addr_t limit);
extern const struct mps_key_s _mps_key_x_FMT_SCAN_PART;
#define MPS_KEY_X_FMT_SCAN_PART (&_mps_key_x_FMT_SCAN_PART)
#define MPS_KEY_X_FMT_SCAN_PART_FIELD x_fmt_scan_part

/* --- Without doubles.  A kernel keeps off the floating-point registers, and
 * its compiler does not pass doubles where the library looks for them; mps.h
 * then refuses the functions that these stand for.  Times are in microseconds,
 * fractions in parts per thousand. --- */

/* MPS_KEY_PAUSE_TIME and mps_arena_pause_time in microseconds.  (size_t)-1 is no
 * limit. */
extern const struct mps_key_s _mps_key_x_PAUSE_TIME_US;
#define MPS_KEY_X_PAUSE_TIME_US (&_mps_key_x_PAUSE_TIME_US)
#define MPS_KEY_X_PAUSE_TIME_US_FIELD size
extern size_t mps_x_arena_pause_time_us(mps_arena_t arena);
extern void mps_x_arena_pause_time_us_set(mps_arena_t arena, size_t us);

/* MPS_KEY_SPARE (of arenas and of MVFF) and mps_arena_spare in parts per thousand, 0
 * to 1000. */
extern const struct mps_key_s _mps_key_x_SPARE_PERMILLE;
#define MPS_KEY_X_SPARE_PERMILLE (&_mps_key_x_SPARE_PERMILLE)
#define MPS_KEY_X_SPARE_PERMILLE_FIELD size
extern size_t mps_x_arena_spare_permille(mps_arena_t arena);
extern void mps_x_arena_spare_permille_set(mps_arena_t arena, size_t permille);

/* mps_arena_step, with the interval in microseconds and the multiplier in parts per
 * thousand.  (size_t)-1 is an interval without end.  Cost: the interval, if there
 * is so much to do. */
extern mps_bool_t mps_x_arena_step_us(mps_arena_t arena, size_t interval_us,
                                      size_t multiplier_permille);

/* --- A barrier in software.  For machines without an MMU, and for programs
 * that want neither signals nor changes of protection.  Collections are
 * incremental and generational as with an MMU, if the program looks at a table
 * before it accesses an object. --- */

/* Key for mps_arena_create_k: does the arena have a software barrier?  (Boolean,
 * default false.)  A client arena gives a little of its memory for the table: a
 * byte for each grain.  An arena of the VM class takes it from the port.
 *
 * Then before each load from an object in a pool whose objects are collected or
 * scanned, the program says MPS_X_READ, and before each store MPS_X_WRITE; but
 * not in the methods of a format and in scanners, and not for an object
 * between reserve and commit.  Which byte of the object is loaded or stored
 * decides, so say it for each; one that says MPS_X_WRITE need not say
 * MPS_X_READ.  Between it and the access come no calls of the library and no other
 * look that might find something.  Cost: loads of four words and one byte, two
 * compares; more only if the table denies the access.
 *
 * What may go wrong without: an object keeps a reference that the collector does not
 * hear of.  The debug archive finds it at the next collection, and names it.
 *
 * Roots are not protected with it (MPS_RM_PROT does nothing).
 *
 * Threads.  Nothing may stop a thread between the look and the access.  With one
 * registered thread nothing does.  With several, an arena works without a barrier
 * (collections run to their end where they begin) as long as there are
 * several, unless the port says that threads stop outside of accesses only
 * (mpsport.h, MPS_PORT_STOPS_BETWEEN_ACCESSES). */
extern const struct mps_key_s _mps_key_x_SOFT_BARRIER;
#define MPS_KEY_X_SOFT_BARRIER (&_mps_key_x_SOFT_BARRIER)
#define MPS_KEY_X_SOFT_BARRIER_FIELD b

/* addr, of any type: where a load or a store is about to be made, in any arena,
 * with or without a barrier.  Threads: any that may touch the object. */
#define MPS_X_READ(arena, addr) mps_x_look_((arena), (const volatile void *)(addr), 1)
#define MPS_X_WRITE(arena, addr) mps_x_look_((arena), (const volatile void *)(addr), 2)

/* For these macros. */
typedef struct mps_x_barrier_s {
  size_t base;                  /* the first address that the table is for */
  size_t units;                 /* how many units from there on */
  const volatile unsigned char *denied; /* 1: reads, 2: writes, of each */
  unsigned shift;               /* a unit is 1 << shift bytes */
} mps_x_barrier_s;
extern void mps_x_barrier_hit(mps_arena_t arena, const volatile void *addr,
                              unsigned mode);
#if defined(__GNUC__)
__inline__
#elif defined(_MSC_VER)
__inline
#endif
static void mps_x_look_(mps_arena_t arena, const volatile void *addr, unsigned mode)
{
  const mps_x_barrier_s *b = *(const mps_x_barrier_s *const volatile *)arena;
  size_t i = ((size_t)addr - b->base) >> b->shift;
  if (i < b->units && (b->denied[i] & mode) != 0)
    mps_x_barrier_hit(arena, addr, mode);
}

#ifdef __cplusplus
}
#endif

#endif /* mpsx_h */
