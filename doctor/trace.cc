// See trace.h.
#include "doctor/trace.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "base/error.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse(const std::string& file, const std::string& why) {
  throw Error(why, file, "export one with PyTorch's profiler: export_chrome_trace(\"trace.json\")");
}

double number(const Json& object, const char* key, double otherwise = 0.0) {
  if (!object.is_object()) return otherwise;
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<double>() : otherwise;
}

std::string word(const Json& object, const char* key) {
  if (!object.is_object()) return "";
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::array<double, 3> triple(const Json& args, const char* key) {
  std::array<double, 3> all{1, 1, 1};
  if (!args.is_object() || !args.contains(key) || !args.at(key).is_array()) return all;
  const Json& list = args.at(key);
  for (std::size_t i = 0; i < std::min<std::size_t>(3, list.size()); ++i) {
    if (list[i].is_number()) all[i] = list[i].get<double>();
  }
  return all;
}

bool is_collective(const std::string& name) {
  return name.starts_with("ncclKernel") || name.starts_with("ncclDevKernel") ||
         name.starts_with("nccl") || name.find("_all_reduce_kernel") != std::string::npos;
}

Kernel kernel_of(const Json& event, const Json& args, const Span& span) {
  Kernel kernel;
  static_cast<Span&>(kernel) = span;
  kernel.name = word(event, "name");
  kernel.device = static_cast<int>(number(args, "device"));
  kernel.stream = static_cast<int>(number(args, "stream"));
  kernel.grid = triple(args, "grid");
  kernel.block = triple(args, "block");
  kernel.registers = number(args, "registers per thread");
  kernel.shared_bytes = number(args, "shared memory");
  kernel.blocks_per_sm = number(args, "blocks per SM");
  const double percent = number(args, "est. achieved occupancy %", -1.0);
  kernel.occupancy = percent < 0 ? -1.0 : percent / 100.0;
  kernel.collective = is_collective(kernel.name);
  return kernel;
}

// "Memcpy HtoD (Pageable -> Device)"
Copy copy_of(const Json& event, const Json& args, const Span& span) {
  Copy copy;
  static_cast<Span&>(copy) = span;
  const std::string name = word(event, "name");
  const std::size_t at = name.find("Memcpy ");
  if (at != std::string::npos) copy.kind = name.substr(at + 7, 4);
  copy.pageable = name.find("Pageable") != std::string::npos;
  copy.bytes = number(args, "bytes");
  copy.device = static_cast<int>(number(args, "device"));
  copy.stream = static_cast<int>(number(args, "stream"));
  return copy;
}

void add_event(const Json& event, Trace& trace) {
  if (word(event, "ph") != "X") return;
  const double begin = number(event, "ts", -1.0), us = number(event, "dur", -1.0);
  if (begin < 0 || us < 0) return;
  const Span span{begin, begin + us};
  const std::string cat = word(event, "cat");
  static const Json kNone = Json::object();
  const auto found = event.find("args");
  const Json& args = found == event.end() ? kNone : *found;
  if (cat == "kernel" || cat == "Kernel" || cat == "gpu_memset") {
    trace.kernels.push_back(kernel_of(event, args, span));
  } else if (cat == "gpu_memcpy" || cat == "Memcpy") {
    trace.copies.push_back(copy_of(event, args, span));
  } else {
    HostEvent one;
    static_cast<Span&>(one) = span;
    one.name = word(event, "name");
    one.thread = static_cast<long>(number(event, "tid"));
    if (cat == "cuda_runtime" || cat == "cuda_driver" || cat == "Runtime") {
      trace.calls.push_back(std::move(one));
    } else if (cat == "cpu_op" || cat == "python_function" || cat == "Operator") {
      trace.ops.push_back(std::move(one));
    } else if (cat == "user_annotation") {
      const bool step = one.name.starts_with("ProfilerStep#");
      (step ? trace.steps : trace.ranges).push_back(std::move(one));
    }
  }
}

std::vector<Trace> read_traces(const std::string& path) {
  std::error_code error;
  std::vector<std::string> files;
  if (fs::is_directory(path, error)) {
    for (const auto& entry : fs::directory_iterator(path, error)) {
      if (entry.path().extension() == ".json") files.push_back(entry.path().string());
    }
  } else {
    files.push_back(path);
  }
  if (files.empty()) refuse(path, "the folder holds no .json file");
  std::sort(files.begin(), files.end());
  std::vector<Trace> traces;
  for (const std::string& file : files) {
    if (file.ends_with(".gz")) refuse(file, "is compressed: gunzip it first");
    const auto text = machine::read_text(file);
    if (!text) refuse(file, "cannot be read");
    traces.push_back(parse_trace(*text, file));
  }
  std::stable_sort(traces.begin(), traces.end(),
                   [](const auto& a, const auto& b) { return a.rank < b.rank; });
  return traces;
}

}  // namespace

