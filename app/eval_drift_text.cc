// What `aisp eval drift` found, for people and for programs. See eval_drift.h.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "app/eval_drift.h"
#include "base/text.h"

namespace aisp::app {
namespace {

using Json = nlohmann::ordered_json;
constexpr std::size_t kShownTokens = 12;  // before a position
constexpr int kShownColumns = 60;

// A position of the material, with what is before it, as text for people.
struct Place {
  std::size_t sequence = 0;
  std::int64_t position = 0;
  std::string before, top_a, top_b;
};

class Places {
 public:
  Places(const text::Tokenizer& tokenizer, const Material& material)
      : tokenizer_(tokenizer), material_(material) {}

  Place at(std::int64_t number, const model::PositionDrift& drift) const {
    const auto next = std::ranges::upper_bound(material_.first_row, number);
    Place place;
    place.sequence = static_cast<std::size_t>(next - material_.first_row.begin()) - 1;
    place.position = number - material_.first_row[place.sequence];
    const auto end = static_cast<std::size_t>(place.position) + 1;
    const std::size_t from = end - std::min(end, kShownTokens);
    place.before = printable(
        tokenizer_.decode(std::span(material_.tokens[place.sequence]).subspan(from, end - from),
                          {.show_special = true, .continues = from > 0}));
    place.top_a = piece(drift.top_a);
    place.top_b = piece(drift.top_b);
    return place;
  }

 private:
  std::string piece(std::int32_t id) const {
    if (id >= tokenizer_.size()) return fmt::format("token {}", id);  // a row without a piece
    return printable(tokenizer_.piece(id));
  }

  const text::Tokenizer& tokenizer_;
  const Material& material_;
};

std::string other_of(const DriftOptions& o) { return o.other.empty() ? o.judge : o.other; }

Json to_json(const DriftOptions& o, const Material& material, const Findings& f,
             const Places& places, const std::vector<std::string>& beyond) {
  Json worst = Json::array(), sequences = Json::array();
  for (const std::int64_t number : f.worst) {
    const model::PositionDrift& d = f.positions[static_cast<std::size_t>(number)];
    const Place place = places.at(number, d);
    worst.push_back({{"in", material.names[place.sequence]},
                     {"position", place.position},
                     {"kl", d.kl},
                     {"before", place.before},
                     {"top_a", {{"id", d.top_a}, {"text", place.top_a}}},
                     {"top_b", {{"id", d.top_b}, {"text", place.top_b}}},
                     {"p_a_of_top_a", d.p_top_a},
                     {"p_b_of_top_a", d.q_top_a},
                     {"p_b_of_top_b", d.q_top_b}});
  }
  for (const std::size_t s : f.worst_sequences) {
    sequences.push_back({{"name", material.names[s]}, {"mean_kl", f.sequence_kl[s]}});
  }
  const model::Drift& all = f.all;
  return {{"schema", "aisp.eval_drift"},
          {"schema_version", 1},
          {"a", o.judge},
          {"b", other_of(o)},
          {"reference", o.reference},
          {"kv_a", o.reference ? Json() : Json(o.kv_a)},
          {"kv_b", o.kv_b},
          {"sequences", material.names.size()},
          {"positions", all.positions},
          {"mean_kl", all.mean_kl},
          {"mean_kl_error", all.mean_kl_error},
          {"kl_median", all.kl_median},
          {"kl_99", all.kl_99},
          {"kl_max", all.kl_max},
          {"top_1", all.top_1},
          {"next_change_rms", all.next_change_rms},
          {"logit_error", all.logit_error},
          {"relative_logit_error", all.relative_logit_error},
          {"worst_positions", worst},
          {"worst_sequences", sequences},
          {"beyond", beyond},
          {"within_bounds", beyond.empty()}};
}

void print(const DriftOptions& o, const Material& material, const Findings& f, const Places& places,
           const std::vector<std::string>& beyond) {
  const model::Drift& all = f.all;
  fmt::print("{}{} -> {} ({}): {} positions of {} {}\n", o.judge,
             o.reference ? " (reference in double)" : " (" + o.kv_a + ")", other_of(o), o.kv_b,
             all.positions, material.names.size(), o.prompts.empty() ? "windows" : "prompts");
  fmt::print(
      "KL in nats           mean {:.3g} ± {:.1g}, median {:.3g}, 99 % {:.3g}, largest {:.3g}\n",
      all.mean_kl, all.mean_kl_error, all.kl_median, all.kl_99, all.kl_max);
  fmt::print("same likeliest token {:.2f} %\n", 100.0 * all.top_1);
  fmt::print("p of the next token  changed by {:.3g} % (rms)\n", 100.0 * all.next_change_rms);
  fmt::print("logits               differ by {:.3g} (rms), {:.3g} % of their spread\n",
             all.logit_error, 100.0 * all.relative_logit_error);
  for (const std::int64_t number : f.worst) {
    const model::PositionDrift& d = f.positions[static_cast<std::size_t>(number)];
    const Place place = places.at(number, d);
    fmt::print("KL {:.3g} in {}, position {}: {}\n", d.kl, material.names[place.sequence],
               place.position, cut_to_width(place.before, kShownColumns));
    fmt::print("  \"{}\" {:.3g} -> {:.3g}", place.top_a, d.p_top_a, d.q_top_a);
    if (d.top_a != d.top_b) fmt::print("; now likeliest: \"{}\" {:.3g}", place.top_b, d.q_top_b);
    fmt::print("\n");
  }
  for (const std::size_t s : f.worst_sequences) {
    fmt::print("mean KL {:.3g} in {}\n", f.sequence_kl[s], material.names[s]);
  }
  for (const std::string& one : beyond) fmt::print("beyond the bound: {}\n", one);
}

}  // namespace

Findings find_drift(std::vector<model::PositionDrift> positions, const Material& material,
                    int worst) {
  Findings f;
  f.all = model::summarize(positions);
  f.worst.resize(positions.size());
  std::iota(f.worst.begin(), f.worst.end(), 0);
  const auto kl = [&](std::int64_t i) { return positions[static_cast<std::size_t>(i)].kl; };
  std::ranges::stable_sort(f.worst, std::greater(), kl);
  f.worst.resize(std::min(f.worst.size(), static_cast<std::size_t>(worst)));
  for (std::size_t s = 0; s < material.tokens.size(); ++s) {
    double sum = 0.0;
    const auto count = static_cast<std::int64_t>(material.tokens[s].size());
    for (std::int64_t i = 0; i < count; ++i) sum += kl(material.first_row[s] + i);
    f.sequence_kl.push_back(sum / static_cast<double>(count));
    f.worst_sequences.push_back(s);
  }
  std::ranges::stable_sort(f.worst_sequences, std::greater(),
                           [&](std::size_t s) { return f.sequence_kl[s]; });
  f.worst_sequences.resize(std::min(f.worst_sequences.size(), static_cast<std::size_t>(worst)));
  f.positions = std::move(positions);
  return f;
}

void show_drift(const DriftOptions& o, const text::Tokenizer& tokenizer, const Material& material,
                const Findings& f, const std::vector<std::string>& beyond) {
  const Places places(tokenizer, material);
  if (!o.json) return print(o, material, f, places, beyond);
  fmt::print(
      "{}\n",
      to_json(o, material, f, places, beyond).dump(2, ' ', false, Json::error_handler_t::replace));
}

}  // namespace aisp::app
