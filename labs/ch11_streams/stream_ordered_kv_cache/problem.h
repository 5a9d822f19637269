// Keys and values that arrive from host memory layer by layer, as in serving with separate prefill
// and decode or with a cache kept in host memory: each layer's rows are copied in, written into the
// cache in its own layout, and only then read by that layer's attention.
//   cache[l][which][head][token][d] = arriving[l][which][token][head][d]     which: 0 keys, 1
//   values o[l][head] = softmax_t(q[l][head] . key[l][head][t] / sqrt(D)) value[l][head][t]
// Params: layers, heads, tokens, D. Inputs arriving (pinned host memory), q[layers][heads][D];
// outputs cache and o. f32. GPU only.
#pragma once

#include <cstdint>

#include "bench/lab.h"

namespace aisp::labs::ch11::stream_ordered_kv_cache {

std::unique_ptr<bench::Plan> plan_sync_per_update(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_one_stream(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_events_two_buffers(const bench::Params& params);
std::unique_ptr<bench::Plan> plan_events_pool(const bench::Params& params);

}  // namespace aisp::labs::ch11::stream_ordered_kv_cache
