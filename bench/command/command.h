// Labs whose techniques are commands: what `aisp bench compare` builds from its options and what a
// TOML file describes (lab_file.h). Plain data; spawn.cc starts a command, pairs.cc measures them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bench/command/output_check.h"
#include "bench/lab.h"

namespace aisp::bench::command {

/// What a run's time is. kAuto: the time that the program prints where all sides print one, else
/// the wall clock, with CPU time in its place where pairing.h's rule allows that.
enum class TimeSource { kAuto, kWall, kCpu, kPrinted };

/// kAuto: the shell only where the line needs one.
enum class ShellUse { kAuto, kAlways, kNever };

/// One command in one case.
struct Command {
  std::string line;
  std::string prepare;                             // before every run, untimed; "": none
  std::string output;                              // the file that it writes; "": none
  std::string cwd;                                 // "": ours
  std::map<std::string, std::string> environment;  // beside our own
  ShellUse shell = ShellUse::kAuto;
};

/// What holds for all commands of a lab.
struct CommandRules {
  TimeSource time = TimeSource::kAuto;
  std::string json_key;  // of a printed JSON line, dotted: "result.time_ms"; its end is the unit
  OutputCheck check;
  bool ignore_exit = false;   // any exit status is right; a signal never is
  int warmup = 1;             // untimed runs of each command, at least 1: the first one is checked
  double time_limit_s = 0.0;  // of one run; 0: that of the whole run
};

/// One size of one case: what every technique's command is there.
struct CommandCase {
  Work work;
  std::map<std::string, Command> commands;  // by technique
};

/// Everything about one such lab. `lab` has no problem, plan or reference; its cases carry the
/// integer values.
struct CommandLab {
  std::string chapter, name;  // "mine", "compress"
  std::string file;           // that described it
  std::string folder;         // of its expectations: "my_labs/sort" for lab sort of my_labs.toml
  std::string hash;           // of the description: changes with any command of the lab
  Lab lab;
  CommandRules rules;
  std::map<std::string, CommandCase> full, smoke;  // by case

  const CommandCase& at(const std::string& case_name, const std::string& size) const {
    return (size == "smoke" ? smoke : full).at(case_name);
  }
};

/// 128-bit hash of everything that decides what the lab does.
std::string hash_of(const CommandLab& lab);

}  // namespace aisp::bench::command
