// The other end of a duel-worker's pipes: starts a build's worker and talks to it, line by line.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "bench/descriptor.h"
#include "bench/job.h"
#include "bench/pairing.h"

namespace aisp::bench {

class DuelSide {
 public:
  /// Starts `program` bench duel-worker with the job and waits until it is ready. Throws Error when
  /// it cannot be started, dies, or does not speak our protocol; the message names the program.
  DuelSide(const std::string& program, const Job& job, double time_limit_s);
  ~DuelSide();  // ends the process
  DuelSide(const DuelSide&) = delete;
  DuelSide& operator=(const DuelSide&) = delete;

  struct Technique {
    std::string name, fault;
    int threads = 1;
    bool blocks = false;
  };
  const std::vector<Technique>& techniques() const { return techniques_; }

  /// One timed epoch over there. Throws Error when the process died or is silent for too long.
  Sample time(std::size_t index, std::uint64_t iterations, bool* conflict);

  /// Checks the outputs once more and ends the process: technique -> fault.
  std::vector<std::pair<std::string, std::string>> end();

 private:
  void greet(const Job& job);
  void stop();
  void send(const std::string& line);
  std::string receive();
  [[noreturn]] void lost(const std::string& what);

  std::string program_;
  double time_limit_s_;
  pid_t child_ = -1;
  Descriptor to_, from_;
  std::string buffer_;
  std::vector<Technique> techniques_;
};

}  // namespace aisp::bench
