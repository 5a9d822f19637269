// A strict little reader of the pages that this room writes, for its tests: every element closed in
// order, every attribute quoted, no stray "<" or "&".
#pragma once

#include <fmt/format.h>

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace aisp::report::markup_check {

struct Page {
  std::string problem;                  // empty: well-formed
  std::vector<std::string> elements;    // names, in order of their start tags
  std::set<std::string> attributes;     // every attribute name that occurs
  std::vector<std::string> ids, links;  // values of id and of href="#..."
  std::vector<std::string> scripts;     // the text of each script element, code and data
  std::string text;                     // between the tags, entities as they are
};

inline bool is_void(std::string_view name) {
  return name == "meta" || name == "link" || name == "br";
}

inline bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

inline bool good_entities(std::string_view text) {
  for (std::size_t at = text.find('&'); at != text.npos; at = text.find('&', at + 1)) {
    bool known = false;
    for (const std::string_view entity : {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"}) {
      known = known || text.substr(at, entity.size()) == entity;
    }
    if (!known) return false;
  }
  return true;
}

/// Reads attributes from `at` up to the end of the tag; moves behind ">". False on a malformed one.
inline bool read_attributes(std::string_view html, std::size_t& at, bool& self_closed, Page& page) {
  while (at < html.size()) {
    if (html[at] == '>') return ++at, true;
    if (html.substr(at, 2) == "/>") return at += 2, self_closed = true;
    if (html[at] != ' ') return false;
    std::size_t end = ++at;
    while (end < html.size() && is_name(html[end])) ++end;
    const std::string name(html.substr(at, end - at));
    if (name.empty() || html.substr(end, 2) != "=\"") return false;
    const std::size_t close = html.find('"', end + 2);
    if (close == html.npos) return false;
    const std::string_view value = html.substr(end + 2, close - end - 2);
    if (value.find_first_of("<>") != value.npos || !good_entities(value)) return false;
    page.attributes.insert(name);
    if (name == "id") page.ids.emplace_back(value);
    if (name == "href" && value.substr(0, 1) == "#") page.links.emplace_back(value.substr(1));
    at = close + 1;
  }
  return false;
}

inline Page read(std::string_view html) {
  Page page;
  std::vector<std::string> open;
  const auto fail = [&](std::string_view what, std::size_t at) {
    page.problem = std::string(what) + " at: " + std::string(html.substr(at, 80));
    return page;
  };
  constexpr std::string_view kDoctype = "<!DOCTYPE html>";
  std::size_t at = html.substr(0, kDoctype.size()) == kDoctype ? kDoctype.size() : 0;
  while (at < html.size()) {
    const bool raw = !open.empty() && (open.back() == "style" || open.back() == "script");
    // Raw text ends at its own end tag only, as in a browser.
    const std::string end_of_text = raw ? fmt::format("</{}", open.back()) : "<";
    const std::size_t tag = std::min(html.find(end_of_text, at), html.size());
    const std::string_view text = html.substr(at, tag - at);
    if (raw && open.back() == "script") page.scripts.emplace_back(text);
    if (!raw && text.find('>') != text.npos) return fail("stray >", at);
    if (!raw && !good_entities(text)) return fail("stray &", at);
    if (!raw) page.text += text;
    if (tag == html.size()) break;
    at = tag + 1;
    const bool closing = html.substr(at, 1) == "/";
    if (closing) ++at;
    std::size_t end = at;
    while (end < html.size() && is_name(html[end])) ++end;
    const std::string name(html.substr(at, end - at));
    if (name.empty()) return fail("not a tag", tag);
    at = end;
    if (closing) {
      if (html.substr(at, 1) != ">") return fail("malformed end tag", tag);
      if (open.empty() || open.back() != name) return fail("closed out of order", tag);
      open.pop_back();
      ++at;
      continue;
    }
    bool self_closed = false;
    if (!read_attributes(html, at, self_closed, page)) return fail("malformed attribute", tag);
    page.elements.push_back(name);
    if (!self_closed && !is_void(name)) open.push_back(name);
  }
  if (!open.empty()) page.problem = "never closed: " + open.back();
  return page;
}

}  // namespace aisp::report::markup_check
