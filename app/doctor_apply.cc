// See doctor_apply.h.
#include "app/doctor_apply.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <filesystem>

#include "app/cmd_bench.h"
#include "base/error.h"
#include "base/nearest.h"
#include "base/text.h"
#include "bench/supervisor.h"
#include "doctor/fix_script.h"
#include "machine/text_file.h"

namespace aisp::app {
namespace {

using doctor::Change;

std::string shown(const std::string& text) {
  return printable(std::string(machine::trim(text)).substr(0, 80));
}

int undo(const ApplyCommand& command) {
  const doctor::Undo undo = doctor::Undo::read(command.undo, command.options.root);
  for (const Change& one : undo.changes()) {
    fmt::print("  {}: back to '{}'\n", printable(one.target), shown(one.old_text));
  }
  if (!command.yes) {
    fmt::print("dry run: add --yes to restore\n");
    return kExitOk;
  }
  undo.restore();
  undo.forget();
  fmt::print("restored: every byte is as it was before {}\n", printable(undo.item()));
  return kExitOk;
}

int write_scripts(const ApplyCommand& command, const doctor::ExamineOptions& how) {
  std::vector<doctor::Remedy> remedies;
  std::size_t steps = 0;
  for (const doctor::Row& row : doctor::examine(how).rows) {
    if (row.finding.fixes.empty()) continue;
    remedies.push_back({row.item.id, row.item.title, row.finding.says, row.finding.fixes});
    steps += row.finding.fixes.size();
  }
  const doctor::FixScripts scripts = doctor::fix_scripts(remedies);
  std::error_code failure;
  std::filesystem::create_directories(command.script, failure);
  for (const auto& [name, text] : {std::pair{"/fix.sh", scripts.apply}, {"/undo.sh", scripts.undo}})
    bench::write_file_atomically(command.script + name, text);
  fmt::print(
      "{} remedies with {} steps: read {}/fix.sh, then run it (a dry run unless DRY_RUN=0); "
      "{}/undo.sh restores\n",
      remedies.size(), steps, command.script, command.script);
  for (const auto& one : remedies) fmt::print("  {:28} {}\n", one.id, printable(one.says));
  return kExitOk;
}

int apply(const ApplyCommand& command, doctor::ExamineOptions how) {
  if (doctor::find_item(command.id) == nullptr) {
    std::vector<std::string> ids;
    for (const auto& item : doctor::checklist()) ids.push_back(item.id);
    const std::string close = nearest(command.id, ids);
    throw UsageError("no such item", command.id,
                     close.empty() ? "aisp doctor lists all" : "did you mean " + close + "?");
  }
  how.items = {command.id};
  const doctor::Row row = doctor::examine(how).rows.front();
  fmt::print("{}: {}: {}\n", command.id, name(row.finding.verdict), printable(row.finding.says));
  if (row.finding.fixes.empty()) {
    fmt::print("nothing to apply: {}\n", printable(row.item.fix));
    return kExitOk;
  }
  const auto changes = doctor::changes_of(row.finding, command.options.root);
  for (const Change& one : changes) {
    fmt::print("  {}: '{}' -> '{}'\n", printable(one.target), shown(one.old_text),
               shown(one.wanted));
  }
  if (!command.yes) {
    fmt::print("dry run: add --yes to apply and measure it\n");
    return kExitOk;
  }
  bench::catch_interrupts();
  const doctor::Applied applied = doctor::apply(command.id, changes, command.options);
  fmt::print("{}\n", printable(applied.says));
  if (applied.end == doctor::Applied::End::kInterrupted) return 130;
  if (!applied.undo_file.empty()) {
    fmt::print("to restore: aisp doctor --undo {} --yes\n", applied.undo_file);
  }
  if (applied.measured) {
    const auto folder =
        doctor::record_proofs({applied.proved}, command.options.out, command.options.command);
    fmt::print("record: {} (aisp report {})\n", folder, folder);
    if (applied.proved.word == "slower") return kExitRegression;
  }
  return kExitOk;
}

}  // namespace

void add_apply_options(CLI::App* app, ApplyCommand& c) {
  auto* one = app->add_option("--apply", c.id, "Change what this item's finding proposes, measure");
  auto* undo = app->add_option("--undo", c.undo, "Restore what --apply kept, from its undo file");
  app->add_option("--fix-script", c.script, "Write fix.sh and undo.sh into this folder, to read")
      ->excludes(one)
      ->excludes(undo);
  one->excludes(undo);
  app->add_flag("--yes", c.yes, "Do it; without it --apply and --undo only show");
  app->add_flag("--keep", c.options.keep, "Keep an applied value whatever is measured");
  app->add_option("--undo-folder", c.options.undo_folder, "Where undo files go; artifacts");
  app->add_option("--apply-root", c.options.root)->group("");
}

int cmd_doctor_apply(const ApplyCommand& command, const doctor::ExamineOptions& how) {
  if (!command.undo.empty()) return undo(command);
  if (!command.script.empty()) return write_scripts(command, how);
  if (!how.tree.empty() && command.options.root.empty()) {
    throw UsageError("a recorded tree is not this machine", "--apply", "leave out --tree");
  }
  return apply(command, how);
}

}  // namespace aisp::app
