// Measures of collectives in the user's own job: the transport NCCL says it chose, and whether its
// defaults are the best settings here.
//
// Source: NCCL user guide, environment variables (NCCL_DEBUG, NCCL_BUFFSIZE, NCCL_NTHREADS) and the
// lines that NCCL_DEBUG=INFO prints ("via NET/IB/0/GDRDMA").
#include <fmt/format.h>

#include <chrono>

#include "base/error.h"
#include "base/units.h"
#include "doctor/measures/figures.h"
#include "doctor/measures/user_command.h"
#include "doctor/tables.h"
#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

constexpr double kSeconds = 20.0;

std::string needs_job(const Evidence& evidence) {
  const std::string gpus = needs_gpus(evidence);
  if (!gpus.empty()) return gpus;
  return evidence.subject().command.empty() ? "no --command given: a short job with a collective"
                                            : "";
}

// Connections by transport, from the lines of one job.
Json transports(const std::string& output) {
  Json found = {{"ib_gdr", 0}, {"ib", 0}, {"socket", 0}, {"p2p", 0}, {"shm", 0}, {"lines", 0}};
  std::string example;
  const auto count = [&](const char* name) { found[name] = found[name].get<int>() + 1; };
  for (const auto line : machine::split(output, '\n')) {
    if (line.find("NCCL INFO") == line.npos) continue;
    count("lines");
    const std::size_t at = line.find(" via ");
    if (at == line.npos) continue;
    const auto via = line.substr(at + 5);
    if (via.starts_with("NET/IB")) {
      count(via.find("GDRDMA") != via.npos ? "ib_gdr" : "ib");
    } else if (via.starts_with("NET/Socket")) {
      count("socket");
      if (example.empty()) example = machine::trim(line);
    } else if (via.starts_with("P2P")) {
      count("p2p");
    } else if (via.starts_with("SHM")) {
      count("shm");
      if (example.empty()) example = machine::trim(line);
    }
  }
  found["example"] = example.substr(0, 160);
  return found;
}

Json measure_transport(const Evidence& evidence, double seconds) {
  const std::string line = chosen(evidence.subject().command, "", "");
  const CommandRun run = run_command(
      line, seconds, {{"NCCL_DEBUG", "INFO"}, {"NCCL_DEBUG_SUBSYS", "INIT,NET,GRAPH,P2P,SHM"}});
  return transports(run.output);
}

Finding decide_transport(const Evidence&, const Json& found) {
  if (found.at("lines").get<int>() == 0) {
    return cannot_see("the command prints no line of NCCL: it made no communicator in time");
  }
  const int socket = found.at("socket").get<int>(), shm = found.at("shm").get<int>();
  const int gdr = found.at("ib_gdr").get<int>(), ib = found.at("ib").get<int>();
  const int p2p = found.at("p2p").get<int>();
  std::vector<Reading> read = {
      {"NCCL_DEBUG=INFO",
       fmt::format("{} NET/IB with GDRDMA, {} without, {} NET/Socket, {} P2P, {} "
                   "SHM",
                   gdr, ib, socket, p2p, shm)}};
  const std::string example = found.value("example", "");
  if (!example.empty()) read.push_back({"such as", example});
  if (socket > 0) {
    return warn(fmt::format("{} connections between nodes go through sockets", socket), read,
                "a tenth of the rate of RDMA; unset NCCL_IB_DISABLE, name NCCL_IB_HCA");
  }
  if (shm > 0 && p2p == 0) {
    return warn(fmt::format("{} connections inside the node go through host memory", shm), read,
                "the rate of two PCIe copies instead of one peer copy");
  }
  if (ib > 0 && gdr == 0) {
    return warn("RDMA goes through host memory: no connection uses GDRDMA", read,
                "an extra copy in each direction; load nvidia_peermem or use dma-buf");
  }
  return ok(fmt::format("{} RDMA and {} peer connections, none through sockets", gdr + ib, p2p),
            read);
}

struct Variable {
  const char *name, *value;
};
constexpr Variable kSettings[] = {{"NCCL_BUFFSIZE", "1048576"},
                                  {"NCCL_BUFFSIZE", "16777216"},
                                  {"NCCL_NTHREADS", "256"},
                                  {"NCCL_MIN_NCHANNELS", "16"}};

// Rounds of the default and every setting in turn.
Json measure_settings(const Evidence& evidence, double seconds) {
  const std::string line = chosen(evidence.subject().command, "", "");
  const auto begin = std::chrono::steady_clock::now();
  const auto spent = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  std::vector<std::vector<double>> times(std::size(kSettings) + 1);
  double round = 0.0;
  for (int i = 0; i < 20 && (i == 0 || spent() + round < seconds); ++i) {
    const double start = spent();
    for (std::size_t k = 0; k < times.size(); ++k) {
      std::map<std::string, std::string> more;
      if (k > 0) more[kSettings[k - 1].name] = kSettings[k - 1].value;
      const CommandRun run = run_command(line, std::max(1.0, 2 * seconds - spent()), more);
      if (run.late || run.status != 0) {
        throw Error("fails or takes too long", line, "give a short job with collectives");
      }
      times[k].push_back(run.seconds);
    }
    round = spent() - start;
  }
  Json rows = Json::array();
  for (std::size_t k = 1; k < times.size(); ++k) {
    rows.push_back({{"name", kSettings[k - 1].name},
                    {"value", kSettings[k - 1].value},
                    {"seconds", times[k]}});
  }
  return {{"default", times[0]}, {"rows", rows}};
}

Finding decide_settings(const Evidence&, const Json& found) {
  const auto base = values(found, "default");
  constexpr std::size_t kFewest = 6;  // for a 95 % interval of a median
  std::vector<Reading> read;
  double best = 1.0;
  Fix fix;
  for (const Json& row : found.at("rows")) {
    const auto times = values(row, "seconds");
    std::vector<double> ratios;
    for (std::size_t i = 0; i < std::min(base.size(), times.size()); ++i) {
      if (base[i] > 0) ratios.push_back(times[i] / base[i]);
    }
    if (ratios.size() < kFewest) return cannot_see("fewer than six rounds fit into the time");
    const Interval ratio = median_interval(ratios);
    const std::string name = row.at("name").get<std::string>();
    const std::string value = row.at("value").get<std::string>();
    read.push_back({name + "=" + value,
                    fmt::format("{} {} of the default's time", format_ratio(ratio.estimate),
                                format_ratio_interval(ratio.low, ratio.high))});
    if (ratio.high < 0.95 && ratio.estimate < best) {
      best = ratio.estimate;
      fix = {Fix::Kind::kVariable, name, value};
    }
  }
  if (read.empty()) return cannot_see("no setting was measured");
  if (best == 1.0) return ok("no setting tried gains 5 % over NCCL's own choice", read);
  return warn(fmt::format("{}={} takes {} of the default's time", fix.target, fix.value,
                          format_ratio(best)),
              read, format_percent(1 - best) + " of the job", {fix});
}

}  // namespace

std::vector<Measure> nccl_run_measures() {
  return {
      {"nccl-transport-selected", needs_job, measure_transport, guarded<decide_transport>,
       kSeconds},
      {"nccl-parameter-sweep", needs_job, measure_settings, guarded<decide_settings>, kSeconds},
  };
}

}  // namespace aisp::doctor
