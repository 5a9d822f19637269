// engine_rates: how near the kernels of text generation come to this machine, on layers of a 1B
// model: decoding as a share of a read probe that runs in turn with it over the same memory, many
// rows as a share of a loop of arithmetic on registers that runs in turn with them: two virtual
// processors that share a core for a while run both at half of their rate. Weights are 160 MiB of
// equal bytes, far more than caches hold. One thread is timed in its CPU time, which other programs
// disturb least; more threads in wall time. Medians and quartiles of ratios over rounds.
//   build/engine_rates [threads] [rounds]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/rng.h"
#include "kernels/linear/linear.h"
#include "kernels/paged_attention/paged_attention.h"
#include "kernels/simd/mixed_vectors.h"
#include "machine/ceiling_kernels.h"
#include "machine/crew.h"

// Or of all that is there: `count` pieces of 256 bytes. With words of 8 bytes a line, a core read
// 0.8 of what wide loads do, and shares of the probe came out too high.
#define AISP_READ(Mixed)                                                                           \
  std::uint64_t read(const std::byte* data, std::int64_t count) {                                  \
    Mixed::Int sums[4] = {Mixed::zero(), Mixed::zero(), Mixed::zero(), Mixed::zero()};             \
    constexpr std::int64_t kStep = 4 * Mixed::kWidth;                                              \
    for (const std::byte* end = data + 256 * count; data < end; data += 4 * kStep) {               \
      for (int j = 0; j < 4; ++j) sums[j] = Mixed::either(sums[j], Mixed::load(data + j * kStep)); \
    }                                                                                              \
    const auto sum =                                                                               \
        Mixed::either(Mixed::either(sums[0], sums[1]), Mixed::either(sums[2], sums[3]));           \
    std::uint64_t word;                                                                            \
    std::memcpy(&word, &sum, sizeof(word));                                                        \
    return word;                                                                                   \
  }

namespace aisp::plain {
namespace {
AISP_READ(kernels::simd::portable::Mixed)
}  // namespace
}  // namespace aisp::plain
#if AISP_X86
AISP_TARGET_BEGIN_AVX512
namespace aisp::wide {
namespace {
AISP_READ(kernels::simd::avx512::Mixed)
}  // namespace
}  // namespace aisp::wide
AISP_TARGET_END
#else
namespace aisp::wide {
using plain::read;
}
#endif

namespace aisp {
namespace {

namespace linear = kernels::linear;
namespace paged = kernels::paged_attention;
constexpr std::int64_t kBytes = 160 << 20;

struct Bench {
  explicit Bench(int threads, int count) : pool(threads), rounds(count) {}
  machine::ThreadPool pool;
  int rounds;
  std::vector<machine::ComputeKernel> kernels = machine::compute_kernels(machine::cpu());
  volatile std::uint64_t sink = 0;  // so that reading is not left out

