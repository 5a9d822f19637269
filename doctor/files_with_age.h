// Files of a folder with their ages and sizes, by find(1): what a checkpoint folder is judged by.
#pragma once

#include <string>
#include <vector>

#include "doctor/evidence.h"

namespace aisp::doctor {

struct AgedFile {
  std::string path;  // below the folder
  double age_s = 0.0;
  double bytes = 0.0;
};

struct AgedFiles {
  std::vector<AgedFile> files;  // the youngest first
  std::string why;              // not empty: they cannot be seen
};

/// Regular files down to three levels. Within the second that a read-only program may take.
AgedFiles files_with_age(const Evidence& evidence, const std::string& folder);

}  // namespace aisp::doctor
