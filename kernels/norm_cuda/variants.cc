// The table of device implementations, the configuration and the checks of norm.h.
//
// Source: see norm.h.
#include <algorithm>
#include <array>
#include <initializer_list>

#include "base/check.h"
#include "kernels/norm_cuda/run.h"

namespace aisp::kernels::norm_cuda {
namespace {

constexpr int element_bytes(DType type) { return type == DType::kBF16 ? 2 : 4; }

bool fit(DType type, std::int64_t n, std::initializer_list<const void*> addresses) {
  const int bytes = element_bytes(type);
  for (const void* address : addresses) {
    if (!cuda::fits_packs(address, n, bytes, 16 / bytes)) return false;
  }
  return true;
}

}  // namespace

cuda::RowConfig registers_config(const Request& r) {
  const bool aligned = fit(r.type, r.n, {r.x, r.residual, r.sum, r.weight, r.bias, r.y});
  // Small blocks with much in flight: 8 packs leave 64 registers, into which neither a residual
  // beside x (2 packs: 3.97 TB/s, 8: 2.59) nor a bias and the mean fit (4: 3.7, 8: 1.8).
  const int packs = r.residual != nullptr ? 2 : r.kind == Kind::kLayer ? 4 : 8;
  return cuda::choose_row_config(r.rows, r.n, element_bytes(r.type), aligned, packs);
}

cuda::RowConfig ring_config(const Request& r, const machine::CudaDevice& device) {
  cuda::RowConfig config{.rows_per_block = 0};
  const std::int64_t row_bytes = r.n * element_bytes(r.type);
  // Whole packs of a warp; addresses that the copy engine takes.
  if (row_bytes % 512 != 0) return config;
  for (const void* address : {r.x, r.residual, static_cast<const void*>(r.sum), r.weight, r.bias,
                              static_cast<const void*>(r.y)}) {
    if (!cuda::fits_packs(address, 16, 1, 16)) return config;
  }
  // Three slots a warp; a kilobyte for the barriers and what the system keeps.
  const std::int64_t slots = 3 * row_bytes * (r.residual != nullptr ? 2 : 1);
  const auto memory = static_cast<std::int64_t>(device.shared_bytes_per_block) - 1024;
  const std::int64_t warps = (memory - row_bytes * (r.bias != nullptr ? 2 : 1)) / slots;
  config.aligned = true;
  config.rows_per_block = static_cast<int>(std::clamp<std::int64_t>(warps, 0, 8));
  config.threads = 32;
  if (config.rows_per_block == 0) return config;
  config.blocks = std::min<std::int64_t>(
      (r.rows + config.rows_per_block - 1) / config.rows_per_block, device.multiprocessors);
  return config;
}

Choice choose(const Request& r, const machine::CudaDevice& device) {
  const cuda::RowConfig ring = ring_config(r, device);
  // Fewer than four warps do not keep up with memory; few rows do not fill a ring.
  const bool fits = ring.rows_per_block >= 4 &&
                    r.rows >= 8 * ring.rows_per_block * std::int64_t{device.multiprocessors};
  if (fits && device.needs_hopper().empty()) return {0, ring};
  return {1, registers_config(r)};
}

cuda::RowConfig choose_config(const Backward& r, const machine::CudaDevice& device) {
  const bool aligned = fit(r.type, r.n, {r.x, r.weight, r.dy, r.dx_add, r.dx});
  auto config = cuda::choose_row_config(r.rows, r.n, element_bytes(r.type), aligned, 1);
  // Every block leaves a row of sums, so there are few: what fits at once, at 64 registers with one
  // pack a thread and 128 with more.
  const std::int64_t threads = config.packs == 1 && aligned ? 1024 : 512;
  const std::int64_t resident =
      std::max<std::int64_t>(1, threads / (config.threads * config.rows_per_block));
  config.blocks = std::min(config.blocks, std::max(1, device.multiprocessors) * resident);
  return config;
}

std::int64_t backward_scratch_floats(const Backward& request, const machine::CudaDevice& device) {
  const cuda::RowConfig config = choose_config(request, device);
  return config.blocks * config.rows_per_block * request.n;
}

std::string Variant::why_not(const machine::CudaDevice& device) const {
  if (run == nullptr) return "this build has no device code";
  return major == 9 ? device.needs_hopper() : device.needs(major);
}

std::span<const Variant> variants() {
  using Run = void (*)(const Request&, const cuda::RowConfig&);
  using RunBackward = void (*)(const Backward&, const cuda::RowConfig&);
  [[maybe_unused]] static constexpr Run run = [](const Request& r, const cuda::RowConfig& config) {
    constexpr Run kBf16 = AISP_DEVICE(run_bf16), kF32 = AISP_DEVICE(run_f32);
    (r.type == DType::kBF16 ? kBf16 : kF32)(r, config);
  };
  [[maybe_unused]] static constexpr RunBackward back = [](const Backward& r,
                                                          const cuda::RowConfig& config) {
    constexpr RunBackward kBf16 = AISP_DEVICE(run_backward_bf16),
                          kF32 = AISP_DEVICE(run_backward_f32);
    (r.type == DType::kBF16 ? kBf16 : kF32)(r, config);
  };
  static const std::array<Variant, 2> table = {{
      {"ring", 9, AISP_DEVICE(run_ring), nullptr},
      {"registers", 8, AISP_DEVICE(run), AISP_DEVICE(back)},
  }};
  return table;
}

void normalize(const Request& r) {
  check(r.type == DType::kBF16 || r.type == DType::kF32, "norm: rows are bf16 or f32");
  check((r.residual == nullptr) == (r.sum == nullptr), "norm: a residual needs its sum");
  check(r.output == Output::kSame || (r.type == DType::kBF16 && r.kind == Kind::kRms),
        "norm: quantised outputs are of bf16 rows and kRms");
  check((r.output == Output::kSame) == (r.scale == nullptr), "norm: scales of quantised rows");
  check(r.weight != nullptr && (r.bias == nullptr || r.kind == Kind::kLayer),
        "norm: a weight, and a bias only with kLayer");
  if (r.rows == 0) return;
  const Choice choice = choose(r, machine::cuda_device());
  variants()[choice.variant].run(r, choice.config);
}

void backward(const Backward& r) {
  check(r.type == DType::kBF16 || r.type == DType::kF32, "norm: rows are bf16 or f32");
  check(r.n <= longest_backward_row(element_bytes(r.type)), "norm: row too long for backward");
  variants().back().run_backward(r, choose_config(r, machine::cuda_device()));
}

}  // namespace aisp::kernels::norm_cuda
