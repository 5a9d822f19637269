// Counters in the record. See counters.h.
#include "bench/counters.h"

#include <cmath>

namespace aisp::bench {

using Json = nlohmann::ordered_json;

double KernelCounters::value(const std::string& name) const {
  const auto found = values.find(name);
  return found == values.end() ? std::nan("") : found->second;
}

Json to_json(const CounterProfile& profile) {
  Json kernels = Json::array();
  for (const KernelCounters& one : profile.kernels) {
    kernels.push_back({{"kernel", one.kernel},
                       {"grid", one.grid},
                       {"block", one.block},
                       {"counters", one.values}});
  }
  return {{"level", profile.level},
          {"tool", profile.tool},
          {"why_not", profile.why_not},
          {"cut", profile.cut},
          {"kernels", kernels}};
}

CounterProfile profile_from_json(const Json& json) {
  CounterProfile profile;
  json.at("level").get_to(profile.level);
  json.at("tool").get_to(profile.tool);
  json.at("why_not").get_to(profile.why_not);
  json.at("cut").get_to(profile.cut);
  for (const Json& from : json.at("kernels")) {
    KernelCounters one;
    from.at("kernel").get_to(one.kernel);
    from.at("grid").get_to(one.grid);
    from.at("block").get_to(one.block);
    for (const auto& [name, value] : from.at("counters").items()) {
      one.values[name] = value.get<double>();
    }
    profile.kernels.push_back(std::move(one));
  }
  return profile;
}

}  // namespace aisp::bench
