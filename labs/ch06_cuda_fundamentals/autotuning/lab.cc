// One matrix product, three ways to choose its blocking. See README.md.
#include "bench/device_technique.h"
#include "labs/ch06_cuda_fundamentals/autotuning/device_tiles.h"

namespace aisp::labs::ch06::autotuning {

bench::Lab describe() {
  using bench::matmul::sizes;
  bench::Lab lab;
  lab.question =
      "Is a blocking that was chosen by timing better than one that follows from cache sizes?";
  lab.targets = {"ch06:autotuning", "ch06:adaptive"};
  lab.tags = {"gemm", "cache", "tuning"};
  lab.cases = {{.name = "llama32_1b_decode_16",
                .origin = "Llama-3.2-1B query projection: 16 sequences decoding, width 2048",
                .smoke = sizes(16, 128, 128),
                .full = sizes(16, 2048, 2048)},
               {.name = "minilm_projection",
                .origin = "all-MiniLM-L6-v2 attention projection: 128 tokens, width 384",
                .smoke = sizes(40, 64, 96),
                .full = sizes(128, 384, 384)},
               {.name = "bert_base_projection",
                .origin = "BERT-base attention projection: 512 tokens, width 768",
                .smoke = sizes(64, 96, 96),
                .full = sizes(512, 768, 768)},
               {.name = "llama3_8b_decode_16_gpu",
                .origin = "Llama-3-8B query projection on a GPU: 16 sequences decoding, width 4096",
                .smoke = sizes(16, 192, 256),
                .full = sizes(16, 4096, 4096),
                .device = bench::Device::kCuda},
               {.name = "bert_base_projection_gpu",
                .origin = "BERT-base attention projection on a GPU: 512 tokens, width 768",
                .smoke = sizes(64, 96, 96),
                .full = sizes(512, 768, 768),
                .device = bench::Device::kCuda},
               {.name = "llama32_1b_prompt_gpu",
                .origin = "Llama-3.2-1B query projection on a GPU: a prompt of 2048 tokens",
                .smoke = sizes(130, 140, 72),
                .full = sizes(2048, 2048, 2048),
                .device = bench::Device::kCuda}};
  lab.ragged = {sizes(1, 1, 1), sizes(15, 33, 65), sizes(197, 61, 129), sizes(3, 1030, 9)};
  bench::matmul::set_contract(lab);
  lab.techniques = {
      fixed_blocking(),
      model_blocking(),
      timed_blocking(),
      onednn(),
      bench::on_gpu("fixed_tile", "128 x 128 whatever the shape", AISP_DEVICE(plan_fixed_tile)),
      bench::on_gpu("model_tile", "the tile and split with the least expected time",
                    AISP_DEVICE(plan_model_tile)),
      bench::on_gpu("timed_tile", "the quickest of 35, timed in the plan",
                    AISP_DEVICE(plan_timed_tile)),
      bench::matmul::device_peer("cublas")};
  lab.baseline = "fixed_blocking";
  lab.device_baseline = "fixed_tile";
  return lab;
}

}  // namespace aisp::labs::ch06::autotuning
