// mps.hpp -- the Memory Pool System for C++17 and later: header only, over mps.h and mpsx.h
//
// What is here:
//
//   mps::arena, thread, stack_root, pool, allocation_point    owners; gone at the end of their scope
//   mps::memory_resource          std::pmr over a pool of class MVFF
//   mps::unit_resource            std::pmr for small blocks over a pool of class MFS
//   mps::object, ref, heap        objects with virtual functions that are collected and moved
//   mps::checked_forward          finds a forward method that overwrites what it must not
//
// Errors are thrown: mps::error, which is a std::bad_alloc when memory has run out. Owners can be
// moved, not copied; each must go before what it was made in, which is what scopes do. An
// arena may be used by any thread, all else as mps.h says of what it stands for.

#ifndef MPS_HPP
#define MPS_HPP

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory_resource>
#include <new>
#include <type_traits>
#include <utility>

#include "mps.h"
#include "mpsavm.h"
#include "mpscamc.h"
#include "mpscmfs.h"
#include "mpscmvff.h"
#include "mpsx.h"

namespace mps {

// ---------------------------------------------------------------- errors

// A result code that is not MPS_RES_OK.
class error : public std::bad_alloc {
public:
  explicit error(mps_res_t code) noexcept : code_(code) {}
  mps_res_t code() const noexcept { return code_; }
  const char *what() const noexcept override
  {
    switch (code_) {
    case MPS_RES_FAIL: return "mps: failed";
    case MPS_RES_RESOURCE: return "mps: out of address space";
    case MPS_RES_MEMORY: return "mps: out of memory";
    case MPS_RES_COMMIT_LIMIT: return "mps: beyond the commit limit";
    case MPS_RES_LIMIT: return "mps: beyond an internal limit";
    case MPS_RES_UNIMPL: return "mps: not implemented";
    case MPS_RES_IO: return "mps: input or output failed";
    case MPS_RES_PARAM: return "mps: invalid argument";
    default: return "mps: error";
    }
  }

private:
  mps_res_t code_;
};

// Throws what is not MPS_RES_OK.
inline void check(mps_res_t res)
{
  if (res != MPS_RES_OK)
    throw error(res);
}

namespace detail {

// Owns a handle of the library's; DESTROY gives it back.
template <typename H, void (*DESTROY)(H)> class owner {
public:
  owner() noexcept = default;
  explicit owner(H h) noexcept : h_(h) {}
  owner(owner &&o) noexcept : h_(std::exchange(o.h_, nullptr)) {}
  owner &operator=(owner &&o) noexcept
  {
    std::swap(h_, o.h_);
    return *this;
  }
  ~owner()
  {
    if (h_ != nullptr)
      DESTROY(h_);
  }
  H get() const noexcept { return h_; }

private:
  H h_ = nullptr;
};

} // namespace detail

// ---------------------------------------------------------------- arena, thread, roots

// How to make an arena. What is left alone has the library's default.
struct arena_options {
  std::size_t size = 0;             // address space to begin with, in bytes
  std::size_t commit_limit = 0;     // in bytes
  double pause_time = -1;           // seconds
};

class arena {
public:
  explicit arena(arena_options o = {})
  {
    mps_arg_s args[4];
    std::size_t n = 0;
    if (o.size != 0) {
      args[n].key = MPS_KEY_ARENA_SIZE;
      args[n++].val.size = o.size;
    }
    if (o.commit_limit != 0) {
      args[n].key = MPS_KEY_COMMIT_LIMIT;
      args[n++].val.size = o.commit_limit;
    }
    if (o.pause_time >= 0) {
      args[n].key = MPS_KEY_PAUSE_TIME;
      args[n++].val.d = o.pause_time;
    }
    args[n].key = MPS_KEY_ARGS_END;
    mps_arena_t a;
    check(mps_arena_create_k(&a, mps_arena_class_vm(), args));
    own_ = own(a);
  }

  mps_arena_t get() const noexcept { return own_.get(); }

  // Collects everything, and lets collections go on as needed.
  void collect()
  {
    const mps_res_t res = mps_arena_collect(get());
    mps_arena_release(get());
    check(res);
  }
  void park() noexcept { mps_arena_park(get()); }
  void clamp() noexcept { mps_arena_clamp(get()); }
  void release() noexcept { mps_arena_release(get()); }
  // Collection work for up to so many seconds; see mps_arena_step. True: there was some.
  bool step(double interval, double multiplier = 0)
  {
    return mps_arena_step(get(), interval, multiplier) != 0;
  }

