// The table of variants, the choice, and what they share of reading a request.
#include <array>
#include <cmath>

#include "base/check.h"
#include "base/error.h"
#include "kernels/attention_cuda/launches.h"

namespace aisp::kernels::attention_cuda {
namespace {

bool fits_16_bytes(const void* data, const Strides& strides, bool packed) {
  return reinterpret_cast<std::uintptr_t>(data) % 16 == 0 && strides.token % 8 == 0 &&
         strides.head % 8 == 0 && (packed || strides.batch % 8 == 0);
}

void check_request(const Request& request) {
  const Shape& shape = request.shape;
  check(shape.D == 64 || shape.D == 128, "attention: the head size is 64 or 128");
  check(shape.type == DType::kBF16 || shape.type == DType::kF16, "attention: bf16 or f16");
  check(shape.kv_heads > 0 && shape.heads > 0 && shape.heads % shape.kv_heads == 0,
        "attention: query heads are a multiple of KV heads");
  check(shape.batch >= 0 && shape.queries >= 0 && shape.keys >= 0, "attention: a negative size");
  // The grid of the plain variant; rows and columns are counted in 32 bits.
  check(shape.batch <= 65535 && shape.heads <= 65535, "attention: more than 65535 of a kind");
  check((request.query_starts == nullptr) == (request.key_starts == nullptr),
        "attention: both starts or neither");
  check(request.scale >= 0.0F, "attention: a negative scale");
}

}  // namespace

std::string why_unaligned(const Request& request) {
  const bool packed = request.query_starts != nullptr;
  const bool fits = fits_16_bytes(request.q, request.q_strides, packed) &&
                    fits_16_bytes(request.k, request.k_strides, packed) &&
                    fits_16_bytes(request.v, request.v_strides, packed) &&
                    fits_16_bytes(request.o, request.o_strides, packed);
  return fits ? "" : "needs pointers and strides of 16 bytes";
}

Work work_of(const Request& request, int section_heads) {
  const Shape& shape = request.shape;
  const bool packed = request.query_starts != nullptr;
  const double scale = request.scale > 0.0F ? static_cast<double>(request.scale)
                                            : 1.0 / std::sqrt(static_cast<double>(shape.D));
  Work work{.query_starts = request.query_starts,
            .key_starts = request.key_starts,
            .batch = static_cast<int>(shape.batch),
            .queries = static_cast<int>(shape.queries),
            .keys = static_cast<int>(shape.keys),
            .heads = static_cast<int>(shape.heads),
            .group = static_cast<int>(shape.heads / shape.kv_heads),
            .section_heads = section_heads,
            .causal = shape.causal ? 1 : 0,
            .scale_log2 = static_cast<float>(scale * 1.4426950408889634),
            .o = static_cast<std::uint16_t*>(request.o),
            .o_batch = packed ? 0 : request.o_strides.batch,
            .o_token = request.o_strides.token,
            .o_head = request.o_strides.head,
            .lse = request.lse};
  work.lse_head = packed ? request.total_queries : shape.queries;
  work.lse_batch = packed ? 0 : shape.heads * work.lse_head;
  return work;
}

std::span<const Variant> variants() {
  static const std::array<Variant, 2> table = {{
      {"flash_sm90", [](const machine::CudaDevice& device) { return device.needs_hopper(); },
       why_unaligned, AISP_DEVICE(run_flash_sm90)},
      {"mma", [](const machine::CudaDevice& device) { return device.needs(8); },
       [](const Request&) { return std::string(); }, AISP_DEVICE(run_mma)},
  }};
  return table;
}

void forward(const Request& request) {
  check_request(request);
  const machine::CudaDevice& device = machine::cuda_device();
  if (request.shape.batch == 0 || request.shape.queries == 0) return;
  for (const Variant& variant : variants()) {
    if (variant.run != nullptr && variant.why_not(device).empty() &&
        variant.refuses(request).empty()) {
      return variant.run(request);
    }
  }
  throw Error("no GPU that can run it: " + variants().back().why_not(device), "attention",
              "run on a card of compute capability 8.0 or later");
}

}  // namespace aisp::kernels::attention_cuda
