// forward.cpp WHICH -- a format with a mistake in its forward method, and one without
//
// WHICH: good, vtable, unread, skip. tests/cpp/run.sh knows what each should say.

#include <cstring>
#include <string>
#include "check.hpp"

namespace {

// The pointer to the table, a mark, a size, a reference.
struct thing {
  virtual int answer() const noexcept { return 42; }
  std::uintptr_t mark = 0;
  std::size_t size = 48;
  void *next = nullptr;
  int pad[2] = {0, 0};
  long last = 0;
};
static_assert(sizeof(thing) == 48, "six words");

thing *of(mps_addr_t p) { return static_cast<thing *>(p); }
mps_addr_t skip(mps_addr_t p) { return static_cast<char *>(p) + of(p)->size; }
mps_res_t scan(mps_ss_t ss, mps_addr_t base, mps_addr_t limit)
{
  mps_res_t res = MPS_RES_OK;
  MPS_SCAN_BEGIN(ss) {
    for (mps_addr_t p = base; p < limit && res == MPS_RES_OK; p = skip(p))
      if (of(p)->mark == 0)
        res = MPS_FIX12(ss, &of(p)->next);
  } MPS_SCAN_END(ss);
  return res;
}
void pad(mps_addr_t p, size_t size)
{
  of(p)->mark = 1;
  of(p)->size = size;
}
mps_addr_t forwarded(mps_addr_t p) { return of(p)->mark > 1 ? reinterpret_cast<mps_addr_t>(of(p)->mark) : nullptr; }
void good(mps_addr_t old, mps_addr_t to) { of(old)->mark = reinterpret_cast<std::uintptr_t>(to); }
void vtable(mps_addr_t old, mps_addr_t to)
{
  good(old, to);
  std::memcpy(old, &to, sizeof to);
}
void unread(mps_addr_t old, mps_addr_t) { of(old)->mark = 1; }
void spoils_skip(mps_addr_t old, mps_addr_t to)
{
  good(old, to);
  of(old)->size += 8;
}

template <mps_fmt_fwd_t F, std::size_t COUNT = 1>
constexpr mps_fmt_fwd_t checked = mps::checked_forward<F, forwarded, skip, 1, COUNT>::check;

} // namespace

int main(int argc, char **argv)
{
  const std::string which = argc > 1 ? argv[1] : "good";
  const mps_fmt_fwd_t forward = which == "good" ? checked<good>
    : which == "vtable" ? checked<vtable>
    : which == "unread" ? checked<unread>
                        : checked<spoils_skip, 2>;
  mps::arena arena;
  mps_fmt_t format;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SCAN, scan);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_SKIP, skip);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_FWD, forward);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_ISFWD, forwarded);
    MPS_ARGS_ADD(args, MPS_KEY_FMT_PAD, pad);
    mps::check(mps_fmt_create_k(&format, arena.get(), args));
  } MPS_ARGS_END(args);
  mps_pool_t pool;
  MPS_ARGS_BEGIN(args) {
    MPS_ARGS_ADD(args, MPS_KEY_FORMAT, format);
    mps::check(mps_pool_create_k(&pool, arena.get(), mps_class_amc(), args));
  } MPS_ARGS_END(args);
  void *list = nullptr;
  mps_root_t root;
  mps::check(mps_root_create_area(&root, arena.get(), mps_rank_exact(), 0, &list, &list + 1, mps_scan_area, nullptr));
  mps_ap_t ap;
  mps::check(mps_ap_create_k(&ap, pool, mps_args_none));
  for (int i = 0; i < 1000; ++i) {
    mps_addr_t p;
    do {
      mps::check(mps_reserve(&p, ap, sizeof(thing)));
      (new (p) thing)->next = list;
    } while (!mps_commit(ap, p, sizeof(thing)));
    list = p;
  }
  void *before = list;
  arena.collect();
  CHECK(list != before);
  int n = 0;
  for (void *p = list; p != nullptr; p = of(p)->next)
    n += of(p)->answer() == 42;
  CHECK(n == 1000);
  arena.park();
  mps_ap_destroy(ap);
  mps_root_destroy(root);
  mps_pool_destroy(pool);
  mps_fmt_destroy(format);
  return done();
}
