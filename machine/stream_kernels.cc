// Streams of loads and stores, eight registers per iteration and nothing else, so that the caches
// and the memory decide. Non-temporal stores end with a fence: the data is on its way only then.
// Source: McCalpin, STREAM (1995), for what is counted: bytes the program loads and stores, not the
// lines that a cache fetches on its own before a store.
#include "base/simd_target.h"
#include "machine/ceiling_kernels.h"

// Loads of a whole pass must happen although nobody uses them, and a loop of stores must not become
// a call of memset or memcpy.
#define AISP_MEMORY_BARRIER() asm volatile("" ::: "memory")

// Six loops over `vector`s. Macros, because a template would be instantiated outside the target
// region. `keep` hides a register from the optimizer.
#define AISP_STREAM_LOOP(body)                                      \
  for (std::int64_t pass = 0; pass < passes; ++pass) {              \
    for (std::size_t at = 0; at < bytes; at += 8 * kWidth) {        \
      _Pragma("GCC unroll 8") for (std::size_t i = 0; i < 8; ++i) { \
        const std::size_t offset = at + i * kWidth;                 \
        body;                                                       \
      }                                                             \
      AISP_MEMORY_BARRIER();                                        \
    }                                                               \
  }
#define AISP_STREAM_KERNELS(vector, zero, pattern, load, store, combine, keep)                \
  constexpr std::size_t kWidth = sizeof(vector);                                              \
  void read(std::byte*, const std::byte* from, std::size_t bytes, std::int64_t passes) {      \
    vector sums[8];                                                                           \
    _Pragma("GCC unroll 8") for (int i = 0; i < 8; ++i) {                                     \
      sums[i] = zero;                                                                         \
      keep(sums[i]); /* else the compiler may share or join the eight sums */                 \
    }                                                                                         \
    AISP_STREAM_LOOP(sums[i] = combine(sums[i], load(from + offset)))                         \
    _Pragma("GCC unroll 8") for (int i = 0; i < 8; ++i) keep(sums[i]);                        \
  }                                                                                           \
  void write(std::byte* to, const std::byte*, std::size_t bytes, std::int64_t passes) {       \
    vector value = pattern;                                                                   \
    keep(value);                                                                              \
    AISP_STREAM_LOOP(store(to + offset, value))                                               \
  }                                                                                           \
  void copy(std::byte* to, const std::byte* from, std::size_t bytes, std::int64_t passes) {   \
    AISP_STREAM_LOOP(store(to + offset, load(from + offset)))                                 \
  }                                                                                           \
  void update(std::byte* to, const std::byte* from, std::size_t bytes, std::int64_t passes) { \
    AISP_STREAM_LOOP(store(to + offset, combine(load(to + offset), load(from + offset))))     \
  }
#define AISP_NT_KERNELS(vector, pattern, load, store_nt, keep)                                 \
  void write_nt(std::byte* to, const std::byte*, std::size_t bytes, std::int64_t passes) {     \
    vector value = pattern;                                                                    \
    keep(value);                                                                               \
    AISP_STREAM_LOOP(store_nt(to + offset, value))                                             \
    _mm_sfence();                                                                              \
  }                                                                                            \
  void copy_nt(std::byte* to, const std::byte* from, std::size_t bytes, std::int64_t passes) { \
    AISP_STREAM_LOOP(store_nt(to + offset, load(from + offset)))                               \
    _mm_sfence();                                                                              \
  }

