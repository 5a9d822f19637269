// See row_file.h.
#include "model/row_file.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/check.h"
#include "base/error.h"

namespace aisp::model {

RowFile::RowFile(const std::string& folder, std::int64_t columns)
    : folder_(folder), row_bytes_(static_cast<std::size_t>(columns) * sizeof(float)) {
  std::string name = folder + "/aisp-rows-XXXXXX";
  file_ = mkstemp(name.data());
  if (file_ < 0) {
    throw Error(std::string("cannot be written: ") + std::strerror(errno), folder,
                "name a folder with room by --scratch");
  }
  unlink(name.c_str());
}

RowFile::~RowFile() { close(file_); }

void RowFile::append(std::span<const float> row) {
  check(row.size_bytes() == row_bytes_, "a row of the file's columns");
  const char* from = reinterpret_cast<const char*>(row.data());
  for (std::size_t done = 0; done < row_bytes_;) {
    const off_t at = static_cast<off_t>(rows_) * static_cast<off_t>(row_bytes_);
    const ssize_t now =
        pwrite(file_, from + done, row_bytes_ - done, at + static_cast<off_t>(done));
    if (now < 0 && errno == EINTR) continue;
    if (now <= 0) {
      throw Error(std::string("cannot be written: ") + std::strerror(now < 0 ? errno : ENOSPC),
                  folder_, "name a folder with more room by --scratch, or give less text");
    }
    done += static_cast<std::size_t>(now);
  }
  ++rows_;
}

void RowFile::read(std::int64_t number, std::span<float> row) const {
  check(number >= 0 && number < rows_ && row.size_bytes() == row_bytes_, "a row of the file");
  char* to = reinterpret_cast<char*>(row.data());
  for (std::size_t done = 0; done < row_bytes_;) {
    const off_t at = static_cast<off_t>(number) * static_cast<off_t>(row_bytes_);
    const ssize_t now = pread(file_, to + done, row_bytes_ - done, at + static_cast<off_t>(done));
    if (now < 0 && errno == EINTR) continue;
    if (now <= 0) {
      throw Error(std::string("cannot be read back: ") + std::strerror(now < 0 ? errno : EIO),
                  folder_, "name another folder by --scratch");
    }
    done += static_cast<std::size_t>(now);
  }
}

}  // namespace aisp::model
