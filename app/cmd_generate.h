// `aisp generate`: tokens from a model file, for one prompt as they come, or for thousands from a
// file of JSON lines, which a killed run goes on with.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "app/loaded_model.h"

namespace aisp::app {

struct GenerateOptions {
  LoadOptions load;
  std::string prompt, file, batch, out;
  bool chat = false;  // the prompt is a user's message in the model's template
  std::string system;
  int max_tokens = 128;
  std::vector<std::string> stop;
  serve::Sampling sampling;
  bool ignore_end = false;  // go on behind the end of text, for measuring
};

/// One prompt: text on standard output, rates beside their floors on standard error.
/// Throws UsageError and Error.
int cmd_generate(const GenerateOptions& options);

/// Many prompts (generate_batch.cc): each line of `options.batch` is an object with "prompt" or
/// "messages", and "id", "max_tokens", "temperature", "seed" where they differ; each line of
/// `options.out` an answer. Lines that are there already are not computed again.
int cmd_generate_batch(const GenerateOptions& options);

/// The prompt as tokens: a template's special pieces are recognised, a user's are not.
std::vector<std::int32_t> tokens_of(const LoadedModel& model, const std::string& prompt);
std::vector<std::int32_t> tokens_of_chat(const LoadedModel& model,
                                         const nlohmann::ordered_json& messages);
std::vector<std::int32_t> tokens_of_chat(const LoadedModel& model, const std::string& system,
                                         const std::string& user);

/// A request for these tokens; throws Error when they do not fit the model or the cache.
serve::Request request_for(const LoadedModel& model, const GenerateOptions& options,
                           std::vector<std::int32_t> tokens);

void add_generate(CLI::App& root, GenerateOptions& options, int* code);

}  // namespace aisp::app
