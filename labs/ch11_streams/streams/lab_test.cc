// How work is cut, and every technique on a GPU.
#include <gtest/gtest.h>

#include "bench/verify.h"
#include "labs/ch11_streams/streams/problem.h"

namespace aisp::labs::ch11::streams {

bench::Lab describe();

namespace {

TEST(Streams, ChunksCoverEverythingOnce) {
  for (const std::int64_t n : {1, 3, 4, 5, 17, 100, 1025}) {
    for (const std::int64_t chunks : {1, 2, 3, 16}) {
      std::int64_t next = 0;
      const auto all = cut(n, chunks);
      for (const Chunk& chunk : all) {
        EXPECT_EQ(chunk.begin, next);
        EXPECT_LE(chunk.count, all[0].count);  // buffers have the first one's size
        next += chunk.count;
      }
      EXPECT_EQ(next, n);
      EXPECT_LE(all.size(), static_cast<std::size_t>(chunks));
    }
  }
}

TEST(Streams, MoreTimeOrCheaperChunksMeanMoreChunks) {
  EXPECT_EQ(best_chunks(305.0, 6.0), 10);
  EXPECT_EQ(best_chunks(1.0, 6.0), 1);
  EXPECT_EQ(best_chunks(1e6, 1.0), 64);
  for (const std::int64_t other : {9, 11}) {  // it is the minimum of the model
    const auto time = [](std::int64_t c) {
      return 305.0 * (1.0 + 2.0 / static_cast<double>(c)) + 6.0 * static_cast<double>(c);
    };
    EXPECT_LE(time(10), time(other));
  }
}

TEST(StreamsCuda, AllTechniquesAreRight) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  EXPECT_EQ(bench::check_device_techniques(describe()), "");
}

}  // namespace
}  // namespace aisp::labs::ch11::streams
