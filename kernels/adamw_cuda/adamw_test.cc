// AdamW over several tensors against doubles: types, odd lengths and addresses, several steps, the
// skip flag; and the cut without a card.
#include "kernels/adamw_cuda/adamw.h"

#include <memory>

#include "kernels/cuda/test_tensor.h"

namespace aisp::kernels::adamw_cuda {
namespace {

using cuda::expect_within;
using cuda::TestTensor;
using Doubles = std::vector<double>;

constexpr double kU = 0x1p-24;

// One tensor with all that belongs to it.
struct Owned {
  TestTensor parameter, gradient, master, m, v;
  std::int64_t count;
  Owned(Types types, std::int64_t count, int offset, std::uint64_t seed)
      : parameter(types.parameter == DType::kF32
                      ? TestTensor::random(DType::kF32, count, seed, offset)
                      : TestTensor(types.parameter, count, offset)),
        gradient(TestTensor::random(types.gradient, count, seed + 1, offset, 0.1)),
        master(TestTensor::random(DType::kF32, count, seed + 2, offset)),
        m(TestTensor::random(DType::kF32, count, seed + 3, offset, 0.1)),
        v(DType::kF32, squares(count, seed + 4), offset),
        count(count) {}
  static Doubles squares(std::int64_t count, std::uint64_t seed) {
    Rng rng(seed);
    Doubles values(count);
    for (double& value : values) value = std::pow(0.1 * rng.normal(), 2.0);
    return values;
  }
  Tensor tensor(Types types) const {
    return {parameter.data(),
            gradient.data(),
            types.parameter == DType::kF32 ? nullptr : master.data<float>(),
            m.data<float>(),
            v.data<float>(),
            count};
  }
  const TestTensor& weight(Types types) const {
    return types.parameter == DType::kF32 ? parameter : master;
  }
};

void check_step(Types types, const Owned& t, const Step& s, double scale, const Doubles& w0,
                const Doubles& m0, const Doubles& v0, const std::string& what) {
  const Doubles g = t.gradient.read();
  Doubles w(t.count), m(t.count), v(t.count), w_bound(t.count), m_bound(t.count), v_bound(t.count);
  const double b1 = s.beta1, b2 = s.beta2, lr = s.lr;
  const double c1 = 1.0 - std::pow(b1, s.step), c2 = 1.0 - std::pow(b2, s.step);
  for (std::int64_t i = 0; i < t.count; ++i) {
    const double gi = g[i] * scale, size = std::fabs(b1 * m0[i]) + std::fabs((1.0 - b1) * gi);
    m[i] = b1 * m0[i] + (1.0 - b1) * gi;
    v[i] = b2 * v0[i] + (1.0 - b2) * gi * gi;
    const double below = std::sqrt(v[i] / c2) + s.epsilon;
    w[i] = w0[i] * (1.0 - lr * s.weight_decay) - lr * m[i] / c1 / below;
    m_bound[i] = 3.0 * kU * size;
    v_bound[i] = 4.0 * kU * v[i];
    w_bound[i] = kU * (2.0 * std::fabs(w0[i]) + 16.0 * lr / c1 * size / below);
  }
  expect_within(t.m.read(), m, m_bound, what + " m");
  expect_within(t.v.read(), v, v_bound, what + " v");
  const Doubles got = t.weight(types).read();
  expect_within(got, w, w_bound, what + " w");
  if (types.parameter == DType::kBF16) {
    Doubles rounded(t.count);
    for (std::int64_t i = 0; i < t.count; ++i) {
      rounded[i] = static_cast<float>(bf16(static_cast<float>(got[i])));
    }
    EXPECT_EQ(t.parameter.read(), rounded) << what;
  }
}

TEST(AdamwCuda, EveryTypeLengthAndAddress) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  const TestTensor scale(DType::kF32, Doubles{0.25}), fine(DType::kF32, Doubles{0.0});
  for (const Types types : {Types{DType::kBF16, DType::kBF16}, Types{DType::kBF16, DType::kF32},
                            Types{DType::kF32, DType::kF32}}) {
    std::vector<std::unique_ptr<Owned>> owned;
    std::vector<Tensor> list;
    std::uint64_t seed = 1;
    for (const std::int64_t count : {1, 4, 100, 2047, 8192, 8193, 100000, 0, 65536}) {
      for (const int offset : {0, 1}) {
        owned.push_back(std::make_unique<Owned>(types, count, offset, seed += 10));
        list.push_back(owned.back()->tensor(types));
      }
    }
    const Tensors tensors(types, list);
    for (const std::int64_t step : {1, 2, 1000}) {
      std::vector<Doubles> w, m, v;
      for (const auto& t : owned) {
        w.push_back(t->weight(types).read());
        m.push_back(t->m.read());
        v.push_back(t->v.read());
      }
      const Step s{.lr = 3e-3F,
                   .weight_decay = 0.1F,
                   .step = step,
                   .grad_scale = step == 2 ? scale.data<float>() : nullptr,
                   .found_inf = fine.data<float>()};
      adamw(tensors, s);
      machine::device_wait();
      for (std::size_t i = 0; i < owned.size(); ++i) {
        check_step(types, *owned[i], s, step == 2 ? 0.25 : 1.0, w[i], m[i], v[i],
                   "tensor " + std::to_string(i) + " step " + std::to_string(step));
      }
    }
  }
}

TEST(AdamwCuda, FoundInfChangesNothing) {
  if (!machine::cuda_device().why_not.empty()) GTEST_SKIP() << machine::cuda_device().why_not;
  const Types types;
  const Owned t(types, 5000, 0, 7);
  const TestTensor found(DType::kF32, Doubles{1.0});
  const Doubles w = t.master.read(), m = t.m.read(), v = t.v.read(), p = t.parameter.read();
  const Tensors tensors(types, std::vector<Tensor>{t.tensor(types)});
  adamw(tensors, {.found_inf = found.data<float>()});
  machine::device_wait();
  EXPECT_EQ(t.master.read(), w);
  EXPECT_EQ(t.m.read(), m);
  EXPECT_EQ(t.v.read(), v);
  EXPECT_EQ(t.parameter.read(), p);
  adamw(tensors, {});
  EXPECT_NE(t.master.read(), w);
}

TEST(Adamw, CutCoversEveryElementOnce) {
  const std::vector<Tensor> tensors = {
      {.count = 1}, {.count = 0}, {.count = kChunk}, {.count = 2 * kChunk + 5}};
  const std::vector<Chunk> chunks = cut(tensors);
  ASSERT_EQ(chunks.size(), 5U);
  EXPECT_EQ(chunks[1].tensor, 2);
  EXPECT_EQ(chunks[4].tensor, 3);
  EXPECT_EQ(chunks[4].first, 2 * kChunk);
  machine::CudaDevice none;
  EXPECT_NE(variants().front().why_not(none), "");
}

}  // namespace
}  // namespace aisp::kernels::adamw_cuda
