// `aisp generate`: tokens from a model file, for one prompt as they come, or for thousands from a
// file of JSON lines, which a killed run goes on with.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "serve/loaded_model.h"

namespace aisp::app {

struct GenerateOptions {
  serve::LoadOptions load;
  std::string prompt, file, batch, out;
  std::string json_schema, grammar;  // files: what the answer must look like
  bool json = false;                 // the answer as one line of JSON, at its end
  bool chat = false;                 // the prompt is a user's message in the model's template
  std::string system;
  int max_tokens = 128;
  std::vector<std::string> stop;
  serve::Sampling sampling;
  bool ignore_end = false;  // go on behind the end of text, for measuring
};

/// What loading has to say, on standard error.
void say_note(const serve::LoadedModel& model);

/// One prompt: text on standard output, rates beside their floors on standard error.
/// Throws UsageError and Error.
int cmd_generate(const GenerateOptions& options);

/// Many prompts (generate_batch.cc): each line of `options.batch` is an object with "prompt" or
/// "messages", and "id", "max_tokens", "temperature", "seed", "logprobs", "json_schema" (an object)
/// or "grammar" (text) where they differ; each line of `options.out` an answer. Lines that are
/// there already are not computed again.
int cmd_generate_batch(const GenerateOptions& options);

/// The prompt as tokens, in the chat template if that is wanted: a template's special pieces are
/// recognised, a user's are not.
std::vector<serve::Token> tokens_of(const serve::LoadedModel& model, const GenerateOptions& options,
                                    const std::string& prompt);

/// The text of a file; `option` names it. Throws Error when it cannot be read.
std::string whole_file(const std::string& path, const std::string& option);

void add_generate(CLI::App& root, GenerateOptions& options, int* code);

}  // namespace aisp::app
