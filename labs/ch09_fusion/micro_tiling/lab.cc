// The register tile of a matrix product, alone: no packing, no cache blocks. See README.md.
#include "bench/device_technique.h"
#include "labs/ch09_fusion/micro_tiling/problem.h"
#include "machine/peer_cublaslt.h"

namespace aisp::labs::ch09::micro_tiling {

std::unique_ptr<bench::Plan> plan_product(const bench::Params& params, Kernel kernel) {
  return bench::matmul::plan_with(params, [kernel](std::int64_t m, std::int64_t n, std::int64_t k,
                                                   const float* a, const float* b, float* c) {
    kernel({m, n, k, a, b, c});
  });
}

bench::Lab describe() {
  using bench::matmul::sizes;
  bench::Lab lab;
  lab.question = "How much of a matrix product's speed comes from the tile in registers alone?";
  lab.targets = {"ch09:micro_tiling_matmul", "ch09:cublaslt_gemm", "ch08:tiling"};
  lab.tags = {"gemm", "registers", "simd"};
  lab.cases = {{.name = "minilm_projection",
                .origin = "all-MiniLM-L6-v2 attention projection: 128 tokens, width 384",
                .smoke = sizes(16, 64, 64),
                .full = sizes(128, 384, 384)},
               {.name = "minilm_context",
                .origin = "all-MiniLM-L6-v2: probabilities times values of one head, 256 tokens",
                .smoke = sizes(32, 32, 32),
                .full = sizes(256, 32, 256)},
               {.name = "minilm_mlp",
                .origin = "all-MiniLM-L6-v2: first layer of the MLP, 32 tokens, 384 to 1536",
                .smoke = sizes(13, 96, 48),
                .full = sizes(32, 1536, 384)},
               {.name = "gpu_bert_large_mlp",
                .origin = "BERT-large: first layer of the MLP, 8 sequences of 512, 1024 to 4096",
                .smoke = sizes(140, 132, 72),
                .full = sizes(4096, 4096, 1024),
                .device = bench::Device::kCuda}};
  // One element; sizes below, at and above the tiles (2, 4, 6, 14 rows; 2 to 32 columns).
  lab.ragged = {sizes(1, 1, 1),   sizes(3, 5, 7),   sizes(13, 31, 17), sizes(15, 33, 65),
                sizes(29, 16, 9), sizes(1, 70, 12), sizes(41, 1, 33)};
  bench::matmul::set_contract(lab);
  lab.techniques = {triple_loop(), tile_2x2(),    tile_4x4(), tile_portable(), tile_avx2(),
                    tile_avx512(), packed_gemm(), onednn(),   openblas()};
  lab.baseline = "triple_loop";
  lab.techniques.insert(
      lab.techniques.end(),
      {bench::on_gpu("thread_per_element", "a thread an element, from global memory",
                     AISP_DEVICE(plan_thread_per_element)),
       bench::on_gpu("shared_tile", "tiles of 32 x 32 in shared memory",
                     AISP_DEVICE(plan_shared_tile)),
       bench::on_gpu("register_tile", "8 x 8 elements in a thread's registers",
                     AISP_DEVICE(plan_register_tile)),
       bench::on_gpu("cublaslt", "NVIDIA's library, f32 without tensor cores", plan_cublaslt,
                     [](const machine::CudaDevice&) { return machine::CublasLt::why_not(); })});
  lab.device_baseline = "thread_per_element";
  return lab;
}

}  // namespace aisp::labs::ch09::micro_tiling
