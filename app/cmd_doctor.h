// `aisp doctor`: what about this machine's set-up costs something, with the evidence.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "doctor/collect.h"
#include "app/doctor_apply.h"
#include "app/doctor_prove.h"
#include "doctor/examine.h"

namespace aisp::app {

struct DoctorOptions {
  doctor::ExamineOptions examine;
  bool json = false, markdown = false, html = false;
  bool strict = false;  // exit 1 when anything warns or fails
  bool all = false;     // also the evidence of what is in order
  std::string explain;  // id: everything about one item
  std::string out;      // file instead of standard output
  std::vector<std::string> compare;  // documents whose differences are shown
  std::string fleet;                 // list of hosts, or folder of documents
  doctor::CollectOptions collect;
  std::string serve;  // "[address]:port"
  double every_s = 300.0;
  ProveCommand prove;
  ApplyCommand apply;
};

/// The options of `aisp doctor` and what they call; `code` receives the exit code.
void add_doctor(CLI::App& root, DoctorOptions& options, int* code);

/// Prints the examination; exit code 0, or 1 with --strict when something warns or fails.
int cmd_doctor(const DoctorOptions& options);

}  // namespace aisp::app
