// Who may include whom, who may print, and which compiler flags may not appear. The table of rooms
// is data (tools/rooms.txt): layer diagrams that nothing checks go false.
#include <algorithm>
#include <map>
#include <set>

#include "tools/tidy/rules.h"

namespace aisp::tidy {
namespace {

constexpr const char* kTable = "tools/rooms.txt";

/// A program of its own (bench/layout, bench/peers) has nobody else to print for it.
bool is_program(const SourceFile& file) {
  return std::any_of(file.code.begin(), file.code.end(),
                     [](const std::string& line) { return line.rfind("int main(", 0) == 0; });
}

using Rooms = std::map<std::string, std::set<std::string>>;

Rooms read_table(const Tree& tree, Findings& findings) {
  Rooms rooms;
  const SourceFile* table = tree.find(kTable);
  if (table == nullptr) {
    findings.push_back({kTable, 0, "rooms", "the table of rooms is missing", "room : room room"});
    return rooms;
  }
  for (std::size_t i = 0; i < table->lines.size(); ++i) {
    const std::string line(trim(table->lines[i]));
    if (line.empty() || line.front() == '#') continue;
    const auto parts = split(line, ':');
    if (parts.size() != 2) {
      findings.push_back({kTable, static_cast<int>(i + 1), "rooms", "this is not 'room : rooms'",
                          "the room, a colon, and the rooms that it may include"});
      continue;
    }
    auto& allowed = rooms[parts[0]];
    for (const auto& room : split(parts[1], ' ')) {
      if (!room.empty()) allowed.insert(room);
    }
  }
  return rooms;
}

/// The quoted path of an #include line, or "".
std::string included(const SourceFile& file, std::size_t i, char open, char close) {
  const std::string_view code = trim(file.code[i]);
  if (code.rfind("#include", 0) != 0) return "";
  const auto begin = file.lines[i].find(open);
  if (begin == std::string::npos) return "";
  const auto end = file.lines[i].find(close, begin + 1);
  return end == std::string::npos ? "" : file.lines[i].substr(begin + 1, end - begin - 1);
}

void check_include(const Tree& tree, const Rooms& rooms, const SourceFile& file, int line,
                   const std::string& path, Findings& findings) {
  const std::string room = path.substr(0, path.find('/'));
  if (path.find('/') == std::string::npos) {
    findings.push_back({file.path, line, "rooms", "\"" + path + "\" has no room",
                        "#include \"" + file.folder() + "/" + path + "\""});
    return;
  }
  const auto own = rooms.find(file.room());
  if (own == rooms.end()) return;  // reported once, as an unknown folder
  if (rooms.find(room) == rooms.end()) {
    findings.push_back({file.path, line, "rooms", "\"" + path + "\" is in no room of " + kTable,
                        "<" + path + "> for a header that is not ours"});
    return;
  }
  const auto& allowed = own->second;
  if (room != file.room() && !allowed.count("*") && !allowed.count(room) && !allowed.count(path)) {
    findings.push_back({file.path, line, "rooms", file.room() + " may not include " + room,
                        "move what both need to a room below them (" + std::string(kTable) + ")"});
  } else if (room == "labs" && file.room() == "labs" &&
             path.substr(0, path.rfind('/')) != file.folder()) {
    findings.push_back({file.path, line, "rooms", "a lab may not include another lab",
                        "move the shared code to kernels/ and adapt both labs"});
  } else if (tree.find(path) == nullptr) {
    findings.push_back({file.path, line, "rooms", "\"" + path + "\" does not exist",
                        "the path from the project's root"});
  }
}

}  // namespace

Findings check_rooms(const Tree& tree) {
  Findings findings;
  const Rooms rooms = read_table(tree, findings);
  std::set<std::string> unknown;
  for (const auto& [path, file] : tree.files()) {
    const std::string room = file.room();
    if (!room.empty() && rooms.find(room) == rooms.end() && unknown.insert(room).second) {
      findings.push_back({path, 0, "rooms", "the folder " + room + "/ is in no line of " + kTable,
                          "put the file in a room of the table, or add the room with its reason"});
    }
    for (std::size_t i = 0; i < file.code.size(); ++i) {
      const int line = static_cast<int>(i + 1);
      const std::string ours = included(file, i, '"', '"');
      if (!ours.empty()) check_include(tree, rooms, file, line, ours, findings);
      const std::string system = included(file, i, '<', '>');
      if (ours.empty() && tree.find(system) != nullptr) {
        findings.push_back({path, line, "rooms", "our own header in angle brackets",
                            "#include \"" + system + "\""});
      }
    }
  }
  return findings;
}

Findings check_printing(const Tree& tree) {
  Findings findings;
  const std::set<std::string> quiet = {"base",   "machine", "kernels", "bench", "profile",
                                       "doctor", "text",    "data",    "comm",  "model",
                                       "train",  "serve",   "load",    "labs",  "recorded"};
  for (const auto& [path, file] : tree.files()) {
    if (!quiet.count(file.room()) || path.find("_test.cc") != std::string::npos) continue;
    if (is_program(file)) continue;
    for (std::size_t i = 0; i < file.code.size(); ++i) {
      for (const std::string call :
           {"std::cout", "std::printf(", "std::puts(", "fmt::print(", "fprintf(stdout"}) {
        const auto at = file.code[i].find(call);
        if (at == std::string::npos) continue;
        findings.push_back({path, static_cast<int>(i + 1), "printing",
                            call + " in " + file.room() + "/: only app and report print",
                            "return a value, or throw Error; app shows it"});
      }
    }
  }
  return findings;
}

Findings check_isa_flags(const Tree& tree) {
  Findings findings;
  for (const auto& [path, file] : tree.files()) {
    const bool configures = file.extension() == ".cmake" || file.name() == "CMakeLists.txt" ||
                            file.name() == "CMakePresets.json" || file.name() == "Makefile";
    if (!configures) continue;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
      const std::string line = file.lines[i].substr(0, file.lines[i].find('#'));
      for (const std::string flag :
           {"-march=", "-mavx", "-mfma", "-msse", "-ffast-math", "-Ofast"}) {
        if (line.find(flag) == std::string::npos) continue;
        findings.push_back({path, static_cast<int>(i + 1), "isa_flags",
                            flag + " leaks into shared inline functions, or changes results",
                            "a target region of base/simd_target.h around the code that needs it"});
      }
    }
  }
  return findings;
}

}  // namespace aisp::tidy
