// oneDNN's product of 8-bit integers between our own quantisation and scaling: the composition that
// a program without kernels of its own would write.
#include <algorithm>

#include "labs/ch13_profiling_memory/quantization/problem.h"

namespace aisp::labs::ch13::quantization {
namespace {

struct State {
  State(const bench::Params& p, int threads)
      : activations(p),
        sums(static_cast<std::size_t>(p["T"] * p["N"])),
        use(machine::peer_blas(machine::PeerLibrary::kOneDnn), threads) {
    if (threads > 1) warm_up(p);
  }
  void multiply(const bench::Params& p, const std::int8_t* weights) {
    use.blas().gemm_s8s8s32(p["T"], p["N"], p["C"], activations.q.data(), p["C"], weights, p["N"],
                            sums.data(), p["N"]);
  }
  /// The library takes its packing buffers from the heap in each call and returns them. Until the
  /// buffers of all threads have once been in use together, the heap grows, some 100 calls long
  /// (then not in 20,000), which would be taken for a leak.
  void warm_up(const bench::Params& p) {
    const std::vector<std::int8_t> zeros(static_cast<std::size_t>(p["C"] * p["N"]));
    const double products = static_cast<double>(p["T"] * p["C"]) * static_cast<double>(p["N"]);
    const int calls = static_cast<int>(std::clamp(1e8 / products, 1.0, 300.0));
    for (int i = 0; i < calls; ++i) multiply(p, zeros.data());
  }
  Activations activations;
  std::vector<std::int32_t> sums;  // [T, N]
  machine::PeerUse use;
};

}  // namespace

bench::Technique peer_int8(const char* name, int threads) {
  bench::Technique technique;
  technique.name = name;
  technique.summary = threads == 1 ? "quantise, the library's 8-bit gemm, scale; one thread"
                                   : "... its gemm on every core";
  technique.role = bench::Role::kPeer;
  technique.threads = threads;
  technique.needs = [](const machine::Cpu&) {
    return machine::peer_blas(machine::PeerLibrary::kOneDnn).why_not_int8();
  };
  technique.plan = [threads](const bench::Params& p) {
    auto state = std::make_shared<State>(p, threads > 0 ? threads : machine::cpu().cores);
    return bench::plan_of([state, p](const bench::Io& io) {
      Activations& x = state->activations;
      x.quantize(p, io.in<float>(kX).data(), nullptr);
      state->multiply(p, io.in<std::int8_t>(kQuantizedW).data());
      scale_sums(p, state->sums.data(), x.scales.data(), io.in<float>(kScales).data(),
                 io.out<float>(kY).data());
    });
  };
  return technique;
}

bench::Technique onednn_int8() { return peer_int8("onednn_int8", 1); }

}  // namespace aisp::labs::ch13::quantization
