// Processes as probes see them: their arguments, environment, and which hold GPUs together.
//
// Source: proc(5).
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "doctor/evidence.h"

namespace aisp::doctor {

/// A process that holds contexts on GPUs, put together from the facts of all GPUs and /proc.
struct GpuUser {
  int pid = 0;
  std::string name;  // empty: the number is of another name space, and /proc/PID another process
  std::vector<int> gpus;  // ascending
  machine::Maybe<int> uid;
  std::vector<std::string> arguments;              // empty: not readable
  std::map<std::string, std::string> environment;  // empty: not readable
};
/// By process id. Daemons of the driver (persistence, MPS server) are left out.
std::vector<GpuUser> gpu_users(const Evidence& evidence);

/// Processes of one job: same Slurm job or same rendezvous (MASTER_ADDR:MASTER_PORT), or one alone.
std::vector<std::vector<GpuUser>> gpu_jobs(const Evidence& evidence);

std::vector<std::string> arguments_of(const Evidence& evidence, int pid);
std::map<std::string, std::string> environment_of(const Evidence& evidence, int pid);
/// Nothing where the process cannot be seen.
std::set<std::string> mapped_files(const Evidence& evidence, const GpuUser& user);
Text status_of(const Evidence& evidence, const GpuUser& user);

/// Ids of processes whose /proc/PID/comm is `name` or begins with it: the kernel cuts names at 15
/// bytes. At most 4,096 processes are looked at.
std::vector<int> processes_named(const Evidence& evidence, const std::string& name);

/// The value of "--flag value" or "--flag=value".
std::string argument(const std::vector<std::string>& arguments, const std::string& flag);
/// Ranks of one tensor-parallel group, from the flags of common engines and trainers; 0: not given.
int tensor_parallel_size(const std::vector<std::string>& arguments);
/// A positive number in an environment; 0: none.
int positive(const std::map<std::string, std::string>& environment, const std::string& name);
/// Does the job reach beyond this machine? Its nodes, or 1, or 0 when nothing tells. Looks at the
/// processes on GPUs and at the subject.
int nodes_of_jobs(const Evidence& evidence);
bool is_python(const GpuUser& user);

}  // namespace aisp::doctor
