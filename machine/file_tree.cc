// The files of a machine. See file_tree.h.
#include "machine/file_tree.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>

#include "base/text.h"
#include "machine/text_file.h"

namespace aisp::machine {
namespace {

namespace fs = std::filesystem;

// "nvme10n1" splits into "nvme10n" and 1, for the order of names.
std::pair<std::string_view, std::uint64_t> name_and_number(std::string_view name) {
  const std::size_t last = name.find_last_not_of("0123456789");
  const std::size_t start = last == std::string_view::npos ? 0 : last + 1;
  std::uint64_t number = 0;
  std::from_chars(name.data() + start, name.data() + name.size(), number);
  return {name.substr(0, start), number};
}

std::optional<std::uint32_t> hex(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

bool FileTree::exists(const std::string& path) const {
  std::error_code ignored;
  return fs::exists(root_ + path, ignored);
}

std::string FileTree::bytes(const std::string& path) const {
  return read_text(root_ + path).value_or("");
}

std::string FileTree::line(const std::string& path) const {
  return printable(read_line(root_ + path).value_or(""));
}

std::optional<int> FileTree::number(const std::string& path) const {
  const std::string text = line(path);
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::vector<std::string> FileTree::names(const std::string& folder) const {
  std::vector<std::string> found;
  std::error_code error;
  for (fs::directory_iterator at(root_ + folder, error), end; !error && at != end;
       at.increment(error)) {
    found.push_back(at->path().filename().string());
  }
  std::sort(found.begin(), found.end(), [](const std::string& a, const std::string& b) {
    const auto x = name_and_number(a), y = name_and_number(b);
    return x != y ? x < y : a < b;
  });
  return found;
}

std::string FileTree::link_name(const std::string& path) const {
  std::error_code error;
  const fs::path target = fs::read_symlink(root_ + path, error);
  return error ? "" : printable(target.filename().string());
}

std::string FileTree::pci_address(const std::string& path) const {
  std::error_code error;
  const fs::path whole = fs::weakly_canonical(root_ + path, error);
  if (error) return "";
  std::string address;
  for (const fs::path& part : whole) {
    // A folder of a bus is "pci0000:00": only whole parts are devices.
    const std::string found = normal_pci_address(part.string());
    if (!found.empty()) address = found;
  }
  return address;
}

namespace {

// 0, or why a file or folder does not open for reading.
int open_error(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return errno;
  close(file);
  return 0;
}

}  // namespace

std::string FileTree::why_not(const std::string& path) const {
  const int error = open_error(root_ + path);
  if (error == 0) return "";
  return error == ENOENT ? path + " is not there" : fmt::format("{}: {}", path, strerror(error));
}

bool FileTree::is_forbidden(const std::string& path) const {
  const int error = open_error(root_ + path);
  return error == EACCES || error == EPERM;
}

std::string normal_pci_address(std::string_view text) {
  const auto parts = split(text, ':');
  if (parts.size() < 2 || parts.size() > 3) return "";
  const std::size_t dot = parts.back().find('.');
  if (dot == std::string_view::npos) return "";
  const auto domain = parts.size() == 3 ? hex(parts[0]) : std::optional<std::uint32_t>(0);
  const auto bus = hex(parts[parts.size() - 2]);
  const auto device = hex(parts.back().substr(0, dot));
  const auto function = hex(parts.back().substr(dot + 1));
  if (!domain || !bus || !device || !function) return "";
  if (*bus > 0xff || *device > 0x1f || *function > 7) return "";
  return fmt::format("{:04x}:{:02x}:{:02x}.{:x}", *domain, *bus, *device, *function);
}

std::vector<int> parse_number_list(std::string_view text) {
  constexpr std::size_t kMost = 8192;  // the kernel's own limit of processors
  std::vector<int> numbers;
  for (const std::string_view piece : split(trim(text), ',')) {
    const std::size_t dash = piece.find('-');
    const auto first = parse_number(piece.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_number(piece.substr(dash + 1));
    if (!first || !last || *first < 0 || *last < *first || *last >= kMost) break;
    for (int i = static_cast<int>(*first); i <= static_cast<int>(*last); ++i) {
      if (numbers.size() < kMost) numbers.push_back(i);
    }
  }
  return numbers;
}

}  // namespace aisp::machine
