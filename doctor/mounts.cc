// Reads /proc/self/mountinfo. See mounts.h.
#include "doctor/mounts.h"

#include "machine/text_file.h"

namespace aisp::doctor {
namespace {

// Blanks, tabs, newlines and backslashes stand as "\040" there.
std::string unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto digit = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '7'; };
    if (text[i] == '\\' && i + 3 < text.size() && digit(i + 1) && digit(i + 2) && digit(i + 3)) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                 (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

bool leads_to(std::string_view point, std::string_view path) {
  if (point == "/" || point == path) return true;
  return path.starts_with(point) && path.size() > point.size() && path[point.size()] == '/';
}

}  // namespace

std::optional<Mount> mount_of(std::string_view mountinfo, std::string_view path) {
  std::optional<Mount> best;
  for (const auto line : machine::split(mountinfo, '\n')) {
    const auto fields = machine::split(line, ' ');
    std::size_t dash = 6;
    while (dash < fields.size() && fields[dash] != "-") ++dash;
    if (fields.size() < 7 || dash + 2 >= fields.size()) continue;
    Mount mount;
    mount.device = fields[2];
    mount.point = unescaped(fields[4]);
    mount.type = fields[dash + 1];
    mount.source = unescaped(fields[dash + 2]);
    mount.options = fields[5];
    if (dash + 3 < fields.size()) mount.options.append(",").append(fields[dash + 3]);
    if (!leads_to(mount.point, path)) continue;
    if (!best || mount.point.size() >= best->point.size()) best = std::move(mount);
  }
  return best;
}

void fill_mount(std::string_view mountinfo, std::string_view path, FileSystem& into) {
  const auto mount = mount_of(mountinfo, path);
  if (!mount) return;
  into.type = mount->type;
  into.source = mount->source;
  into.options = mount->options;
}

}  // namespace aisp::doctor