  std::size_t reserved() const noexcept { return mps_arena_reserved(get()); }
  std::size_t committed() const noexcept { return mps_arena_committed(get()); }
  std::size_t collections() const noexcept { return mps_collections(get()); }
  double pause_time() const noexcept { return mps_arena_pause_time(get()); }
  void pause_time(double seconds) noexcept { mps_arena_pause_time_set(get(), seconds); }

private:
  static void end(mps_arena_t a)
  {
    mps_arena_park(a);
    mps_arena_destroy(a);
  }
  using own = detail::owner<mps_arena_t, end>;
  own own_;
};

// Registers the calling thread for as long as it lives. To be made and destroyed by that thread.
class thread {
public:
  explicit thread(arena &a)
  {
    mps_thr_t t;
    check(mps_thread_reg(&t, a.get()));
    own_ = own(t);
  }
  mps_thr_t get() const noexcept { return own_.get(); }

private:
  using own = detail::owner<mps_thr_t, mps_thread_dereg>;
  own own_;
};

// A root for all of a registered thread: its registers and its stack. What pointers there point at
// stays alive, and stays where it is: so plain pointers may be used in functions.
class stack_root {
public:
  stack_root(arena &a, thread &t)
  {
    mps_root_t r;
    check(mps_x_root_create_stack(&r, a.get(), t.get()));
    own_ = own(r);
  }

private:
  using own = detail::owner<mps_root_t, mps_root_destroy>;
  own own_;
};

// ---------------------------------------------------------------- manual pools

// A pool. The static functions make those of manual classes.
class pool {
public:
  explicit pool(mps_pool_t p) noexcept : own_(p) {}
  pool(arena &a, mps_pool_class_t c, mps_arg_s *args)
  {
    mps_pool_t p;
    check(mps_pool_create_k(&p, a.get(), c, args));
    own_ = own(p);
  }
  // Blocks of any size, aligned to `align`.
  static pool mvff(arena &a, std::size_t align = alignof(std::max_align_t))
  {
    mps_arg_s args[2];
    args[0].key = MPS_KEY_ALIGN;
    args[0].val.align = align;
    args[1].key = MPS_KEY_ARGS_END;
    return pool(a, mps_class_mvff(), args);
  }
  // Blocks of `unit` bytes.
  static pool mfs(arena &a, std::size_t unit)
  {
    mps_arg_s args[2];
    args[0].key = MPS_KEY_MFS_UNIT_SIZE;
    args[0].val.size = unit;
    args[1].key = MPS_KEY_ARGS_END;
    return pool(a, mps_class_mfs(), args);
  }

  mps_pool_t get() const noexcept { return own_.get(); }
  std::size_t total_size() const noexcept { return mps_pool_total_size(get()); }
  std::size_t free_size() const noexcept { return mps_pool_free_size(get()); }

private:
  using own = detail::owner<mps_pool_t, mps_pool_destroy>;
  own own_;
};

// Memory for containers of std::pmr, of any alignment, from a pool of class MVFF of its own. What is
// left in it goes when the resource goes. Any thread may use it.
class memory_resource : public std::pmr::memory_resource {
public:
  // Blocks that need no more than this alignment are cut to size, others out of larger ones.
  explicit memory_resource(arena &a, std::size_t align = alignof(std::max_align_t))
    : pool_(pool::mvff(a, align)), align_(align) {}
  const pool &of() const noexcept { return pool_; }

private:
  // A block with a larger alignment than the pool's is cut out of a larger one. Before it stands
  // where that begins.
  bool is_wide(std::size_t align) const noexcept { return align > align_; }
  std::size_t size_of(std::size_t bytes, std::size_t align) const
  {
    const std::size_t more = is_wide(align) ? align + sizeof(void *) : 0;
    if (bytes > SIZE_MAX / 2 || align > SIZE_MAX / 4)
      throw error(MPS_RES_MEMORY);
    return (bytes == 0 ? 1 : bytes) + more;
  }
  void *do_allocate(std::size_t bytes, std::size_t align) override
  {
    mps_addr_t p;
    check(mps_alloc(&p, pool_.get(), size_of(bytes, align)));
    if (!is_wide(align))
      return p;
    const std::uintptr_t least = reinterpret_cast<std::uintptr_t>(p) + sizeof(void *);
    char *at = static_cast<char *>(p) + sizeof(void *) + (align - least % align) % align;
    std::memcpy(at - sizeof(void *), &p, sizeof(void *));
    return at;
  }
  void do_deallocate(void *at, std::size_t bytes, std::size_t align) override
  {
    void *p = at;
    if (is_wide(align))
      std::memcpy(&p, static_cast<char *>(at) - sizeof(void *), sizeof(void *));
    mps_free(pool_.get(), p, size_of(bytes, align));
  }
  bool do_is_equal(const std::pmr::memory_resource &o) const noexcept override { return this == &o; }

