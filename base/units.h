// Numbers as people read them: three significant digits and a unit, the same in the terminal, in
// the reports and in error messages. Independent of the locale; never "nan" or "inf": those print
// "-".
#pragma once

#include <string>
#include <string_view>

namespace aisp {

/// Three significant digits: "0.0123", "1.23", "12.3", "123", "12300"; an exponent only for what no
/// machine measures, "1.00e+300".
std::string format_number(double value);

/// Nanoseconds in the unit that leaves one to three digits before the point: "850 ns", "1.23 µs",
/// "45.6 ms", "12.0 s".
std::string format_time(double nanoseconds);

/// Binary units; trailing zeros are dropped: "512 B", "48 KiB", "1.5 MiB".
std::string format_bytes(double bytes);

/// Decimal prefixes. A unit that begins with a capital takes the prefix: "12.3 GFLOP/s", "1.60
/// GB/s" (of "FLOP/s", "B/s"); a word stands apart: "4.20 M tokens/s" (of "tokens/s").
std::string format_rate(double per_second, std::string_view unit);

/// A plain count with a decimal prefix: "999", "12.3 k", "4.29 G".
std::string format_count(double count);

/// A speed-up: "3.12x". Within a tenth of 1 it has three decimals ("1.004x"), because the margin of
/// interest there is 1 % and less.
std::string format_ratio(double ratio);

/// Both ends without the x, with three decimals when one is near 1: "[3.05, 3.20]",
/// "[0.995, 1.036]"; an open end is "-".
std::string format_ratio_interval(double low, double high);

/// "87.3 %" of 0.873.
std::string format_percent(double fraction);

}  // namespace aisp
