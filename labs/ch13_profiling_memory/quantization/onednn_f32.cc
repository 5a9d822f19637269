// oneDNN's sgemm, on one thread here and on every core in onednn_f32_threads.cc.
#include "labs/ch13_profiling_memory/quantization/problem.h"

namespace aisp::labs::ch13::quantization {

bench::Technique peer_f32(const char* name, int threads) {
  bench::Technique technique;
  technique.name = name;
  technique.summary = threads == 1 ? "the library's sgemm, one thread" : "... every core";
  technique.role = bench::Role::kPeer;
  technique.threads = threads;
  technique.needs = [](const machine::Cpu&) {
    return machine::peer_blas(machine::PeerLibrary::kOneDnn).why_not;
  };
  technique.plan = [threads](const bench::Params& p) {
    auto use = std::make_shared<machine::PeerUse>(machine::peer_blas(machine::PeerLibrary::kOneDnn),
                                                  threads > 0 ? threads : machine::cpu().cores);
    return bench::plan_of([use, t = p["T"], c = p["C"], n = p["N"]](const bench::Io& io) {
      use->blas().sgemm(t, n, c, io.in<float>(kX).data(), c, io.in<float>(kW).data(), n,
                        io.out<float>(kY).data(), n);
    });
  };
  return technique;
}

bench::Technique onednn_f32() { return peer_f32("onednn_f32", 1); }

}  // namespace aisp::labs::ch13::quantization
