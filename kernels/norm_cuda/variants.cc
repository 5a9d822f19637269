// The table of device implementations, the configuration and the checks of norm.h.
//
// Source: see norm.h.
#include <algorithm>
#include <array>

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

cuda::RowConfig choose_config(const Request& r) {
  const bool aligned = fit(r.type, r.n, {r.x, r.residual, r.sum, r.weight, r.bias, r.y});
  // Small blocks with much in flight: a residual beside x leaves registers for two packs a thread.
  const int packs = r.residual != nullptr ? 2 : 4;
  return cuda::choose_row_config(r.rows, r.n, element_bytes(r.type), aligned, packs);
}

cuda::RowConfig choose_config(const Backward& r, const machine::CudaDevice& device) {
  const bool aligned = fit(r.type, r.n, {r.x, r.weight, r.dy, r.dx_add, r.dx});
  // Blocks as wide as they can be: little is held for a row, so that two blocks fit at once.
  auto config = cuda::choose_row_config(r.rows, r.n, element_bytes(r.type), aligned, 1);
  const int packs = aligned ? config.packs : 4;
  // Every block leaves a row of sums, so there are no more than fit at once, and of those no more
  // than end together.
  const std::int64_t resident = std::max<std::int64_t>(
      1, 512 * backward_blocks(packs) / (config.threads * config.rows_per_block));
  const std::int64_t most = std::max(1, device.multiprocessors) * resident;
  const std::int64_t turns = std::max<std::int64_t>(1, (config.blocks + most - 1) / most);
  config.blocks = (config.blocks + turns - 1) / turns;
  return config;
}

std::int64_t backward_scratch_floats(const Backward& request, const machine::CudaDevice& device) {
  const cuda::RowConfig config = choose_config(request, device);
  return config.blocks * config.rows_per_block * request.n;
}

std::string Variant::why_not(const machine::CudaDevice& device) const {
  return run == nullptr ? "this build has no device code" : device.needs(8);
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
  static const std::array<Variant, 1> table = {
      {{"registers", AISP_DEVICE(run), AISP_DEVICE(back)}}};
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
  variants().front().run(r, choose_config(r));
}

void backward(const Backward& r) {
  check(r.type == DType::kBF16 || r.type == DType::kF32, "norm: rows are bf16 or f32");
  check(r.n <= longest_backward_row(element_bytes(r.type)), "norm: row too long for backward");
  variants().front().run_backward(r, choose_config(r, machine::cuda_device()));
}

}  // namespace aisp::kernels::norm_cuda
