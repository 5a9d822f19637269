// dlopen of the peers; see peer_blas.h. Loaded with RTLD_LOCAL, so that their symbols (a second
// BLAS, an OpenMP runtime) never bind into our own code.
#include "machine/peer_blas.h"

#include <dlfcn.h>

#include <cstdlib>

#include "base/check.h"

namespace aisp::machine {
namespace {

// CBLAS: order 101 = row-major, transpose 111 = none; `int` is 32 bits in the LP64 builds that the
// soname libopenblas.so.0 promises.
using CblasSgemm = void (*)(int order, int transpose_a, int transpose_b, int m, int n, int k,
                            float alpha, const float* a, int lda, const float* b, int ldb,
                            float beta, float* c, int ldc);
// Row-major since oneDNN 1.0; returns 0 (dnnl_success) or a status.
using DnnlSgemm = int (*)(char transpose_a, char transpose_b, std::int64_t m, std::int64_t n,
                          std::int64_t k, float alpha, const float* a, std::int64_t lda,
                          const float* b, std::int64_t ldb, float beta, float* c, std::int64_t ldc);
// `ao`, `bo`: zero points; `co` by offset_c 'F': one number added to every element of C.
template <class A>
using DnnlGemmInt8 = int (*)(char transpose_a, char transpose_b, char offset_c, std::int64_t m,
                             std::int64_t n, std::int64_t k, float alpha, const A* a,
                             std::int64_t lda, A ao, const std::int8_t* b, std::int64_t ldb,
                             std::int8_t bo, float beta, std::int32_t* c, std::int64_t ldc,
                             const std::int32_t* co);
using SetThreads = void (*)(int);

void* open_first(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (void* handle = dlopen(name, RTLD_NOW | RTLD_LOCAL)) return handle;
  }
  return nullptr;
}

PeerBlas load_openblas() {
  PeerBlas peer{.name = "openblas", .library = PeerLibrary::kOpenBlas};
  const std::string_view core = openblas_core_type(cpu());
  if (!core.empty()) setenv("OPENBLAS_CORETYPE", std::string(core).c_str(), /*overwrite=*/0);
  // Its idle workers spin for 2^value cycles, 2^26 (some 20 ms) by default: long into the
  // measurement of the next technique. 2^17 is about 35 us.
  setenv("OPENBLAS_THREAD_TIMEOUT", "17", /*overwrite=*/0);
  void* handle = open_first({"libopenblas.so.0", "libopenblas.so"});
  if (handle == nullptr) {
    peer.why_not = "needs libopenblas.so.0 (Debian package libopenblas0-pthread)";
    return peer;
  }
  peer.sgemm_function = dlsym(handle, "cblas_sgemm");
  peer.set_threads_function = dlsym(handle, "openblas_set_num_threads");
  if (peer.sgemm_function == nullptr || peer.set_threads_function == nullptr) {
    peer.why_not = "libopenblas.so.0 lacks cblas_sgemm or openblas_set_num_threads";
    return peer;
  }
  peer.end_threads_function = dlsym(handle, "blas_thread_shutdown_");
  if (void* core_name = dlsym(handle, "openblas_get_corename")) {
    peer.details = reinterpret_cast<const char* (*)()>(core_name)();
  }
  return peer;
}

PeerBlas load_onednn() {
  PeerBlas peer{.name = "onednn", .library = PeerLibrary::kOneDnn};
  // Waiting threads sleep, but not at once: 1000 turns of libgomp's wait are some 30 us, as in our
  // own ThreadPool. Sleeping at once costs oneDNN half its speed at 128^3 on two threads (80
  // instead of 185 GFLOP/s); spinning for long would slow whatever is measured next.
  setenv("OMP_WAIT_POLICY", "passive", /*overwrite=*/0);
  setenv("GOMP_SPINCOUNT", "1000", /*overwrite=*/0);
  // Debian 13 names 3.x by its minor release.
  void* handle = open_first({"libdnnl.so.3", "libdnnl.so.3.6", "libdnnl.so.2", "libdnnl.so"});
  peer.handle = handle;
  if (handle == nullptr) {
    peer.why_not = "needs libdnnl.so.3 or .so.2 (Debian package libdnnl3, libdnnl3.6 or libdnnl2)";
    return peer;
  }
  peer.sgemm_function = dlsym(handle, "dnnl_sgemm");
  // dlsym on a handle searches its dependencies too: the OpenMP runtime that oneDNN was linked
  // with.
  peer.set_threads_function = dlsym(handle, "omp_set_num_threads");
  if (peer.sgemm_function == nullptr || peer.set_threads_function == nullptr) {
    peer.why_not = "libdnnl was built without dnnl_sgemm or without OpenMP";
    return peer;
  }
  peer.end_threads_function = dlsym(handle, "omp_pause_resource_all");  // OpenMP 5.0
  peer.gemm_u8s8s32_function = dlsym(handle, "dnnl_gemm_u8s8s32");
  peer.gemm_s8s8s32_function = dlsym(handle, "dnnl_gemm_s8s8s32");
  struct Version {
    int major, minor, patch;
  };
  if (void* version = dlsym(handle, "dnnl_version")) {
    // The struct starts with these three ints in every release since 1.0.
    const auto* v = static_cast<const Version*>(reinterpret_cast<const void* (*)()>(version)());
    peer.details =
        std::to_string(v->major) + "." + std::to_string(v->minor) + "." + std::to_string(v->patch);
  }
  return peer;
}

}  // namespace

