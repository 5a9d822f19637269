// From names on the command line to labs: book targets, labs, chapters, globs, tags.
#pragma once

#include <string>
#include <vector>

#include "bench/lab.h"

namespace aisp::bench {

struct KnownLab {
  LabEntry entry;
  Lab lab;
  std::string name;  // "ch07:transpose"
};

/// Built-in labs and those of modules, in chapter order.
std::vector<KnownLab> known_labs(const std::vector<std::string>& modules);

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

/// Why a technique cannot run here; "" when it can.
std::string why_not_here(const Technique& technique);

}  // namespace aisp::bench
