// What the tables of `aisp machine` share: numbers, sizes, aligned columns.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "machine/ceilings.h"
#include "machine/cpu.h"
#include "machine/environment.h"
#include "machine/facts.h"

namespace aisp::app {

/// Three significant digits where there are fewer than three before the point.
std::string number(double value);
/// "48 KiB", "22.9 GiB".
std::string size_text(std::uint64_t bytes);
/// "1 core", "2 cores".
std::string plural(int count, const char* what);

using Rows = std::vector<std::vector<std::string>>;
/// Rows of equal length; the columns from `first_right` on are aligned to the right. Cells are made
/// printable: names of devices and values of files are bytes from outside.
void print_table(const Rows& rows, std::size_t first_right);

/// Sections of `aisp machine`, each in a file of its own.
void print_hardware(const machine::Cpu& cpu);
void print_environment(const machine::Environment& environment);
void print_devices(const machine::Facts& facts);
void print_gpus(const machine::Facts& facts);
void print_libraries(const machine::Facts& facts);
void print_container_and_limits(const machine::Facts& facts);
void print_unseen(const machine::Facts& facts);
void print_ceilings(const machine::Ceilings& ceilings, const machine::Cpu& cpu);

}  // namespace aisp::app
