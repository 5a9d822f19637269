// Matrix multiplication from the triple loop to register tiles. See README.md.
#include "bench/device_technique.h"
#include "labs/ch07_memory_access/matmul_tiled/problem.h"

namespace aisp::labs::ch07::matmul_tiled {

bench::Lab describe() {
  using bench::matmul::sizes;
  bench::Lab lab;
  lab.question =
      "How much of a core's arithmetic does a matrix product reach as its loops learn about caches "
      "and registers?";
  lab.targets = {"ch07:matmul", "ch07:matmul_tiled"};
  lab.tags = {"gemm", "cache", "simd", "threads"};
  lab.cases = {{.name = "bert_base_projection",
                .origin = "BERT-base attention projection: 128 tokens, width 768",
                .smoke = sizes(16, 96, 96),
                .full = sizes(128, 768, 768)},
               {.name = "llama32_1b_key",
                .origin = "Llama-3.2-1B key projection: 32 tokens, width 2048 to 8 heads of 64",
                .smoke = sizes(8, 64, 256),
                .full = sizes(32, 512, 2048)},
               {.name = "transformer_base_projection",
                .origin = "Transformer base (2017) projection: 256 tokens, width 512",
                .smoke = sizes(64, 64, 64),
                .full = sizes(256, 512, 512)},
               {.name = "llama32_1b_prompt_gpu",
                .origin = "Llama-3.2-1B query projection on a GPU: a prompt of 2048 tokens",
                .smoke = sizes(70, 100, 130),
                .full = sizes(2048, 2048, 2048),
                .device = bench::Device::kCuda}};
  // One element; odd sizes around the tiles (14 x 32, 6 x 16) and the blocks (64 x 512, 192 rows).
  lab.ragged = {sizes(1, 1, 1), sizes(15, 33, 65), sizes(5, 515, 67), sizes(197, 61, 129),
                sizes(3, 1030, 9)};
  bench::matmul::set_contract(lab);
  lab.techniques = {triple_loop(),
                    loop_interchange(),
                    cache_blocked(),
                    tiled_simd(),
                    tiled_simd_threads(),
                    onednn(),
                    onednn_threads(),
                    openblas(),
                    openblas_threads(),
                    bench::on_gpu("thread_per_element", "a thread for each element, global memory",
                                  AISP_DEVICE(plan_thread_per_element)),
                    bench::on_gpu("shared_tiles", "32 x 32 tiles in shared memory",
                                  AISP_DEVICE(plan_shared_tiles)),
                    bench::on_gpu("shared_tiles_eight_rows", "the same, eight elements a thread",
                                  AISP_DEVICE(plan_shared_tiles_eight_rows)),
                    bench::matmul::device_peer("cublas")};
  lab.baseline = "triple_loop";
  lab.device_baseline = "thread_per_element";
  return lab;
}

}  // namespace aisp::labs::ch07::matmul_tiled
