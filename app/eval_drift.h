// The inside of `aisp eval drift`: what both models read (eval_material.cc), the passes
// (eval_drift.cc), and what is found and shown (eval_drift_text.cc).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/cmd_eval.h"
#include "app/eval_model.h"
#include "model/drift.h"

namespace aisp::app {

/// What both models read: windows of a text, or prompts. Rows are positions, one after another.
struct Material {
  std::vector<std::string> names;
  std::vector<Tokens> tokens;
  std::vector<std::int64_t> first_row;  // of each
  std::int64_t rows = 0;

  void add(std::string name, Tokens one) {
    first_row.push_back(rows);
    rows += static_cast<std::int64_t>(one.size());
    names.push_back(std::move(name));
    tokens.push_back(std::move(one));
  }
};

/// Throws Error: a file that cannot be read, a prompt that is none, or one above --context.
Material material_of(const EvalModel& m, const DriftOptions& options);

struct Findings {
  std::vector<model::PositionDrift> positions;
  model::Drift all;
  std::vector<std::int64_t> worst;  // rows
  std::vector<double> sequence_kl;  // mean of each
  std::vector<std::size_t> worst_sequences;
};

/// The `worst` of both kinds, by KL.
Findings find_drift(std::vector<model::PositionDrift> positions, const Material& material,
                    int worst);

/// Prints text or JSON. `beyond`: see model/drift.h.
void show_drift(const DriftOptions& options, const text::Tokenizer& tokenizer,
                const Material& material, const Findings& findings,
                const std::vector<std::string>& beyond);

}  // namespace aisp::app