  pool pool_;
  std::size_t align_;
};

// The same for blocks of up to `unit` bytes, such as the nodes of a list or a map, from a pool of class
// MFS: the quickest there is, and without overhead. All others come from `rest`.
class unit_resource : public std::pmr::memory_resource {
public:
  unit_resource(arena &a, std::size_t unit, std::pmr::memory_resource *rest)
    : unit_(round_up(unit)), pool_(pool::mfs(a, unit_)), rest_(rest) {}
  const pool &of() const noexcept { return pool_; }

private:
  static constexpr std::size_t ALIGN = alignof(std::max_align_t);
  static std::size_t round_up(std::size_t n) noexcept { return n == 0 ? ALIGN : (n + ALIGN - 1) / ALIGN * ALIGN; }
  bool fits(std::size_t bytes, std::size_t align) const noexcept { return bytes <= unit_ && align <= ALIGN; }
  void *do_allocate(std::size_t bytes, std::size_t align) override
  {
    if (!fits(bytes, align))
      return rest_->allocate(bytes, align);
    mps_addr_t p;
    check(mps_alloc(&p, pool_.get(), unit_));
    return p;
  }
  void do_deallocate(void *at, std::size_t bytes, std::size_t align) override
  {
    if (fits(bytes, align))
      mps_free(pool_.get(), at, unit_);
    else
      rest_->deallocate(at, bytes, align);
  }
  bool do_is_equal(const std::pmr::memory_resource &o) const noexcept override { return this == &o; }

  std::size_t unit_;
  pool pool_;
  std::pmr::memory_resource *rest_;
};

// ---------------------------------------------------------------- objects that are collected

class object;
class heap;

namespace detail {

// Stands before each object. It is here that a moved object says where it has gone to, so that the
// object itself, its table of virtual functions first of all, is never written to.
struct alignas(16) header {
  enum kind : std::uintptr_t { live = 1, moved = 2, padding = 3 };
  std::uintptr_t word;          // kind; of a moved one, its new address as well
  std::size_t size;             // of all, this included
  kind what() const noexcept { return static_cast<kind>(word & 3); }
};
static_assert(sizeof(header) == 16, "padding is as short as an object's alignment");

} // namespace detail

// What an object's trace function is given. It is called for every reference in the object.
class tracer {
public:
  template <typename T> void operator()(T &reference) { fix(&reference.p_); }

private:
  friend class heap;
  explicit tracer(mps_ss_t ss) noexcept : ss_(ss) {}
  void fix(void **p) noexcept
  {
    if (res_ != MPS_RES_OK)
      return;
    const mps_ss_t ss = ss_;
    mps_res_t res;
    MPS_SCAN_BEGIN(ss) { res = MPS_FIX12(ss, p); } MPS_SCAN_END(ss);
    res_ = res;
  }
  mps_ss_t ss_;
  mps_res_t res_ = MPS_RES_OK;
};

// The base of all classes whose objects are collected. It must be the first base. Objects are
// moved byte by byte, and no destructor is called: what needs one is no part of them.
class object {
public:
  // Calls t(r) for each ref r in the object, those in base classes included. It must not
  // allocate, throw, or look at other managed objects. As quick as can be: it is what a
  // collection consists of.
  virtual void trace(tracer &t) noexcept = 0;

protected:
  object() = default;
  ~object() = default;
};

// A reference from one managed object to another, or from a root: as a pointer, but the collector
// knows of it.
template <typename T> class ref {
public:
  ref() noexcept = default;
  ref(std::nullptr_t) noexcept {}
  ref(T *p) noexcept : p_(base(p)) {}
  template <typename U, typename = std::enable_if_t<std::is_convertible_v<U *, T *>>>
  ref(const ref<U> &o) noexcept : p_(base(static_cast<T *>(o.get()))) {}

  T *get() const noexcept
  {
    if (p_ == nullptr)
      return nullptr;
    void *at = static_cast<char *>(p_) + sizeof(detail::header);
    return static_cast<T *>(static_cast<object *>(at));
  }
  T *operator->() const noexcept { return get(); }
  T &operator*() const noexcept { return *get(); }
  explicit operator bool() const noexcept { return p_ != nullptr; }
  friend bool operator==(const ref &a, const ref &b) noexcept { return a.p_ == b.p_; }
  friend bool operator!=(const ref &a, const ref &b) noexcept { return a.p_ != b.p_; }

private:
  friend class tracer;
  friend class heap;
  static void *base(T *p) noexcept
  {
    if (p == nullptr)
      return nullptr;
    return reinterpret_cast<char *>(static_cast<object *>(p)) - sizeof(detail::header);
  }
  void *p_ = nullptr;
};

// A pool of class AMC for objects of classes derived from `object`. Many threads may allocate, each
// by an allocation_point of its own.
class heap {
public:
  explicit heap(arena &a) : format_(make_format(a)), pool_(make_pool(a, format_.get())), arena_(a.get()) {}
  mps_pool_t get() const noexcept { return pool_.get(); }
  mps_arena_t of_arena() const noexcept { return arena_; }

