// From names on the command line to labs: book targets, labs, chapters, globs, tags.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/command/command.h"
#include "bench/lab.h"

namespace aisp::bench {

using CommandLabs = std::vector<std::shared_ptr<const command::CommandLab>>;

struct KnownLab {
  LabEntry entry;  // of a lab of commands: without describe; its text lives in `commands`
  Lab lab;
  std::string name;                                     // "ch07:transpose"
  std::shared_ptr<const command::CommandLab> commands;  // null: a lab of functions
};

/// Built-in labs, those of modules and of TOML files (names that end in .toml), and `more`, in that
/// order. Throws UsageError when two have the same name.
std::vector<KnownLab> known_labs(const std::vector<std::string>& modules,
                                 const CommandLabs& more = {});

/// Labs that answer any of `wanted`: a book target ("ch07:transpose_padded"), a lab
/// ("ch07:transpose"), a chapter ("ch07"), a glob over those ("ch0[67]:*"), or a tag
/// ("tag:memory"). Empty: all. Throws UsageError with the nearest name for one that matches
/// nothing.
std::vector<KnownLab> select_labs(const std::vector<KnownLab>& all,
                                  const std::vector<std::string>& wanted);

/// Technique names of the labs matched by `wanted` globs; the baseline is kept always. Empty: all
/// techniques, and peers only with `peers`. A peer that is named is meant. Throws UsageError
/// likewise.
void select_techniques(std::vector<KnownLab>& labs, const std::vector<std::string>& wanted,
                       bool peers);

/// Cases of the labs on `device` ("cpu", "cuda"; empty: any) matched by `wanted` globs; "first" is
/// the first of each lab. Empty: all but those that want to be named. Throws UsageError likewise.
void select_cases(std::vector<KnownLab>& labs, const std::vector<std::string>& wanted,
                  const std::string& device = "");

/// Why a technique cannot run here; "" when it can.
std::string why_not_here(const Technique& technique);

}  // namespace aisp::bench
