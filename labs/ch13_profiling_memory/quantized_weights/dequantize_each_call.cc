// 4-bit weights kept for their size alone: widened to f32 in each call, then multiplied as f32.
// What loaders of GGUF files do in frameworks without kernels for its types; here 32 outputs at a
// time, so that the widened weights stay in level 2. Source: diffusers, quantizers/gguf
// (dequantize_gguf_tensor before each F.linear).
#include "labs/ch13_profiling_memory/quantized_weights/problem.h"
#include "machine/crew.h"

namespace aisp::labs::ch13::quantized_weights {
namespace {

namespace linear = kernels::linear;

constexpr std::int64_t kOutputs = 32;  // a panel of the packed form

struct State {
  explicit State(const bench::Params& p)
      : depth(p["K"]),
        outputs(p["N"]),
        wide(static_cast<std::size_t>(kOutputs * depth)),
        packed(
            static_cast<std::size_t>(linear::packed_bytes(linear::Type::kF32, kOutputs, depth))) {}

  void run(std::int64_t rows, const bench::Io& io) {
    const std::int64_t row_bytes = depth / 32 * 18;
    for (std::int64_t first = 0; first < outputs; first += kOutputs) {
      const std::int64_t count = std::min(kOutputs, outputs - first);
      dequantize(io.in<std::uint8_t>(kBlocks).data() + first * row_bytes, count * depth / 32,
                 wide.data());
      const linear::Matrix panel = linear::pack(linear::Type::kF32, count, depth,
                                                reinterpret_cast<const std::byte*>(wide.data()),
                                                {packed.data(), packed.size_bytes()}, pool);
      const linear::Product product{
          .w = &panel, .y = io.out<float>(kY).data() + first, .y_stride = outputs};
      linear::multiply(workspace, {.x = io.in<float>(kX).data(), .rows = rows, .k = depth},
                       {&product, 1});
    }
  }

  std::int64_t depth, outputs;
  std::vector<float> wide;
  machine::PageBuffer packed;
  machine::ThreadPool pool{1};
  linear::Workspace workspace{pool};
};

}  // namespace

bench::Technique dequantize_each_call() {
  return {.name = "dequantize_each_call",
          .summary = "4-bit weights widened to f32 in each call, one thread",
          .plan = [](const bench::Params& p) {
            return bench::plan_of([state = std::make_shared<State>(p),
                                   rows = p["T"]](const bench::Io& io) { state->run(rows, io); });
          }};
}

}  // namespace aisp::labs::ch13::quantized_weights
