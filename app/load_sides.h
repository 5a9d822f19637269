// What a load run is sent to, from its options: servers by URL, or engines in this process.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "app/cmd_load.h"
#include "app/load_engine.h"
#include "load/http_target.h"
#include "load/metrics_text.h"

namespace aisp::app {

struct LoadSide {
  std::string name, says;                  // its URL or model, and what was found there
  std::unique_ptr<load::HttpTarget> http;  // one of the two
  std::unique_ptr<EngineTarget> engine;
  int words = 1000;

  load::Target& target();
  /// Of /metrics; none where there is no such page.
  std::map<std::string, load::ServerHistogram> histograms();
  std::vector<std::string> take_messages();
};

/// Throws UsageError when options contradict each other or say nothing.
void check_load_options(const LoadCommand& options, const load::Slo& slo);

/// "256:0.5": tokens and share. Throws UsageError.
void parse_shared_prefix(const std::string& text, load::WorkloadOptions& asked);

/// Connects and probes, or loads; `prompts`: either, ids or words. Throws Error and UsageError.
std::vector<LoadSide> open_load_sides(const LoadCommand& options, const std::string& prompts);

}  // namespace aisp::app