Trace parse_trace(const std::string& text, const std::string& file) {
  const Json json = Json::parse(text, nullptr, false);
  const bool object = json.is_object() && json.contains("traceEvents");
  if (!object && !json.is_array()) refuse(file, "is no Chrome trace");
  const Json& events = object ? json.at("traceEvents") : json;
  if (!events.is_array()) refuse(file, "its traceEvents are no list");
  Trace trace;
  trace.file = file;
  if (object) {
    const Json devices = json.value("deviceProperties", Json::array());
    if (devices.is_array() && !devices.empty()) {
      trace.multiprocessors = static_cast<int>(number(devices.front(), "numSms"));
      trace.shared_bytes_per_sm = number(devices.front(), "sharedMemPerMultiprocessor");
    }
    trace.rank = static_cast<int>(number(json.value("distributedInfo", Json::object()), "rank"));
  }
  for (const Json& event : events) {
    if (event.is_object()) add_event(event, trace);
  }
  const auto by_begin = [](const auto& a, const auto& b) { return a.begin_us < b.begin_us; };
  std::sort(trace.kernels.begin(), trace.kernels.end(), by_begin);
  std::sort(trace.copies.begin(), trace.copies.end(), by_begin);
  std::sort(trace.steps.begin(), trace.steps.end(), by_begin);
  if (trace.kernels.empty()) refuse(file, "holds no kernel: profile with ProfilerActivity.CUDA");
  return trace;
}

const std::vector<Trace>& load_traces(const std::string& path) {
  static std::pair<std::string, std::vector<Trace>> last;
  if (last.first != path || last.second.empty()) last = {path, read_traces(path)};
  return last.second;
}

Span Trace::gpu_span() const {
  Span span{kernels.front().begin_us, kernels.front().end_us};
  const auto widen = [&](const Span& one) {
    span.begin_us = std::min(span.begin_us, one.begin_us);
    span.end_us = std::max(span.end_us, one.end_us);
  };
  for (const Kernel& kernel : kernels) widen(kernel);
  for (const Copy& copy : copies) widen(copy);
  return span;
}

double Trace::steady_from_us() const {
  if (steps.size() >= 2) return steps[1].begin_us;
  const Span span = gpu_span();
  return span.begin_us + 0.1 * span.us();
}

std::vector<Span> merged(std::vector<Span> spans) {
  std::sort(spans.begin(), spans.end(),
            [](const Span& a, const Span& b) { return a.begin_us < b.begin_us; });
  std::vector<Span> all;
  for (const Span& span : spans) {
    if (!all.empty() && span.begin_us <= all.back().end_us) {
      all.back().end_us = std::max(all.back().end_us, span.end_us);
    } else {
      all.push_back(span);
    }
  }
  return all;
}

double length_us(const std::vector<Span>& merged_spans) {
  double sum = 0.0;
  for (const Span& span : merged_spans) sum += span.us();
  return sum;
}

double overlap_us(const std::vector<Span>& part, const std::vector<Span>& whole) {
  double sum = 0.0;
  std::size_t j = 0;
  for (const Span& span : part) {
    while (j < whole.size() && whole[j].end_us <= span.begin_us) ++j;
    for (std::size_t k = j; k < whole.size() && whole[k].begin_us < span.end_us; ++k) {
      sum += std::min(span.end_us, whole[k].end_us) - std::max(span.begin_us, whole[k].begin_us);
    }
  }
  return sum;
}

std::vector<Span> gaps(const std::vector<Span>& merged_spans, const Span& limits) {
  std::vector<Span> all;
  double at = limits.begin_us;
  for (const Span& span : merged_spans) {
    if (span.begin_us > at) all.push_back({at, std::min(span.begin_us, limits.end_us)});
    at = std::max(at, span.end_us);
  }
  if (at < limits.end_us) all.push_back({at, limits.end_us});
  return all;
}

int main_device(const Trace& trace) {
  std::map<int, std::size_t> counts;
  for (const Kernel& kernel : trace.kernels) ++counts[kernel.device];
  return std::max_element(counts.begin(), counts.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}

std::vector<Span> busy_spans(const Trace& trace, int device) {
  std::vector<Span> spans;
  for (const Kernel& kernel : trace.kernels) {
    if (kernel.device == device) spans.push_back(kernel);
  }
  for (const Copy& copy : trace.copies) {
    if (copy.device == device) spans.push_back(copy);
  }
  return merged(std::move(spans));
}

}  // namespace aisp::doctor
