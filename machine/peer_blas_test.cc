// The peers multiply correctly when present and give a reason when absent.
#include "machine/peer_blas.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <vector>

namespace aisp::machine {
namespace {

TEST(PeerBlas, MultipliesRowMajorOrSaysWhyNot) {
  for (const PeerLibrary library : {PeerLibrary::kOpenBlas, PeerLibrary::kOneDnn}) {
    const PeerBlas& peer = peer_blas(library);
    if (!peer.why_not.empty()) {
      EXPECT_NE(peer.why_not.find("lib"), std::string::npos) << peer.why_not;
      continue;
    }
    const std::vector<float> a = {1, 2, 3, 4, 5, 6};     // [2, 3]
    const std::vector<float> b = {1, 0, 0, 1, 10, 100};  // [3, 2]
    for (const int threads : {1, 2}) {
      std::vector<float> c(4, -1.0f);  // [2, 2]
      peer.set_threads(threads);
      peer.sgemm(2, 2, 3, a.data(), 3, b.data(), 2, c.data(), 2);
      EXPECT_EQ(c, (std::vector<float>{31, 302, 64, 605})) << peer.name;
    }
  }
}

TEST(PeerBlas, MultipliesIntegersOrSaysWhyNot) {
  const PeerBlas& openblas = peer_blas(PeerLibrary::kOpenBlas);
  EXPECT_NE(openblas.why_not_int8(), "");
  const PeerBlas& onednn = peer_blas(PeerLibrary::kOneDnn);
  if (!onednn.why_not_int8().empty()) GTEST_SKIP() << onednn.why_not_int8();
  const std::vector<std::uint8_t> a = {255, 255, 255, 0, 1, 2};  // [2, 3]
  const std::vector<std::int8_t> signed_a = {-128, -128, 127, 0, 1, 2};
  const std::vector<std::int8_t> b = {-128, 0, -128, 1, 127, -1};  // [3, 2]
  std::vector<std::int32_t> c(4, -1);                              // [2, 2]
  onednn.set_threads(1);
  onednn.gemm_u8s8s32(2, 2, 3, a.data(), 3, b.data(), 2, c.data(), 2);
  EXPECT_EQ(c, (std::vector<std::int32_t>{255 * -129, 0, 126, -1}));
  onednn.gemm_s8s8s32(2, 2, 3, signed_a.data(), 3, b.data(), 2, c.data(), 2);
  EXPECT_EQ(c, (std::vector<std::int32_t>{256 * 128 + 127 * 127, -128 - 127, 126, -1}));
}

int threads_now() {
  int count = 0;
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::directory_iterator("/proc/self/task")) {
    ++count;
  }
  return count;
}

TEST(PeerBlas, NoThreadsAreLeftAfterUse) {
  for (const PeerLibrary library : {PeerLibrary::kOpenBlas, PeerLibrary::kOneDnn}) {
    const PeerBlas& peer = peer_blas(library);
    if (!peer.why_not.empty() || peer.end_threads_function == nullptr) continue;
    const std::vector<float> ones(200 * 200, 1.0f);
    std::vector<float> c(200 * 200);
    for (int repeat = 0; repeat < 3; ++repeat) {
      PeerUse use(peer, 2);
      use.blas().sgemm(200, 200, 200, ones.data(), 200, ones.data(), 200, c.data(), 200);
      EXPECT_EQ(c[199 * 200 + 199], 200.0f) << peer.name;
    }
    for (int wait = 0; wait < 200 && threads_now() > 1; ++wait) usleep(5000);
    EXPECT_EQ(threads_now(), 1) << peer.name;
  }
}

TEST(PeerBlas, CoreTypeFollowsTheFeatures) {
  Cpu cpu;
  EXPECT_EQ(openblas_core_type(cpu), "");
  cpu.avx2 = true;
  cpu.vendor = "AuthenticAMD";
  EXPECT_EQ(openblas_core_type(cpu), "ZEN");
  cpu.vendor = "GenuineIntel";
  EXPECT_EQ(openblas_core_type(cpu), "HASWELL");
  cpu.avx512 = true;
  EXPECT_EQ(openblas_core_type(cpu), "SKYLAKEX");
}

}  // namespace
}  // namespace aisp::machine
