// Work of one core: a library's matrix product, and loads that follow stores.
#include <dlfcn.h>
#include <fmt/format.h>

#include <cmath>
#include <memory>

#include "base/error.h"
#include "doctor/proofs/workload.h"

namespace aisp::doctor {
namespace {

// OpenBLAS as a program meets it: the library's own choice of kernels, or its variable's. (Our
// peers, machine/peer_blas.h, are told the right one.) Prototypes: OpenBLAS cblas.h.
using Sgemm = void (*)(int, int, int, int, int, int, float, const float*, int, const float*, int,
                       float, float*, int);

struct Product {
  static constexpr int kSize = 192;
  Product() : a(kSize * kSize, 1.0f), b(kSize * kSize, 2.0f), c(kSize * kSize) {
    void* const library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) throw Error("is not installed", "libopenblas.so.0", "");
    sgemm = reinterpret_cast<Sgemm>(dlsym(library, "cblas_sgemm"));
    const auto threads =
        reinterpret_cast<void (*)(int)>(dlsym(library, "openblas_set_num_threads"));
    const auto name = reinterpret_cast<const char* (*)()>(dlsym(library, "openblas_get_corename"));
    if (sgemm == nullptr || threads == nullptr || name == nullptr) {
      throw Error("lacks a function", "libopenblas.so.0", "");
    }
    threads(1);
    core = name();
  }
  void run() {
    constexpr int kRowMajor = 101, kNoTranspose = 111;
    sgemm(kRowMajor, kNoTranspose, kNoTranspose, kSize, kSize, kSize, 1.0f, a.data(), kSize,
          b.data(), kSize, 0.0f, c.data(), kSize);
    if (c[0] != 2.0f * kSize || c.back() != 2.0f * kSize) right = false;
  }
  std::vector<float> a, b, c;
  Sgemm sgemm = nullptr;
  std::string core;
  bool right = true;
};

Prepared sgemm(const Arguments&) {
  const auto state = std::make_shared<Product>();
  Prepared made;
  made.run = [=](std::uint64_t n) {
    for (std::uint64_t i = 0; i < n; ++i) state->run();
  };
  made.wrong = [=] { return state->right ? "" : "the product is wrong"; };
  made.work = 2.0 * std::pow(Product::kSize, 3) / 1e6;
  made.unit = "MFLOP of kernels for " + state->core;
  made.blocks = false;
  return made;
}

// Histogram-like: stores whose addresses come late, followed by loads elsewhere. A processor that
// may not guess waits for every address.
Prepared store_forward(const Arguments&) {
  struct State {
    std::uint64_t table[1024] = {};
    std::uint64_t total = 0;
    volatile std::uint64_t last = 0;
  };
  const auto state = std::make_shared<State>();
  Prepared made;
  made.run = [=](std::uint64_t n) {
    std::uint64_t value = state->total + 1, sum = 0;
    for (std::uint64_t i = 0; i < 4096 * n; ++i) {
      value = value * 6364136223846793005u + 1442695040888963407u;
      state->table[(value >> 40) % 512] += 1;
      sum += state->table[512 + i % 512];
    }
    state->last = sum;
    state->total += 4096 * n;
  };
  made.wrong = [=] {
    std::uint64_t counted = 0;
    for (int i = 0; i < 512; ++i) counted += state->table[i];
    return counted == state->total ? "" : "the histogram lost counts";
  };
  made.work = 4096;
  made.unit = "counts";
  made.blocks = false;
  return made;
}

}  // namespace

std::vector<WorkloadRow> compute_work() {
  return {{"sgemm", sgemm}, {"store_forward", store_forward}};
}

}  // namespace aisp::doctor
