// Errors of the outside world: a missing file, an unknown option, a full disk. Thrown where they
// are met, caught once at the command boundary, shown as one line that says what to do.
// Our own bugs do not come here (see check.h), and "not possible on this machine" is a value.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace aisp {

/// what: what went wrong; where: file, option or field; remedy: what the reader should do.
class Error : public std::runtime_error {
 public:
  Error(std::string what, std::string where, std::string remedy)
      : std::runtime_error(compose(what, where, remedy)),
        what_(std::move(what)),
        where_(std::move(where)),
        remedy_(std::move(remedy)) {}

  const std::string& problem() const { return what_; }
  const std::string& where() const { return where_; }
  const std::string& remedy() const { return remedy_; }

 private:
  static std::string compose(std::string_view what, std::string_view where,
                             std::string_view remedy) {
    std::string line;
    if (!where.empty()) line.append(where).append(": ");
    line.append(what);
    if (!remedy.empty()) line.append("; ").append(remedy);
    return line;
  }
  std::string what_, where_, remedy_;
};

/// Unknown option, unknown name, malformed argument: the command exits with the usage code (4).
class UsageError : public Error {
 public:
  using Error::Error;
};

}  // namespace aisp
