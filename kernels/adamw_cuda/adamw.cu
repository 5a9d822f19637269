// The kernel of adamw.h: a block for each chunk, two packs of four elements a thread at a time, so
// that 112 bytes of each thread are in flight and each access of a warp is whole lines.
//
// Source: see adamw.h.
#include <cmath>

#include "kernels/adamw_cuda/run.h"
#include "kernels/cuda/element.cuh"

namespace aisp::kernels::adamw_cuda {
namespace {

using namespace cuda;

constexpr int kCount = 4, kPacks = 2, kThreads = 256;
constexpr int kTurn = kCount * kPacks * kThreads;
static_assert(kChunk % kTurn == 0);

// What is the same for every element.
struct Factors {
  float beta1, beta2, keep, rate, root_correction, epsilon;
  const float *grad_scale, *found_inf;
};

// The elements of a pack in f32.
struct Elements {
  float w[kCount], g[kCount], m[kCount], v[kCount];
};

__device__ void step_of(Elements& e, const Factors& f, float scale) {
#pragma unroll
  for (int j = 0; j < kCount; ++j) {
    const float g = e.g[j] * scale;
    e.m[j] = fmaf(f.beta1, e.m[j], (1.0F - f.beta1) * g);
    e.v[j] = fmaf(f.beta2, e.v[j], (1.0F - f.beta2) * g * g);
    const float denominator = fmaf(sqrtf(e.v[j]), f.root_correction, f.epsilon);
    e.w[j] = fmaf(f.keep, e.w[j], -(f.rate * e.m[j] / denominator));
  }
}

template <class P, class G, bool kAligned>
__device__ void step_chunk(const Tensor& t, std::int64_t first, int count, const Factors& f,
                           float scale) {
  constexpr bool kMaster = sizeof(P) == 2;
  P* parameter = static_cast<P*>(t.parameter) + first;
  float* w = kMaster ? t.master + first : reinterpret_cast<float*>(parameter);
  const G* gradient = static_cast<const G*>(t.gradient) + first;
  float *m = t.m + first, *v = t.v + first;
  for (int turn = 0; turn < count; turn += kTurn) {
    Pack<float, kCount> weights[kPacks], ms[kPacks], vs[kPacks];
    Pack<G, kCount> gradients[kPacks];
#pragma unroll
    for (int i = 0; i < kPacks; ++i) {
      const int at = turn + (i * kThreads + static_cast<int>(threadIdx.x)) * kCount;
      if (at >= count) continue;
      gradients[i] = load_at<G, kCount, kAligned>(gradient, at, count);
      weights[i] = load_at<float, kCount, kAligned>(w, at, count);
      ms[i] = load_at<float, kCount, kAligned>(m, at, count);
      vs[i] = load_at<float, kCount, kAligned>(v, at, count);
    }
#pragma unroll
    for (int i = 0; i < kPacks; ++i) {
      const int at = turn + (i * kThreads + static_cast<int>(threadIdx.x)) * kCount;
      if (at >= count) continue;
      Elements e;
      to_floats(weights[i], e.w);
      to_floats(gradients[i], e.g);
      to_floats(ms[i], e.m);
      to_floats(vs[i], e.v);
      step_of(e, f, scale);
      store_at<float, kCount, kAligned>(w, at, count, of_floats<float>(e.w));
      store_at<float, kCount, kAligned>(m, at, count, of_floats<float>(e.m));
      store_at<float, kCount, kAligned>(v, at, count, of_floats<float>(e.v));
      if constexpr (kMaster) {
        store_at<P, kCount, kAligned>(parameter, at, count, of_floats<P>(e.w));
      }
    }
  }
}

template <class P, class G>
__global__ void __launch_bounds__(kThreads, 4)
    adamw_chunks(const Tensor* tensors, const Chunk* chunks, const Factors f) {
  if (f.found_inf != nullptr && *f.found_inf != 0.0F) return;
  const Chunk chunk = chunks[blockIdx.x];
  const Tensor t = tensors[chunk.tensor];
  const float scale = f.grad_scale == nullptr ? 1.0F : *f.grad_scale;
  const int count = static_cast<int>(min(t.count - chunk.first, kChunk));
  // Chunks begin at multiples of 8192 elements, so the addresses of the tensor decide; the last
  // chunk of a tensor may end within a pack.
  const auto bits = reinterpret_cast<std::uintptr_t>(t.parameter) |
                    reinterpret_cast<std::uintptr_t>(t.gradient) |
                    reinterpret_cast<std::uintptr_t>(t.master) |
                    reinterpret_cast<std::uintptr_t>(t.m) | reinterpret_cast<std::uintptr_t>(t.v);
  if (bits % 16 == 0 && count % kCount == 0) {
    step_chunk<P, G, true>(t, chunk.first, count, f, scale);
  } else {
    step_chunk<P, G, false>(t, chunk.first, count, f, scale);
  }
}

template <class P, class G>
void launch(const Tensors& tensors, const Step& s, const Factors& factors) {
  adamw_chunks<P, G><<<static_cast<unsigned>(tensors.chunk_count()), kThreads, 0, s.stream>>>(
      tensors.table(), tensors.chunks(), factors);
  AISP_CUDA(cudaGetLastError());
}

}  // namespace

void run(const Tensors& tensors, const Step& s) {
  if (tensors.chunk_count() == 0) return;
  const double correction1 = 1.0 - std::pow(static_cast<double>(s.beta1), s.step);
  const double correction2 = 1.0 - std::pow(static_cast<double>(s.beta2), s.step);
  const Factors factors{
      .beta1 = s.beta1,
      .beta2 = s.beta2,
      .keep = static_cast<float>(1.0 - static_cast<double>(s.lr) * s.weight_decay),
      .rate = static_cast<float>(s.lr / correction1),
      .root_correction = static_cast<float>(1.0 / std::sqrt(correction2)),
      .epsilon = s.epsilon,
      .grad_scale = s.grad_scale,
      .found_inf = s.found_inf};
  const bool narrow = tensors.types().parameter == DType::kBF16;
  if (!narrow) {
    launch<float, float>(tensors, s, factors);
  } else if (tensors.types().gradient == DType::kBF16) {
    launch<Bf16, Bf16>(tensors, s, factors);
  } else {
    launch<Bf16, float>(tensors, s, factors);
  }
}

}  // namespace aisp::kernels::adamw_cuda
