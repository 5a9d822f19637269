// The device baseline: cuBLAS's sgemm with the tensor cores off, what every call gave before
// Ampere and what PyTorch still gives by default (torch.backends.cuda.matmul.allow_tf32 = False).
#include "bench/device_technique.h"
#include "labs/ch02_hardware/cublas/problem.h"

namespace aisp::labs::ch02::cublas {

bench::Technique cublas_f32() {
  bench::Technique technique = bench::matmul::device_peer("cublas_f32");
  technique.role = bench::Role::kTechnique;  // here the library is the subject
  return technique;
}

}  // namespace aisp::labs::ch02::cublas