void PeerBlas::set_threads(int threads) const {
  check(why_not.empty(), "a peer library that is absent was called");
  reinterpret_cast<SetThreads>(set_threads_function)(threads);
}

void PeerBlas::end_threads() const {
  if (end_threads_function == nullptr) return;
  if (library == PeerLibrary::kOpenBlas) {
    reinterpret_cast<int (*)()>(end_threads_function)();
  } else {
    constexpr int kOmpPauseSoft = 1;  // keeps settings, gives up threads
    reinterpret_cast<int (*)(int)>(end_threads_function)(kOmpPauseSoft);
  }
}

void PeerBlas::sgemm(std::int64_t m, std::int64_t n, std::int64_t k, const float* a,
                     std::int64_t lda, const float* b, std::int64_t ldb, float* c,
                     std::int64_t ldc) const {
  check(why_not.empty(), "a peer library that is absent was called");
  if (library == PeerLibrary::kOpenBlas) {
    reinterpret_cast<CblasSgemm>(sgemm_function)(
        101, 111, 111, static_cast<int>(m), static_cast<int>(n), static_cast<int>(k), 1.0f, a,
        static_cast<int>(lda), b, static_cast<int>(ldb), 0.0f, c, static_cast<int>(ldc));
    return;
  }
  const int status = reinterpret_cast<DnnlSgemm>(sgemm_function)('N', 'N', m, n, k, 1.0f, a, lda, b,
                                                                 ldb, 0.0f, c, ldc);
  check(status == 0, "dnnl_sgemm refused its arguments");
}

std::string PeerBlas::why_not_int8() const {
  if (!why_not.empty()) return why_not;
  if (gemm_u8s8s32_function != nullptr && gemm_s8s8s32_function != nullptr) return "";
  return name + " has no product of 8-bit integers";
}

void PeerBlas::gemm_u8s8s32(std::int64_t m, std::int64_t n, std::int64_t k, const std::uint8_t* a,
                            std::int64_t lda, const std::int8_t* b, std::int64_t ldb,
                            std::int32_t* c, std::int64_t ldc) const {
  check(why_not_int8().empty(), "a peer function that is absent was called");
  constexpr std::int32_t kNoOffset = 0;
  const int status = reinterpret_cast<DnnlGemmInt8<std::uint8_t>>(gemm_u8s8s32_function)(
      'N', 'N', 'F', m, n, k, 1.0f, a, lda, 0, b, ldb, 0, 0.0f, c, ldc, &kNoOffset);
  check(status == 0, "dnnl_gemm_u8s8s32 refused its arguments");
}

void PeerBlas::gemm_s8s8s32(std::int64_t m, std::int64_t n, std::int64_t k, const std::int8_t* a,
                            std::int64_t lda, const std::int8_t* b, std::int64_t ldb,
                            std::int32_t* c, std::int64_t ldc) const {
  check(why_not_int8().empty(), "a peer function that is absent was called");
  constexpr std::int32_t kNoOffset = 0;
  const int status = reinterpret_cast<DnnlGemmInt8<std::int8_t>>(gemm_s8s8s32_function)(
      'N', 'N', 'F', m, n, k, 1.0f, a, lda, 0, b, ldb, 0, 0.0f, c, ldc, &kNoOffset);
  check(status == 0, "dnnl_gemm_s8s8s32 refused its arguments");
}

const PeerBlas& peer_blas(PeerLibrary library) {
  if (library == PeerLibrary::kOpenBlas) {
    static const PeerBlas openblas = load_openblas();
    return openblas;
  }
  static const PeerBlas onednn = load_onednn();
  return onednn;
}

std::string_view openblas_core_type(const Cpu& cpu) {
  if (cpu.avx512) return "SKYLAKEX";
  if (cpu.avx2) return cpu.vendor == "AuthenticAMD" ? "ZEN" : "HASWELL";
  return "";
}

}  // namespace aisp::machine
