// See serving.h.
#include "doctor/serving.h"

#include <fmt/format.h>

#include <cctype>

#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

struct Engine {
  const char* word;  // in the command line, lower case
  const char* name;
};
constexpr Engine kEngines[] = {{"vllm", "vLLM"},           {"sglang", "SGLang"},
                               {"trtllm", "TensorRT-LLM"}, {"tensorrt_llm", "TensorRT-LLM"},
                               {"tritonserver", "Triton"}, {"dynamo", "Dynamo"},
                               {"text-generation", "TGI"}, {"llama-server", "llama.cpp"},
                               {"lmdeploy", "LMDeploy"}};

std::string engine_in(const std::vector<std::string>& arguments) {
  for (std::string word : arguments) {
    for (char& c : word) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    for (const Engine& engine : kEngines) {
      if (word.find(engine.word) != std::string::npos) return engine.name;
    }
  }
  return "";
}

int parent_of(const Evidence& evidence, int pid) {
  const Text status = evidence.read(fmt::format("/proc/{}/status", pid));
  const auto value = machine::parse_number(Evidence::value_of(status.value, "PPid").value_or(""));
  return value && *value > 1 && *value < 1e7 ? static_cast<int>(*value) : 0;
}

// Inodes of listening TCP sockets: column 4 is the state (0A), column 10 the inode.
std::set<std::string> listening_inodes(const Evidence& evidence) {
  std::set<std::string> inodes;
  for (const char* path : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    const Text table = evidence.read(path);
    for (const auto line : machine::split(table.value, '\n')) {
      std::vector<std::string_view> words;
      for (const auto word : machine::split(line, ' ')) {
        if (!word.empty()) words.push_back(word);
      }
      if (words.size() > 9 && words[3] == "0A") inodes.emplace(words[9]);
    }
  }
  return inodes;
}

bool holds_socket(const Evidence& evidence, int pid, const std::set<std::string>& inodes) {
  const std::string folder = fmt::format("/proc/{}/fd", pid);
  for (const std::string& name : evidence.list(folder)) {
    const std::string target = evidence.link(folder + "/" + name).value;
    if (!target.starts_with("socket:[") || !target.ends_with("]")) continue;
    if (inodes.contains(target.substr(8, target.size() - 9))) return true;
  }
  return false;
}

bool names_training(const std::vector<std::string>& arguments) {
  for (const std::string& word : arguments) {
    for (const char* sign : {"torchrun", "deepspeed", "accelerate", "train", "megatron"}) {
      if (word.find(sign) != std::string::npos) return true;
    }
  }
  return false;
}

}  // namespace

std::string engine_of(const Evidence& evidence, const GpuUser& user) {
  std::vector<std::string> words = user.arguments;
  words.push_back(user.name);
  const std::string own = engine_in(words);
  if (user.name.empty()) return own;
  if (!own.empty()) return own;
  const int parent = parent_of(evidence, user.pid);
  return parent == 0 ? "" : engine_in(arguments_of(evidence, parent));
}

bool listens(const Evidence& evidence, const GpuUser& user) {
  for (const char* name : {"RANK", "WORLD_SIZE", "MASTER_PORT"}) {
    if (user.environment.contains(name)) return false;
  }
  for (const std::string& word : user.arguments) {
    if (word.find("ipykernel") != std::string::npos) return false;  // a notebook's own ports
  }
  return !user.name.empty() && holds_socket(evidence, user.pid, listening_inodes(evidence));
}

Role role_of(const Evidence& evidence, const GpuUser& user) {
  if (!engine_of(evidence, user).empty()) return Role::kServing;
  if (user.environment.contains("RANK") || user.environment.contains("WORLD_SIZE") ||
      names_training(user.arguments)) {
    return Role::kTraining;
  }
  return listens(evidence, user) ? Role::kServing : Role::kUnknown;
}

}  // namespace aisp::doctor
