// The lab of attacks that multiply in a lower precision than declared, under a bound that holds in
// the worst case and is far too lax to see it element by element.
#pragma once

#include "bench/device_attacks/common.h"
#include "bench/matmul_problem.h"
#include "machine/device_blas.h"

namespace aisp::device_attacks {

/// C = A B in f32 by cuBLAS, under the worst-case bound K u. Random rounding errors of float have
/// an rms of about 5e-5 of it, TF32 inputs 6e-3, bf16 inputs 5e-2: the rms limit stands between,
/// and no single element comes near its bound.
inline bench::Lab product_lab(std::string question, MakePlan cheat, MakePlan honest) {
  bench::Lab lab;
  lab.question = std::move(question);
  lab.tags = {"twin"};
  bench::matmul::set_contract(lab);
  const Params size = bench::matmul::sizes(64, 64, 8192);
  lab.cases = {{.name = "planted",
                .origin = "none: a planted attack",
                .smoke = size,
                .full = size,
                .device = bench::Device::kCuda}};
  lab.ragged = {bench::matmul::sizes(5, 7, 8003)};
  lab.tolerance = [](const Params& p) {
    return Tolerance{.relative = worst_dot_bound(static_cast<double>(p["K"]), 0x1p-24),
                     .rms = 1e-3};
  };
  const auto needs = [](const machine::CudaDevice&) { return machine::DeviceBlas::why_not(); };
  bench::Technique plain = bench::matmul::device_peer("plain");
  plain.role = bench::Role::kTechnique;
  lab.device_baseline = "plain";
  lab.techniques = {std::move(plain),
                    bench::on_gpu("cheat", "with the planted cheat", cheat, needs),
                    bench::on_gpu("honest", "the same source without it", honest, needs)};
  return lab;
}

/// A product by a handle of its own.
inline std::unique_ptr<bench::Plan> multiply_in(machine::BlasMath math, const Params& p) {
  auto blas = std::make_shared<machine::DeviceBlas>(math);
  return bench::plan_of([blas, shape = machine::BlasShape{p["M"], p["N"], p["K"]}](const Io& io) {
    blas->gemm(io.stream(), shape, io.in<float>(0).data(), io.in<float>(1).data(),
               io.out<float>(0).data());
  });
}

}  // namespace aisp::device_attacks
