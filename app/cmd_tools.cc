// See cmd_tools.h.
#include "app/cmd_tools.h"

#include <fmt/format.h>

#include <cstdio>

#include "app/roofline_gpu.h"
#include "base/error.h"
#include "bench/record.h"
#include "machine/ceilings.h"
#include "machine/environment.h"
#include "report/model.h"
#include "report/roofline_svg.h"
#include "report/roofline_text.h"

namespace aisp::app {
namespace {

using bench::Json;

machine::Ceilings ceilings_here() {
  const machine::Cpu& cpu = machine::cpu();
  machine::CeilingOptions how;
  how.only_cached = true;
  machine::Ceilings ceilings = machine::load_or_measure_ceilings(cpu, how);
  if (!ceilings.empty()) return ceilings;
  fmt::print(stderr, "no ceilings of this machine are cached: measuring them, {:.0f} s\n",
             how.seconds);
  how.only_cached = false;
  return machine::load_or_measure_ceilings(cpu, how);
}

// The parts of a run's header that a roofline is drawn from.
Json header_of(const machine::Ceilings& ceilings) {
  Json caches = Json::array();
  for (const machine::Cache& cache : machine::cpu().data_caches) {
    caches.push_back({{"level", cache.level},
                      {"size_bytes", cache.size_bytes},
                      {"sharing_cores", cache.sharing_cores}});
  }
  return {{"hardware_key", ceilings.hardware_key},
          {"cpu", {{"caches", caches}}},
          {"ceilings", Json::parse(machine::to_json(ceilings))}};
}

bool has_gpu_ceilings(const Json& header) {
  const Json* found = report::find(header, {"device", "ceilings"});
  return found != nullptr && found->is_array() && !found->empty();
}

bool has_ceilings(const Json& header) {
  const Json* found = report::find(header, {"ceilings", "compute"});
  return found != nullptr && found->is_array() && !found->empty();
}

struct Drawn {
  std::string hardware_key;
  report::Model model;
  report::Roofline roofline;
};

// A run lies under the roofs of the machine it was made on: its own, or ours if that is the same.
Drawn draw(const std::string& folder, const bench::RunRecord& run) {
  Drawn drawn;
  drawn.hardware_key = report::header_text(run.header, {"hardware_key"});
  drawn.model = report::build_model(run);
  Json header = run.header;
  if (!has_ceilings(header)) {
    if (drawn.hardware_key != machine::hardware_key(machine::cpu())) {
      throw Error("the run has no ceilings and is of another machine (" + drawn.hardware_key + ")",
                  folder, "record it there with --profile roofline");
    }
    header["ceilings"] = header_of(ceilings_here())["ceilings"];
  }
  drawn.roofline = report::collect_roofline(drawn.model, header);
  return drawn;
}

Drawn draw_on_gpu(const std::string& folder, const bench::RunRecord& run) {
  Drawn drawn;
  drawn.hardware_key = report::header_text(run.header, {"device", "hardware_key"});
  if (drawn.hardware_key.empty()) {
    throw UsageError("the run saw no GPU", "--device cuda --run " + folder,
                     "leave --device out for its techniques on the processor");
  }
  drawn.model = report::build_model(run);
  Json header = run.header;
  if (!has_gpu_ceilings(header)) {
    const machine::CudaDevice& here = machine::cuda_device();
    if (!here.why_not.empty() || drawn.hardware_key != bench::device_key(here)) {
      throw Error("the run has no ceilings and is of another GPU (" + drawn.hardware_key + ")",
                  folder, "record it there with --profile roofline");
    }
    header["device"] = header_of_gpu(gpu_ceilings_here())["device"];
  }
  drawn.roofline = report::collect_gpu_roofline(drawn.model, header);
  return drawn;
}

void print_json(const Drawn& drawn, const Json& bound) {
  Json root = {
      {"schema", "aisp.roofline"}, {"schema_version", 1}, {"hardware_key", drawn.hardware_key}};
  root.update(report::roofline_to_json(drawn.roofline, drawn.model));
  if (!bound.is_null()) root["bound"] = bound;
  fmt::print("{}\n", root.dump(2, ' ', false, Json::error_handler_t::replace));
}

}  // namespace

int cmd_roofline(const RooflineOptions& options) {
  if (options.flops.has_value() != options.bytes.has_value()) {
    throw UsageError(fmt::format("{} without {}", options.flops ? "--flops" : "--bytes",
                                 options.flops ? "--bytes" : "--flops"),
                     "aisp tools roofline", "a bound needs both");
  }
  BoundQuestion question = options.question;
  if (options.flops) {
    question.flops = *options.flops;
    question.bytes = *options.bytes;
    if (options.device == "cpu")
      check_question(question, machine::cpu());
    else
      check_amounts(question);
  }
  bench::RunRecord run;
  if (!options.run.empty()) run = bench::read_run(options.run);
  const bool pair = options.flops.has_value(), gpu = options.device == "cuda";
  std::optional<Bound> bound;
  Drawn drawn;
  if ((pair || options.run.empty()) && gpu) {
    const bench::DeviceCeilings ceilings = gpu_ceilings_here();
    if (pair) bound = find_gpu_bound(ceilings, question);
    drawn.hardware_key = bench::device_key(machine::cuda_device());
    if (!pair) drawn.roofline = report::gpu_roofline(header_of_gpu(ceilings));
  } else if (pair || options.run.empty()) {
    const machine::Ceilings ceilings = ceilings_here();
    if (pair) bound = find_bound(ceilings, machine::cpu(), question);
    drawn.hardware_key = ceilings.hardware_key;
    if (!pair) drawn.roofline = report::machine_roofline(header_of(ceilings));
  }
  if (!options.run.empty()) {
    drawn = gpu ? draw_on_gpu(options.run, run) : draw(options.run, run);
  }
  if (!options.svg.empty()) {
    const std::string picture = report::roofline_svg(drawn.roofline, drawn.model);
    if (options.svg == "-") {
      fmt::print("{}", picture);
      return 0;
    }
    bench::write_file_atomically(options.svg, picture);
  }
  if (options.json) {
    print_json(drawn, bound ? to_json(*bound, question) : Json());
    return 0;
  }
  const std::string bound_text = bound ? render_bound(*bound, question) : "";
  fmt::print("{}\n{}{}", drawn.hardware_key, report::render_roofline(drawn.roofline, drawn.model),
             bound_text);
  return 0;
}

CLI::App* add_tools(CLI::App& root, RooflineOptions& options, int* code) {
  CLI::App* tools = root.add_subcommand("tools", "Small instruments on what was measured");
  tools->require_subcommand(1);
  CLI::App* roofline = tools->add_subcommand(
      "roofline", "The machine's roofline, where a run lies on it, or the bound of a pair");
  roofline->add_option("--device", options.device, "cpu or cuda: whose ceilings and techniques")
      ->check(CLI::IsMember({"cpu", "cuda"}));
  roofline->add_option("--run", options.run, "Folder of a run whose techniques are placed");
  roofline->add_option("--flops", options.flops, "Operations of the work, such as 2e9");
  roofline->add_option("--bytes", options.bytes, "Bytes that it loads and stores");
  roofline->add_option("--dtype", options.question.dtype, "Type it computes with; f32 when absent");
  roofline->add_option("--threads", options.question.threads, "Threads; all cores when absent");
  roofline->add_option("--level", options.question.level,
                       "L1, L2, L3 or DRAM (when absent, the one that holds so many bytes); of a "
                       "GPU \"device memory\" or \"host link\"");
  roofline->add_option("--svg", options.svg, "Write the picture here (- for standard output)");
  roofline->add_flag("--json", options.json, "As JSON");
  roofline->callback([&options, code] { *code = cmd_roofline(options); });
  return tools;
}

}  // namespace aisp::app
