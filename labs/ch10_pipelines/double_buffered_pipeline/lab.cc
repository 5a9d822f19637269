// A product with and without the next tile on its way. See README.md.
#include "bench/device_technique.h"
#include "labs/ch10_pipelines/double_buffered_pipeline/problem.h"

namespace aisp::labs::ch10::double_buffered_pipeline {

bench::Lab describe() {
  using bench::on_gpu;
  using bench::matmul::sizes;
  bench::Lab lab;
  lab.question = "What does it gain to fetch the next tile while this one is multiplied?";
  lab.targets = {"ch10:double_buffered_pipeline"};
  lab.tags = {"gemm", "pipeline", "shared memory"};
  bench::matmul::set_contract(lab);
  lab.cases = {{.name = "llama32_1b_query",
                .origin = "query projection of Llama-3.2-1B, 1024 tokens, 2048 to 2048",
                .smoke = sizes(130, 140, 68),
                .full = sizes(1024, 2048, 2048),
                .device = bench::Device::kCuda}};
  lab.ragged = {sizes(1, 1, 1), sizes(129, 127, 33), sizes(3, 260, 20), sizes(128, 128, 16)};
  lab.techniques = {
      on_gpu("global_memory", "a thread for each element of C, no tile",
             AISP_DEVICE(plan_global_memory)),
      on_gpu("shared_tile", "tiles in shared memory, fetched and multiplied in turn",
             AISP_DEVICE(plan_shared_tile)),
      on_gpu("double_buffer", "two tiles: one is fetched while one is multiplied",
             AISP_DEVICE(plan_double_buffer)),
      on_gpu("three_buffers", "three tiles: two on their way", AISP_DEVICE(plan_three_buffers))};
  lab.device_baseline = "global_memory";
  return lab;
}

}  // namespace aisp::labs::ch10::double_buffered_pipeline
