// A proof tries an item's remedy here instead of believing it: the same work in two processes of
// this program, one as things are and one with the remedy, timed epoch by epoch in turns. All that
// differs is data: what a process is given before the work begins. A proof is one row of one table
// in doctor/proofs/*_proofs.cc; what a row can ask for is in process_settings.h and workload.h.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace aisp::doctor {

using Words = std::map<std::string, std::string>;

/// What one of the two processes is given. Nothing of it outlives the process.
struct Side {
  std::string says;   // "4 KiB pages"
  Words arguments;    // of the workload
  Words process;      // process_settings.h: {"thp", "never"}
  Words environment;  // "" removes a variable
};

struct Proof {
  std::string id;  // of the checklist
  std::string question;
  std::string workload;
  Words common;  // arguments of both sides
  Side as_it_is, remedy;
  /// Why it cannot be tried here ("swap is off"); empty: it can. Milliseconds.
  std::string (*needs)() = nullptr;
  /// What --apply times under the old and the new value of the system's setting: workload arguments
  /// that leave the choice to the system. Empty: nothing here shows such a change.
  Words under_system = {};
};

/// All proofs, at most one an item. Gathered in proofs.cc.
const std::vector<Proof>& proofs();
/// Null when the item has none.
const Proof* find_proof(const std::string& id);

// doctor/proofs/*_proofs.cc
std::vector<Proof> memory_proofs();
std::vector<Proof> thread_proofs();
std::vector<Proof> file_proofs();
std::vector<Proof> step_proofs();
std::vector<Proof> network_proofs();

}  // namespace aisp::doctor
