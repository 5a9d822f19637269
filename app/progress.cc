// Progress on standard error. See progress.h.
#include "app/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace aisp::app {
namespace {

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

Progress::Progress() : terminal_(isatty(2) != 0), width_(100), begin_s_(now_s()) {
  winsize size{};
  if (terminal_ && ioctl(2, TIOCGWINSZ, &size) == 0 && size.ws_col > 20) width_ = size.ws_col;
}

Progress::~Progress() { clear(); }

void Progress::clear() {
  if (terminal_ && shown_) fmt::print(stderr, "\r\x1b[K");
  shown_ = false;
}

void Progress::show(std::size_t done, std::size_t all, const std::string& now) {
  const double time = now_s();
  if (!terminal_) {
    if (done == last_done_ || now.empty()) return;
    last_done_ = done;
    fmt::print(stderr, "[{}/{}] {}\n", done + 1, all, now);
    return;
  }
  if (time - last_drawn_s_ < 0.05 && done == last_done_) return;
  last_drawn_s_ = time;
  last_done_ = done;
  constexpr int kBar = 24;
  const int filled = all == 0 ? kBar : static_cast<int>(kBar * done / all);
  std::string line = fmt::format(
      "[{}{}] {}/{} {:3.0f}s ", std::string(static_cast<std::size_t>(filled), '#'),
      std::string(static_cast<std::size_t>(kBar - filled), '.'), done, all, time - begin_s_);
  line += now;
  if (line.size() >= static_cast<std::size_t>(width_))
    line.resize(static_cast<std::size_t>(width_) - 1);
  fmt::print(stderr, "\r\x1b[K{}", line);
  std::fflush(stderr);
  shown_ = true;
}

void Progress::note(const std::string& line) {
  clear();
  fmt::print(stderr, "{}\n", line);
}

}  // namespace aisp::app
