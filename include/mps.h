/* mps.h -- the public interface of the Memory Pool System
 *
 * The names, types and numbers are those of the reference, version 1.118,
 * and so is the layout of everything a client's compiled code touches: an
 * object file made with the reference's headers links with this library,
 * and the other way round.  docs/ says what is deliberately different.
 *
 * How to read the comments.  A comment says what a function does, what its
 * parameters are, what it returns, who owns what, and from which threads it
 * may be called.  Unless it says otherwise:
 *
 *  - A parameter named x_o is an out parameter: written only if the result
 *    is MPS_RES_OK (or true), otherwise left as it was.
 *  - A function that returns mps_res_t returns MPS_RES_OK (0) on success.
 *    Any other code may come back, whether or not it is listed.  Without
 *    memory for what it makes it returns MPS_RES_MEMORY, MPS_RES_RESOURCE or
 *    MPS_RES_COMMIT_LIMIT, and nothing has changed.  An argument that a check
 *    has refused gives MPS_RES_PARAM, if the handler of failed checks returns.
 *  - Objects made by mps_..._create belong to the client until it destroys
 *    them with the matching mps_..._destroy; structures and arrays passed to
 *    a creating function are not needed after it has returned.
 *  - Any thread may call.  The function takes the arena's lock for its
 *    duration, so it may wait for another thread, and it must not be called
 *    by a format method, a scan function, a stepper, a callback or a signal
 *    handler that may have interrupted the MPS.
 *  - It costs a fixed amount of work besides waiting for the lock.
 *
 * The file is C89, and C++ too.
 */

#ifndef mps_h
#define mps_h

#include <stdarg.h>
#include <stddef.h>
#include <limits.h>

