// C[M,N] = A[M,K] B in f16 with sums in f32, B stored [N,K] (bench/matmul_narrow.h has the
// contract). A comes from pinned host memory in `parts` batches of rows and C returns there; the
// weights B stay on the device. GPU only.
#pragma once

#include "bench/lab.h"

namespace aisp::labs::ch11::tensor_cores_streams {

std::unique_ptr<bench::Plan> plan_serial_sync(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_one_stream(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_three_streams(const bench::Params& params);

}  // namespace aisp::labs::ch11::tensor_cores_streams
