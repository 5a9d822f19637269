// The work that a proof times: a table of names, each made from words such as {"bytes", "64M"}.
// Every workload checks its own result, so that a side that did less work is told from a quicker
// one.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "doctor/proofs/proof.h"

namespace aisp::doctor {

/// The words of a workload, and which of them it asked for.
class Arguments {
 public:
  Arguments(Words words, std::string scratch)
      : words_(std::move(words)), scratch_(std::move(scratch)) {}
  /// A number with an optional K, M or G (powers of 1,024); `otherwise` when absent.
  double number(const std::string& name, double otherwise) const;
  std::size_t size(const std::string& name, double otherwise) const {
    return static_cast<std::size_t>(number(name, otherwise));
  }
  int count(const std::string& name, double otherwise) const {
    return static_cast<int>(number(name, otherwise));
  }
  bool flag(const std::string& name) const { return number(name, 0.0) != 0.0; }
  std::string word(const std::string& name, const std::string& otherwise) const;
  /// A folder of this side alone, for files.
  const std::string& scratch() const { return scratch_; }
  /// Words that nobody asked for: a mistake in a table.
  std::vector<std::string> unused() const;

 private:
  Words words_;
  std::string scratch_;
  mutable std::set<std::string> used_;
};

/// A workload that is ready to be timed. Ends what it started when the functions go.
struct Prepared {
  std::function<void(std::uint64_t iterations)> run;
  std::function<void()> before_each;   // before every call, untimed; may be empty
  std::function<std::string()> wrong;  // what is wrong with what was done so far; "": nothing
  double work = 1.0;                   // of one call
  std::string unit;                    // "MiB read"
  int threads = 1;
  bool blocks = true;  // waits for something, or for other threads: the wall clock decides
};

/// Throws Error for an unknown workload, a malformed or unused word, and what the system refuses.
Prepared make_workload(const std::string& name, const Arguments& arguments);

struct WorkloadRow {
  const char* name;
  Prepared (*make)(const Arguments&);
};

// doctor/proofs/*_work.cc
std::vector<WorkloadRow> memory_work();
std::vector<WorkloadRow> thread_work();
std::vector<WorkloadRow> file_work();
std::vector<WorkloadRow> direct_work();
std::vector<WorkloadRow> step_work();
std::vector<WorkloadRow> network_work();
std::vector<WorkloadRow> compute_work();

}  // namespace aisp::doctor
