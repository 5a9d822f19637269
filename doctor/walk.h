// What a dataset folder is made of, from a bounded look: names are counted, a sample spread evenly
// over them is measured. Contents and names of files stay out of it, so that a recorded tree of a
// machine can be passed on.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace aisp::doctor {

struct Walk {
  struct Share {
    std::uint64_t files = 0, bytes = 0;
  };
  std::uint64_t files = 0, folders = 0;  // counted, up to the limits
  bool complete = true;                  // false: there are more than were counted
  std::vector<std::uint64_t> sizes;      // bytes of the sampled files, ascending
  std::map<std::string, Share> formats;  // of the sample: "tar", "parquet", "csv", ...
  std::uint64_t duplicates = 0;          // sampled files equal to another in size and first 4 KiB
  std::vector<std::string> large;        // paths of up to four files of 1 GiB or more
};

struct WalkLimits {
  std::uint64_t most_names = 200'000;
  std::size_t most_sampled = 2'000;
  double seconds = 0.3;
};

/// Nothing when `path` is not a folder or regular file that can be read. Links are not followed.
/// Within the limits the same folder gives the same walk.
std::optional<Walk> walk_folder(const std::string& path, const WalkLimits& limits = {});

/// A format by the name's extension, else by the first bytes; "other" when neither tells.
std::string format_of(const std::string& name, const std::string& first_bytes);
/// True for formats of text that must be parsed: csv, json, text, xml, spreadsheet.
bool is_text_format(const std::string& format);

nlohmann::ordered_json to_json(const Walk& walk);
/// Throws nlohmann exceptions on wrong types.
Walk walk_from_json(const nlohmann::ordered_json& json);

}  // namespace aisp::doctor
