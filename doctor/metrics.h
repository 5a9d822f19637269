// The examination for Prometheus, and the server that a DaemonSet's scraper asks.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "doctor/examine.h"

namespace aisp::doctor {

/// Text exposition format 0.0.4: aisp_doctor_verdict{item,section} 0 ok, 1 warn, 2 fail, for
/// decided items; aisp_doctor_items{verdict}; times of the examination. Source:
/// https://prometheus.io/docs/instrumenting/exposition_formats/
std::string metrics_text(const Examination& examination);

struct ServeOptions {
  std::string address = "0.0.0.0";  // "127.0.0.1"
  std::uint16_t port = 9400;        // 0: any
  double every_s = 300.0;           // between examinations
  ExamineOptions examine;
  std::function<void(std::uint16_t port)> listening;  // called once, with the port
};

/// Serves GET /metrics (the newest examination), /report.json and /health until `stop` is true.
/// Connections that are slow (5 s), large (8 KiB of head) or too many (64) are closed. Throws Error
/// when the address is malformed or the port is taken.
void serve_metrics(const ServeOptions& options, const std::atomic<bool>& stop);

}  // namespace aisp::doctor
