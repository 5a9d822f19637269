// Rotary position embedding on the device, in place, and the same with the rotated K and V going
// straight into the paged cache. No table of cosines: a frequency is kept as the 64-bit fraction of
// a turn that one position adds, so position * frequency, which wraps at whole turns by itself, is
// the exact phase at any position (a product in f32 is off by 0.008 rad at position 131072). The
// cosines of a token serve all its heads.
//
// Floor: q and k read and written once at copy bandwidth. Prediction, written before the first run,
// one H200 at 4.1 TB/s: 16384 tokens of 32 + 8 heads of 128, 336 MB, 82 us; 0.95 of that, as the
// arithmetic (about 500 instructions a warp for 8 KiB) is a third of what may run meanwhile.
// Reached: 85 us, 3.94 TB/s, 0.96 of a copy in the same run (interleaved 0.95, heads of 64 0.945,
// with the append 3.89 TB/s); compiled PyTorch with tables, out of place: 85 us, interleaved 101.
//
// Source: Su et al., "RoFormer", arXiv:2104.09864 (interleaved); GPT-NeoX (half-split).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/decode_attention_cuda/paged_cache.h"
#include "machine/device.h"

namespace aisp::kernels::rope_cuda {

enum class Pairing { kHalves, kInterleaved };  // (i, i + rotary / 2), or (2i, 2i + 1)

/// Turns per position of pair i, in units of 2^-64 turns. Scaled variants (linear, by parts, YaRN)
/// are other numbers here.
struct Frequencies {
  std::array<std::uint64_t, 128> turns{};
};
/// base^(-2i / rotary_size) / (2 pi), right to 4 units; rotary_size even, at most 256.
Frequencies frequencies(int rotary_size, double base);

/// Device pointers, 16-byte aligned; strides are elements between tokens, multiples of 8, 0: tight.
struct Request {
  bf16* q = nullptr;  // [tokens][heads][head_size], rotated in place; null with heads 0
  bf16* k = nullptr;  // [tokens][kv_heads][head_size]
  std::int64_t q_stride = 0, k_stride = 0;
  const std::int32_t* positions = nullptr;  // [tokens], not negative
  std::int64_t tokens = 0;
  int heads = 0, kv_heads = 0;
  int head_size = 128;    // 64, 128 or 256
  int rotary_size = 128;  // the first so many elements of a head turn; a multiple of 16
  Pairing pairing = Pairing::kHalves;
  Frequencies frequencies;
  /// With a cache (data not null): rotated K and V as they are go to slots[token] of the cache (see
  /// append in decode_attention_cuda), a negative slot nowhere; k is not written.
  decode_attention_cuda::PagedCache cache;
  const bf16* v = nullptr;
  std::int64_t v_stride = 0;
  const std::int64_t* slots = nullptr;
  machine::CudaStream stream = nullptr;
};

struct Config {
  std::int64_t blocks = 0;
};
/// Pure: a warp for some rows of one token.
Config choose_config(const Request& request);
std::string why_not(const Request& request, const machine::CudaDevice& device);

/// Rotations in f32: |error| <= 2^-20 (|a| + |b|) of the pair before the rounding to bf16: 2^-21.2
/// of the processor's sine and cosine, 2^-22.3 of their angle, the product's roundings. Throws
/// Error when CUDA does or the request is not possible.
void rotate(const Request& request);

struct Variant {
  std::string name;
  std::string (*why_not)(const Request&, const machine::CudaDevice&);
  void (*run)(const Request&);  // null in a build without CUDA
};
const std::vector<Variant>& variants();

}  // namespace aisp::kernels::rope_cuda
