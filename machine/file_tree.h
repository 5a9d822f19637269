// The files of this machine, or a recorded copy of them below a folder. Values are made printable
// as they are read, since names of devices are bytes that their makers chose. Nothing here throws.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace aisp::machine {

class FileTree {
 public:
  /// `root` prefixes every path; empty: this machine.
  explicit FileTree(std::string root) : root_(std::move(root)) {}

  bool recorded() const { return !root_.empty(); }
  const std::string& root() const { return root_; }

  bool exists(const std::string& path) const;
  /// The whole file, bytes as they are; empty when absent.
  std::string bytes(const std::string& path) const;
  /// The first line, printable; empty when absent.
  std::string line(const std::string& path) const;
  /// The first line as a whole number; nothing when it is none, or does not fit.
  std::optional<int> number(const std::string& path) const;
  /// Names in a folder, in numeric order where they end in numbers ("node2" before "node10").
  std::vector<std::string> names(const std::string& folder) const;
  /// The last part of where a symbolic link points: the driver behind "device/driver".
  std::string link_name(const std::string& path) const;
  /// The address of the PCI device that a path of sysfs leads through, "0000:1b:00.0"; the last
  /// one, since bridges come first. Empty: none.
  std::string pci_address(const std::string& path) const;
  /// "is not there" or "permission denied" ...: why a file cannot be read. Empty: it can.
  std::string why_not(const std::string& path) const;
  /// It is there, and this user may not read it.
  bool is_forbidden(const std::string& path) const;

 private:
  std::string root_;
};

/// Lower case, with a domain of four digits: "00000000:1B:00.0" and "1b:00.0" become
/// "0000:1b:00.0". Empty when `text` is no PCI address.
std::string normal_pci_address(std::string_view text);

/// "0-3,8" as numbers; stops at what is malformed, and at 8,192 of them.
std::vector<int> parse_number_list(std::string_view text);

}  // namespace aisp::machine
