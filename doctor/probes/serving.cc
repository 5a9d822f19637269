// Serving of models: the engine in use, how replicas scale, how caches move between servers.
//
// Source: vLLM, SGLang, TensorRT-LLM and Triton documentation; Kubernetes HorizontalPodAutoscaler
// (autoscaling/v2); NIXL and UCX documentation.
#include "doctor/serving.h"

#include <algorithm>

#include "doctor/gpus.h"
#include "doctor/tables.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

Finding serving_engine(const Evidence& evidence) {
  if (const auto none = without_gpus(evidence)) return *none;
  const auto users = gpu_users(evidence);
  std::vector<Reading> engines, plain;
  for (const GpuUser& user : users) {
    const std::string engine = engine_of(evidence, user);
    const std::string source = fmt::format("process {} ({})", user.pid, user.name);
    if (!engine.empty()) {
      engines.push_back({source, engine});
    } else if (is_python(user) && listens(evidence, user)) {
      const auto files = mapped_files(evidence, user);
      const bool torch = std::any_of(files.begin(), files.end(), [](const std::string& file) {
        return file.find("libtorch") != std::string::npos;
      });
      if (torch) plain.push_back({source, "Python with torch that listens on a port"});
    }
  }
  if (!plain.empty()) {
    return warn("a plain Python server with torch serves from a GPU", plain,
                "no continuous batching and no paged cache: requests wait for each other");
  }
  if (!engines.empty()) {
    return ok(fmt::format("{} serves here", engines.front().value), engines);
  }
  return not_applicable("no process on a GPU serves a model");
}

Json kubectl(const Evidence& evidence, const char* what, std::string& why) {
  int status = 0;
  const Text text = evidence.command({"kubectl", "get", what, "-A", "-o", "json"}, &status);
  Json items = Json::parse(text.value, nullptr, false);
  if (!text || status != 0 || !items.is_object()) {
    why =
        text.seen == Text::Seen::kAbsent ? "" : "kubectl tells nothing about " + std::string(what);
    return nullptr;
  }
  const auto list = items.find("items");
  return list != items.end() && list->is_array() ? *list : Json::array();
}

std::string text_at(const Json& json, std::initializer_list<const char*> path) {
  const Json* at = &json;
  for (const char* key : path) {
    if (!at->is_object() || !at->contains(key)) return "";
    at = &at->at(key);
  }
  return at->is_string() ? at->get<std::string>() : "";
}

// Workloads of other kinds may well scale on processor use.
bool serves_models(const std::string& name) {
  for (const char* word : {"vllm", "sglang", "triton", "trt", "tgi", "llm", "inference", "dynamo",
                           "model", "predictor"}) {
    if (name.find(word) != std::string::npos) return true;
  }
  return false;
}

Finding autoscaling_on_custom_metrics(const Evidence& evidence) {
  const std::string home = evidence.variable("HOME").value;
  if (!evidence.variable("KUBECONFIG") && !evidence.exists(home + "/.kube/config") &&
      !evidence.variable("KUBERNETES_SERVICE_HOST")) {
    return not_applicable("no cluster is configured here");
  }
  std::string why;
  const Json scalers = kubectl(evidence, "hpa", why);
  if (scalers.is_null()) {
    return why.empty() ? not_applicable("no kubectl here") : cannot_see(why);
  }
  std::vector<Reading> good, bad;
  for (const Json& scaler : scalers) {
    const std::string target = text_at(scaler, {"spec", "scaleTargetRef", "name"});
    if (!serves_models(target)) continue;
    const std::string name = fmt::format("{}/{}", text_at(scaler, {"metadata", "namespace"}),
                                         text_at(scaler, {"metadata", "name"}));
    std::vector<std::string> types;
    bool custom = false;
    const auto spec = scaler.find("spec");
    const Json metrics = spec->value("metrics", Json::array());
    for (const Json& metric : metrics) {
      const std::string type = text_at(metric, {"type"});
      custom = custom || type == "Pods" || type == "Object" || type == "External";
      types.push_back(type == "Resource" ? text_at(metric, {"resource", "name"}) : type);
    }
    (custom ? good : bad)
        .push_back({"hpa " + name, fmt::format("{} on {}", target, fmt::join(types, ", "))});
  }
  if (!bad.empty()) {
    return warn(fmt::format("{} of {} model servers scale on processor use alone", bad.size(),
                            bad.size() + good.size()),
                bad, "a GPU server's queue grows while its processors are idle");
  }
  if (!good.empty()) return ok("model servers scale on their own metrics", good);
  return not_applicable("no autoscaler of a model server in this cluster");
}

bool disaggregated(const GpuUser& user) {
  for (const std::string& word : user.arguments) {
    for (const char* sign : {"--kv-transfer-config", "--disaggregation-mode", "--is-prefill-worker",
                             "--is-decode-worker"}) {
      if (word.starts_with(sign)) return true;
    }
  }
  return false;
}

Finding nixl_available(const Evidence& evidence) {
  if (const auto none = without_gpus(evidence)) return *none;
  std::vector<Reading> read;
  bool wanted = false, mapped = false;
  for (const GpuUser& user : gpu_users(evidence)) {
    if (!disaggregated(user)) continue;
    wanted = true;
    for (const std::string& file : mapped_files(evidence, user)) {
      if (file.find("libnixl") == std::string::npos) continue;
      mapped = true;
      read.push_back({fmt::format("/proc/{}/maps", user.pid), file});
      break;
    }
  }
  const auto* const installed = library(evidence.facts(), "libnixl");
  if (installed != nullptr) read.push_back({installed->name, installed->path});
  if (!wanted && installed == nullptr) {
    return not_applicable("no server here splits prefill from decode");
  }
  if (wanted && !mapped && installed == nullptr) {
    return warn("a server splits prefill from decode without NIXL", read,
                "caches then move by the engine's own transport; other libraries may serve");
  }
  const Text transports = evidence.command({"ucx_info", "-d"});
  if (!transports) return cannot_see("NIXL is here; " + transports.why, read);
  std::vector<std::string> missing;
  for (const char* name : {"cuda_copy", "cuda_ipc"}) {
    if (transports.value.find(name) == std::string::npos) missing.emplace_back(name);
  }
  if (!evidence.facts().rdma.empty() && transports.value.find("rc_") == std::string::npos) {
    missing.emplace_back("rc_mlx5");
  }
  if (missing.empty()) return ok("NIXL is here and UCX has its transports", read);
  read.push_back({"ucx_info -d", fmt::format("without {}", fmt::join(missing, ", "))});
  return warn(fmt::format("UCX has no {}", fmt::join(missing, ", ")), read,
              "caches move through host memory or sockets");
}

}  // namespace

std::vector<Probe> serving_probes() {
  return {{"optimized-serving-engine", serving_engine},
          {"autoscaling-on-custom-metrics", autoscaling_on_custom_metrics},
          {"nixl-available", nixl_available}};
}

}  // namespace aisp::doctor
