// What a lab of commands hashes to. See command.h.
#include "bench/command/command.h"

#include <fmt/format.h>

namespace aisp::bench::command {

std::string hash_of(const CommandLab& lab) {
  RunningHash hash;
  // Lengths keep "ab" + "c" apart from "a" + "bc".
  const auto add = [&](const std::string& text) {
    hash.add(fmt::format("{}:{}", text.size(), text));
  };
  const CommandRules& rules = lab.rules;
  const OutputCheck& check = rules.check;
  add(fmt::format("{} {} {} {} {} {} {} {} {} {} {} {}", lab.chapter, lab.name, lab.lab.baseline,
                  static_cast<int>(rules.time), rules.json_key, rules.ignore_exit,
                  static_cast<int>(check.of), static_cast<int>(check.as),
                  static_cast<int>(check.element), check.relative, check.absolute, check.ulps));
  for (const auto* sizes : {&lab.full, &lab.smoke}) {
    for (const auto& [name, one] : *sizes) {
      add(name);
      for (const auto& [technique, command] : one.commands) {
        for (const auto* text : {&technique, &command.line, &command.prepare, &command.output}) {
          add(*text);
        }
        for (const auto& [variable, value] : command.environment) add(variable + "=" + value);
      }
    }
  }
  return hash.hex();
}

}  // namespace aisp::bench::command
