// `aisp serve`: models behind the OpenAI API (docs/SERVING.md). It ends on SIGTERM, after its
// streams.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "front/limits.h"
#include "front/route.h"
#include "serve/loaded_model.h"

namespace aisp::app {

struct ServeCommand {
  serve::LoadOptions load;          // of every model
  std::vector<std::string> files;   // of models, each named after its file
  std::vector<std::string> models;  // more: NAME=FILE
  std::string name;                 // of the first; its file's name when empty
  std::string listen = "127.0.0.1:8080";
  std::string key_file, log;
  bool without_keys = false;
  int max_queue = 256, per_key_requests = 0;
  std::string route;  // policy; "": none
  front::Route routing;
  double first_token_within_s = 0.0, drain_timeout_s = 30.0;
  front::Limits limits;
};

/// Throws UsageError and Error.
int cmd_serve(const ServeCommand& options);

void add_serve(CLI::App& root, ServeCommand& options, int* code);

}  // namespace aisp::app