  double now() const {
    timespec t;
    clock_gettime(pool.size() == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
  }
  double seconds(const auto& body) const {
    const double start = now();
    body();
    return now() - start;
  }
  /// Operations of this type in a second on every thread, at most, as it is now: of the quickest
  /// kernel, in 10^9. Some milliseconds.
  double peak(DType dtype) {
    double best = 0.0;
    for (const machine::ComputeKernel& kernel : kernels) {
      if (kernel.dtype != dtype) continue;
      const auto iterations = static_cast<std::int64_t>(4e8 / kernel.operations_per_iteration);
      const double operations =
          static_cast<double>(iterations * pool.size()) * kernel.operations_per_iteration;
      best = std::max(best, 1e-9 * operations /
                                seconds([&] { pool.run([&](int) { kernel.run(iterations); }); }));
    }
    return best;
  }
  /// Reads every byte once, with the widest loads.
  void probe(const std::byte* data, std::int64_t bytes) {
    const auto read = machine::cpu().avx512 ? &wide::read : &plain::read;
    pool.parallel_for(bytes / 256, 256, [&](std::int64_t begin, std::int64_t end) {
      sink = read(data + 256 * begin, end - begin);
    });
  }
};

std::string quartiles(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
  };
  char text[64];
  std::snprintf(text, sizeof(text), "%5.2f [%.2f, %.2f]", at(0.5), at(0.25), at(0.75));
  return text;
}

void linear_rates(Bench& bench, linear::Type type, const char* name, std::int64_t n,
                  std::int64_t k) {
  linear::Workspace workspace(bench.pool);
  const std::int64_t each = linear::packed_bytes(type, n, k), count = kBytes / each;
  const machine::PageBuffer memory(static_cast<std::size_t>(each * count));
  std::memset(memory.data(), 1, memory.size_bytes());
  std::vector<float> x(static_cast<std::size_t>(512 * k)), y(static_cast<std::size_t>(512 * n));
  fill_normal(x, 1);
  const auto multiply = [&](std::int64_t rows, std::int64_t layers) {
    for (std::int64_t i = 0; i < layers; ++i) {
      const linear::Matrix w{type, n, k, memory.data() + i * each};
      const linear::Product product{.w = &w, .y = y.data()};
      linear::multiply(workspace, {.x = x.data(), .rows = rows, .k = k}, {&product, 1});
    }
  };
  std::vector<double> shares;
  for (int i = 0; i < bench.rounds; ++i) {
    const double read = bench.seconds([&] { bench.probe(memory.data(), each * count); });
    shares.push_back(read / bench.seconds([&] { multiply(1, count); }));
  }
  std::printf("%-5s %5ld x %5ld  %s", name, static_cast<long>(n), static_cast<long>(k),
              quartiles(shares).c_str());
  const bool floats =
      type == linear::Type::kF32 || type == linear::Type::kF16 || type == linear::Type::kBF16;
  for (const std::int64_t rows : {16, 128, 512}) {
    shares.clear();
    const std::int64_t layers = rows == 16 ? count : 2;
    const double operations = 2e-9 * static_cast<double>(rows * n * k * layers);
    for (int i = 0; i < bench.rounds; ++i) {
      const double peak = bench.peak(floats ? DType::kF32 : DType::kI8);
      shares.push_back(operations / bench.seconds([&] { multiply(rows, layers); }) / peak);
    }
    std::printf("  %s", quartiles(shares).c_str());
  }
  std::printf("\n");
}

void attention_rates(Bench& bench, paged::Type type, const char* name, std::int64_t heads,
                     std::int64_t kv_heads, std::int64_t size) {
  paged::Workspace workspace(bench.pool);
  const std::int64_t each = paged::block_bytes(type, kv_heads, size), count = kBytes / each;
  const machine::PageBuffer memory(static_cast<std::size_t>(each * count));
  std::memset(memory.data(), 0, memory.size_bytes());
  const paged::Cache cache{type, kv_heads, size, memory.data(), 0};
  std::vector<std::int32_t> blocks(static_cast<std::size_t>(count));
  std::iota(blocks.begin(), blocks.end(), 0);
  Rng rng(1);
  for (std::size_t i = blocks.size(); i-- > 1;) std::swap(blocks[i], blocks[rng.below(i + 1)]);
  std::vector<float> q(static_cast<std::size_t>(512 * heads * size)), out(q.size());
  fill_normal(q, 2);
  const auto attend = [&](std::int64_t context, std::int64_t rows) {
    const paged::Sequence sequence{.rows = rows, .context = context, .blocks = blocks};
    paged::attend(workspace, cache, {.heads = heads}, {&sequence, 1},
                  {.q = q.data(), .out = out.data()});
  };
  std::vector<double> shares, rates;
  for (int i = 0; i < bench.rounds; ++i) {
    const double read = bench.seconds([&] { bench.probe(memory.data(), each * count); });
    shares.push_back(read / bench.seconds([&] { attend(count * paged::kBlockTokens - 1, 1); }));
    const double pairs = 512.0 * 3584 + 512.0 * 513 / 2;
    const double operations = 4e-9 * static_cast<double>(size * heads) * pairs;
    const double peak = bench.peak(DType::kF32);
    rates.push_back(operations / bench.seconds([&] { attend(3584, 512); }) / peak);
  }
  std::printf("%-5s %ld/%ld heads of %ld  %s  %s\n", name, static_cast<long>(heads),
              static_cast<long>(kv_heads), static_cast<long>(size), quartiles(shares).c_str(),
              quartiles(rates).c_str());
}

void run(int threads, int rounds) {
  Bench bench(threads, rounds);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // lines appear as they are found
  std::printf("threads %d, peaks now %.0f GFLOP/s f32, %.0f GOP/s i8; medians [quartiles]\n",
              bench.pool.size(), bench.peak(DType::kF32), bench.peak(DType::kI8));
  std::printf("layers: 1 row over the read probe; 16, 128, 512 rows over the peak in turn\n");
  using linear::Type;
  const std::pair<Type, const char*> types[] = {{Type::kBF16, "bf16"},
                                                {Type::kQ8_0, "q8_0"},
                                                {Type::kQ4_0, "q4_0"},
                                                {Type::kQ4_K, "q4_k"},
                                                {Type::kQ6_K, "q6_k"}};
  for (const auto& [type, name] : types) {
    linear_rates(bench, type, name, 2048, 2048);
    linear_rates(bench, type, name, 8192, 2048);
    linear_rates(bench, type, name, 2048, 8192);
  }
  std::printf("attention: 1 row over the read probe; 512 rows after 3584 over the f32 peak\n");
  const std::pair<paged::Type, const char*> caches[] = {
      {paged::Type::kBF16, "bf16"}, {paged::Type::kF16, "f16"}, {paged::Type::kI8, "i8"}};
  for (const auto& [type, name] : caches) {
    attention_rates(bench, type, name, 32, 8, 64);
    attention_rates(bench, type, name, 32, 8, 128);
    attention_rates(bench, type, name, 8, 8, 64);
  }
}

}  // namespace
}  // namespace aisp

int main(int count, char** arguments) {
  try {
    const int threads = count > 1 ? std::atoi(arguments[1]) : 1;
    const int rounds = count > 2 ? std::atoi(arguments[2]) : 9;
    if (threads < 0 || rounds < 1) {
      throw aisp::Error("threads and rounds are counts", "engine_rates", "engine_rates 2 9");
    }
    aisp::run(threads, rounds);
  } catch (const aisp::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
