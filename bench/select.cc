// Name resolution. See select.h.
#include "bench/select.h"

#include <fnmatch.h>

#include <algorithm>

#include "base/error.h"
#include "base/nearest.h"
#include "bench/command/lab_file.h"
#include "bench/lab_table.h"

namespace aisp::bench {
namespace {

bool matches(const std::string& pattern, const std::string& name) {
  return fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
}

bool answers(const KnownLab& lab, const std::string& wanted) {
  if (matches(wanted, lab.name) || matches(wanted, lab.entry.chapter)) return true;
  const auto any = [&](const std::vector<std::string>& names, const std::string& pattern) {
    return std::any_of(names.begin(), names.end(),
                       [&](const std::string& name) { return matches(pattern, name); });
  };
  if (wanted.rfind("tag:", 0) == 0) return any(lab.lab.tags, wanted.substr(4));
  return any(lab.lab.targets, wanted) || any(lab.lab.tags, wanted);
}

[[noreturn]] void unknown(const char* kind, const std::string& option, const std::string& wanted,
                          const std::vector<std::string>& candidates) {
  const std::string close = nearest(wanted, candidates);
  throw UsageError(
      std::string("no ") + kind + " is called " + wanted, option,
      close.empty() ? "aisp bench list-targets shows them all" : "did you mean " + close + "?");
}

}  // namespace

std::vector<KnownLab> known_labs(const std::vector<std::string>& modules, const CommandLabs& more) {
  std::vector<LabEntry> entries = provided_labs();
  CommandLabs of_commands;
  for (const std::string& module : modules) {
    if (command::is_lab_file(module)) {
      for (auto& lab : command::read_lab_file(module)) {
        of_commands.push_back(std::make_shared<const command::CommandLab>(std::move(lab)));
      }
    } else {
      const auto loaded = load_lab_module(module);
      entries.insert(entries.end(), loaded.begin(), loaded.end());
    }
  }
  of_commands.insert(of_commands.end(), more.begin(), more.end());
  std::vector<KnownLab> labs;
  for (const LabEntry& entry : entries) {
    labs.push_back({entry, entry.describe(), std::string(entry.chapter) + ":" + entry.name, {}});
  }
  for (const auto& one : of_commands) {
    const std::string name = one->chapter + ":" + one->name;
    for (const KnownLab& other : labs) {
      if (other.name != name) continue;
      throw UsageError("there is another lab called " + name, one->file, "choose another name");
    }
    const LabEntry entry{one->chapter.c_str(), one->name.c_str(), one->folder.c_str(),
                         one->hash.c_str(), nullptr};
    labs.push_back({entry, one->lab, name, one});
  }
  return labs;
}

std::vector<KnownLab> select_labs(const std::vector<KnownLab>& all,
                                  const std::vector<std::string>& wanted) {
  if (wanted.empty()) return all;
  std::vector<bool> chosen(all.size(), false);
  for (const std::string& one : wanted) {
    bool found = false;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (!answers(all[i], one)) continue;
      chosen[i] = true;
      found = true;
    }
    if (found) continue;
    std::vector<std::string> candidates;
    for (const KnownLab& lab : all) {
      candidates.push_back(lab.name);
      candidates.emplace_back(lab.entry.chapter);
      candidates.insert(candidates.end(), lab.lab.targets.begin(), lab.lab.targets.end());
      for (const auto& tag : lab.lab.tags) candidates.push_back("tag:" + tag);
    }
    unknown("target", "--targets", one, candidates);
  }
  std::vector<KnownLab> selected;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (chosen[i]) selected.push_back(all[i]);
  }
  return selected;
}

void select_techniques(std::vector<KnownLab>& labs, const std::vector<std::string>& wanted,
                       bool peers) {
  std::vector<std::string> candidates;
  std::vector<bool> used(wanted.size(), false);
  for (KnownLab& known : labs) {
    std::erase_if(known.lab.techniques, [&](const Technique& technique) {
      candidates.push_back(technique.name);
      bool named = false;
      for (std::size_t i = 0; i < wanted.size(); ++i) {
        if (!matches(wanted[i], technique.name)) continue;
        named = true;
        used[i] = true;
      }
      const bool denominator =
          technique.name == known.lab.baseline || technique.name == known.lab.device_baseline;
      if (denominator || named) return false;
      return !wanted.empty() || (technique.role == Role::kPeer && !peers);
    });
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (!used[i]) unknown("technique of the chosen labs", "--techniques", wanted[i], candidates);
  }
}

void select_cases(std::vector<KnownLab>& labs, const std::vector<std::string>& wanted,
                  const std::string& device) {
  std::vector<std::string> candidates = {"first"};
  std::vector<bool> used(wanted.size(), false);
  for (KnownLab& known : labs) {
    std::erase_if(known.lab.cases, [&](const Case& one) {
      return !device.empty() && device != name(one.device);
    });
    std::vector<Case> kept;
    for (const Case& one : known.lab.cases) {
      candidates.push_back(one.name);
      bool meant = wanted.empty() && !one.when_named;
      for (std::size_t i = 0; i < wanted.size(); ++i) {
        const bool first = wanted[i] == "first" && &one == &known.lab.cases.front();
        if (!first && !matches(wanted[i], one.name)) continue;
        meant = used[i] = true;
      }
      if (meant) kept.push_back(one);
    }
    known.lab.cases = std::move(kept);
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == "first" || used[i]) continue;
    unknown("case of the chosen labs", "--cases", wanted[i], candidates);
  }
}

std::string why_not_here(const Technique& technique) {
  if (technique.device == Device::kCpu) {
    return technique.needs ? technique.needs(machine::cpu()) : "";
  }
  const machine::CudaDevice& device = machine::cuda_device();
  if (!device.why_not.empty()) return device.why_not;
  // A build for fewer architectures, or a file that this build left out.
  if (!technique.plan) return "not in this build";
  return technique.needs_device ? technique.needs_device(device) : "";
}

}  // namespace aisp::bench
