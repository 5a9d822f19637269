// All rules in the order of docs/STYLE.md, and how a finding reads.
#include "tools/tidy/rules.h"

namespace aisp::tidy {

Findings all_rules(const Tree& tree) {
  Findings all;
  for (const auto rule :
       {check_rooms, check_printing, check_isa_flags, check_budgets, check_banned_words,
        check_unfinished, check_local_paths, check_file_headers, check_labs, check_links,
        check_excerpts, check_shell_blocks, check_dependencies}) {
    const Findings found = rule(tree);
    all.insert(all.end(), found.begin(), found.end());
  }
  return all;
}

std::string describe(const Finding& finding) {
  std::string text = finding.path;
  if (finding.line > 0) text.append(":").append(std::to_string(finding.line));
  text.append(finding.note ? ": note, " : ": ").append(finding.rule);
  text.append(": ").append(finding.reason).append("; write instead: ").append(finding.instead);
  return text;
}

}  // namespace aisp::tidy
