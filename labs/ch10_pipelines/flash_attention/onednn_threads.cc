// Peer: attention composed from oneDNN calls, blocks of queries on every core.
#include "labs/ch10_pipelines/flash_attention/problem.h"

namespace aisp::labs::ch10::flash_attention {

bench::Technique onednn_threads() {
  return peer("onednn_threads", "oneDNN: the same, blocks of queries on every core", 0);
}

}  // namespace aisp::labs::ch10::flash_attention
