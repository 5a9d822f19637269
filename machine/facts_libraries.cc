// Which numeric and communication libraries a program would get here, and of which version. Found
// as the dynamic loader finds them (LD_LIBRARY_PATH, its cache, the usual folders). The version is
// in the name of the file behind the links; only where it is not, the library is asked, in a child
// process. Libraries inside Python packages are not the system's and are not looked for. Source:
// ld.so(8).
#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/text.h"
#include "machine/facts_parts.h"
#include "machine/library_question.h"
#include "machine/loader_cache.h"
#include "machine/text_file.h"

namespace aisp::machine {
namespace {

struct Wanted {
  const char* stem;  // followed by ".MAJOR"
  VersionQuestion question;
  bool has_detail;
};

constexpr Wanted kWanted[] = {
    {"libcuda.so", VersionQuestion::kNone, false},
    {"libcudart.so", VersionQuestion::kCudaRuntime, false},
    {"libcublasLt.so", VersionQuestion::kCublasLt, false},
    {"libcudnn.so", VersionQuestion::kCudnn, false},
    {"libnccl.so", VersionQuestion::kNccl, false},
    {"libdnnl.so", VersionQuestion::kOneDnn, false},
    {"libopenblas.so", VersionQuestion::kOpenBlas, true},
    {"libmkl_rt.so", VersionQuestion::kNone, false},
    {"libcufile.so", VersionQuestion::kNone, false},
    {"libibverbs.so", VersionQuestion::kNone, false},
};

// "libnccl.so.2.27.3" after "libnccl.so" -> "2.27.3"; empty when it is another library.
std::string_view number_after(std::string_view name, std::string_view stem) {
  if (!name.starts_with(stem) || !name.substr(stem.size()).starts_with('.')) return "";
  const std::string_view rest = name.substr(stem.size() + 1);
  return rest.find_first_not_of("0123456789.") == std::string_view::npos ? rest
                                                                         : std::string_view();
}

std::vector<std::string> search_folders(const FileTree& tree) {
  std::vector<std::string> folders;
  const char* path = tree.recorded() ? nullptr : std::getenv("LD_LIBRARY_PATH");
  for (std::string_view folder : split(path == nullptr ? "" : path, ':')) {
    if (folder.starts_with('/')) folders.emplace_back(folder);
  }
  return folders;
}

void add_from_folder(const FileTree& tree, const std::string& folder,
                     std::vector<CachedLibrary>& found) {
  for (const std::string& name : tree.names(folder)) {
    if (name.starts_with("lib") && name.find(".so.") != std::string::npos) {
      found.push_back({name, folder + "/" + name});
    }
  }
}

// In the order in which the loader would take them.
std::vector<CachedLibrary> all_libraries(const FileTree& tree) {
  std::vector<CachedLibrary> found;
  for (const std::string& folder : search_folders(tree)) add_from_folder(tree, folder, found);
  for (CachedLibrary& library : parse_loader_cache(tree.bytes("/etc/ld.so.cache"))) {
    found.push_back(std::move(library));
  }
  for (const char* folder : {"/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu",
                             "/usr/lib64", "/usr/lib", "/usr/local/lib", "/usr/local/cuda/lib64"}) {
    add_from_folder(tree, folder, found);
  }
  return found;
}

// The version in a file name: "libnccl.so.2.27.3", "libopenblasp-r0.3.21.so". A single number is
// the interface's, not the version.
std::string version_in_name(const std::string& file, std::string_view stem) {
  std::string_view version = number_after(file, stem);
  const std::size_t release = file.find("-r"), end = file.rfind(".so");
  if (release != std::string::npos && end != std::string::npos && end > release) {
    version = std::string_view(file).substr(release + 2, end - release - 2);
  }
  const bool is_version = version.find('.') != std::string_view::npos &&
                          version.find_first_not_of("0123456789.") == std::string_view::npos;
  return is_version ? std::string(version) : "";
}

std::string file_behind(const FileTree& tree, const std::string& path) {
  std::error_code error;
  const auto file = std::filesystem::canonical(tree.root() + path, error);
  return error ? "" : file.filename().string();
}

}  // namespace

void read_libraries(const FileTree& tree, Facts& facts) {
  const std::vector<CachedLibrary> all = all_libraries(tree);
  for (const Wanted& wanted : kWanted) {
    // The first with the highest major number, so that "libcudart.so.13" stands before ".12".
    const CachedLibrary* best = nullptr;
    double best_major = -1;
    for (const CachedLibrary& library : all) {
      const std::string_view number = number_after(library.name, wanted.stem);
      const double major = parse_number(number.substr(0, number.find('.'))).value_or(-1);
      if (major > best_major && !file_behind(tree, library.path).empty()) {
        best = &library;
        best_major = major;
      }
    }
    if (best == nullptr) continue;
    Library library{printable(best->name), printable(best->path), "", ""};
    library.version = version_in_name(file_behind(tree, best->path), wanted.stem);
    if ((library.version.empty() || wanted.has_detail) && !tree.recorded()) {
      const LibraryAnswer answer = ask_library(best->path, wanted.question);
      if (library.version.empty()) library.version = answer.version;
      library.detail = answer.detail;
    }
    if (std::string_view(wanted.stem) == "libcudart.so") {
      const std::size_t minor = library.version.find('.');  // "12.8.90" is CUDA 12.8
      facts.cuda_runtime = library.version.substr(
          0, minor == std::string::npos ? minor : library.version.find('.', minor + 1));
    }
    facts.libraries.push_back(std::move(library));
  }
}

}  // namespace aisp::machine
