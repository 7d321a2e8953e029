// main.cpp -- a document as a tree of objects with virtual functions, edited while it is collected

#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include "mps.hpp"

namespace {

// --- What a document is made of. The collector moves all of these. ---

struct node : mps::object {
  mps::ref<node> next; // the next of the same section
  virtual void render(std::string &to, int level) const = 0;
  virtual std::size_t characters() const noexcept = 0;
  void trace(mps::tracer &t) noexcept override { t(next); }
};

struct paragraph final : node {
  char text[48];
  explicit paragraph(long n) { std::snprintf(text, sizeof text, "Paragraph %ld says something of its own.", n); }
  void render(std::string &to, int level) const override { to.append(static_cast<std::size_t>(level) * 2, ' ').append(text).append("\n"); }
  std::size_t characters() const noexcept override { return std::char_traits<char>::length(text); }
};

struct picture final : node {
  int width, height;
  picture(int w, int h) : width(w), height(h) {}
  void render(std::string &to, int level) const override
  {
    to.append(static_cast<std::size_t>(level) * 2, ' ');
    to.append("[" + std::to_string(width) + " x " + std::to_string(height) + "]\n");
  }
  std::size_t characters() const noexcept override { return 0; }
};

struct section final : node {
  mps::ref<node> first;
  long number;
  explicit section(long n) : number(n) {}
  void render(std::string &to, int level) const override
  {
    to.append(static_cast<std::size_t>(level) * 2, ' ').append("Section " + std::to_string(number) + "\n");
    for (const node *n = first.get(); n != nullptr; n = n->next.get())
      n->render(to, level + 1);
  }
  std::size_t characters() const noexcept override
  {
    std::size_t sum = 0;
    for (const node *n = first.get(); n != nullptr; n = n->next.get())
      sum += n->characters();
    return sum;
  }
  // A base class's references are traced by its own function.
  void trace(mps::tracer &t) noexcept override
  {
    node::trace(t);
    t(first);
  }
  void add(node *n) noexcept
  {
    n->next = first;
    first = n;
  }
  void drop_first() noexcept
  {
    if (first)
      first = first->next;
  }
};

// --- An editor ---

section *some_section(section *of, std::mt19937 &random)
{
  // Goes down, at random, along sections.
  for (;;) {
    section *last = of;
    for (node *n = of->first.get(); n != nullptr; n = n->next.get())
      if (auto *s = dynamic_cast<section *>(n); s != nullptr && random() % 4 == 0) {
        last = s;
        break;
      }
    if (last == of)
      return of;
    of = last;
  }
}

} // namespace

int main()
{
  mps::arena_options options;
  options.pause_time = 0.001; // a millisecond
  mps::arena arena(options);
  mps::heap heap(arena);
  mps::thread thread(arena);
  mps::stack_root stack(arena, thread); // plain pointers in functions are safe
  mps::allocation_point ap(heap);
  mps::memory_resource plain(arena); // for what is no managed object
  mps::unit_resource nodes(arena, 64, &plain);

  mps::heap::root<section> document(heap, ap.make<section>(0));
  std::pmr::map<std::size_t, int> lengths(&nodes); // how often a section had so many characters
  std::mt19937 random(1);
  for (long n = 1; n <= 2000000; ++n) {
    section *s = some_section(document.get(), random);
    switch (random() % 8) {
    case 0: s->add(ap.make<section>(n)); break;
    case 1: s->add(ap.make<picture>(int(n % 640), int(n % 480))); break;
    case 2: case 3: s->add(ap.make<paragraph>(n)); break;
    case 4: case 5: case 6: s->drop_first(); break;
    default: ++lengths[s->characters()]; break;
    }
    if (n % 200000 == 0) {
      std::string text;
      document->render(text, 0);
      std::printf("%7ld edits: %6zu characters of text, %5zu collections, %5.1f MB\n", n, text.size(), arena.collections(),
                  static_cast<double>(arena.committed()) / (1 << 20));
    }
  }
  std::string before, after;
  document->render(before, 0);
  arena.collect();
  document->render(after, 0);
  std::printf("after a full collection it is %s\n", before == after && !after.empty() ? "the same" : "another");
  arena.park();
  return before == after && !after.empty() && arena.collections() > 1 ? EXIT_SUCCESS : EXIT_FAILURE;
}