namespace aisp::machine {
namespace {

// What is stored. Not zero: this memory path writes lines of zeros three times as quickly (Zen 4
// server, non-temporal stores: 72 GB/s of zeros, 23 GB/s of anything else).
constexpr int kPattern = 0x1e3779b9;

}  // namespace

#if AISP_X86

namespace sse2 {
#define AISP_LOAD(p) _mm_load_si128(reinterpret_cast<const __m128i*>(p))
#define AISP_STORE(p, v) _mm_store_si128(reinterpret_cast<__m128i*>(p), v)
#define AISP_STORE_NT(p, v) _mm_stream_si128(reinterpret_cast<__m128i*>(p), v)
#define AISP_KEEP(v) asm volatile("" : "+x"(v))
AISP_STREAM_KERNELS(__m128i, _mm_setzero_si128(), _mm_set1_epi32(kPattern), AISP_LOAD, AISP_STORE,
                    _mm_xor_si128, AISP_KEEP)
AISP_NT_KERNELS(__m128i, _mm_set1_epi32(kPattern), AISP_LOAD, AISP_STORE_NT, AISP_KEEP)
#undef AISP_LOAD
#undef AISP_STORE
#undef AISP_STORE_NT
}  // namespace sse2

AISP_TARGET_BEGIN_AVX2
namespace avx2 {
#define AISP_LOAD(p) _mm256_load_si256(reinterpret_cast<const __m256i*>(p))
#define AISP_STORE(p, v) _mm256_store_si256(reinterpret_cast<__m256i*>(p), v)
#define AISP_STORE_NT(p, v) _mm256_stream_si256(reinterpret_cast<__m256i*>(p), v)
AISP_STREAM_KERNELS(__m256i, _mm256_setzero_si256(), _mm256_set1_epi32(kPattern), AISP_LOAD,
                    AISP_STORE, _mm256_xor_si256, AISP_KEEP)
AISP_NT_KERNELS(__m256i, _mm256_set1_epi32(kPattern), AISP_LOAD, AISP_STORE_NT, AISP_KEEP)
#undef AISP_LOAD
#undef AISP_STORE
#undef AISP_STORE_NT
#undef AISP_KEEP
}  // namespace avx2
AISP_TARGET_END

AISP_TARGET_BEGIN_AVX512
namespace avx512 {
#define AISP_LOAD(p) _mm512_load_si512(p)
#define AISP_STORE(p, v) _mm512_store_si512(p, v)
#define AISP_STORE_NT(p, v) _mm512_stream_si512(reinterpret_cast<__m512i*>(p), v)
#define AISP_KEEP(v) asm volatile("" : "+v"(v))
AISP_STREAM_KERNELS(__m512i, _mm512_setzero_si512(), _mm512_set1_epi32(kPattern), AISP_LOAD,
                    AISP_STORE, _mm512_xor_si512, AISP_KEEP)
AISP_NT_KERNELS(__m512i, _mm512_set1_epi32(kPattern), AISP_LOAD, AISP_STORE_NT, AISP_KEEP)
}  // namespace avx512
AISP_TARGET_END

#else

// Sixteen bytes at a time through the compiler's vectors: NEON and its like where they exist.
namespace portable {
using Vector [[gnu::vector_size(16), gnu::may_alias]] = std::uint64_t;
#define AISP_LOAD(p) (*reinterpret_cast<const Vector*>(p))
#define AISP_STORE(p, v) (*reinterpret_cast<Vector*>(p) = (v))
#define AISP_XOR(x, y) ((x) ^ (y))
#define AISP_KEEP(v) asm volatile("" : : "m"(v))
AISP_STREAM_KERNELS(Vector, Vector{}, Vector{kPattern}, AISP_LOAD, AISP_STORE, AISP_XOR, AISP_KEEP)
}  // namespace portable

#endif

std::vector<StreamKernel> stream_kernels(const Cpu& cpu) {
  std::vector<StreamKernel> kernels;
  const auto add = [&](const char* isa, auto read, auto write, auto copy, auto update) {
    kernels.push_back({"read", isa, 1, read});
    kernels.push_back({"write", isa, 1, write});
    kernels.push_back({"copy", isa, 2, copy});
    kernels.push_back({"update", isa, 2, update, 1});
  };
#if AISP_X86
  const auto add_nt = [&](const char* isa, auto write_nt, auto copy_nt) {
    kernels.push_back({"write_nt", isa, 1, write_nt});
    kernels.push_back({"copy_nt", isa, 2, copy_nt});
  };
  add("sse2", sse2::read, sse2::write, sse2::copy, sse2::update);
  add_nt("sse2", sse2::write_nt, sse2::copy_nt);
  if (cpu.avx2) {
    add("avx2", avx2::read, avx2::write, avx2::copy, avx2::update);
    add_nt("avx2", avx2::write_nt, avx2::copy_nt);
  }
  if (cpu.avx512) {
    add("avx512", avx512::read, avx512::write, avx512::copy, avx512::update);
    add_nt("avx512", avx512::write_nt, avx512::copy_nt);
  }
#else
  add("portable", portable::read, portable::write, portable::copy, portable::update);
#endif
  return kernels;
}

}  // namespace aisp::machine
