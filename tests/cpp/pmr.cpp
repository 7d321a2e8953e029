// pmr.cpp -- standard containers over manual pools, and blocks of every size and alignment

#include <algorithm>
#include <cstdlib>
#include <list>
#include <map>
#include <memory_resource>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>
#include "check.hpp"

namespace {

struct block {
  unsigned char *at;
  std::size_t size, align;
  unsigned char fill;
};

template <typename R> void blocks(R &r, unsigned seed)
{
  std::mt19937 random(seed);
  std::vector<block> live;
  for (int n = 0; n < 40000; ++n) {
    if (live.size() < 500 || random() % 2 == 0) {
      const std::size_t size = random() % (random() % 50 == 0 ? 20000 : 200);
      const std::size_t align = std::size_t(1) << random() % 13;
      auto *p = static_cast<unsigned char *>(r.allocate(size, align));
      CHECK(reinterpret_cast<std::uintptr_t>(p) % align == 0);
      const auto fill = static_cast<unsigned char>(random());
      std::fill(p, p + size, fill);
      live.push_back({p, size, align, fill});
    } else {
      const std::size_t i = random() % live.size();
      const block b = live[i];
      CHECK(std::all_of(b.at, b.at + b.size, [&](unsigned char c) { return c == b.fill; }));
      r.deallocate(b.at, b.size, b.align);
      live[i] = live.back();
      live.pop_back();
    }
  }
  for (const block &b : live)
    r.deallocate(b.at, b.size, b.align);
  CHECK(r.of().total_size() == r.of().free_size());
}

template <typename R> void containers(R &r, unsigned seed)
{
  {
    std::mt19937 random(seed);
    std::pmr::map<int, std::pmr::string> map(&r);
    std::map<int, std::string> model;
    std::pmr::unordered_map<int, std::pmr::vector<int>> table(&r);
    std::pmr::list<std::pmr::string> list(&r);
    for (int n = 0; n < 20000; ++n) {
      const int k = static_cast<int>(random() % 1000);
      if (random() % 3 == 0) {
        map.erase(k);
        model.erase(k);
      } else {
        std::string text(random() % 80, static_cast<char>('a' + k % 26));
        map[k] = text;
        model[k] = text;
      }
      table[k % 100].push_back(n);
      list.emplace_back("one more");
      if (list.size() > 100)
        list.pop_front();
    }
    CHECK(map.size() == model.size());
    CHECK(std::equal(map.begin(), map.end(), model.begin(), [](const auto &a, const auto &b) {
      return a.first == b.first && std::string(a.second) == b.second;
    }));
    std::size_t sum = 0;
    for (const auto &entry : table)
      sum += entry.second.size();
    CHECK(sum == 20000);
    CHECK(r.of().total_size() > r.of().free_size());
  }
  CHECK(r.of().total_size() == r.of().free_size());
}

} // namespace

int main()
{
  const unsigned seed = seed_of();
  mps::arena arena;
  for (const std::size_t align : {std::size_t(8), std::size_t(16), std::size_t(64)}) {
    mps::memory_resource first(arena, align), other(arena, align);
    blocks(first, seed);
    containers(first, seed);
    CHECK(first.is_equal(first) && !first.is_equal(other));
    for (const std::size_t unit : {std::size_t(1), std::size_t(48), std::size_t(100)}) {
      mps::unit_resource units(arena, unit, &first);
      blocks(units, seed);
      if (unit > 1) // No node of a container is that small.
        containers(units, seed);
      CHECK(units.of().total_size() > 0 && first.of().total_size() == first.of().free_size());
    }
  }

  // Out of memory is std::bad_alloc, and nothing is lost.
  mps::arena_options few;
  few.size = few.commit_limit = 8 << 20;
  mps::arena small(few);
  mps::memory_resource r(small);
  std::pmr::vector<std::pmr::string> v(&r);
  bool refused = false;
  try {
    for (;;)
      v.emplace_back(1000, 'x');
  } catch (const std::bad_alloc &e) {
    refused = true;
    CHECK(std::string(e.what()).find("mps: ") == 0);
  }
  CHECK(refused && v.size() > 4000);
  for (const auto &s : v)
    CHECK(s.size() == 1000 && s.back() == 'x');
  refused = false;
  try {
    (void)r.allocate(SIZE_MAX - 100, 4096);
  } catch (const std::bad_alloc &) {
    refused = true;
  }
  CHECK(refused);
  return done();
}
