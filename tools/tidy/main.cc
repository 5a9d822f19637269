// The style test: reads the project and names every line that breaks a rule of docs/STYLE.md.
//   tidy [--root DIR]                     check; exit 1 when a rule is broken
//   tidy [--root DIR] --stats             lines and median file size of each room
//   tidy [--root DIR] --run-docs BINARY   run the commands that the documents show
#include <cstdio>
#include <string>

#include "base/error.h"
#include "tools/tidy/documents.h"
#include "tools/tidy/rules.h"

namespace {

struct Options {
  std::string root = ".";
  std::string binary;
  bool stats = false;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool has_value = i + 1 < argc;
    if (word == "--stats") {
      options.stats = true;
    } else if (word == "--root" && has_value) {
      options.root = argv[++i];
    } else if (word == "--run-docs" && has_value) {
      options.binary = argv[++i];
    } else {
      throw aisp::UsageError("unknown option or missing value", word,
                             "use --root DIR, --stats or --run-docs BINARY");
    }
  }
  return options;
}

int report(const aisp::tidy::Findings& findings) {
  int broken = 0;
  for (const auto& finding : findings) {
    std::printf("%s\n", aisp::tidy::describe(finding).c_str());
    broken += finding.note ? 0 : 1;
  }
  return broken;
}

int run(const Options& options) {
  using namespace aisp::tidy;
  const Tree tree = Tree::load(options.root);
  if (options.stats) {
    std::printf("%s", room_statistics(tree).c_str());
    return 0;
  }
  if (!options.binary.empty()) {
    const auto commands = shown_commands(tree);
    int left_out = 0;
    for (const auto& command : commands) left_out += command.not_run.empty() ? 0 : 1;
    const int failed = report(run_shown_commands(commands, options.binary));
    std::printf("%zu commands shown, %zu run, %d not run, %d failed\n", commands.size(),
                commands.size() - left_out, left_out, failed);
    return failed == 0 ? 0 : 1;
  }
  if (tree.files().empty()) throw aisp::Error("has no files", options.root, "give --root");
  const int broken = report(all_rules(tree));
  std::printf("%zu files, %d findings\n", tree.files().size(), broken);
  return broken == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(parse(argc, argv));
  } catch (const aisp::Error& error) {
    std::fprintf(stderr, "tidy: %s\n", error.what());
    return 4;
  }
}
