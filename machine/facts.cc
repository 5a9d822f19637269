// The facts of a machine, part by part. See facts.h.
#include "machine/facts.h"

#include "machine/facts_parts.h"

namespace aisp::machine {

Facts read_facts(const std::string& root) {
  const FileTree tree(root);
  Facts facts;
  read_system(tree, facts);
  read_virtualization(tree, facts);
  read_devices(tree, facts);
  read_gpus(tree, facts);
  read_libraries(tree, facts);
  return facts;
}

}  // namespace aisp::machine
