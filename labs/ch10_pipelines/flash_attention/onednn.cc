// Peer: attention composed from oneDNN calls on one thread.
#include "labs/ch10_pipelines/flash_attention/problem.h"

namespace aisp::labs::ch10::flash_attention {

bench::Technique onednn() {
  return peer("onednn", "oneDNN: sgemm, softmax primitive, sgemm by blocks of queries", 1);
}

}  // namespace aisp::labs::ch10::flash_attention
