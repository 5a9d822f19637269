// The tables, one function a file of doctor/probes or doctor/measures.
#pragma once

#include <vector>

#include "doctor/probe.h"

namespace aisp::doctor {

// doctor/probes
std::vector<Setting> kernel_settings();
std::vector<Probe> memory_probes();
std::vector<Probe> processor_probes();
std::vector<Probe> thread_probes();
std::vector<Probe> isolation_probes();
std::vector<Probe> container_probes();
std::vector<Probe> storage_probes();
std::vector<Probe> dataset_probes();
std::vector<Probe> tcp_probes();
std::vector<Probe> gpu_host_probes();
std::vector<Probe> service_probes();
std::vector<Probe> orchestration_probes();
std::vector<Probe> firmware_probes();
std::vector<Probe> gpu_device_probes();
std::vector<Probe> gpu_driver_probes();
std::vector<Probe> gpu_link_probes();
std::vector<Probe> gpu_placement_probes();
std::vector<Probe> gpu_health_probes();
std::vector<Probe> gpu_sharing_probes();
std::vector<Probe> gpu_code_probes();
std::vector<Probe> pcie_probes();
std::vector<Probe> nccl_probes();
std::vector<Probe> rdma_probes();
std::vector<Probe> cluster_probes();
std::vector<Probe> serving_probes();
std::vector<Probe> run_record_probes();
std::vector<Probe> build_probes();
std::vector<Probe> reproducibility_probes();
std::vector<Probe> cloud_probes();
std::vector<Probe> tuning_cache_probes();
std::vector<Probe> framework_probes();

// doctor/measures
std::vector<Measure> command_choice_measures();
std::vector<Measure> command_run_measures();
std::vector<Measure> serving_measures();
std::vector<Measure> processor_measures();
std::vector<Measure> memory_level_measures();
std::vector<Measure> storage_measures();
std::vector<Measure> running_job_measures();
std::vector<Measure> trace_copy_measures();
std::vector<Measure> trace_host_measures();
std::vector<Measure> trace_kernel_measures();
std::vector<Measure> trace_range_measures();
std::vector<Measure> gpu_sampled_measures();
std::vector<Measure> record_measures();
std::vector<Measure> drift_measures();
std::vector<Measure> nccl_run_measures();

}  // namespace aisp::doctor
