// aisp bench list-targets, aisp bench checks.
#include <fmt/format.h>

#include "app/cmd_bench.h"
#include "base/error.h"
#include "bench/checks.h"
#include "bench/owed_targets.h"
#include "bench/select.h"

namespace aisp::app {
namespace {

std::string joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

const char* role_of(const bench::Technique& technique, const bench::Lab& lab) {
  if (technique.name == lab.baseline_on(technique.device)) return "baseline";
  return technique.role == bench::Role::kPeer ? "peer" : "technique";
}

bench::Json lab_json(const bench::KnownLab& known) {
  bench::Json techniques = bench::Json::array(), cases = bench::Json::array();
  for (const auto& technique : known.lab.techniques) {
    techniques.push_back({{"name", technique.name},
                          {"summary", technique.summary},
                          {"device", name(technique.device)},
                          {"role", role_of(technique, known.lab)},
                          {"why_not_here", bench::why_not_here(technique)}});
  }
  for (const auto& one : known.lab.cases) {
    cases.push_back({{"name", one.name},
                     {"origin", one.origin},
                     {"device", name(one.device)},
                     {"when_named", one.when_named},
                     {"smoke", one.smoke.values()},
                     {"full", one.full.values()}});
  }
  return {{"lab", known.name},
          {"folder", known.entry.folder},
          {"question", known.lab.question},
          {"targets", known.lab.targets},
          {"tags", known.lab.tags},
          {"baseline", known.lab.baseline},
          {"device_baseline", known.lab.device_baseline},
          {"cases", cases},
          {"techniques", techniques},
          {"source_hash", known.entry.source_hash}};
}

}  // namespace

int cmd_bench_list(const ListOptions& options) {
  const auto wanted = options.chapter.empty() ? std::vector<std::string>{}
                                              : std::vector<std::string>{options.chapter};
  const auto labs = bench::select_labs(bench::known_labs(options.modules), wanted);
  if (options.json) {
    bench::Json all = bench::Json::array();
    for (const auto& known : labs) all.push_back(lab_json(known));
    fmt::print("{}\n", all.dump(1));
    return kExitOk;
  }
  for (const auto& known : labs) {
    fmt::print("{}\n  {}\n  targets     {}\n", known.name, known.lab.question,
               joined(known.lab.targets));
    for (const auto& one : known.lab.cases) {
      fmt::print("  case        {} ({}{}{})\n", one.name, one.origin,
                 one.device == bench::Device::kCuda ? "; on a GPU" : "",
                 one.when_named ? "; only when named" : "");
    }
    for (const auto& technique : known.lab.techniques) {
      const std::string why = bench::why_not_here(technique);
      const std::string role = role_of(technique, known.lab);
      fmt::print("  {:11} {:22} {}{}{}\n", role == "technique" ? "" : role, technique.name,
                 technique.device == bench::Device::kCuda ? "[GPU] " : "", technique.summary,
                 why.empty() ? "" : fmt::format(" [not here: {}]", why));
    }
    fmt::print("\n");
  }
  for (const auto& owed : bench::owed_targets()) {
    if (!options.chapter.empty() && !owed.name.starts_with(options.chapter + ":")) continue;
    fmt::print("not here    {}\n", bench::why_owed(owed.name));
  }
  return kExitOk;
}

int cmd_bench_checks() {
  for (const auto& check : bench::all_checks()) {
    fmt::print("{:16} {}\n", check.name, check.protects_from);
  }
  return kExitOk;
}

}  // namespace aisp::app
