// NUMA nodes as a program uses them: which cores are near which memory, where a page lies, and
// putting pages and threads there. By system calls alone; on a machine with one node everything
// works and changes nothing.
// Source: Linux Documentation/admin-guide/mm/numa_memory_policy.rst; mbind(2), move_pages(2).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace aisp::machine {

struct NumaNode {
  int id = 0;
  std::vector<int> cpus;  // hardware threads near it that this process may use; may be empty
};

/// The nodes that have memory, in order of their numbers; one node 0 with all usable hardware
/// threads where the system shows none. `root` prefixes paths, for tests.
std::vector<NumaNode> read_numa_nodes(const std::string& root = "");

/// The node on which the page of `address` lies; -1 when it is not mapped or cannot be asked.
int node_of(const void* address);

/// Moves the whole pages inside `memory` to `node`, and has pages that are touched later come from
/// it. "" or why not, in words (containers often forbid mbind).
std::string place_on_node(std::span<std::byte> memory, int node);

/// The same, page by page over all `nodes` in turn.
std::string interleave_over(std::span<std::byte> memory, std::span<const NumaNode> nodes);

/// Keeps the calling thread on these hardware threads; an empty list or a refusal leaves it where
/// it was.
void pin_thread(std::span<const int> cpus);

}  // namespace aisp::machine
