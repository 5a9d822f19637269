// The time that a program prints about itself: "TIME_MS: 12.5" anywhere in its standard output, or
// a line of JSON with a number under a chosen key. The last one wins. Bytes come in pieces of any
// size.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace aisp::bench::command {

struct PrintedTime {
  double ns = 0.0;
  double step_ns = 0.0;  // the value of its last digit: what lies between two steps is not known
};

/// Nanoseconds in the unit that a key ends with: "_ns", "_us", "_ms" or "_s". Throws UsageError for
/// another ending, because a time without a unit is a guess.
double unit_of_key(const std::string& key, const std::string& where);

class TimeReader {
 public:
  /// json_key "": lines with TIME_MS, and lines of JSON with "time_ms". `others`, where given, gets
  /// all bytes but those of lines that hold a time: what is left can be compared between runs.
  explicit TimeReader(std::string json_key, std::function<void(std::string_view)> others = {});

  void add(std::string_view bytes);
  /// Also reads a last line without its end. Nothing when none was printed.
  std::optional<PrintedTime> last();
  /// A time that was there but is none: "TIME_MS: fast". Empty when all were numbers above 0.
  const std::string& malformed() const { return malformed_; }

 private:
  // True for a line that holds a time, good or bad.
  bool take_line(std::string_view line);
  bool take_json(std::string_view line);
  void take_value(std::string_view text, double unit_ns);
  void pass(std::string_view bytes) const {
    if (others_ && !bytes.empty()) others_(bytes);
  }

  const std::string key_;
  const double unit_ns_;
  const bool marked_;  // TIME_MS lines count too
  const std::function<void(std::string_view)> others_;
  std::string line_;
  bool overlong_ = false;  // the line at hand was passed on: too long to be a time
  std::optional<PrintedTime> last_;
  std::string malformed_;
};

}  // namespace aisp::bench::command