#ifdef __cplusplus
extern "C" {
#endif


/* === Statements made of several statements ==============================
 *
 * Bracket a macro's body so that the macro, followed by a semicolon, is one
 * statement.  A break or continue in the body leaves the body only. */

/* Begins the body of a macro. */
#define MPS_BEGIN do {
/* Ends it. */
#define MPS_END   } while (0)


/* === Plain types ======================================================== */

#if defined(_WIN64)
#if defined(__GNUC__)
__extension__ typedef unsigned long long mps_word_t;
#else
typedef unsigned __int64 mps_word_t;
#endif
#else
typedef unsigned long mps_word_t;       /* unsigned, as wide as a pointer */
#endif

typedef int mps_bool_t;                 /* any non-zero is true; results 0, 1 */
typedef int mps_res_t;                  /* result code, MPS_RES_... */
typedef void *mps_addr_t;               /* address of a block or in one */
typedef size_t mps_align_t;             /* alignment: a power of two */
typedef unsigned mps_rm_t;              /* root mode, MPS_RM_... */
typedef unsigned mps_rank_t;            /* kind of reference, mps_rank_... */
typedef unsigned mps_message_type_t;    /* mps_message_type_... */
typedef mps_word_t mps_clock_t;         /* time in units of the plinth */
typedef mps_word_t mps_label_t;         /* telemetry label */
typedef void (*mps_fun_t)(void);        /* carrier for function pointers */

/* Does the word match the pointer?  (Fails to compile if not.) */
typedef char _mps_word_is_pointer_sized
  [sizeof(mps_word_t) == sizeof(void *) ? 1 : -1];


/* Functions that are handed a double, or return one.  A compiler that is told
 * to keep off the floating-point registers of Intel's processors, as for a
 * kernel, would pass it where the library does not look, without a word.  So
 * it refuses the call; mpsx.h has the same functions in integers.  Doubles in
 * memory (keyword arguments, mps_gen_param_s) do no harm.  Clang says nothing of
 * -mgeneral-regs-only on IA-32: there it is up to you. */
#if (defined(__x86_64__) && (!defined(__SSE2__) || defined(_SOFT_FLOAT))) \
  || (defined(__i386__) && defined(_SOFT_FLOAT))
#define MPS_X_NO_DOUBLES 1
#endif
#if !defined(MPS_X_NO_DOUBLES)
#define MPS_NO_DOUBLES_
#elif defined(__clang__)
#define MPS_NO_DOUBLES_ \
  __attribute__((unavailable("doubles are passed otherwise: see mpsx.h")))
#elif defined(__GNUC__)
#define MPS_NO_DOUBLES_ \
  __attribute__((error("doubles are passed otherwise: see mpsx.h")))
#else
#define MPS_NO_DOUBLES_
#endif


/* === Opaque types ======================================================= */

typedef struct mps_arena_s *mps_arena_t; /* an arena: a world of its own */
typedef struct mps_arena_class_s *mps_arena_class_t; /* kind of arena */
typedef struct mps_pool_s *mps_pool_t;  /* a pool: memory managed in one way */
typedef struct mps_pool_class_s *mps_pool_class_t; /* kind of pool */
typedef mps_pool_class_t mps_class_t;           /* older name */
typedef struct mps_chain_s *mps_chain_t;        /* generation chain */
typedef struct mps_fmt_s *mps_fmt_t;            /* object format */
typedef struct mps_root_s *mps_root_t;  /* a root */
typedef struct mps_thr_s *mps_thr_t;            /* registered thread */
typedef struct mps_message_s *mps_message_t; /* a message that was taken */
typedef struct mps_alloc_pattern_s *mps_alloc_pattern_t; /* how a program allocates */
typedef struct mps_frame_s *mps_frame_t;        /* allocation frame */
typedef struct mps_transform_s *mps_transform_t; /* a transform */
typedef const struct mps_key_s *mps_key_t;      /* keyword */

/* Types whose structure is declared further down. */

typedef struct mps_ap_s *mps_ap_t;              /* allocation point */
typedef struct _mps_sac_s *mps_sac_t;           /* allocation cache */
typedef struct mps_ld_s *mps_ld_t;              /* location dependency */
typedef struct mps_ss_s *mps_ss_t;              /* scan state */
typedef struct mps_scan_tag_s *mps_scan_tag_t; /* mask and pattern */
typedef struct mps_fmt_A_s *mps_fmt_A_t; /* methods (deprecated) */
typedef struct mps_fmt_B_s *mps_fmt_B_t; /* methods (deprecated) */


/* === Result codes ======================================================= */

enum {
  MPS_RES_OK = 0,               /* done */
  MPS_RES_FAIL = 1,             /* failed, for a reason without a code */
  MPS_RES_RESOURCE = 2,         /* out of something, e.g. address space */
  MPS_RES_MEMORY = 3,           /* out of memory */
  MPS_RES_LIMIT = 4,            /* a limit of this implementation */
  MPS_RES_UNIMPL = 5,           /* not available (for this class) */
  MPS_RES_IO = 6,               /* telemetry input or output failed */
  MPS_RES_COMMIT_LIMIT = 7,     /* would go beyond the commit limit */
  MPS_RES_PARAM = 8,            /* bad parameter */
  _mps_MPS_RES_LIMIT = 9        /* how many there are */
};


/* === Functions the client provides ====================================== */

/* Scan functions.  Each fixes every reference it is asked to (see Scanning
 * below) and returns the first result that is not MPS_RES_OK, or else
 * MPS_RES_OK.  Together with the format methods they may run at any time,
 * also in a signal handler and with other threads stopped: they take no
 * locks, use little stack, and call nothing in the MPS but the scanning
 * macros and functions. */
typedef mps_res_t (*mps_root_scan_t)(mps_ss_t ss, void *p, size_t s);
typedef mps_res_t (*mps_area_scan_t)(mps_ss_t ss, void *base, void *limit,
                                     void *closure);
typedef mps_res_t (*mps_fmt_scan_t)(mps_ss_t ss, mps_addr_t base,
                                    mps_addr_t limit);
typedef mps_res_t (*mps_reg_scan_t)(mps_ss_t ss, mps_thr_t thr,
                                    void *p, size_t s);

/* Format methods.  All but pad get client pointers, which lie header-size
 * bytes above the block's base. */
typedef mps_addr_t (*mps_fmt_skip_t)(mps_addr_t object);   /* => next */
typedef void (*mps_fmt_copy_t)(mps_addr_t object, mps_addr_t to); /* unused */
typedef void (*mps_fmt_fwd_t)(mps_addr_t old, mps_addr_t new_);
typedef mps_addr_t (*mps_fmt_isfwd_t)(mps_addr_t object);  /* => new, null */
typedef void (*mps_fmt_pad_t)(mps_addr_t base, size_t size);
typedef mps_addr_t (*mps_fmt_class_t)(mps_addr_t object);  /* telemetry */

/* Told when an arena has acquired a chunk of address space, and when it is
 * about to give one up.  Must not call the MPS. */
typedef void (*mps_arena_extended_t)(mps_arena_t arena, void *base,
                                     size_t size);
typedef void (*mps_arena_contracted_t)(mps_arena_t arena, void *base,
                                       size_t size);

/* Steppers of the walks.  They must not call the MPS, nor change
 * references, nor touch protected memory other than what they are given. */
typedef void (*mps_formatted_objects_stepper_t)(mps_addr_t object,
                                                mps_fmt_t fmt,
                                                mps_pool_t pool,
                                                void *p, size_t s);
typedef void (*mps_roots_stepper_t)(mps_addr_t *ref_loc, mps_root_t root,
                                    void *p, size_t s);


/* === Keyword arguments ==================================================
 *
 * A list is an array of mps_arg_s that ends with MPS_KEY_ARGS_END.  The
 * function it is passed to takes out the arguments it uses and moves the
 * rest up to the front, so that afterwards the array holds what was not
 * used.  Arguments that do not apply are no error. */

struct mps_pool_debug_option_s;

/* A keyword and its value. */
typedef struct mps_arg_s {
  mps_key_t key;
  union {                       /* which member: MPS_KEY_..._FIELD */
    mps_bool_t b;
    char c;
    const char *string;
    int i;
    unsigned u;
    long l;
    unsigned long ul;
    float f;
    double d;
    size_t size;
    mps_fun_t fun;
    mps_addr_t addr;
    mps_fmt_t format;
    mps_chain_t chain;
    struct mps_pool_debug_option_s *pool_debug_options;
    mps_addr_t (*addr_method)(mps_addr_t);
    mps_align_t align;
    mps_word_t count;
    void *p;
    mps_rank_t rank;
    mps_fmt_scan_t fmt_scan;
    mps_fmt_skip_t fmt_skip;
    mps_fmt_fwd_t fmt_fwd;
    mps_fmt_isfwd_t fmt_isfwd;
    mps_fmt_pad_t fmt_pad;
    mps_fmt_class_t fmt_class;
    mps_pool_t pool;
    mps_res_t (*x_fmt_scan_part)(mps_ss_t, mps_addr_t, mps_addr_t, mps_addr_t);
  } val;
} mps_arg_s;

/* An empty list. */
extern mps_arg_s mps_args_none[];

/* Ends every list. */
extern const struct mps_key_s _mps_key_ARGS_END;
#define MPS_KEY_ARGS_END (&_mps_key_ARGS_END)

/* -- arenas -- */

/* Bytes of address space to begin with; for a client arena, the chunk. */
extern const struct mps_key_s _mps_key_ARENA_SIZE;
#define MPS_KEY_ARENA_SIZE (&_mps_key_ARENA_SIZE)
#define MPS_KEY_ARENA_SIZE_FIELD size

/* Unit in which the arena hands out memory; a power of two. */
extern const struct mps_key_s _mps_key_ARENA_GRAIN_SIZE;
#define MPS_KEY_ARENA_GRAIN_SIZE (&_mps_key_ARENA_GRAIN_SIZE)
#define MPS_KEY_ARENA_GRAIN_SIZE_FIELD size

/* Place memory by zones? (true) */
extern const struct mps_key_s _mps_key_ARENA_ZONED;
#define MPS_KEY_ARENA_ZONED (&_mps_key_ARENA_ZONED)
#define MPS_KEY_ARENA_ZONED_FIELD b

/* An mps_arena_extended_t, cast to mps_fun_t. */
extern const struct mps_key_s _mps_key_arena_extended;
#define MPS_KEY_ARENA_EXTENDED (&_mps_key_arena_extended)
#define MPS_KEY_ARENA_EXTENDED_FIELD fun

/* An mps_arena_contracted_t, cast to mps_fun_t. */
extern const struct mps_key_s _mps_key_arena_contracted;
#define MPS_KEY_ARENA_CONTRACTED (&_mps_key_arena_contracted)
#define MPS_KEY_ARENA_CONTRACTED_FIELD fun

/* Most memory the arena may commit, in bytes; none if not given. */
extern const struct mps_key_s _mps_key_COMMIT_LIMIT;
#define MPS_KEY_COMMIT_LIMIT (&_mps_key_COMMIT_LIMIT)
#define MPS_KEY_COMMIT_LIMIT_FIELD size

/* Fraction (0.0 to 1.0) of memory that may be kept though unused: of an
 * arena's committed memory, of an MVFF pool's memory. */
extern const struct mps_key_s _mps_key_SPARE;
#define MPS_KEY_SPARE (&_mps_key_SPARE)
#define MPS_KEY_SPARE_FIELD d

/* Deprecated form of MPS_KEY_SPARE, in bytes. */
extern const struct mps_key_s _mps_key_SPARE_COMMIT_LIMIT;
#define MPS_KEY_SPARE_COMMIT_LIMIT (&_mps_key_SPARE_COMMIT_LIMIT)
#define MPS_KEY_SPARE_COMMIT_LIMIT_FIELD size

/* Longest time in seconds the MPS should keep a client thread waiting. */
extern const struct mps_key_s _mps_key_PAUSE_TIME;
#define MPS_KEY_PAUSE_TIME (&_mps_key_PAUSE_TIME)
#define MPS_KEY_PAUSE_TIME_FIELD d

/* Windows only: reserve at the highest possible addresses? */
extern const struct mps_key_s _mps_key_VMW3_TOP_DOWN;
#define MPS_KEY_VMW3_TOP_DOWN (&_mps_key_VMW3_TOP_DOWN)
#define MPS_KEY_VMW3_TOP_DOWN_FIELD b

/* -- pools -- */

/* The object format. */
extern const struct mps_key_s _mps_key_FORMAT;
#define MPS_KEY_FORMAT (&_mps_key_FORMAT)
#define MPS_KEY_FORMAT_FIELD format

/* The generation chain; the arena's default chain if not given. */
extern const struct mps_key_s _mps_key_CHAIN;
#define MPS_KEY_CHAIN (&_mps_key_CHAIN)
#define MPS_KEY_CHAIN_FIELD chain

/* Which generation of the chain new objects join. */
extern const struct mps_key_s _mps_key_GEN;
#define MPS_KEY_GEN (&_mps_key_GEN)
#define MPS_KEY_GEN_FIELD u

/* Do ambiguous references to the middle of an object keep it alive? */
extern const struct mps_key_s _mps_key_INTERIOR;
#define MPS_KEY_INTERIOR (&_mps_key_INTERIOR)
#define MPS_KEY_INTERIOR_FIELD b

/* Least memory the pool asks of the arena at once. */
extern const struct mps_key_s _mps_key_EXTEND_BY;
#define MPS_KEY_EXTEND_BY (&_mps_key_EXTEND_BY)
#define MPS_KEY_EXTEND_BY_FIELD size

/* From which size on AMC gives an object a segment of its own. */
extern const struct mps_key_s _mps_key_LARGE_SIZE;
#define MPS_KEY_LARGE_SIZE (&_mps_key_LARGE_SIZE)
#define MPS_KEY_LARGE_SIZE_FIELD size

/* Expected sizes of blocks: hints. */
extern const struct mps_key_s _mps_key_MIN_SIZE;
#define MPS_KEY_MIN_SIZE (&_mps_key_MIN_SIZE)
#define MPS_KEY_MIN_SIZE_FIELD size
extern const struct mps_key_s _mps_key_MEAN_SIZE;
#define MPS_KEY_MEAN_SIZE (&_mps_key_MEAN_SIZE)
#define MPS_KEY_MEAN_SIZE_FIELD size
extern const struct mps_key_s _mps_key_MAX_SIZE;
#define MPS_KEY_MAX_SIZE (&_mps_key_MAX_SIZE)
#define MPS_KEY_MAX_SIZE_FIELD size

/* Alignment of blocks. */
extern const struct mps_key_s _mps_key_ALIGN;
#define MPS_KEY_ALIGN (&_mps_key_ALIGN)
#define MPS_KEY_ALIGN_FIELD align

/* What a debugging pool paints; see mps_pool_debug_option_s. */
extern const struct mps_key_s _mps_key_POOL_DEBUG_OPTIONS;
#define MPS_KEY_POOL_DEBUG_OPTIONS (&_mps_key_POOL_DEBUG_OPTIONS)
#define MPS_KEY_POOL_DEBUG_OPTIONS_FIELD pool_debug_options

/* -- allocation points -- */

/* Rank of the references in the objects; exact if not given. */
extern const struct mps_key_s _mps_key_RANK;
#define MPS_KEY_RANK (&_mps_key_RANK)
#define MPS_KEY_RANK_FIELD rank

/* AMC: allocation here does not bring on a collection. */
extern const struct mps_key_s _mps_key_ap_hash_arrays;
#define MPS_KEY_AP_HASH_ARRAYS (&_mps_key_ap_hash_arrays)
#define MPS_KEY_AP_HASH_ARRAYS_FIELD b

/* -- formats -- */

/* Alignment of objects; the platform's natural one if not given. */
extern const struct mps_key_s _mps_key_FMT_ALIGN;
#define MPS_KEY_FMT_ALIGN (&_mps_key_FMT_ALIGN)
#define MPS_KEY_FMT_ALIGN_FIELD align

/* Bytes between a block's base and the client's pointer to it; 0. */
extern const struct mps_key_s _mps_key_FMT_HEADER_SIZE;
#define MPS_KEY_FMT_HEADER_SIZE (&_mps_key_FMT_HEADER_SIZE)
#define MPS_KEY_FMT_HEADER_SIZE_FIELD size

/* The methods.  Which ones a pool needs is up to its class. */
extern const struct mps_key_s _mps_key_FMT_SCAN;
#define MPS_KEY_FMT_SCAN (&_mps_key_FMT_SCAN)
#define MPS_KEY_FMT_SCAN_FIELD fmt_scan
extern const struct mps_key_s _mps_key_FMT_SKIP;
#define MPS_KEY_FMT_SKIP (&_mps_key_FMT_SKIP)
#define MPS_KEY_FMT_SKIP_FIELD fmt_skip
extern const struct mps_key_s _mps_key_FMT_FWD;
#define MPS_KEY_FMT_FWD (&_mps_key_FMT_FWD)
#define MPS_KEY_FMT_FWD_FIELD fmt_fwd
extern const struct mps_key_s _mps_key_FMT_ISFWD;
#define MPS_KEY_FMT_ISFWD (&_mps_key_FMT_ISFWD)
#define MPS_KEY_FMT_ISFWD_FIELD fmt_isfwd
extern const struct mps_key_s _mps_key_FMT_PAD;
#define MPS_KEY_FMT_PAD (&_mps_key_FMT_PAD)
#define MPS_KEY_FMT_PAD_FIELD fmt_pad
extern const struct mps_key_s _mps_key_FMT_CLASS;
#define MPS_KEY_FMT_CLASS (&_mps_key_FMT_CLASS)
#define MPS_KEY_FMT_CLASS_FIELD fmt_class

/* Most slots in a list, the terminator included. */
#define MPS_ARGS_MAX 32

/* For the macros below: store key in args[i].key; i < MPS_ARGS_MAX is
 * asserted.  Threads: any, without a lock; needs no arena. */
extern void _mps_args_set_key(mps_arg_s *args, unsigned i, mps_key_t key);

/* A list made on the spot:
 *
 *   MPS_ARGS_BEGIN(args) {
 *     MPS_ARGS_ADD(args, MPS_KEY_FORMAT, fmt);
 *     res = mps_pool_create_k(&pool, arena, mps_class_amc(), args);
 *   } MPS_ARGS_END(args);
 *
 * The list is complete after each addition, and it ends with its block. */
#define MPS_ARGS_BEGIN(_var) \
  MPS_BEGIN \
    mps_arg_s _var[MPS_ARGS_MAX]; \
    unsigned _var##_i = 0; \
    _mps_args_set_key(_var, _var##_i, MPS_KEY_ARGS_END); \
    MPS_BEGIN

/* Add a key with its value in the member _field of val.  Statement. */
#define MPS_ARGS_ADD_FIELD(_var, _key, _field, _val) \
  MPS_BEGIN \
    _mps_args_set_key(_var, _var##_i, _key); \
    _var[_var##_i].val._field = (_val); \
    ++_var##_i; \
    _mps_args_set_key(_var, _var##_i, MPS_KEY_ARGS_END); \
  MPS_END

/* Add a key with its value in the member that the key is made for.  Statement. */
#define MPS_ARGS_ADD(_var, _key, _val) \
  MPS_ARGS_ADD_FIELD(_var, _key, _key##_FIELD, _val)

/* Say that the list is complete: an addition after it is asserted.  Not needed. */
#define MPS_ARGS_DONE(_var) \
  MPS_BEGIN \
    _mps_args_set_key(_var, _var##_i, MPS_KEY_ARGS_END); \
    _var##_i = MPS_ARGS_MAX; \
  MPS_END

/* Ends the block that MPS_ARGS_BEGIN begins, and with it the list. */
#define MPS_ARGS_END(_var) \
    MPS_END; \
  MPS_END


/* === Arenas: creation ===================================================
 *
 * An arena is a separate world: its pools share nothing with those of other
 * arenas, and references from one arena to another are not followed. */

/* Create an arena of the given class, with the keywords of that class.
 * The arena begins unclamped.  Threads: any.  Cost: a few calls of the
 * system; the structures of a client arena's memory are cleared. */
extern mps_res_t mps_arena_create_k(mps_arena_t *arena_o,
                                    mps_arena_class_t arena_class,
                                    mps_arg_s *args);

/* The same with the class's values in order (deprecated).
 * VM: size.  Client: size, base address.  Threads: any.  Cost: as
 * mps_arena_create_k. */
extern mps_res_t mps_arena_create(mps_arena_t *arena_o,
                                  mps_arena_class_t arena_class, ...);
extern mps_res_t mps_arena_create_v(mps_arena_t *arena_o,
                                    mps_arena_class_t arena_class,
                                    va_list args);

/* Destroy an arena.  Its pools, formats, chains, roots and registered
 * threads must be gone (asserted).  No thread may be using it.  Threads: any
 * one.  Cost: each chunk of memory goes back to the system. */
extern void mps_arena_destroy(mps_arena_t arena);

/* Add memory to a client arena.  base, size: memory that becomes the
 * arena's until it is destroyed.  Returns MPS_RES_MEMORY if it is too small
 * to be of use; MPS_RES_UNIMPL (asserted) on a VM arena.  Cost: the
 * structures of that memory are cleared. */
extern mps_res_t mps_arena_extend(mps_arena_t arena, mps_addr_t base,
                                  size_t size);


/* === Arenas: states and collection ====================================== */

/* Unclamped: collections start and advance by themselves.  Called in any
 * state, any number of times. */
extern void mps_arena_release(mps_arena_t arena);

/* Clamped: no collection starts and no object moves; one that is running
 * may advance unseen. */
extern void mps_arena_clamp(mps_arena_t arena);

/* Parked: as clamped, and the collection that was running is finished
 * before the function returns.  Cost: the rest of that collection. */
extern void mps_arena_park(mps_arena_t arena);

/* Postmortem: take away all protection and never collect again, so that a
 * debugger can look round after an error.  Threads: the one that holds the
 * arena's lock, if any does.  It takes no lock. Cost: a call of the system
 * for each stretch of protected memory. */
extern void mps_arena_postmortem(mps_arena_t arena);

/* Unclamp the arena and start a collection of everything.  Returns at once;
 * MPS_RES_FAIL if there is nothing to collect.  Cost: one step of the
 * collection; the rest is done while the program runs. */
extern mps_res_t mps_arena_start_collect(mps_arena_t arena);

/* Collect everything, now, and leave the arena parked.  Returns
 * MPS_RES_FAIL if there is nothing to collect.  Cost: a whole collection,
 * after the rest of one that is running: it grows with what is alive. */
extern mps_res_t mps_arena_collect(mps_arena_t arena);

/* Use idle time.  interval: seconds to take at most (a target).
 * multiplier: how many such calls a collection started now may be spread
 * over; 0 never starts one.  Returns: true if there was something to do.
 * A parked arena becomes clamped, otherwise the state stays.  Cost: the
 * interval, if there is so much to do. */
extern mps_bool_t mps_arena_step(mps_arena_t arena, double interval,
                                 double multiplier) MPS_NO_DOUBLES_;

/* Returns: how many times objects may have moved since creation. */
extern mps_word_t mps_collections(mps_arena_t arena);


/* === Arenas: properties ================================================= */

/* Returns: bytes of address space the arena holds.  Threads: any, at any
 * time, in scanners and signal handlers too; takes no lock. */
extern size_t mps_arena_reserved(mps_arena_t arena);

/* Returns: bytes of memory behind it, its own structures included.  Threads:
 * any, at any time, in scanners and signal handlers too; takes no lock. */
extern size_t mps_arena_committed(mps_arena_t arena);

/* Returns: how much of the committed memory is kept unused.  Threads: any,
 * at any time, in scanners and signal handlers too; takes no lock. */
extern size_t mps_arena_spare_committed(mps_arena_t arena);

/* Returns: the most that may be committed; maximum size_t for no limit.
 * Threads: any, at any time, in scanners and signal handlers too; takes no
 * lock. */
extern size_t mps_arena_commit_limit(mps_arena_t arena);

/* Change that limit, giving back spare memory as needed.  Returns
 * MPS_RES_FAIL, with the limit unchanged, if more is in use.  Cost: a call
 * of the system for each stretch of memory that goes back. */
extern mps_res_t mps_arena_commit_limit_set(mps_arena_t arena,
                                            size_t commit_limit);

/* Returns: the fraction of committed memory that may be spare. */
extern double mps_arena_spare(mps_arena_t arena) MPS_NO_DOUBLES_;

/* Change that fraction, 0.0 to 1.0 (asserted); takes effect at once.  Cost:
 * a call of the system for each stretch of memory that goes back. */
extern void mps_arena_spare_set(mps_arena_t arena,
                                double spare) MPS_NO_DOUBLES_;

/* The same in bytes (deprecated). */
extern size_t mps_arena_spare_commit_limit(mps_arena_t arena);
extern void mps_arena_spare_commit_limit_set(mps_arena_t arena,
                                             size_t spare_commit_limit);

/* Returns: the longest pause asked for, in seconds. */
extern double mps_arena_pause_time(mps_arena_t arena) MPS_NO_DOUBLES_;

/* Change it.  0.0: pause as little as can be; infinity: finish collections
 * where they start; not negative (asserted). */
extern void mps_arena_pause_time_set(mps_arena_t arena,
                                     double pause_time) MPS_NO_DOUBLES_;


/* === Looking round ====================================================== */

/* Returns: whether the arena is in the middle of an operation.  Takes no
 * lock, so it may be called anywhere; reliable only while other threads
 * are stopped. */
extern mps_bool_t mps_arena_busy(mps_arena_t arena);

/* Returns: whether the address is in memory the arena is using.  Certain to
 * stay so only while parked. */
extern mps_bool_t mps_arena_has_addr(mps_arena_t arena, mps_addr_t addr);

/* Which pool manages the address?  Returns: whether one does.  May be true
 * for memory that is not allocated. */
extern mps_bool_t mps_addr_pool(mps_pool_t *pool_o, mps_arena_t arena,
                                mps_addr_t addr);

/* Which format does an object at the address have?  Returns: whether its
 * pool has a format.  May be true for memory that is not allocated. */
extern mps_bool_t mps_addr_fmt(mps_fmt_t *fmt_o, mps_arena_t arena,
                               mps_addr_t addr);

/* Which object is the address in?  p_o receives a client pointer.  Returns
 * MPS_RES_FAIL if in none, MPS_RES_UNIMPL if the pool cannot tell.  Slow.
 * Cost: the objects of a segment are passed one by one, up to that one. */
extern mps_res_t mps_addr_object(mps_addr_t *p_o, mps_arena_t arena,
                                 mps_addr_t addr);


/* === Object formats ===================================================== */

/* Create a format from keywords FMT_ALIGN, FMT_HEADER_SIZE, FMT_SCAN,
 * FMT_SKIP, FMT_FWD, FMT_ISFWD, FMT_PAD, FMT_CLASS; all optional. */
extern mps_res_t mps_fmt_create_k(mps_fmt_t *fmt_o, mps_arena_t arena,
                                  mps_arg_s *args);

/* The older ways of saying the same (deprecated); the copy method is not
 * used. */
/* Methods for mps_fmt_create_A (deprecated). */
typedef struct mps_fmt_A_s {
  mps_align_t align;
  mps_fmt_scan_t scan;
  mps_fmt_skip_t skip;
  mps_fmt_copy_t copy;
  mps_fmt_fwd_t fwd;
  mps_fmt_isfwd_t isfwd;
  mps_fmt_pad_t pad;
} mps_fmt_A_s;

/* Methods for mps_fmt_create_B (deprecated). */
typedef struct mps_fmt_B_s {
  mps_align_t align;
  mps_fmt_scan_t scan;
  mps_fmt_skip_t skip;
  mps_fmt_copy_t copy;
  mps_fmt_fwd_t fwd;
  mps_fmt_isfwd_t isfwd;
  mps_fmt_pad_t pad;
  mps_fmt_class_t mps_class;
} mps_fmt_B_s;

/* Methods for mps_fmt_create_auto_header (deprecated). */
typedef struct mps_fmt_auto_header_s {
  mps_align_t align;
  mps_fmt_scan_t scan;
  mps_fmt_skip_t skip;
  mps_fmt_fwd_t fwd;
  mps_fmt_isfwd_t isfwd;
  mps_fmt_pad_t pad;
  size_t mps_headerSize;
} mps_fmt_auto_header_s;

/* Methods for mps_fmt_create_fixed (deprecated). */
typedef struct mps_fmt_fixed_s {
  mps_align_t align;
  mps_fmt_scan_t scan;
  mps_fmt_fwd_t fwd;
  mps_fmt_isfwd_t isfwd;
  mps_fmt_pad_t pad;
} mps_fmt_fixed_s;

/* Create a format from one of these structures (deprecated). */
extern mps_res_t mps_fmt_create_A(mps_fmt_t *fmt_o, mps_arena_t arena,
                                  mps_fmt_A_s *fmt_A);
extern mps_res_t mps_fmt_create_B(mps_fmt_t *fmt_o, mps_arena_t arena,
                                  mps_fmt_B_s *fmt_B);
extern mps_res_t mps_fmt_create_auto_header(mps_fmt_t *fmt_o,
                                            mps_arena_t arena,
                                            mps_fmt_auto_header_s *fmt_ah);
extern mps_res_t mps_fmt_create_fixed(mps_fmt_t *fmt_o, mps_arena_t arena,
                                      mps_fmt_fixed_s *fmt_fixed);

/* Destroy a format that no pool uses any more (asserted). */
extern void mps_fmt_destroy(mps_fmt_t fmt);


/* === Generation chains ================================================== */

/* One generation, for mps_chain_create. */
typedef struct mps_gen_param_s {
  size_t mps_capacity;          /* size that calls for a collection, in KiB */
  double mps_mortality;         /* part expected to die, 0.0 to 1.0 */
} mps_gen_param_s;

/* Create a chain of gen_count generations, youngest first; at least one
 * (asserted). */
extern mps_res_t mps_chain_create(mps_chain_t *chain_o, mps_arena_t arena,
                                  size_t gen_count, mps_gen_param_s *params);

/* Destroy a chain that no pool uses; park the arena first. */
extern void mps_chain_destroy(mps_chain_t chain);


/* === Pools ============================================================== */

/* Create a pool of the given class, with the keywords of that class.  A
 * format or chain given must outlive the pool. */
extern mps_res_t mps_pool_create_k(mps_pool_t *pool_o, mps_arena_t arena,
                                   mps_pool_class_t pool_class,
                                   mps_arg_s *args);

/* The same with the class's values in order (deprecated).
 * AMC, AMCZ: format, chain.  AMS: format, chain, flag.  AWL: format,
 * find-dependent.  LO, SNC: format.  MFS: extend-by, unit size.  MVFF:
 * extend-by, mean size, alignment, slot-high, arena-high, first-fit.  MVT:
 * minimum, mean and maximum size, reserve depth, fragmentation limit as a
 * percentage.  Debugging classes: the options first. */
extern mps_res_t mps_pool_create(mps_pool_t *pool_o, mps_arena_t arena,
                                 mps_pool_class_t pool_class, ...);
extern mps_res_t mps_pool_create_v(mps_pool_t *pool_o, mps_arena_t arena,
                                   mps_pool_class_t pool_class,
                                   va_list args);

/* Destroy a pool and everything in it.  Its allocation points and caches
 * must be gone (asserted).  Cost: each piece of memory that the pool has
 * goes back to the arena. */
extern void mps_pool_destroy(mps_pool_t pool);

/* Returns: bytes the pool has from the arena for blocks. */
extern size_t mps_pool_total_size(mps_pool_t pool);

/* Returns: how many of these the client is not using.  Cost: of a pool with
 * allocation points it grows with how many there are; of a collected pool
 * with the number of its segments. */
extern size_t mps_pool_free_size(mps_pool_t pool);

/* What debugging pools paint round blocks and over free memory; size 0
 * turns one off.  The templates are copied. */
typedef struct mps_pool_debug_option_s {
  const void *fence_template;
  size_t fence_size;
  const void *free_template;
  size_t free_size;
} mps_pool_debug_option_s;

/* Look at all fenceposts (all free memory) of a debugging pool, and report
 * damage as a failed check.  Nothing happens on other pools.  Cost: all
 * blocks of the pool (all its free memory) are looked at. */
extern void mps_pool_check_fenceposts(mps_pool_t pool);
extern void mps_pool_check_free_space(mps_pool_t pool);


/* === Allocation by call ================================================= */

/* Allocate size bytes (not 0, asserted) from a manually managed pool that
 * allows it.  The block is the client's until mps_free.  Returns
 * MPS_RES_MEMORY, MPS_RES_RESOURCE or MPS_RES_COMMIT_LIMIT if there is no
 * memory, MPS_RES_UNIMPL (asserted) if the class has no such call.  Threads:
 * any; as a rule it takes only a lock of the pool's own.  Cost: as a rule a
 * few tens of instructions. Without free memory of the size, a search that
 * takes a time logarithmic in the number of free areas; then more memory is
 * got from the arena, and the collector may do a step of its work, of up to
 * the pause time. */
extern mps_res_t mps_alloc(mps_addr_t *p_o, mps_pool_t pool, size_t size);

/* Give a block back.  size: what was asked for.  Threads: any; as a rule it
 * takes only a lock of the pool's own.  Cost: as mps_alloc, without steps of
 * the collector. */
extern void mps_free(mps_pool_t pool, mps_addr_t p, size_t size);


/* === Allocation points ==================================================
 *
 * An allocation point belongs to one thread at a time.  To allocate:
 * reserve a block, make it a valid object, commit; when commit says false,
 * do all of it again. */

/* An allocation point.  The fields may be used by compiled code, as the macros use
 * them. */
typedef struct mps_ap_s {
  mps_addr_t init;              /* where the reserved block begins */
  mps_addr_t alloc;             /* where it ends */
  mps_addr_t limit;             /* end of the buffer; null: ask the library */
} mps_ap_s;

/* Create an allocation point on a pool, with the keywords of its class. */
extern mps_res_t mps_ap_create_k(mps_ap_t *ap_o, mps_pool_t pool,
                                 mps_arg_s *args);

/* The same with values in order (deprecated): a rank for AMS, AWL, SNC. */
extern mps_res_t mps_ap_create(mps_ap_t *ap_o, mps_pool_t pool, ...);
extern mps_res_t mps_ap_create_v(mps_ap_t *ap_o, mps_pool_t pool,
                                 va_list args);

/* Destroy an allocation point without reserved block (asserted).  Blocks
 * already committed stay. */
extern void mps_ap_destroy(mps_ap_t ap);

/* Reserve size bytes, a multiple of the pool's alignment and not 0
 * (asserted).  The block at *p_o is the client's to initialize; it is not
 * scanned or moved before the commit.  Without a buffer that has room,
 * calls mps_ap_fill.  Threads: the one that uses ap.  It takes no lock then.
 * Cost: a few instructions if the buffer has room, else that of
 * mps_ap_fill. */
extern mps_res_t (mps_reserve)(mps_addr_t *p_o, mps_ap_t mps_ap,
                               size_t size);

/* Say that the reserved block is initialized.  Returns: true if the block
 * is now an object; false if it must be reserved and made anew because of a
 * collection in between.  Threads: the one that uses mps_ap. It takes no
 * lock but in mps_ap_trip.  Cost: a few instructions. */
extern mps_bool_t (mps_commit)(mps_ap_t mps_ap, mps_addr_t p, size_t size);

/* What a reserve does when the buffer does not suffice: find memory, and
 * perhaps do some collecting.  Interface as mps_reserve.  Cost: memory for a
 * new buffer is found, and the collector may do a step of its work, of up
 * to the pause time. */
extern mps_res_t mps_ap_fill(mps_addr_t *p_o, mps_ap_t mps_ap, size_t size);

/* What a commit does when limit is null: find out whether the block is
 * still good.  Interface as mps_commit; only after init has been set. */
extern mps_bool_t mps_ap_trip(mps_ap_t mps_ap, mps_addr_t p, size_t size);

/* Keeps the compiler (the processor is seen to by the library) from moving
 * memory accesses past this point. */
#if defined(__clang__) || \
    (defined(__GNUC__) && (__GNUC__ > 4 || \
                           (__GNUC__ == 4 && __GNUC_MINOR__ >= 7)))
#define _mps_keep_order() __atomic_signal_fence(__ATOMIC_SEQ_CST)
#elif defined(_MSC_VER)
void _ReadWriteBarrier(void);
#pragma intrinsic(_ReadWriteBarrier)
#define _mps_keep_order() _ReadWriteBarrier()
#else
#define _mps_keep_order() ((void)0)
#endif

/* The inline forms.  Arguments are evaluated more than once.  The sums are
 * made of words, because a compiler may take it that pointers do not wrap
 * round. */
#define mps_reserve(_p_o, _mps_ap, _size) \
  ((mps_word_t)(_mps_ap)->alloc + (mps_word_t)(_size) \
     > (mps_word_t)(_mps_ap)->alloc \
   && (mps_word_t)(_mps_ap)->alloc + (mps_word_t)(_size) \
     <= (mps_word_t)(_mps_ap)->limit \
   ? ((_mps_ap)->alloc = (mps_addr_t)((char *)(_mps_ap)->alloc + (_size)), \
      *(_p_o) = (_mps_ap)->init, \
      (mps_res_t)MPS_RES_OK) \
   : mps_ap_fill((_p_o), (_mps_ap), (_size)))

/* mps_reserve as a statement: the result goes to _res_v, the block to _p_v. */
#define MPS_RESERVE_BLOCK(_res_v, _p_v, _mps_ap, _size) \
  MPS_BEGIN \
    char *_mps_here = (char *)(_mps_ap)->alloc; \
    mps_word_t _mps_end = (mps_word_t)_mps_here + (mps_word_t)(_size); \
    if (_mps_end > (mps_word_t)_mps_here \
        && _mps_end <= (mps_word_t)(_mps_ap)->limit) { \
      (_mps_ap)->alloc = \
        (mps_addr_t)(_mps_here + (_mps_end - (mps_word_t)_mps_here)); \
      (_p_v) = (_mps_ap)->init; \
      (_res_v) = MPS_RES_OK; \
    } else \
      (_res_v) = mps_ap_fill(&(_p_v), (_mps_ap), (_size)); \
  MPS_END

#define mps_commit(_mps_ap, _p, _size) \
  (_mps_keep_order(), \
   (_mps_ap)->init = (_mps_ap)->alloc, \
   _mps_keep_order(), \
   (_mps_ap)->limit != NULL ? (mps_bool_t)1 \
                            : mps_ap_trip((_mps_ap), (_p), (_size)))


/* === Allocation patterns and frames =====================================
 *
 * Threads: the one that uses the allocation point. */

/* Returns: the pattern "much is allocated and then much of it dies"; the
 * second one also asks for a full collection at its end.  Any thread. */
extern mps_alloc_pattern_t mps_alloc_pattern_ramp(void);
extern mps_alloc_pattern_t mps_alloc_pattern_ramp_collect_all(void);

/* Begin and end a pattern; they nest.  The end returns MPS_RES_FAIL if none
 * was begun.  Cost: fixed; but the end of a pattern that asks for it starts
 * a full collection. */
extern mps_res_t mps_ap_alloc_pattern_begin(mps_ap_t mps_ap,
                                            mps_alloc_pattern_t pattern);
extern mps_res_t mps_ap_alloc_pattern_end(mps_ap_t mps_ap,
                                          mps_alloc_pattern_t pattern);

/* End all patterns. */
extern mps_res_t mps_ap_alloc_pattern_reset(mps_ap_t mps_ap);

/* Open a frame: what is allocated from here on can be freed together.
 * MPS_RES_FAIL while a block is reserved.  A frame may be null. */
extern mps_res_t mps_ap_frame_push(mps_frame_t *frame_o, mps_ap_t mps_ap);

/* Close a frame and those opened after it.  In SNC pools everything
 * allocated since is gone; elsewhere nothing happens.  Cost: each segment
 * that was filled since the frame was opened is given back. */
extern mps_res_t mps_ap_frame_pop(mps_ap_t mps_ap, mps_frame_t frame);


/* === Segregated allocation caches =======================================
 *
 * A cache keeps free blocks of a few sizes in front of a pool that has
 * mps_alloc.  Threads: the client lets one in at a time. */

#define MPS_SAC_CLASS_LIMIT ((size_t)8)         /* so many always work */

/* One size class, for mps_sac_create. */
typedef struct mps_sac_class_s {
  size_t mps_block_size;        /* multiple of the pool's alignment */
  size_t mps_cached_count;      /* free blocks to keep */
  unsigned mps_frequency;       /* how often asked for, relatively */
} mps_sac_class_s;

/* Another name of the same. */
#define mps_sac_classes_s mps_sac_class_s

typedef struct _mps_sac_freelist_block_s {
  size_t _size;
  size_t _count;
  size_t _count_max;
  mps_addr_t _blocks;           /* chained through their first word */
} _mps_sac_freelist_block_s;

/* Even entries serve sizes above _middle, upwards; odd ones the rest,
 * downwards.  There may be more entries than declared; if _trapped is 2, not
 * fewer, and those past the last serve nothing. */
typedef struct _mps_sac_s {
  size_t _middle;
  mps_bool_t _trapped;
  _mps_sac_freelist_block_s _freelists[2 * 8];
} _mps_sac_s;

/* Create a cache of classes_count size classes in ascending order. */
extern mps_res_t mps_sac_create(mps_sac_t *sac_o, mps_pool_t pool,
                                size_t classes_count,
                                mps_sac_classes_s *classes);

/* Destroy a cache; its free blocks go back to the pool, blocks in use stay
 * valid.  Cost: as that of flushing it. */
extern void mps_sac_destroy(mps_sac_t sac);

/* Allocate at least size bytes (not 0, asserted).  unused: pass 0.  Cost: a
 * few instructions if a block of that size is free in the cache; else as
 * mps_sac_fill. */
extern mps_res_t mps_sac_alloc(mps_addr_t *p_o, mps_sac_t sac, size_t size,
                               mps_bool_t unused);

/* Free a block that came from a cache with the same pool and classes.
 * size: what was asked for.  Cost: a few instructions if the cache has room
 * for the block; else as mps_sac_empty. */
extern void mps_sac_free(mps_sac_t sac, mps_addr_t p, size_t size);

/* Give all free blocks back to the pool.  Cost: as that of mps_free for each
 * free block in the cache. */
extern void mps_sac_flush(mps_sac_t sac);

/* For the macros below: serve a size whose list is empty (is full).  Cost:
 * as that of mps_alloc for some of the blocks that may be cached. */
extern mps_res_t mps_sac_fill(mps_addr_t *p_o, mps_sac_t sac, size_t size,
                              mps_bool_t unused);
extern void mps_sac_empty(mps_sac_t sac, mps_addr_t p, size_t size);

/* Points _list at the free list that serves _need bytes.  Sizes are as a rule
 * unpredictable, and so would be the end of a search; in caches whose
 * _trapped is 2 there are eight entries either way at least, so that those
 * that are too small can be counted instead. */
#define _mps_sac_count(_f, _need, _up, _down) \
  (_up) += (_need) > (_f)[0]._size; \
  (_down) += (_need) <= (_f)[1]._size
#define _mps_sac_find(_list, _sac, _need) \
  MPS_BEGIN \
    _mps_sac_freelist_block_s *_mps_first = (_sac)->_freelists; \
    size_t _mps_up = 0, _mps_down = 0; \
    if ((_sac)->_trapped == 2) { \
      _mps_sac_count(_mps_first, _need, _mps_up, _mps_down); \
      _mps_sac_count(_mps_first + 2, _need, _mps_up, _mps_down); \
      _mps_sac_count(_mps_first + 4, _need, _mps_up, _mps_down); \
      _mps_sac_count(_mps_first + 6, _need, _mps_up, _mps_down); \
      _mps_sac_count(_mps_first + 8, _need, _mps_up, _mps_down); \
      _mps_sac_count(_mps_first + 10, _need, _mps_up, _mps_down); \
      _mps_sac_count(_mps_first + 12, _need, _mps_up, _mps_down); \
      _mps_sac_count(_mps_first + 14, _need, _mps_up, _mps_down); \
    } \
    (_list) = _mps_first + ((_need) <= (_sac)->_middle) \
              + 2 * ((_need) > (_sac)->_middle ? _mps_up : _mps_down); \
    while (((_need) > (_list)->_size) == ((_need) > (_sac)->_middle)) \
      (_list) += 2; \
  MPS_END

/* The inline form of mps_sac_alloc, as a statement. */
#define MPS_SAC_ALLOC_FAST(_res_v, _p_v, _sac, _size, _unused) \
  MPS_BEGIN \
    size_t _mps_need = (_size); \
    _mps_sac_freelist_block_s *_mps_list; \
    _mps_sac_find(_mps_list, _sac, _mps_need); \
    if (_mps_list->_count != 0) { \
      (_p_v) = _mps_list->_blocks; \
      _mps_list->_blocks = *(mps_addr_t *)_mps_list->_blocks; \
      --_mps_list->_count; \
      (_res_v) = MPS_RES_OK; \
    } else \
      (_res_v) = mps_sac_fill(&(_p_v), (_sac), _mps_need, (_unused)); \
  MPS_END

/* The inline form of mps_sac_free, as a statement. */
#define MPS_SAC_FREE_FAST(_sac, _p, _size) \
  MPS_BEGIN \
    size_t _mps_need = (_size); \
    _mps_sac_freelist_block_s *_mps_list; \
    _mps_sac_find(_mps_list, _sac, _mps_need); \
    if (_mps_list->_count < _mps_list->_count_max) { \
      mps_addr_t _mps_block = (_p); \
      *(mps_addr_t *)_mps_block = _mps_list->_blocks; \
      _mps_list->_blocks = _mps_block; \
      ++_mps_list->_count; \
    } else \
      mps_sac_empty((_sac), (_p), _mps_need); \
  MPS_END

/* The same once more; the reference has them apart. */
#define MPS_SAC_ALLOC(_res_v, _p_v, _sac, _size, _unused) \
  MPS_SAC_ALLOC_FAST(_res_v, _p_v, _sac, _size, _unused)
#define MPS_SAC_FREE(_sac, _p, _size) \
  MPS_SAC_FREE_FAST(_sac, _p, _size)


/* === Roots ==============================================================
 *
 * A root is memory, or anything else a function can scan, whose references
 * keep objects alive.  Exact references are updated when objects move;
 * ambiguous ones are not, and keep what they seem to refer to in place.
 * Scan functions run as described under "Functions the client provides".
 * The memory stays the client's, and must stay valid as long as the root
 * exists. */

/* Returns: the rank of ambiguous, exact, weak references.  Any thread,
 * any time. */
extern mps_rank_t mps_rank_ambig(void);
extern mps_rank_t mps_rank_exact(void);
extern mps_rank_t mps_rank_weak(void);

/* Returns: the rank of objects with ephemerons, for MPS_KEY_RANK of
 * allocation points of AWL (not for roots): pairs of references, a key and
 * a value, which the scan method fixes with mps_fix_weak_pair and its like.
 * A value is kept only if its key is alive without it.  The object's other
 * references are exact.  An addition that a fork of the original has, too.
 * Any thread, any time. */
extern mps_rank_t mps_rank_ephemeron(void);

/* Root modes, to be ORed; 0 for none. */
#define MPS_RM_CONST      ((mps_rm_t)1)         /* never written */
#define MPS_RM_PROT       ((mps_rm_t)1 << 1)    /* may be protected */
#define MPS_RM_PROT_INNER ((mps_rm_t)1 << 2)    /* inner pages only; its own
                                                   bit here, unlike the
                                                   reference's */

/* Root scanned by scan(ss, p, s).  Cost: fixed. But the root is scanned in
 * one piece at every flip, unless it may be protected. */
extern mps_res_t mps_root_create(mps_root_t *root_o, mps_arena_t arena,
                                 mps_rank_t rank, mps_rm_t rm,
                                 mps_root_scan_t scan, void *p, size_t s);

/* Root scanned by scan(ss, base, limit), as an object would be. */
extern mps_res_t mps_root_create_fmt(mps_root_t *root_o, mps_arena_t arena,
                                     mps_rank_t rank, mps_rm_t rm,
                                     mps_fmt_scan_t scan,
                                     mps_addr_t base, mps_addr_t limit);

/* Area scanned by scan(ss, base, limit, closure); not empty (asserted).
 * Cost: fixed. But the area is scanned in one piece at every flip, unless
 * it may be protected. */
extern mps_res_t mps_root_create_area(mps_root_t *root_o, mps_arena_t arena,
                                      mps_rank_t rank, mps_rm_t rm,
                                      void *base, void *limit,
                                      mps_area_scan_t scan, void *closure);

/* The same; closure points to an mps_scan_tag_s with mask and pattern, kept
 * by the MPS. */
extern mps_res_t mps_root_create_area_tagged(mps_root_t *root_o,
                                             mps_arena_t arena,
                                             mps_rank_t rank, mps_rm_t rm,
                                             void *base, void *limit,
                                             mps_area_scan_t scan,
                                             mps_word_t mask,
                                             mps_word_t pattern);

/* Array of count references (deprecated); not empty (asserted). */
extern mps_res_t mps_root_create_table(mps_root_t *root_o, mps_arena_t arena,
                                       mps_rank_t rank, mps_rm_t rm,
                                       mps_addr_t *base, size_t count);

/* Array of count words, those with all bits of mask clear being references
 * (deprecated). */
extern mps_res_t mps_root_create_table_masked(mps_root_t *root_o,
                                              mps_arena_t arena,
                                              mps_rank_t rank, mps_rm_t rm,
                                              mps_addr_t *base, size_t count,
                                              mps_word_t mask);

/* Registers and stack of a registered thread, up to the cold end, scanned
 * ambiguously.  Only words that could be aligned pointers count (the lowest 2
 * bits zero, or 3 where words have 64): if your references carry tags in
 * those bits, a register may hold nothing but a tagged one while another
 * thread collects, so use one of the next two.
 *
 * cold: a word-aligned address on the thread's stack, at or above (older than)
 * every frame that holds references.  What lies above it is not scanned, and what
 * only that refers to is lost.  The address of a local is not above the
 * other locals of its own function: their order is the compiler's choice.  So let
 * one function take the address of a local, create the root with it, and
 * then call another that does all work with references; see that the call is
 * not inlined, by a call through a volatile pointer or by the compiler's
 * attribute:
 *
 *   int main(void) {
 *     void *cold = &cold;
 *     int (*volatile start)(void *) = run;
 *     return start(cold);
 *   }
 *
 * Or have the system say where the stack ends: mps_x_root_create_stack in
 * mpsx.h.
 *
 * Where the system says which stack is the thread's own, a cold end elsewhere
 * is a failed check and MPS_RES_PARAM.  A thread that is on another stack (a
 * coroutine, a handler on a signal stack) when its root is scanned is a
 * failed check, after which the program stops.  A thread registered while on
 * another stack is not checked: it has to stay on that one.  Cost: fixed.
 * But the whole stack is scanned at every flip. */
extern mps_res_t mps_root_create_thread(mps_root_t *root_o,
                                        mps_arena_t arena, mps_thr_t thr,
                                        void *cold);

/* The same with the client's scan function and a tag. */
extern mps_res_t mps_root_create_thread_tagged(mps_root_t *root_o,
                                               mps_arena_t arena,
                                               mps_rank_t rank, mps_rm_t rm,
                                               mps_thr_t thr,
                                               mps_area_scan_t scan,
                                               mps_word_t mask,
                                               mps_word_t pattern,
                                               void *cold);

/* The same with the client's scan function and closure. */
extern mps_res_t mps_root_create_thread_scanned(mps_root_t *root_o,
                                                mps_arena_t arena,
                                                mps_rank_t rank, mps_rm_t rm,
                                                mps_thr_t thr,
                                                mps_area_scan_t scan,
                                                void *closure, void *cold);

/* Registers and stack the old way (deprecated): rank ambiguous (asserted),
 * scan mps_stack_scan_ambig, p the cold end (see mps_root_create_thread). */
extern mps_res_t mps_root_create_reg(mps_root_t *root_o, mps_arena_t arena,
                                     mps_rank_t rank, mps_rm_t rm,
                                     mps_thr_t thr, mps_reg_scan_t scan,
                                     void *p, size_t s);

/* Only to be named in mps_root_create_reg. */
extern mps_res_t mps_stack_scan_ambig(mps_ss_t ss, mps_thr_t thr, void *p,
                                      size_t s);

/* Remove a root; its function is not called again. */
extern void mps_root_destroy(mps_root_t root);


/* === Threads ============================================================ */

/* Register the calling thread with the arena: it may be stopped while
 * others collect, and can be made a root.  Needed before it touches
 * automatically managed memory.  Each call makes another descriptor. */
extern mps_res_t mps_thread_reg(mps_thr_t *thr_o, mps_arena_t arena);

/* Undo one registration, after its roots are gone and before the thread
 * ends. */
extern void mps_thread_dereg(mps_thr_t thr);


/* === Location dependencies ==============================================
 *
 * Lets a table keyed by address find out that a key has moved.  The
 * structure is the client's, anywhere, and must be reset before use.
 * The client keeps changes to a structure apart from one another, and resets
 * apart from everything.  Threads: any; these functions take no lock. */

/* A location dependency.  The fields are the library's. */
typedef struct mps_ld_s {
  mps_word_t _epoch;
  mps_word_t _rs;
} mps_ld_s;

/* Make ld depend on nothing. */
extern void mps_ld_reset(mps_ld_t ld, mps_arena_t arena);

/* Make ld depend also on where the object at addr is; call it before the
 * address is used. */
extern void mps_ld_add(mps_ld_t ld, mps_arena_t arena, mps_addr_t addr);

/* Make ld depend also on everything from depends on. */
extern void mps_ld_merge(mps_ld_t ld, mps_arena_t arena, mps_ld_t from);

/* Returns: whether an object ld depends on, now at addr, may have moved.
 * Never false if it has. */
extern mps_bool_t mps_ld_isstale(mps_ld_t ld, mps_arena_t arena,
                                 mps_addr_t addr);

/* Returns: whether any object ld depends on may have moved. */
extern mps_bool_t mps_ld_isstale_any(mps_ld_t ld, mps_arena_t arena);


/* === Messages =========================================================== */

enum {
  _mps_MESSAGE_TYPE_FINALIZATION = 0,
  _mps_MESSAGE_TYPE_GC = 1,
  _mps_MESSAGE_TYPE_GC_START = 2
};

/* An object is about to die. */
#define mps_message_type_finalization() _mps_MESSAGE_TYPE_FINALIZATION
/* A collection has finished. */
#define mps_message_type_gc() _mps_MESSAGE_TYPE_GC
/* A collection has started. */
#define mps_message_type_gc_start() _mps_MESSAGE_TYPE_GC_START

/* Turn a type on or off; off to begin with.  Turning it off drops messages
 * of the type that are waiting.  Cost: each message that is dropped. */
extern void mps_message_type_enable(mps_arena_t arena,
                                    mps_message_type_t type);
extern void mps_message_type_disable(mps_arena_t arena,
                                     mps_message_type_t type);

/* Returns: whether a message is waiting. */
extern mps_bool_t mps_message_poll(mps_arena_t arena);

/* The type of the first message waiting.  Returns: whether there is one. */
extern mps_bool_t mps_message_queue_type(mps_message_type_t *type_o,
                                         mps_arena_t arena);

/* Take the first message of a type.  Returns: whether there is one.  It is
 * the client's until mps_message_discard. */
extern mps_bool_t mps_message_get(mps_message_t *message_o,
                                  mps_arena_t arena,
                                  mps_message_type_t type);

/* Say that a message taken is no longer needed. */
extern void mps_message_discard(mps_arena_t arena, mps_message_t message);

/* Returns: the type of a message taken. */
extern mps_message_type_t mps_message_type(mps_arena_t arena,
                                           mps_message_t message);

/* Returns: when the message was posted; 0 for types without a time. */
extern mps_clock_t mps_message_clock(mps_arena_t arena,
                                     mps_message_t message);

/* Finalization: a strong reference to the object. */
extern void mps_message_finalization_ref(mps_addr_t *ref_o,
                                         mps_arena_t arena,
                                         mps_message_t message);

/* Collection finished.  Returns, in bytes: what survived of what was at
 * stake; what was at stake; what was not. */
extern size_t mps_message_gc_live_size(mps_arena_t arena,
                                       mps_message_t message);
extern size_t mps_message_gc_condemned_size(mps_arena_t arena,
                                            mps_message_t message);
extern size_t mps_message_gc_not_condemned_size(mps_arena_t arena,
                                                mps_message_t message);

/* Collection started.  Returns: why, as a string that lives as long as the
 * message. */
extern const char *mps_message_gc_start_why(mps_arena_t arena,
                                            mps_message_t message);


/* === Finalization ======================================================= */

/* Ask for a message when *ref, in an automatic pool, would die. */
extern mps_res_t mps_finalize(mps_arena_t arena, mps_addr_t *ref);

/* Undo one such request; MPS_RES_FAIL if there is none.  Cost:
 * fixed on average; a look into a hash table. */
extern mps_res_t mps_definalize(mps_arena_t arena, mps_addr_t *ref);


/* === Telemetry ==========================================================
 *
 * Threads: any; these take no arena's lock, and need no arena. */

/* Returns: the filter, one bit for each category of events. */
extern mps_word_t mps_telemetry_get(void);

/* Switch categories on (off). */
extern void mps_telemetry_set(mps_word_t set_mask);
extern void mps_telemetry_reset(mps_word_t reset_mask);

/* Enter a string of at most 255 characters.  Returns: a label for it, never
 * 0. */
extern mps_label_t mps_telemetry_intern(const char *label);

/* Attach a label to an address. */
extern void mps_telemetry_label(mps_addr_t addr, mps_label_t label);

/* Write out buffered events.  Cost: the plinth writes them. */
extern void mps_telemetry_flush(void);


/* === Walking ============================================================ */

/* Scan everything in an automatic pool.  The arena must be parked.  f is
 * called on areas that cover all formatted objects, perhaps with padding,
 * must fix all references and may change them.  Returns the first result of
 * f that is not MPS_RES_OK.  Cost: f is called for all memory of the pool,
 * with the lock held. */
extern mps_res_t mps_pool_walk(mps_pool_t pool, mps_area_scan_t f,
                               void *closure);

/* Visit the objects of all automatic pools, one by one (deprecated).  Cost:
 * f is called for all objects, with the lock held. */
extern void
mps_arena_formatted_objects_walk(mps_arena_t arena,
                                 mps_formatted_objects_stepper_t f,
                                 void *p, size_t s);

/* Visit the references in all roots (deprecated).  The arena must be parked
 * (asserted).  Cost: all roots are scanned, with the lock held. */
extern void mps_arena_roots_walk(mps_arena_t arena, mps_roots_stepper_t f,
                                 void *p, size_t s);


/* === Scanning ===========================================================
 *
 *   MPS_SCAN_BEGIN(ss) {
 *     for each reference at ref_loc {
 *       mps_res_t res = MPS_FIX12(ss, ref_loc);
 *       if (res != MPS_RES_OK)
 *         return res;
 *     }
 *   } MPS_SCAN_END(ss);
 *   return MPS_RES_OK;
 *
 * Between BEGIN and END the scan state must not be passed to another
 * scanning function but through MPS_FIX_CALL. */

/* A scan state.  The fields are for the macros below. */
typedef struct mps_ss_s {
  mps_word_t _zs;               /* shift from address to class of address */
  mps_word_t _w;                /* classes of interest */
  mps_word_t _ufs;              /* classes seen */
} mps_ss_s;

/* What tagged scan functions find in their closure. */
typedef struct mps_scan_tag_s {
  mps_word_t mask;
  mps_word_t pattern;
} mps_scan_tag_s;

/* For the macros below: fix a reference of interest, perhaps changing
 * *ref_io.  Only while scanning; takes no lock. */
extern mps_res_t _mps_fix2(mps_ss_t ss, mps_addr_t *ref_io);

/* Fix a pair in an object of rank ephemeron (additions that a fork of the
 * original has, too).  Both references are kept while
 *   mps_fix_weak_pair:      the key is alive;
 *   mps_fix_weak_or_pair:   the key or the value is alive;
 *   mps_fix_weak_and_pair:  both are alive without the pair.
 * Else both become null, together with all weak references to what has
 * died.  object is the one they are in; it is not looked at.  *key and
 * *value are references or null, without tags; they may be copies, to be
 * written back.  In an object of rank exact both are kept; in one of rank
 * weak, none is.  Only while scanning, through MPS_FIX_CALL; takes no lock.
 * Returns: MPS_RES_OK; any other is to be returned by the scan method.
 * Cost: fixed, on average, however keys and values are chained; and memory
 * for each pair, during a collection, whose key is not found at first. */
extern mps_res_t mps_fix_weak_pair(mps_ss_t ss, mps_addr_t object,
                                   mps_addr_t *key, mps_addr_t *value);
extern mps_res_t mps_fix_weak_or_pair(mps_ss_t ss, mps_addr_t object,
                                      mps_addr_t *key, mps_addr_t *value);
extern mps_res_t mps_fix_weak_and_pair(mps_ss_t ss, mps_addr_t object,
                                       mps_addr_t *key, mps_addr_t *value);

/* Begin to scan: copies of the scan state's words in local variables. */
#define MPS_SCAN_BEGIN(ss) \
  MPS_BEGIN \
    mps_ss_t _mps_ss = (ss); \
    mps_word_t _mps_zs = _mps_ss->_zs; \
    mps_word_t _mps_w = _mps_ss->_w; \
    mps_word_t _mps_ufs = _mps_ss->_ufs; \
    mps_word_t _mps_wt = 0; \
    (void)_mps_zs, (void)_mps_w, (void)_mps_wt; \
    {

/* Is the reference one that MPS_FIX2 should see?  Expression, 0 or 1. */
#define MPS_FIX1(ss, ref) \
  (_mps_wt = (mps_word_t)1 \
             << (((mps_word_t)(ref) >> _mps_zs) \
                 & (sizeof(mps_word_t) * CHAR_BIT - 1)), \
   _mps_ufs |= _mps_wt, \
   (_mps_w & _mps_wt) != 0)

/* Fix the reference at ref_io.  Expression of type mps_res_t. */
#define MPS_FIX2(ss, ref_io) _mps_fix2((ss), (ref_io))

/* Both in one. */
#define MPS_FIX12(ss, ref_io) \
  (MPS_FIX1(ss, *(ref_io)) ? MPS_FIX2(ss, ref_io) : (mps_res_t)MPS_RES_OK)

/* Older name of MPS_FIX12. */
#define MPS_FIX(ss, ref_io) MPS_FIX12(ss, ref_io)

/* Evaluate a call that scans with the same scan state.  Statement. */
#define MPS_FIX_CALL(ss, call) \
  MPS_BEGIN \
    (void)(call); \
    _mps_ufs |= (ss)->_ufs; \
  MPS_END

/* End it: what was seen goes into the scan state.  Not needed on the way out
 * with an error. */
#define MPS_SCAN_END(ss) \
    } \
    _mps_ss->_ufs = _mps_ufs; \
  MPS_END

/* Ready-made area scan functions, to be named when creating roots or called
 * while scanning (then through MPS_FIX_CALL).  base and limit are word
 * aligned; result as for scan functions.  Which words from base up to limit
 * are fixed:
 *   mps_scan_area               every one;
 *   .._masked                   every one, without its mask bits, which
 *                               are put back afterwards;
 *   .._tagged                   those whose mask bits equal pattern, without
 *                               and then again with the tag;
 *   .._tagged_or_zero           the same and those whose mask bits are 0.
 * closure: for all but the first, an mps_scan_tag_t.  Threads: the one that
 * scans; takes no lock.  Cost: a few instructions for each word, and a fix
 * for each that may be of interest. */
extern mps_res_t mps_scan_area(mps_ss_t ss, void *base, void *limit,
                               void *closure);
extern mps_res_t mps_scan_area_masked(mps_ss_t ss, void *base, void *limit,
                                      void *closure);
extern mps_res_t mps_scan_area_tagged(mps_ss_t ss, void *base, void *limit,
                                      void *closure);
extern mps_res_t mps_scan_area_tagged_or_zero(mps_ss_t ss, void *base,
                                              void *limit, void *closure);


/* === Transforms =========================================================
 *
 * Replace references to some objects by references to others, everywhere.
 * Create and apply in the parked state. */

/* Create a transform without any pairs. */
extern mps_res_t mps_transform_create(mps_transform_t *transform_o,
                                      mps_arena_t arena);

/* Add count pairs; the arrays are copied.  An old object occurs once.  Cost:
 * grows with count. */
extern mps_res_t mps_transform_add_oldnew(mps_transform_t transform,
                                          mps_addr_t *old_list,
                                          mps_addr_t *new_list,
                                          size_t count);

/* Carry it out.  applied_o: whether it was; not if there is an ambiguous
 * reference to an old object.  Returns MPS_RES_PARAM if there has been a
 * collection since the creation.  The arena is parked afterwards.  Cost:
 * everything that is alive is scanned once, as by a full collection. */
extern mps_res_t mps_transform_apply(mps_bool_t *applied_o,
                                     mps_transform_t transform);

/* Destroy a transform, applied or not.  Cost: grows with the number of
 * pairs. */
extern void mps_transform_destroy(mps_transform_t transform);

#ifdef __cplusplus
}
#endif

#endif /* mps_h */
