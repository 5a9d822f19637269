// Peer: oneDNN's layer normalization on one thread.
#include "machine/peer_blas.h"
#include "machine/peer_dnn.h"

#include "labs/ch09_fusion/memory_bound/problem.h"

namespace aisp::labs::ch09::memory_bound {

bench::Technique peer(const char* name, const char* summary, int threads) {
  return {.name = name,
          .summary = summary,
          .role = bench::Role::kPeer,
          .threads = threads,
          .needs = [](const machine::Cpu&) { return machine::dnn_why_not(); },
          .plan =
              [threads](const bench::Params& params) {
                auto use = std::make_shared<machine::PeerUse>(
                    machine::peer_blas(machine::PeerLibrary::kOneDnn),
                    threads == 0 ? machine::cpu().cores : threads);
                use->blas();  // primitives are made for the number of threads that is set
                auto primitive =
                    std::make_shared<machine::DnnPrimitive>(machine::DnnPrimitive::layer_norm(
                        {{params["rows"], params["n"]}, {}}, kEpsilon));
                return bench::plan_of([use, primitive](const bench::Io& io) {
                  use->blas();
                  primitive->run({io.in<float>(0).data(), io.in<float>(1).data(),
                                  io.in<float>(2).data(), io.out<float>(0).data()});
                });
              }};
}

bench::Technique onednn() { return peer("onednn", "oneDNN's layer normalization", 1); }

}  // namespace aisp::labs::ch09::memory_bound
