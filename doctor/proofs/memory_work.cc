// Work on memory: first touch, random reads, tensors of a step, a pass over weights.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/error.h"
#include "base/rng.h"
#include "doctor/proofs/mapping.h"
#include "doctor/proofs/workload.h"

namespace aisp::doctor {
namespace {

constexpr double kMiB = 1024.0 * 1024.0;

// A buffer that is mapped, written once a page and unmapped: what a fresh buffer costs.
Prepared touch(const Arguments& arguments) {
  const std::size_t bytes = arguments.size("bytes", 16 * kMiB);
  const Mapping::Options options{pages_of(arguments.word("pages", "asis")),
                                 arguments.flag("populate")};
  Prepared made;
  made.run = [=](std::uint64_t n) {
    for (std::uint64_t i = 0; i < n; ++i) {
      const Mapping fresh(bytes, options);
      for (std::size_t at = 0; at < bytes; at += 4096) {
        reinterpret_cast<volatile std::uint8_t*>(fresh.data())[at] = 1;
      }
    }
  };
  made.work = static_cast<double>(bytes) / kMiB;
  made.unit = "MiB touched first";
  made.blocks = false;
  return made;
}

// Independent reads at random places of a table: the translation of addresses is what they wait
// for where the table exceeds what the TLB reaches.
struct Gather {
  Gather(std::size_t bytes, const Mapping::Options& options, bool lock) : table(bytes, options) {
    auto* words = reinterpret_cast<std::uint64_t*>(table.data());
    for (std::size_t i = 0; i < bytes / 8; ++i) words[i] = i * 3;
    if (lock && mlock(table.data(), bytes) != 0) {
      throw Error(std::strerror(errno), "mlock", "raise the limit (ulimit -l)");
    }
  }
  void read(std::size_t reads) {
    const auto* words = reinterpret_cast<const std::uint64_t*>(table.data());
    const std::size_t count = table.size() / 8;
    std::uint64_t at_sum = 0, sum = 0;
    for (std::size_t i = 0; i < reads; ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      const std::size_t at = static_cast<std::size_t>((state >> 33) * count >> 31);
      at_sum += at;
      sum += words[at];
    }
    if (sum != 3 * at_sum) right = false;
  }
  Mapping table;
  std::uint64_t state = 1;
  bool right = true;
};

Prepared gather(const Arguments& arguments) {
  const std::size_t reads = arguments.size("reads", 4096);
  const auto made_of = std::make_shared<Gather>(
      arguments.size("bytes", 256 * kMiB),
      Mapping::Options{pages_of(arguments.word("pages", "asis")), false}, arguments.flag("lock"));
  Prepared made;
  made.run = [=](std::uint64_t n) {
    for (std::uint64_t i = 0; i < n; ++i) made_of->read(reads);
  };
  made.wrong = [=] { return made_of->right ? "" : "the table does not hold what was written"; };
  made.work = static_cast<double>(reads);
  made.unit = "random reads";
  made.blocks = false;
  return made;
}

// A chain of elementwise operations, each with a result array of its own: allocated for every
// operation and freed, or the same few for ever.
struct Chain {
  float* take(std::size_t slot, std::size_t count) {
    if (!reuse) return static_cast<float*>(std::malloc(4 * count));
    if (kept[slot] == nullptr) kept[slot] = static_cast<float*>(std::malloc(4 * count));
    return kept[slot];
  }
  void give(float* array) const {
    if (!reuse) std::free(array);
  }
  void step(std::size_t count, int operations) {
    float* last = take(0, count);
    for (std::size_t i = 0; i < count; ++i) last[i] = 1.0f;
    for (int k = 1; k < operations; ++k) {
      float* const next = take(static_cast<std::size_t>(k % 2), count);
      for (std::size_t i = 0; i < count; ++i) next[i] = last[i] + 1.0f;
      give(last);
      last = next;
    }
    if (last[count / 2] != static_cast<float>(operations)) right = false;
    give(last);
  }
  ~Chain() {
    for (float* const array : kept) std::free(array);
  }
  bool reuse = false, right = true;
  std::array<float*, 2> kept{};
};

Prepared chain(const Arguments& arguments) {
  const std::size_t count = arguments.size("bytes", 36 * kMiB) / 4;
  const int operations = arguments.count("operations", 2);
  const auto state = std::make_shared<Chain>();
  state->reuse = arguments.flag("reuse");
  Prepared made;
  made.run = [=](std::uint64_t n) {
    for (std::uint64_t i = 0; i < n; ++i) state->step(count, operations);
  };
  made.wrong = [=] { return state->right ? "" : "the chain's result is wrong"; };
  made.work = 4.0 * static_cast<double>(count) * operations / kMiB;
  made.unit = "MiB of results";
  made.blocks = false;
  return made;
}

// One pass over a mapped model. Before each pass memory pressure takes pages away, as far as the
// process lets it: `drop` says how.
struct Weights {
  Weights(const Arguments& arguments)
      : bytes(arguments.size("bytes", 32 * kMiB)),
        drop(arguments.word("drop", "none")),
        path(arguments.scratch() + "/weights") {
    if (arguments.word("backing", "file") == "file") {
      write_pattern(path, bytes);
      file = std::make_unique<File>(path, O_RDONLY);
    }
    map(arguments.flag("populate"));
    if (!file) {
      write_pattern(path, bytes);
      const File source(path, O_RDONLY);
      if (read(source.fd()) != bytes) throw Error("cannot be read back", path, "");
    }
    if (arguments.flag("lock") && mlock(mapping->data(), bytes) != 0) {
      throw Error(std::strerror(errno), "mlock", "raise the limit (ulimit -l)");
    }
    expected = expected_sum(bytes);
  }
  void map(bool populate) {
    const int fd = file ? file->fd() : -1;
    mapping =
        std::make_unique<Mapping>(bytes, Mapping::Options{Mapping::Pages::kAsIs, populate, fd});
  }
  std::size_t read(int fd) const {
    std::size_t at = 0;
    for (ssize_t got = 1; got > 0 && at < bytes; at += static_cast<std::size_t>(got)) {
      got = pread(fd, mapping->data() + at, bytes - at, static_cast<off_t>(at));
      if (got < 0) return at;
    }
    return at;
  }
  void lose_pages() {
    if (drop == "pressure") madvise(mapping->data(), bytes, MADV_PAGEOUT);
    if (drop == "process" || drop == "replica") map(drop == "replica");
    if (drop == "storage" || drop == "staged") {
      mapping.reset();
      drop_cache(file->fd());
      map(false);
      if (drop == "staged") {
        // Staged ahead of the switch: asked for and waited for while the old model still serves.
        madvise(mapping->data(), bytes, MADV_WILLNEED);
        sum_of(mapping->data(), bytes);
      }
    }
  }
  void pass() {
    if (sum_of(mapping->data(), bytes) != expected) right = false;
  }
  std::size_t bytes;
  std::string drop, path;
  std::unique_ptr<File> file;
  std::unique_ptr<Mapping> mapping;
  std::uint64_t expected = 0;
  bool right = true;
};

Prepared weights(const Arguments& arguments) {
  const auto state = std::make_shared<Weights>(arguments);
  Prepared made;
  made.run = [=](std::uint64_t n) {
    for (std::uint64_t i = 0; i < n; ++i) state->pass();
  };
  if (state->drop != "none") made.before_each = [=] { state->lose_pages(); };
  made.wrong = [=] { return state->right ? "" : "the weights changed"; };
  made.work = static_cast<double>(state->bytes) / kMiB;
  made.unit = "MiB of weights read";
  return made;
}

}  // namespace

std::vector<WorkloadRow> memory_work() {
  return {{"touch", touch}, {"gather", gather}, {"chain", chain}, {"weights", weights}};
}

}  // namespace aisp::doctor