  // A reference that keeps what it points at alive, for as long as it lives: for use outside of
  // functions. What it points at may move.
  template <typename T> class root {
  public:
    explicit root(heap &h, T *p = nullptr) : cell_(new ref<T>(p))
    {
      mps_root_t r;
      void *at = &cell_->p_;
      const mps_res_t res = mps_root_create_area(&r, h.of_arena(), mps_rank_exact(), 0, at,
                                                 static_cast<char *>(at) + sizeof(void *), mps_scan_area, nullptr);
      if (res != MPS_RES_OK) {
        delete cell_;
        throw error(res);
      }
      own_ = own(r);
    }
    root(const root &) = delete;
    root &operator=(const root &) = delete;
    root &operator=(T *p) noexcept
    {
      *cell_ = p;
      return *this;
    }
    ~root()
    {
      own_ = own();
      delete cell_;
    }
    T *get() const noexcept { return cell_->get(); }
    T *operator->() const noexcept { return get(); }
    T &operator*() const noexcept { return *get(); }
    explicit operator bool() const noexcept { return static_cast<bool>(*cell_); }

  private:
    using own = detail::owner<mps_root_t, mps_root_destroy>;
    ref<T> *cell_;
    own own_;
  };

private:
  using header = detail::header;
  static header *at(mps_addr_t p) noexcept { return static_cast<header *>(p); }
  static mps_addr_t skip(mps_addr_t p) { return static_cast<char *>(p) + at(p)->size; }
  static mps_res_t scan(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
  {
    tracer t(ss);
    for (mps_addr_t p = base; p < limit && t.res_ == MPS_RES_OK; p = skip(p))
      if (at(p)->what() == header::live)
        static_cast<object *>(static_cast<void *>(at(p) + 1))->trace(t);
    return t.res_;
  }
  static void forward(mps_addr_t old, mps_addr_t to)
  {
    at(old)->word = reinterpret_cast<std::uintptr_t>(to) | header::moved;
  }
  static mps_addr_t forwarded(mps_addr_t p)
  {
    return at(p)->what() == header::moved ? reinterpret_cast<mps_addr_t>(at(p)->word & ~std::uintptr_t(3)) : nullptr;
  }
  static void pad(mps_addr_t p, std::size_t size)
  {
    at(p)->word = header::padding;
    at(p)->size = size;
  }
  static mps_fmt_t make_format(arena &a)
  {
    mps_arg_s args[7];
    std::size_t n = 0;
    args[n].key = MPS_KEY_FMT_ALIGN;
    args[n++].val.align = alignof(header);
    args[n].key = MPS_KEY_FMT_SCAN;
    args[n++].val.fmt_scan = scan;
    args[n].key = MPS_KEY_FMT_SKIP;
    args[n++].val.fmt_skip = skip;
    args[n].key = MPS_KEY_FMT_FWD;
    args[n++].val.fmt_fwd = forward;
    args[n].key = MPS_KEY_FMT_ISFWD;
    args[n++].val.fmt_isfwd = forwarded;
    args[n].key = MPS_KEY_FMT_PAD;
    args[n++].val.fmt_pad = pad;
    args[n].key = MPS_KEY_ARGS_END;
    mps_fmt_t f;
    check(mps_fmt_create_k(&f, a.get(), args));
    return f;
  }
  static mps_pool_t make_pool(arena &a, mps_fmt_t f)
  {
    mps_arg_s args[2];
    args[0].key = MPS_KEY_FORMAT;
    args[0].val.format = f;
    args[1].key = MPS_KEY_ARGS_END;
    mps_pool_t p;
    check(mps_pool_create_k(&p, a.get(), mps_class_amc(), args));
    return p;
  }
  detail::owner<mps_fmt_t, mps_fmt_destroy> format_;
  detail::owner<mps_pool_t, mps_pool_destroy> pool_;
  mps_arena_t arena_;
};

// Where one thread gets new objects from.
class allocation_point {
public:
  explicit allocation_point(heap &h)
  {
    mps_ap_t p;
    check(mps_ap_create_k(&p, h.get(), mps_args_none));
    own_ = own(p);
  }

