// Watching the machine. See machine_watch.h.
#include "app/machine_watch.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "app/machine_text.h"
#include "base/text.h"

namespace aisp::app {
namespace {

using machine::GpuReader;
using machine::VitalSigns;

volatile std::sig_atomic_t stopped = 0;

void stop(int) { stopped = 1; }

// Signals end the loop instead of the program, for as long as this object lives.
class StopOnSignals {
 public:
  StopOnSignals() {
    stopped = 0;
    struct sigaction action {};
    action.sa_handler = stop;  // without SA_RESTART: the sleep ends too
    sigaction(SIGINT, &action, &before_[0]);
    sigaction(SIGTERM, &action, &before_[1]);
  }
  ~StopOnSignals() {
    sigaction(SIGINT, &before_[0], nullptr);
    sigaction(SIGTERM, &before_[1], nullptr);
  }
  StopOnSignals(const StopOnSignals&) = delete;
  StopOnSignals& operator=(const StopOnSignals&) = delete;

 private:
  struct sigaction before_[2] = {};
};

void add(std::string& line, const std::string& piece) {
  if (piece.empty()) return;
  if (!line.empty()) line += "  ";
  line += piece;
}

std::string gpu_line(const machine::Gpu& gpu) {
  std::string line = fmt::format("GPU {}", gpu.index);
  if (gpu.sm_clock_now) add(line, fmt::format("{} MHz", *gpu.sm_clock_now));
  if (gpu.memory_clock_now) add(line, fmt::format("memory {} MHz", *gpu.memory_clock_now));
  if (gpu.power_now) add(line, fmt::format("{:.0f} W", *gpu.power_now));
  if (gpu.utilization_percent) add(line, fmt::format("busy {} %", *gpu.utilization_percent));
  if (gpu.memory_free_bytes) add(line, size_text(*gpu.memory_free_bytes) + " free");
  if (gpu.temperature) add(line, fmt::format("{} C", *gpu.temperature));
  // Bit 0 is "idle": no hindrance.
  if (gpu.throttle_reasons && (*gpu.throttle_reasons & ~1ULL) != 0) {
    add(line, fmt::format("held back (0x{:x})", *gpu.throttle_reasons));
  }
  return line;
}

// Writes over the lines of the sample before, on a terminal of any width.
void show_on_terminal(const std::vector<std::string>& lines, std::size_t& shown) {
  winsize window{};
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 1;
  std::string text;
  if (shown > 0) text += fmt::format("\x1b[{}A", shown);
  for (const std::string& line : lines) {
    text += cut_to_width(line, known ? window.ws_col - 1 : 79);
    text += "\x1b[K\n";
  }
  text += "\x1b[J";
  shown = lines.size();
  fmt::print("{}", text);
}

// Until `seconds` of the clock that never jumps; false when a signal came.
bool sleep_until(double seconds) {
  timespec end{};
  end.tv_sec = static_cast<time_t>(seconds);
  end.tv_nsec = static_cast<long>((seconds - static_cast<double>(end.tv_sec)) * 1e9);
  while (stopped == 0 && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, nullptr) != 0) {
  }
  return stopped == 0;
}

}  // namespace

std::vector<std::string> vital_lines(const VitalSigns& before, const VitalSigns& now,
                                     double start_s) {
  const machine::TimeShares shares = machine::shares_between(before, now);
  std::string line = fmt::format("{:.1f} s", now.time_s - start_s);
  if (shares.busy_percent) add(line, fmt::format("busy {:.0f} %", *shares.busy_percent));
  if (shares.steal_percent) add(line, fmt::format("stolen {:.1f} %", *shares.steal_percent));
  add(line, fmt::format("load {:.2f}", now.load.load1));
  if (now.clock_mhz) add(line, fmt::format("{:.0f} MHz", *now.clock_mhz));
  std::string pressure;
  if (now.pressure_cpu) pressure += fmt::format(" cpu {:.0f}", *now.pressure_cpu);
  if (now.pressure_memory) pressure += fmt::format(" memory {:.0f}", *now.pressure_memory);
  if (now.pressure_io) pressure += fmt::format(" io {:.0f}", *now.pressure_io);
  if (!pressure.empty()) add(line, fmt::format("pressure{} %", pressure));
  if (now.memory_bytes && now.memory_available_bytes) {
    add(line, fmt::format("memory {} of {} free", size_text(*now.memory_available_bytes),
                          size_text(*now.memory_bytes)));
  }
  if (now.temperature) add(line, fmt::format("{:.0f} C", *now.temperature));
  std::vector<std::string> lines = {line};
  for (const machine::Gpu& gpu : now.gpus) lines.push_back(gpu_line(gpu));
  return lines;
}

int watch_machine(double seconds, int count) {
  const StopOnSignals signals;
  const GpuReader gpus;
  const bool terminal = isatty(STDOUT_FILENO) != 0;
  const VitalSigns first = machine::read_vital_signs(gpus);
  VitalSigns before = first;
  std::size_t shown = 0;
  for (int i = 1; count == 0 || i <= count; ++i) {
    if (!sleep_until(before.time_s + seconds)) break;
    const VitalSigns now = machine::read_vital_signs(gpus);
    const auto lines = vital_lines(before, now, first.time_s);
    if (terminal) {
      show_on_terminal(lines, shown);
    } else {
      fmt::print("{}\n", fmt::join(lines, "  |  "));
    }
    if (std::fflush(stdout) != 0) return 1;  // nobody reads any more
    before = now;
  }
  return 0;
}

}  // namespace aisp::app
