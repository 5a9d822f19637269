// The same software on all nodes: what one node can learn from its cluster's manager, and whether
// its own devices agree.
//
// Source: Slurm scontrol(1); Kubernetes NodeSystemInfo; GPU feature discovery (node labels).
#include <algorithm>

#include "doctor/gpus.h"
#include "doctor/processes.h"
#include "doctor/tables.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

// What a node says about itself: "Linux 5.15.0-1063-nvidia; driver 580.95.05; ..." -> its nodes.
using Stacks = std::map<std::string, std::vector<std::string>>;

std::string field(std::string_view line, std::string_view name) {  // "NodeName=a OS=Linux 5 #1 X=y"
  const std::size_t at = line.find(name);
  if (at == std::string_view::npos || (at != 0 && line[at - 1] != ' ')) return "";
  const auto rest = line.substr(at + name.size());
  return std::string(rest.substr(0, rest.find(' ')));
}

// One line a node. The system is "OS=Linux 5.15.0-1063-nvidia #64-Ubuntu SMP ...".
Stacks slurm_stacks(const Evidence& evidence) {
  Stacks stacks;
  int status = 0;
  const Text nodes = evidence.command({"scontrol", "show", "nodes", "-o"}, &status);
  if (!nodes || status != 0) return stacks;
  for (const auto line : machine::split(nodes.value, '\n')) {
    if (field(line, "Gres=").find("gpu") == std::string::npos) continue;
    const std::size_t at = line.find(" OS=");
    if (at == std::string_view::npos) continue;
    const auto words = machine::split(line.substr(at + 4), ' ');
    if (words.empty()) continue;
    const std::string system = std::string(words[0]) + (words.size() > 1 ? " " : "") +
                               std::string(words.size() > 1 ? words[1] : "");
    stacks[system + "; Slurm " + field(line, "Version=") + "; " + field(line, "Gres=")].push_back(
        field(line, "NodeName="));
  }
  return stacks;
}

std::string text_in(const Json& json, const std::string& key) {
  const auto found = json.is_object() ? json.find(key) : json.end();
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

Stacks kubernetes_stacks(const Evidence& evidence) {
  Stacks stacks;
  const Text text = evidence.command({"kubectl", "get", "nodes", "-o", "json"});
  const Json nodes = Json::parse(text.value, nullptr, false);
  if (!nodes.is_object() || !nodes.contains("items") || !nodes["items"].is_array()) return stacks;
  const auto part = [](const Json& json, const char* key) {
    const auto found = json.is_object() ? json.find(key) : json.end();
    return found != json.end() ? *found : Json::object();
  };
  for (const Json& node : nodes["items"]) {
    const Json metadata = part(node, "metadata");
    const Json labels = part(metadata, "labels");
    const std::string product = text_in(labels, "nvidia.com/gpu.product");
    if (product.empty()) continue;
    const Json info = part(part(node, "status"), "nodeInfo");
    stacks[fmt::format("kernel {}; driver {}; {}", text_in(info, "kernelVersion"),
                       text_in(labels, "nvidia.com/cuda.driver-version.full"), product)]
        .push_back(text_in(metadata, "name"));
  }
  return stacks;
}

// Firmware of the devices of one model, on this node: more than one is a mixed stack at home.
std::vector<Reading> differing_firmware(const machine::Facts& facts) {
  std::map<std::string, std::set<std::string>> versions;
  for (const auto& gpu : facts.gpus) {
    if (gpu.vbios) versions[gpu.name + " VBIOS"].insert(*gpu.vbios);
  }
  for (const auto& port : facts.rdma) {
    if (!port.firmware.empty()) {
      versions[fmt::format("adapters of {} ports at {} Gb/s: firmware", port.link_layer,
                           shown(port.gbit_per_s))]
          .insert(port.firmware);
    }
  }
  std::vector<Reading> differing;
  for (const auto& [what, found] : versions) {
    if (found.size() > 1) differing.push_back({what, fmt::format("{}", fmt::join(found, ", "))});
  }
  return differing;
}

Finding stack_uniform_across_nodes(const Evidence& evidence) {
  if (const auto none = without_gpus(evidence)) return *none;
  const char* const cost = "a node that differs is slower or fails alone, and jobs wait for it";
  const auto differing = differing_firmware(evidence.facts());
  if (!differing.empty()) {
    return warn("devices of one kind have different firmware on this node", differing, cost);
  }
  Stacks stacks = slurm_stacks(evidence);
  if (stacks.empty()) stacks = kubernetes_stacks(evidence);
  std::vector<Reading> read;
  std::size_t nodes = 0;
  for (const auto& [stack, names] : stacks) {
    nodes += names.size();
    read.push_back(
        {fmt::format("{} nodes ({}{})", names.size(), names[0], names.size() > 1 ? ", ..." : ""),
         stack});
  }
  if (stacks.size() > 1) {
    return warn(fmt::format("{} GPU nodes run {} different stacks", nodes, stacks.size()), read,
                cost);
  }
  if (nodes > 1) return ok(fmt::format("{} GPU nodes run one stack", nodes), read);
  if (nodes_of_jobs(evidence) > 1) {
    return cannot_see("neither Slurm nor Kubernetes tells about the other nodes of the job");
  }
  return not_applicable("no other node is known here");
}

}  // namespace

std::vector<Probe> cluster_probes() {
  return {{"stack-uniform-across-nodes", stack_uniform_across_nodes}};
}

}  // namespace aisp::doctor