  // A new object, made by T(args...). The constructor may run more than once, each time in fresh
  // memory: if a collection has come in between, what it made is thrown away. So it only
  // stores its arguments. It must not make another object here (asserted); references that
  // it is given have to be on the stack or in roots meanwhile. If it throws, nothing has
  // been allocated.
  template <typename T, typename... Args> T *make(Args &&...args)
  {
    static_assert(std::is_base_of_v<object, T>, "managed classes derive from mps::object");
    static_assert(std::is_trivially_destructible_v<T>, "no destructor is called for managed objects");
    static_assert(alignof(T) <= alignof(detail::header), "managed objects are aligned to 16 at most");
    constexpr std::size_t size =
      sizeof(detail::header) + (sizeof(T) + alignof(detail::header) - 1) / alignof(detail::header) * alignof(detail::header);
    const mps_ap_t ap = own_.get();
    for (;;) {
      assert(ap->alloc == ap->init && "a constructor made another object at the same allocation point");
      mps_addr_t p;
      const mps_res_t res = mps_reserve(&p, ap, size);
      check(res);
      auto *h = static_cast<detail::header *>(p);
      const undo u{ap};
      T *t = new (h + 1) T(args...);
      assert(static_cast<void *>(static_cast<object *>(t)) == static_cast<void *>(h + 1) &&
             "mps::object is the first base");
      h->word = detail::header::live;
      h->size = size;
      if (mps_commit(ap, p, size))
        return t;
    }
  }

private:
  // What was reserved and not committed is given up.
  struct undo {
    mps_ap_t ap;
    ~undo() { ap->alloc = ap->init; }
  };
  using own = detail::owner<mps_ap_t, mps_ap_destroy>;
  own own_;
};

// ---------------------------------------------------------------- a check for formats of your own

// A forward method that checks another, FORWARD: give its `check` to MPS_KEY_FMT_FWD, ISFWD to
// MPS_KEY_FMT_ISFWD and SKIP to MPS_KEY_FMT_SKIP. FORWARD must leave a mark that ISFWD reads, keep
// what SKIP looks at, and change nothing but the words from FIRST on, COUNT of them. An
// object with virtual functions has a pointer to their table in word 0: a mark in its place makes the
// next virtual call on the old object jump anywhere. What is wrong is said on stderr, and
// the program ends. For debugging: it copies each object once more.
template <mps_fmt_fwd_t FORWARD, mps_fmt_isfwd_t ISFWD, mps_fmt_skip_t SKIP, std::size_t FIRST, std::size_t COUNT>
struct checked_forward {
  static void check(mps_addr_t old, mps_addr_t to)
  {
    const std::size_t size = static_cast<std::size_t>(static_cast<char *>(SKIP(old)) - static_cast<char *>(old));
    const std::size_t words = size / sizeof(void *);
    FORWARD(old, to);
    // The library has copied the object already.
    void *const *was = static_cast<void **>(to), *const *is = static_cast<void **>(old);
    for (std::size_t i = 0; i < words; ++i)
      if ((i < FIRST || i >= FIRST + COUNT) && was[i] != is[i])
        fail(i, i == 0 ? " (if it has virtual functions, the pointer to their table)" : "");
    if (ISFWD(old) != to)
      fail_text("your forward left a mark that your isfwd does not read");
    if (static_cast<char *>(SKIP(old)) != static_cast<char *>(old) + size)
      fail_text("your forward overwrote what your skip looks at");
  }

private:
  [[noreturn]] static void fail(std::size_t word, const char *more)
  {
    std::fprintf(stderr, "mps: your forward overwrote word %zu of the object%s\n", word, more);
    std::abort();
  }
  [[noreturn]] static void fail_text(const char *text)
  {
    std::fprintf(stderr, "mps: %s\n", text);
    std::abort();
  }
};

} // namespace mps

#endif
