// objects.cpp -- objects with virtual functions, moved while their functions are called; threads;
// constructors that throw

#include <memory>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>
#include "check.hpp"

namespace {

// What every object can be asked, so that a call through a wrong table is noticed.
struct node : mps::object {
  long number;
  explicit node(long n) : number(n) {}
  virtual long kind() const noexcept = 0;
  virtual long sum(int depth) const noexcept = 0;
};

struct leaf final : node {
  using node::node;
  long kind() const noexcept override { return 1; }
  long sum(int) const noexcept override { return number; }
  void trace(mps::tracer &) noexcept override {}
};

// A second base with virtual functions of its own.
struct named {
  virtual const char *name() const noexcept = 0;

protected:
  ~named() = default;
};

struct pair final : node, named {
  mps::ref<node> left, right;
  long more[3];
  pair(long n, node *l, node *r) : node(n), left(l), right(r), more{n, n + 1, n + 2} {}
  long kind() const noexcept override { return 2; }
  const char *name() const noexcept override { return more[0] == number && more[2] == number + 2 ? "pair" : "spoilt"; }
  long sum(int depth) const noexcept override
  {
    long s = number;
    if (depth > 0) {
      s += left ? left->sum(depth - 1) : 0;
      s += right ? right->sum(depth - 1) : 0;
    }
    return s;
  }
  void trace(mps::tracer &t) noexcept override
  {
    t(left);
    t(right);
  }
};

// Throws every other time.
struct fussy final : node {
  explicit fussy(long n) : node(n)
  {
    if (n % 2 != 0)
      throw std::runtime_error("odd");
  }
  long kind() const noexcept override { return 3; }
  long sum(int) const noexcept override { return number; }
  void trace(mps::tracer &) noexcept override {}
};

// Trees beside what their sums should be.
void mutate(mps::arena &arena, mps::heap &heap, unsigned seed)
{
  mps::thread thread(arena);
  mps::stack_root stack(arena, thread);
  mps::allocation_point ap(heap);
  std::mt19937 random(seed);
  struct place {
    mps::heap::root<node> object;
    long sum = 0;
    explicit place(mps::heap &h) : object(h) {}
  };
  std::vector<std::unique_ptr<place>> places;
  for (int i = 0; i < 100; ++i)
    places.push_back(std::make_unique<place>(heap));
  int thrown = 0, odd = 0;
  for (long n = 0; n < 200000; ++n) {
    place &to = *places[random() % places.size()];
    const place &a = *places[random() % places.size()], &b = *places[random() % places.size()];
    switch (random() % 4) {
    case 0:
      to.object = ap.make<leaf>(n);
      to.sum = n;
      break;
    case 1:
      odd += n % 2;
      try {
        to.object = ap.make<fussy>(n);
        to.sum = n;
      } catch (const std::runtime_error &) {
        ++thrown;
      }
      break;
    default: {
      // Two levels are summed: of older ones only the number.
      pair *p = ap.make<pair>(n, a.object.get(), b.object.get());
      to.sum = p->number + (a.object ? a.object->number : 0) + (b.object ? b.object->number : 0);
      to.object = p;
      break;
    }
    }
    const place &look = *places[random() % places.size()];
    if (look.object) {
      node *o = look.object.get();
      CHECK(o->sum(1) == look.sum);
      CHECK(o->kind() >= 1 && o->kind() <= 3);
      if (auto *p = dynamic_cast<pair *>(o)) {
        CHECK(p->kind() == 2);
        const named *m = p;
        CHECK(m->name()[0] == 'p');
        // A tree of many levels would be summed for ever.
        if (n % 3 == 0) {
          p->left = nullptr;
          const long rest = p->right ? p->right->number : 0;
          p->right = mps::ref<pair>(nullptr);
          p->left = ap.make<leaf>(rest);
        }
      }
    }
    // Its sum has changed, if its left and right have.
    for (const auto &q : {&look})
      if (q->object)
        const_cast<place *>(q)->sum = q->object->sum(1);
  }
  CHECK(thrown == odd && odd > 1000);
}

} // namespace

int main()
{
  const unsigned seed = seed_of();
  mps::arena_options o;
  o.pause_time = 0.0;
  mps::arena arena(o);
  {
    mps::heap heap(arena);
    mutate(arena, heap, seed);
    std::vector<std::thread> threads;
    for (unsigned i = 1; i <= 3; ++i)
      threads.emplace_back([&, i] { mutate(arena, heap, seed + i); });
    for (std::thread &t : threads)
      t.join();
    CHECK(arena.collections() > 3);

    // A root keeps what nothing else does, and follows it.
    mps::heap::root<node> kept(heap);
    {
      mps::thread thread(arena);
      mps::stack_root stack(arena, thread);
      mps::allocation_point ap(heap);
      kept = ap.make<leaf>(4711);
    }
    arena.collect();
    arena.collect();
    CHECK(kept && kept->number == 4711 && kept->kind() == 1);
    arena.park();
  }
  CHECK(arena.committed() <= arena.reserved());
  return done();
}
