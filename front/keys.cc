// See keys.h.
#include "front/keys.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "base/error.h"

namespace aisp::front {
namespace {

constexpr std::size_t kShortest = 16;
constexpr std::size_t kMostKeys = 1024;  // every request is compared with all of them

}  // namespace

bool equal_in_constant_time(std::string_view given, std::string_view secret) {
  // volatile: else the compiler may stop at the first difference.
  volatile unsigned difference = given.size() != secret.size();
  for (std::size_t i = 0; i < given.size(); ++i) {
    const char other = secret.empty() ? '\0' : secret[i % secret.size()];
    difference =
        difference | (static_cast<unsigned char>(given[i]) ^ static_cast<unsigned char>(other));
  }
  return difference == 0;
}

std::optional<int> Keys::find(std::string_view authorization) const {
  constexpr std::string_view kScheme = "Bearer ";
  if (!authorization.starts_with(kScheme)) return std::nullopt;
  const std::string_view given = authorization.substr(kScheme.size());
  int found = -1;
  for (int i = 0; i < count(); ++i) {  // all of them, also behind the right one
    const bool same = equal_in_constant_time(given, keys_[static_cast<std::size_t>(i)].secret);
    found = same ? i : found;
  }
  return found < 0 ? std::nullopt : std::optional(found);
}

Keys read_keys(const std::string& path) {
  struct stat status {};
  std::ifstream file(path);
  if (!file || stat(path.c_str(), &status) != 0) {
    throw Error("cannot be read", path, "check the path of --api-key-file");
  }
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    throw Error("others may read the keys", path, "chmod 600 it");
  }
  std::vector<Key> keys;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    if (line.empty() || line.front() == '#') continue;
    std::istringstream words(line);
    Key key;
    std::string more;
    const bool two = static_cast<bool>(words >> key.name >> key.secret) && !(words >> more);
    const auto doubled = [&](const Key& other) {
      return other.name == key.name || other.secret == key.secret;
    };
    if (!two || key.secret.size() < kShortest || std::ranges::any_of(keys, doubled)) {
      throw Error(fmt::format("line {} is not a name and a key of its own of {} bytes or more",
                              number, kShortest),
                  path, "such as: alice 5f1c0de5f1c0de5f");
    }
    keys.push_back(std::move(key));
  }
  if (keys.empty() || keys.size() > kMostKeys) {
    throw Error(fmt::format("has {} keys", keys.size()), path,
                fmt::format("give 1 to {}, each in a line: NAME KEY", kMostKeys));
  }
  return Keys(std::move(keys));
}

}  // namespace aisp::front
