// Gathers the tables of doctor/probes and doctor/measures. A new file of them is one line here.
#include "doctor/tables.h"

namespace aisp::doctor {
namespace {

template <class T>
std::vector<T> joined(std::initializer_list<std::vector<T>> tables) {
  std::vector<T> all;
  for (const auto& table : tables) all.insert(all.end(), table.begin(), table.end());
  return all;
}

}  // namespace

const std::vector<Probe>& probes() {
  static const std::vector<Probe> all = joined<Probe>({
      memory_probes(),       processor_probes(),   thread_probes(),          isolation_probes(),
      container_probes(),    storage_probes(),     dataset_probes(),         tcp_probes(),
      gpu_host_probes(),     service_probes(),     orchestration_probes(),   firmware_probes(),
      gpu_device_probes(),   gpu_driver_probes(),  gpu_link_probes(),        gpu_placement_probes(),
      gpu_health_probes(),   gpu_sharing_probes(), gpu_code_probes(),        pcie_probes(),
      nccl_probes(),         rdma_probes(),        cluster_probes(),         serving_probes(),
      run_record_probes(),   build_probes(),       reproducibility_probes(), cloud_probes(),
      tuning_cache_probes(), framework_probes(),
  });
  return all;
}

const std::vector<Setting>& settings() {
  static const std::vector<Setting> all = joined<Setting>({
      kernel_settings(),
  });
  return all;
}

const std::vector<Measure>& measures() {
  static const std::vector<Measure> all = joined<Measure>({
      command_choice_measures(),
      command_run_measures(),
      serving_measures(),
      processor_measures(),
      memory_level_measures(),
      storage_measures(),
      running_job_measures(),
      trace_copy_measures(),
      trace_host_measures(),
      trace_kernel_measures(),
      trace_range_measures(),
      gpu_sampled_measures(),
      record_measures(),
      drift_measures(),
      nccl_run_measures(),
  });
  return all;
}

}  // namespace aisp::doctor
