// A progress bar on standard error when that is a terminal; a plain line per step otherwise.
#pragma once

#include <string>

namespace aisp::app {

class Progress {
 public:
  Progress();
  ~Progress();

  /// done of all, and what happens now (cut to the terminal's width).
  void show(std::size_t done, std::size_t all, const std::string& now);

  /// A line that stays, above the bar.
  void note(const std::string& line);

 private:
  void clear();
  bool terminal_;
  int width_;
  bool shown_ = false;
  std::size_t last_done_ = ~std::size_t{0};
  double last_drawn_s_ = 0.0, begin_s_ = 0.0;
};

}  // namespace aisp::app
