// The tables, the checks and the list of implementations of adamw.h.
//
// Source: see adamw.h.
#include <algorithm>
#include <array>

#include "base/check.h"
#include "kernels/adamw_cuda/run.h"

namespace aisp::kernels::adamw_cuda {

std::vector<Chunk> cut(std::span<const Tensor> tensors) {
  std::vector<Chunk> chunks;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    for (std::int64_t first = 0; first < tensors[i].count; first += kChunk) {
      chunks.push_back({first, static_cast<std::int32_t>(i)});
    }
  }
  return chunks;
}

Tensors::Tensors(Types types, std::span<const Tensor> tensors) : types_(types) {
  const bool narrow = types.parameter == DType::kBF16;
  check(narrow || types.parameter == DType::kF32, "adamw: parameters are bf16 or f32");
  check(types.gradient == DType::kF32 || (narrow && types.gradient == DType::kBF16),
        "adamw: gradients are f32, or bf16 with bf16 parameters");
  for (const Tensor& tensor : tensors) {
    check((tensor.master != nullptr) == narrow, "adamw: bf16 parameters have a master, f32 none");
  }
  const std::vector<Chunk> chunks = cut(tensors);
  chunk_count_ = static_cast<std::int64_t>(chunks.size());
  table_ = machine::DeviceArray(tensors);
  chunks_ = machine::DeviceArray(std::span<const Chunk>(chunks));
}

std::string Variant::why_not(const machine::CudaDevice& device) const {
  return run == nullptr ? "this build has no device code" : device.needs(8);
}

std::span<const Variant> variants() {
  static const std::array<Variant, 1> table = {{{"chunks", AISP_DEVICE(run)}}};
  return table;
}

void adamw(const Tensors& tensors, const Step& step) {
  check(step.step >= 1, "adamw: steps count from 1");
  variants().front().run(tensors, step);
}

}  // namespace aisp::kernels::adamw_cuda
