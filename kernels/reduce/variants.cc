// The table of implementations, the choice and the threads: the only place that knows which
// architecture this is.
#include <algorithm>
#include <array>
#include <vector>

#include "base/check.h"
#include "kernels/reduce/simd.h"

namespace aisp::kernels::reduce {
namespace {

// A fork and a join cost about 1 us; a core reads 116 KB in it from L2. With 256 KiB for each
// thread the fork is below a third of the time.
constexpr std::size_t kBytesWorthAThread = std::size_t{256} << 10;

// One total per cache line, so that workers do not share one.
struct alignas(64) Total {
  double value = 0.0;
};

/// reduce(begin, end) over [0, count) in whole blocks on `threads` of the pool's workers.
double on_threads(std::size_t count, int threads, machine::ThreadPool& pool, const auto& reduce) {
  const auto workers = static_cast<std::size_t>(threads);
  const std::size_t blocks = (count + kBlock - 1) / kBlock;
  std::vector<Total> totals(workers);
  pool.run([&](int worker) {
    const auto w = static_cast<std::size_t>(worker);
    if (w >= workers) return;
    const std::size_t begin = std::min(count, blocks * w / workers * kBlock);
    const std::size_t end = std::min(count, blocks * (w + 1) / workers * kBlock);
    totals[w].value = reduce(begin, end);
  });
  double total = 0.0;
  for (const Total& one : totals) total += one.value;
  return total;
}

}  // namespace

std::span<const Variant> variants() {
#if AISP_X86
  const SimdFunctions &avx2_set = avx2::kFunctions, &avx512_set = avx512::kFunctions;
#else
  const SimdFunctions avx2_set, avx512_set;
#endif
  static const std::array<Variant, 3> table = {{
      {"avx512", "needs AVX-512", [](const machine::Cpu& cpu) { return cpu.avx512; },
       avx512_set.sum, avx512_set.dot},
      {"avx2", "needs AVX2", [](const machine::Cpu& cpu) { return cpu.avx2; }, avx2_set.sum,
       avx2_set.dot},
      {"portable", "", [](const machine::Cpu&) { return true; }, portable::kFunctions.sum,
       portable::kFunctions.dot},
  }};
  return table;
}

const Variant& widest(const machine::Cpu& cpu) {
  for (const Variant& variant : variants()) {
    if (variant.can_run(cpu)) return variant;
  }
  check(false, "reduce: the portable variant runs everywhere");
  return variants().back();
}

int threads_worth(std::size_t bytes, int threads) {
  const std::size_t worth = std::max<std::size_t>(1, bytes / kBytesWorthAThread);
  return static_cast<int>(std::min(static_cast<std::size_t>(threads), worth));
}

double sum(std::span<const float> x) { return widest(machine::cpu()).sum(x.data(), x.size()); }

double dot(std::span<const float> x, std::span<const float> y) {
  check(x.size() == y.size(), "dot: x and y have one length");
  return widest(machine::cpu()).dot(x.data(), y.data(), x.size());
}

double sum(std::span<const float> x, machine::ThreadPool& pool) {
  const int threads = threads_worth(x.size_bytes(), pool.size());
  if (threads == 1) return sum(x);
  const Variant& variant = widest(machine::cpu());
  return on_threads(x.size(), threads, pool, [&](std::size_t begin, std::size_t end) {
    return variant.sum(x.data() + begin, end - begin);
  });
}

double dot(std::span<const float> x, std::span<const float> y, machine::ThreadPool& pool) {
  check(x.size() == y.size(), "dot: x and y have one length");
  const int threads = threads_worth(x.size_bytes() + y.size_bytes(), pool.size());
  if (threads == 1) return dot(x, y);
  const Variant& variant = widest(machine::cpu());
  return on_threads(x.size(), threads, pool, [&](std::size_t begin, std::size_t end) {
    return variant.dot(x.data() + begin, y.data() + begin, end - begin);
  });
}

}  // namespace aisp::kernels::reduce
