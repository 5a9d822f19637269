// Drawing a machine. See topology_svg.h. Every node becomes a box that knows its size before it is
// placed; children flow into rows. A core and its private caches are one small box.
#include "report/topology_svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/text.h"
#include "report/markup.h"

namespace aisp::report {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kGap = 6, kTitle = 20;  // between boxes; height of a title
constexpr double kCoreWidth = 56, kCoreHeight = 24;
constexpr double kDeviceHeight = 36, kCharacter = 6.6;  // width of a character at 11 pixels
constexpr int kMostDepth = 32, kMostBoxes = 20000;

struct Box {
  double width = 0, height = 0;
  std::string body;  // as if its corner were at 0,0
};

std::string text_of(const Json& node, const char* key) {
  const auto found = node.is_object() ? node.find(key) : node.end();
  return found != node.end() && found->is_string() ? found->get<std::string>() : "";
}

std::vector<const Json*> children_of(const Json& node) {
  std::vector<const Json*> children;
  const auto found = node.is_object() ? node.find("children") : node.end();
  if (found == node.end() || !found->is_array()) return children;
  for (const Json& child : *found) {
    if (child.is_object()) children.push_back(&child);
  }
  return children;
}

std::string rectangle(const char* kind, double width, double height) {
  return fmt::format(
      "<rect class=\"{}\" x=\"0.5\" y=\"0.5\" width=\"{:.0f}\" height=\"{:.0f}\" rx=\"3\"/>", kind,
      width - 1, height - 1);
}

std::string words(double x, double y, const std::string& text, const char* kind = "") {
  return fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\"{}>{}</text>", x, y, kind, escape(text));
}

double text_width(const std::string& text) { return display_width(printable(text)) * kCharacter; }

bool is_device(const std::string& kind) {
  return kind == "gpu" || kind == "disk" || kind == "network" || kind == "rdma";
}

class Drawing {
 public:
  Box draw(const Json& node, int depth = 0) {
    const std::string kind = text_of(node, "kind");
    if (kind.empty() || ++boxes_ > kMostBoxes || depth > kMostDepth) return {};
    if (is_device(kind)) return device(node, kind);
    if (std::string caches; const Json* core = only_core(node, caches))
      return core_box(*core, caches);
    return part(node, kind, depth);
  }

 private:
  // The core at the end of a chain without branches; `caches` collects what lies between.
  static const Json* only_core(const Json& node, std::string& caches) {
    const Json* at = &node;
    for (int i = 0; i < kMostDepth; ++i) {
      const std::string kind = text_of(*at, "kind");
      const auto children = children_of(*at);
      if (kind == "core") return children.empty() ? at : nullptr;
      if (kind != "cache" || children.size() != 1) return nullptr;
      caches += (caches.empty() ? "" : ", ") + text_of(*at, "label");
      at = children[0];
    }
    return nullptr;
  }

  static Box core_box(const Json& core, const std::string& caches) {
    const std::string processors = text_of(core, "processors");
    Box box{std::max(kCoreWidth, text_width(processors) + 12), kCoreHeight, ""};
    box.body = rectangle("core", box.width, box.height) +
               words(box.width / 2, 16, processors, " text-anchor=\"middle\"") +
               fmt::format("<title>{}: processors {}{}{}</title>", escape(text_of(core, "label")),
                           escape(processors), caches.empty() ? "" : "; its own ", escape(caches));
    return box;
  }

  static Box device(const Json& node, const std::string& kind) {
    const std::string label = text_of(node, "label"), pci = text_of(node, "pci");
    const double width = std::max({text_width(label), text_width(kind + "  " + pci), 60.0}) + 14;
    return {width, kDeviceHeight,
            rectangle(kind.c_str(), width, kDeviceHeight) + words(7, 15, label) +
                words(7, 29, kind + (pci.empty() ? "" : "  " + pci), " class=\"small\"")};
  }

  // What all cores below own alone, said once in the title instead of in every core.
  static std::string private_caches(const std::vector<const Json*>& children) {
    std::string common;
    for (const Json* child : children) {
      std::string caches;
      if (only_core(*child, caches) == nullptr || caches.empty()) return "";
      if (!common.empty() && caches != common) return "";
      common = caches;
    }
    return common;
  }

  Box part(const Json& node, const std::string& kind, int depth) {
    const auto children = children_of(node);
    std::string title = text_of(node, "label");
    if (const std::string own = private_caches(children); !own.empty()) {
      title += fmt::format("; each core: {}", own);
    }
    std::vector<Box> boxes;
    for (const Json* child : children) {
      boxes.push_back(draw(*child, depth + 1));
      if (boxes.back().width <= 0) boxes.pop_back();
    }
    return flow(kind, title, boxes);
  }

  // Children in rows of about twice the width of their height.
  static Box flow(const std::string& kind, const std::string& title,
                  const std::vector<Box>& boxes) {
    double area = 0, widest = text_width(title) + kGap;
    for (const Box& box : boxes) {
      area += (box.width + kGap) * (box.height + kGap);
      widest = std::max(widest, box.width);
    }
    const double limit = std::max(widest, std::sqrt(2.5 * area));
    double x = kGap, y = kTitle + kGap, row_height = 0, width = widest + 2 * kGap;
    std::string body;
    for (const Box& box : boxes) {
      if (x > kGap && x + box.width > limit + kGap) {
        x = kGap;
        y += row_height + kGap;
        row_height = 0;
      }
      body += fmt::format("<g transform=\"translate({:.0f} {:.0f})\">{}</g>", x, y, box.body);
      x += box.width + kGap;
      row_height = std::max(row_height, box.height);
      width = std::max(width, x);
    }
    const double height = boxes.empty() ? kTitle + kGap : y + row_height + kGap;
    const char* style = kind == "switch" || kind == "hostbridge" ? "bridge"
                        : kind == "memory"                       ? "memory"
                                                                 : "part";
    return {width, height, rectangle(style, width, height) + words(kGap + 1, 15, title) + body};
  }

  int boxes_ = 0;
};

constexpr const char* kStyle =
    ".topology{font:11px sans-serif;color:inherit}.topology text{fill:currentColor}"
    ".topology .small{font-size:9px}.topology rect{stroke:currentColor;stroke-opacity:.45;"
    "fill:none}.topology .core{fill:#4c78a8;fill-opacity:.25}.topology .memory{fill:#72b7b2;"
    "fill-opacity:.25}.topology .gpu{fill:#54a24b;fill-opacity:.35}.topology .network,.topology "
    ".rdma{fill:#eeca3b;fill-opacity:.3}.topology .disk{fill:#b279a2;fill-opacity:.3}.topology "
    ".bridge{stroke-dasharray:4 3}";

}  // namespace

std::string topology_svg(const Json& machine, bool as_file) {
  const Box box = Drawing().draw(machine);
  if (box.width <= 0) return "";
  return fmt::format(
      "<svg{} class=\"topology\" role=\"img\" aria-label=\"What the machine consists of, and what "
      "is "
      "near what\" viewBox=\"0 0 {:.0f} {:.0f}\" width=\"{:.0f}\" "
      "height=\"{:.0f}\"><style>{}</style>"
      "{}</svg>",
      as_file ? " xmlns=\"http://www.w3.org/2000/svg\"" : "", box.width, box.height, box.width,
      box.height, kStyle, box.body);
}

}  // namespace aisp::report
