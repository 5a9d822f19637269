// Proofs about TCP, between two ends on this machine: what the kernel's side costs. Nothing here
// measures a wire; where the remedy needs one, the row says so.
//
// Source: tcp(7), Linux Documentation/networking/ip-sysctl.
#include "doctor/proofs/proof.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

std::string no_other_algorithm() {
  const auto known =
      machine::read_text("/proc/sys/net/ipv4/tcp_allowed_congestion_control").value_or("");
  return known.find("bbr") != std::string::npos ? "" : "tcp_bbr is not among the allowed ones";
}

// Between two ends of one machine nothing is cut into frames (measured: segments of 88 bytes carry
// as much as those of 64 KiB).
std::string no_wire() { return "needs a second host: this machine's own traffic has no frames"; }

}  // namespace

std::vector<Proof> network_proofs() {
  return {
      {.id = "tcp-buffer-limits",
       .question = "Do larger socket buffers than the system's first ones carry a stream quicker?",
       .workload = "bulk",
       .as_it_is = {"what a socket starts with, fixed", {{"buffer", "65536"}}},
       .remedy = {"as the system lets them grow"},
       .under_system = {{"connections", "1"}}},
      {.id = "network-acceptance-test",
       .question = "Do four connections carry more than one, on this machine alone?",
       .workload = "bulk",
       .as_it_is = {"one connection", {{"connections", "1"}}},
       .remedy = {"four connections", {{"connections", "4"}}}},
      {.id = "jumbo-frames",
       .question = "What do small segments cost the two ends of a stream?",
       .workload = "bulk",
       .as_it_is = {"segments of 1,448 bytes", {{"segment", "1448"}}},
       .remedy = {"segments of 8,948 bytes", {{"segment", "8948"}}},
       .needs = no_wire},
      {.id = "tcp-congestion-control",
       .question = "Does bbr carry a stream quicker where no wire is between?",
       .workload = "bulk",
       .as_it_is = {"the system's algorithm"},
       .remedy = {"bbr", {{"congestion", "bbr"}}},
       .needs = no_other_algorithm,
       .under_system = {{"connections", "1"}}},
      {.id = "binary-rpc",
       .question = "What does JSON cost a message of numbers?",
       .workload = "messages",
       .as_it_is = {"JSON", {{"format", "json"}}},
       .remedy = {"32-bit floats", {{"format", "floats"}}}},
  };
}

}  // namespace aisp::doctor
