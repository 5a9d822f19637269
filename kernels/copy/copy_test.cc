// Every variant x kind of store x lengths x alignments against the source, bytes around the
// destination untouched, threads, and the choice for machines that are not this one.
#include "kernels/copy/copy.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "base/rng.h"

namespace aisp::kernels::copy {
namespace {

constexpr std::size_t kMargin = 192;

std::vector<unsigned char> random_bytes(std::size_t count) {
  std::vector<unsigned char> bytes(count);
  Rng rng(count + 1);
  for (auto& one : bytes) one = static_cast<unsigned char>(rng.next());
  return bytes;
}

/// Copies `bytes` between the given offsets; every byte of the destination's memory is compared.
void expect_copied(const auto& copy_function, std::size_t bytes, std::size_t from_at,
                   std::size_t to_at) {
  const std::vector<unsigned char> from = random_bytes(bytes + kMargin);
  std::vector<unsigned char> to(bytes + 2 * kMargin, 0xa5), want = to;
  if (bytes != 0) std::memcpy(want.data() + to_at, from.data() + from_at, bytes);
  copy_function(Request{to.data() + to_at, from.data() + from_at, bytes});
  ASSERT_EQ(to, want) << bytes << " bytes from +" << from_at << " to +" << to_at;
}

TEST(Copy, EveryVariantLengthAndAlignment) {
  int ran = 0;
  for (const Variant& variant : variants()) {
    if (!variant.can_run(machine::cpu())) continue;
    SCOPED_TRACE(std::string(variant.name));
    ++ran;
    for (const Store store : {Store::kCached, Store::kStreaming}) {
      const auto run = [&](const Request& request) { variant.run(request, store); };
      for (std::size_t bytes = 0; bytes < 1300; bytes += bytes < 140 ? 1 : 61) {
        for (const std::size_t at : {0, 1, 4, 31, 63}) expect_copied(run, bytes, at, 64 - at);
      }
      for (std::size_t at = 0; at < 65; ++at) expect_copied(run, 4099, 64 - at, at);
    }
  }
  EXPECT_GE(ran, 1);
}

TEST(Copy, ThreadsCopyEveryByteOnce) {
  machine::ThreadPool pool(3);
  const auto run = [&](const Request& request) { copy(request, pool); };
  for (const std::size_t bytes : {0, 1, 4096, (512 << 10) - 1, (512 << 10), (1 << 20) + 4097}) {
    expect_copied(run, bytes, 3, 17);
  }
  // Beyond this machine's caches, or a good part of the way: streaming where it is chosen.
  expect_copied(run, (40u << 20) + 5, 0, 1);
}

TEST(Copy, OneThreadChoosesForItself) {
  expect_copied([](const Request& request) { copy(request); }, 100'003, 5, 9);
}

machine::Cpu made_up_cpu() {
  machine::Cpu cpu;
  cpu.data_caches = {{.level = 1, .size_bytes = 32u << 10},
                     {.level = 2, .size_bytes = 1u << 20},
                     {.level = 3, .size_bytes = 32u << 20, .sharing_cores = 8}};
  cpu.cores = 8;
  return cpu;
}

TEST(Copy, StreamsWhenBothBuffersExceedTheLastCache) {
  machine::Cpu cpu = made_up_cpu();
  EXPECT_EQ(choose_config(16u << 20, cpu, 1).store, Store::kCached);
  EXPECT_EQ(choose_config((16u << 20) + 1, cpu, 1).store, Store::kStreaming);
  cpu.data_caches.pop_back();  // no third level
  EXPECT_EQ(choose_config(512u << 10, cpu, 1).store, Store::kCached);
  EXPECT_EQ(choose_config((512u << 10) + 1, cpu, 1).store, Store::kStreaming);
}

TEST(Copy, ThreadsOnlyWhereTheyPay) {
  const machine::Cpu cpu = made_up_cpu();
  EXPECT_EQ(choose_config(0, cpu, 8).threads, 1);
  EXPECT_EQ(choose_config((512u << 10) - 1, cpu, 8).threads, 1);
  EXPECT_EQ(choose_config(512u << 10, cpu, 8).threads, 2);
  EXPECT_EQ(choose_config(64u << 20, cpu, 8).threads, 8);
  EXPECT_EQ(choose_config(64u << 20, cpu, 1).threads, 1);
}

TEST(Copy, VariantsSayWhyNot) {
  const machine::Cpu bare;
  EXPECT_EQ(variants()[0].why_not(bare), "needs AVX-512");
  EXPECT_EQ(variants()[1].why_not(bare), "needs AVX2");
  EXPECT_EQ(variants()[2].why_not(bare), "");
  EXPECT_EQ(widest(bare).name, "portable");
}

}  // namespace
}  // namespace aisp::kernels::copy
