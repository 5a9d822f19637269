// The lab: question, cases, inputs, reference. See README.md for the prediction and the result.
#include <algorithm>
#include <vector>

#include "base/rng.h"
#include "bench/device_technique.h"
#include "labs/ch07_memory_access/lookup/problem.h"

namespace aisp::labs::ch07::lookup {
namespace {

bench::Problem problem(const bench::Params& p) {
  return {.inputs =
              {{.name = "nodes", .dtype = DType::kI32, .shape = {p["rows"], 4}, .structured = true},
               {.name = "heads",
                .dtype = DType::kI32,
                .shape = {bucket_count(p["rows"])},
                .structured = true},
               {.name = "ids", .dtype = DType::kI64, .shape = {p["ids"]}, .structured = true}},
          .outputs = {{.name = "rows", .dtype = DType::kI32, .shape = {p["ids"]}}}};
}

/// The id of a number: a bijection on 64 bits, so that no two are alike.
std::int64_t scrambled(std::uint64_t seed, std::uint64_t number) {
  std::uint64_t state = seed + number * 0x9e3779b97f4a7c15ull;
  return static_cast<std::int64_t>(splitmix64(state));
}

/// Nodes in order of arrival, each put at the head of its chain, as a table grows in training. Ids
/// of the batch are drawn uniformly from the table; every eighth is unknown.
void prepare(const bench::Params& p, std::uint64_t seed, const bench::Io& io) {
  const auto rows = static_cast<std::uint64_t>(p["rows"]);
  auto* nodes = reinterpret_cast<Node*>(io.fill<std::int32_t>(0).data());
  const auto heads = io.fill<std::int32_t>(1);
  std::fill(heads.begin(), heads.end(), -1);
  Batch batch;
  batch.shift = 64 - std::countr_zero(heads.size());
  Rng rng(derive_seed(seed, 1));
  for (std::uint64_t i = 0; i < rows; ++i) {
    const std::int64_t id = scrambled(seed, i);
    std::int32_t& head = heads[batch.bucket_of(id)];
    nodes[i] = {id, static_cast<std::int32_t>(rng.below(rows)), head};
    head = static_cast<std::int32_t>(i);
  }
  for (std::int64_t& id : io.fill<std::int64_t>(2)) {
    const std::uint64_t known = rng.below(rows);
    id = scrambled(seed, rng.below(8) == 0 ? rows + known : known);
  }
}

/// The lookups; no bandwidth can be wanted of chains of single lines.
bench::Work work(const bench::Params& p) {
  const auto ids = static_cast<double>(p["ids"]);
  return {.bytes_read = 8.0 * ids,
          .bytes_written = 4.0 * ids,
          .items = ids,
          .item_name = "lookups",
          .medium = bench::Work::Medium::kNone};
}

/// No hashing and no chains: one pass over all nodes, each looked for among the sorted ids. A
/// bitmap of the ids' leading bits keeps most nodes from the search.
void reference(const bench::Params&, const bench::Io& io, bench::Expected& expected) {
  constexpr int kShift = 38;  // 2^26 bits: one node in 128 passes for half a million ids
  const auto ids = io.in<std::int64_t>(2);
  auto& rows = expected.outputs[0].value;
  std::vector<std::pair<std::int64_t, std::size_t>> wanted;
  std::vector<bool> seen(std::size_t{1} << (64 - kShift));
  for (std::size_t i = 0; i < ids.size(); ++i) {
    wanted.emplace_back(ids[i], i);
    seen[static_cast<std::uint64_t>(ids[i]) >> kShift] = true;
    rows[i] = -1.0;
  }
  std::sort(wanted.begin(), wanted.end());
  const auto words = io.in<std::int32_t>(0);
  for (std::size_t at = 0; at < words.size(); at += 4) {
    Node node;
    std::memcpy(static_cast<void*>(&node), &words[at], sizeof node);
    if (!seen[static_cast<std::uint64_t>(node.id) >> kShift]) continue;
    const std::pair<std::int64_t, std::size_t> first{node.id, 0};
    for (auto found = std::lower_bound(wanted.begin(), wanted.end(), first);
         found != wanted.end() && found->first == node.id; ++found) {
      rows[found->second] = node.row;
    }
  }
}

// Rows are found or not.
Tolerance tolerance(const bench::Params&) { return {}; }

}  // namespace

Batch batch_of(const bench::Io& io) {
  const auto heads = io.in<std::int32_t>(1);
  const auto ids = io.in<std::int64_t>(2);
  return {.nodes = reinterpret_cast<const Node*>(io.in<std::int32_t>(0).data()),
          .heads = heads.data(),
          .shift = 64 - std::countr_zero(heads.size()),
          .ids = ids.data(),
          .rows = io.out<std::int32_t>(0).data(),
          .count = ids.size()};
}

bench::Lab describe() {
  return {
      .question =
          "When every lookup is a chain of dependent reads, how much of the waiting goes away if "
          "many lookups are in flight?",
      .targets = {"ch07:lookup"},
      .tags = {"memory", "latency", "prefetch"},
      .cases = {{.name = "criteo_c3",
                 .origin = "DLRM on Criteo Kaggle, feature C3: 10131227 ids, 16 batches of 32768; "
                           "table of 229 MB in DRAM",
                 .smoke = {{"rows", 5000}, {"ids", 700}},
                 .full = {{"rows", 10131227}, {"ids", 16 * 32768}}},
                {.name = "criteo_c16",
                 .origin = "DLRM on Criteo Kaggle, the feature with 286181 ids, a batch of 32768; "
                           "table of 6.7 MB in an L3",
                 .smoke = {{"rows", 300}, {"ids", 64}},
                 .full = {{"rows", 286181}, {"ids", 32768}}},
                {.name = "criteo_c3_gpu",
                 .origin = "DLRM on Criteo Kaggle, feature C3 on a GPU: 128 batches of 32768 ids",
                 .smoke = {{"rows", 5000}, {"ids", 700}},
                 .full = {{"rows", 10131227}, {"ids", 128 * 32768}},
                 .device = bench::Device::kCuda},
                {.name = "criteo_c16_gpu",
                 .origin = "the feature with 286181 ids on a GPU, a batch of 32768; in its L2",
                 .smoke = {{"rows", 300}, {"ids", 64}},
                 .full = {{"rows", 286181}, {"ids", 32768}},
                 .device = bench::Device::kCuda}},
      .ragged = {{{"rows", 1}, {"ids", 1}},
                 {{"rows", 1}, {"ids", 40}},
                 {{"rows", 2}, {"ids", 15}},
                 {{"rows", 65}, {"ids", 17}},
                 {{"rows", 1024}, {"ids", 33}},
                 {{"rows", 3001}, {"ids", 4099}}},
      .problem = problem,
      .prepare = prepare,
      .work = work,
      .reference = reference,
      .tolerance = tolerance,
      .techniques = {one_at_a_time(), sorted(), group_prefetch(), interleaved(),
                     interleaved_threads(),
                     bench::on_gpu("thread_per_id", "a thread for each id, along its chain",
                                   AISP_DEVICE(plan_thread_per_id)),
                     bench::on_gpu("four_ids_a_thread", "four chains woven in each thread",
                                   AISP_DEVICE(plan_four_ids_a_thread)),
                     bench::on_gpu("sorted_buckets", "radix-sorted by bucket, rows scattered back",
                                   AISP_DEVICE(plan_sorted_buckets))},
      .baseline = "one_at_a_time",
      .device_baseline = "thread_per_id",
  };
}

}  // namespace aisp::labs::ch07::lookup
