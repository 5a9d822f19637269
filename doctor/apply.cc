// See apply.h.
#include "doctor/apply.h"

#include <fmt/format.h>
#include <unistd.h>

#include "base/error.h"
#include "bench/supervisor.h"
#include "doctor/proofs/proof.h"

namespace aisp::doctor {
namespace {

// Old bytes again, and no undo file: whatever ends the measurement passes through here.
class Restored {
 public:
  explicit Restored(const Undo& undo) : undo_(undo) {}
  void now() {
    if (done_) return;
    done_ = true;
    undo_.restore();
    undo_.forget();
  }
  void keep() { done_ = true; }
  ~Restored() {
    try {
      now();
    } catch (const Error&) {
      // The undo file stays, and with it the way back; the error that brought us here is told.
    }
  }

 private:
  const Undo& undo_;
  bool done_ = false;
};

Proved measure(const Proof& proof, const Undo& undo, const ApplyOptions& options) {
  ProveOptions how = options.prove;
  how.processes = 1;
  int at = -1;
  how.change_system = [&undo, at](int side) mutable {
    if (side == at) return;
    at = side;
    if (side == 0) {
      undo.restore();
    } else {
      undo.apply();
    }
  };
  Proof unconditional = proof;
  unconditional.needs = nullptr;
  Proved proved = prove(unconditional, how);
  proved.proof = &proof;
  return proved;
}

}  // namespace

std::vector<Change> changes_of(const Finding& finding, const std::string& root) {
  std::vector<Fix> writes;
  for (const Fix& fix : finding.fixes) {
    if (fix.kind == Fix::Kind::kWrite) writes.push_back(fix);
  }
  if (writes.empty()) {
    throw Error("proposes no write to a setting", "its finding here",
                "aisp doctor --explain tells what it proposes");
  }
  return plan_changes(writes, root);
}

Applied apply(const std::string& id, const std::vector<Change>& changes,
              const ApplyOptions& options) {
  const std::string folder = options.undo_folder.empty() ? "artifacts" : options.undo_folder;
  const Undo undo(fmt::format("{}/undo-{}-{}.json", folder, id, getpid()), id, options.root,
                  changes);
  Restored restored(undo);
  Applied applied;
  const Proof* const proof = find_proof(id);
  undo.apply();
  if (proof != nullptr && !proof->under_system.empty()) {
    try {
      applied.proved = measure(*proof, undo, options);
      applied.measured = true;
    } catch (const Error&) {
      if (!bench::interrupted()) throw;
    }
  }
  if (bench::interrupted()) {
    restored.now();
    applied.end = Applied::End::kInterrupted;
    applied.says = "interrupted: all is as it was";
    return applied;
  }
  const std::string effect =
      applied.measured ? applied.proved.says : "nothing here measures such a change";
  if (options.keep || (applied.measured && applied.proved.word == "faster")) {
    undo.apply();
    restored.keep();
    applied.end = Applied::End::kKept;
    applied.undo_file = undo.file();
    applied.says = effect + ": kept";
  } else {
    restored.now();
    applied.says = effect + ": rolled back, all is as it was";
  }
  return applied;
}

}  // namespace aisp::doctor
