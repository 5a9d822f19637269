// `aisp eval`: how well a model foretells a text, and how far a model, a type of keys and values or
// the engine itself has drifted from its judge. docs/QUALITY.md says what each figure means.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "model/drift.h"

namespace aisp::app {

struct PerplexityOptions {
  std::string model, text, kv = "bf16";
  std::int64_t context = 512, stride = 0;  // stride 0: llama.cpp's windows
  std::int64_t tokens = 0;                 // only the first so many; 0: all
  int threads = 0;
  bool json = false;
};

struct DriftOptions {
  std::string judge, other;  // no other: the judge's own file
  std::string text, prompts;
  std::string kv_a = "bf16", kv_b = "bf16";
  std::string scratch;  // folder for the judge's logits; "": $TMPDIR or /var/tmp
  std::int64_t context = 512, tokens = 0;
  int threads = 0, worst = 5;
  bool reference = false;  // the judge is computed by model/reference.h
  bool json = false;
  model::DriftBounds bounds;
};

struct EvalOptions {
  PerplexityOptions perplexity;
  DriftOptions drift;
};

/// Exit code of a drift beyond a bound; 130 when interrupted.
constexpr int kExitDrift = 1;

/// Each prints its figures and returns the exit code. They throw UsageError and Error.
int cmd_eval_perplexity(const PerplexityOptions& options);
int cmd_eval_drift(const DriftOptions& options);

void add_eval(CLI::App& root, EvalOptions& options, int* code);

}  // namespace aisp::app
