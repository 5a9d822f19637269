// See packed_file.h. On disk: Header, a hash of each piece of data, zeros up to a multiple of 2
// MiB, the data.
#include "model/packed_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <type_traits>

#include "base/check.h"
#include "base/error.h"
#include "kernels/linear/linear.h"

namespace aisp::model {
namespace {

static_assert(std::endian::native == std::endian::little, "packed numbers are little endian");

constexpr std::uint32_t kFormatVersion = 1;
constexpr std::int64_t kPiece = 2 << 20;  // as large as a huge page
constexpr const char* kCutShort = "is cut short or damaged";
constexpr char kMagic[8] = {'A', 'I', 'S', 'P', 'P', 'A', 'C', 'K'};

struct Header {
  char magic[8];
  std::uint32_t format = kFormatVersion;
  std::uint32_t layout = kernels::linear::kLayoutVersion;
  PackedKey key;
  std::int64_t bytes = 0;
  std::uint64_t hash = 0;  // of the fields above, then of the pieces' hashes
};
static_assert(std::has_unique_object_representations_v<Header>);

std::int64_t pieces_of(std::int64_t bytes) { return (bytes + kPiece - 1) / kPiece; }

std::int64_t data_begin(std::int64_t bytes) {
  const auto head = static_cast<std::int64_t>(sizeof(Header) + 8 * pieces_of(bytes));
  return (head + kPiece - 1) / kPiece * kPiece;
}

std::uint64_t hash_of(const std::byte* data, std::int64_t size) {
  return XXH3_64bits(data, static_cast<std::size_t>(size));
}

std::uint64_t hash_of(const Header& header, std::span<const std::uint64_t> pieces) {
  const std::uint64_t fields = XXH3_64bits(&header, offsetof(Header, hash));
  return XXH3_64bits_withSeed(pieces.data(), pieces.size_bytes(), fields);
}

/// What is wrong with the head of `file`; "" when nothing is.
std::string head_fault(std::span<const std::byte> file, const PackedPlace& place,
                       std::vector<std::uint64_t>& pieces) {
  Header header;
  if (file.size() < sizeof(header)) return kCutShort;
  std::memcpy(&header, file.data(), sizeof(header));
  if (std::memcmp(header.magic, kMagic, sizeof(kMagic)) != 0) return "holds no packed weights";
  if (header.format != kFormatVersion || header.layout != kernels::linear::kLayoutVersion) {
    return "was written by another version of aisp";
  }
  if (header.key != place.key || header.bytes != place.bytes) return "was made of another model";
  if (static_cast<std::int64_t>(file.size()) != data_begin(place.bytes) + place.bytes) {
    return kCutShort;
  }
  pieces.resize(static_cast<std::size_t>(pieces_of(place.bytes)));
  if (!pieces.empty()) std::memcpy(pieces.data(), file.data() + sizeof(header), 8 * pieces.size());
  return hash_of(header, pieces) == header.hash ? "" : "is damaged";
}

class KeyHash {
 public:
  KeyHash() : state_(XXH3_createState()) {
    check(state_ != nullptr, "the state of a hash");
    XXH3_128bits_reset(state_);
  }
  ~KeyHash() { XXH3_freeState(state_); }
  KeyHash(const KeyHash&) = delete;
  KeyHash& operator=(const KeyHash&) = delete;

  void add(const void* data, std::size_t size) { XXH3_128bits_update(state_, data, size); }
  template <class T>
  requires std::is_integral_v<T>
  void add(T number) { add(&number, sizeof(number)); }
  PackedKey key() const {
    const XXH128_hash_t hash = XXH3_128bits_digest(state_);
    return {hash.low64, hash.high64};
  }

 private:
  XXH3_state_t* state_;
};

PackedKey key_of(const TensorFile& source, std::span<const Weight* const> matrices) {
  KeyHash hash;
  for (const MappedFile& file : source.files()) {
    hash.add(file.bytes().size());
    hash.add(file.modified_ns());
  }
  std::size_t all = 0;
  for (const Weight* w : matrices) {
    hash.add(w->name.size());
    hash.add(w->name.data(), w->name.size());
    hash.add(static_cast<int>(w->type));
    hash.add(w->rows);
    hash.add(w->columns);
    all += w->bytes.size();
  }
  // Places at equal distances over all matrices, one behind the other: few enough that a start from
  // a disk does not wait for them, and each large matrix has some.
  constexpr std::size_t kPlaces = 512, kSample = 4096;
  const std::size_t distance = std::max(kSample, all / kPlaces);
  std::size_t next = 0, begin = 0;
  for (const Weight* w : matrices) {
    for (; next < begin + w->bytes.size(); next += distance) {
      const auto place = w->bytes.subspan(next - begin);
      hash.add(place.data(), std::min(kSample, place.size()));
    }
    begin += w->bytes.size();
  }
  return hash.key();
}

}  // namespace

PackedPlace packed_place(const TensorFile& source, std::span<const Weight* const> matrices,
                         std::int64_t bytes) {
  check(!source.files().empty(), "packed weights of a model in files");
  const std::filesystem::path path(source.path());
  const bool folder = std::filesystem::is_directory(path);
  return {.path = folder ? (path / "model.aisp-packed").string() : source.path() + ".aisp-packed",
          .key = key_of(source, matrices),
          .bytes = bytes,
          .owner = source.files().front().owner(),
          .mode = source.files().front().mode()};
}

std::optional<PackedFile> PackedFile::open(const PackedPlace& place, machine::ThreadPool& pool,
                                           std::string& why) {
  why.clear();
  std::error_code unknown;
  if (!std::filesystem::exists(place.path, unknown) && !unknown) return std::nullopt;
  try {
    PackedFile packed{MappedFile(place.path)};
    const std::uint32_t user = packed.file_.owner();
    if (user != geteuid() && user != place.owner && user != 0) {
      why = "belongs to another user";
      return std::nullopt;
    }
    std::vector<std::uint64_t> pieces;
    why = head_fault(packed.file_.bytes(), place, pieces);
    if (!why.empty()) return std::nullopt;
    packed.file_.want_huge_pages();
    packed.data_ = packed.file_.bytes().subspan(static_cast<std::size_t>(data_begin(place.bytes)));
    std::atomic<bool> damaged = false;
    pool.parallel_for(pieces_of(place.bytes), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::byte* piece = packed.data_.data() + i * kPiece;
        const std::uint64_t hash = hash_of(piece, std::min(kPiece, place.bytes - i * kPiece));
        if (hash != pieces[static_cast<std::size_t>(i)]) damaged = true;
      }
    });
    if (!damaged) return packed;
    why = "is damaged";
  } catch (const Error& error) {
    why = error.what();
  }
  return std::nullopt;
}

PackedWriter::PackedWriter(PackedPlace place) : place_(std::move(place)) {
  std::filesystem::path folder = std::filesystem::path(place_.path).parent_path();
  if (folder.empty()) folder = ".";
  file_ = machine::Descriptor(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  // A full disk is better met now. Where the file system cannot reserve, write() will say it.
  const off_t size = data_begin(place_.bytes) + place_.bytes;
  if (file_.get() < 0 || fchmod(file_.get(), place_.mode & 0644) != 0 ||
      (fallocate(file_.get(), 0, 0, size) != 0 && errno != EOPNOTSUPP)) {
    failure_ = std::strerror(errno);
  }
  piece_.reserve(static_cast<std::size_t>(kPiece));
}

void PackedWriter::put(const void* data, std::size_t size, std::int64_t at) {
  const char* from = static_cast<const char*>(data);
  while (size > 0 && failure_.empty()) {
    const ssize_t done = pwrite(file_.get(), from, size, at);
    if (done < 0 && errno != EINTR) failure_ = std::strerror(errno);
    if (done <= 0) continue;
    from += done;
    at += done;
    size -= static_cast<std::size_t>(done);
  }
}

void PackedWriter::end_piece() {
  hashes_.push_back(hash_of(piece_.data(), static_cast<std::int64_t>(piece_.size())));
  put(piece_.data(), piece_.size(), data_begin(place_.bytes) + done_);
  done_ += static_cast<std::int64_t>(piece_.size());
  piece_.clear();
}

void PackedWriter::append(std::span<const std::byte> bytes) {
  while (!bytes.empty() && failure_.empty()) {
    const auto room = static_cast<std::size_t>(kPiece) - piece_.size();
    const auto now = bytes.first(std::min(room, bytes.size()));
    piece_.insert(piece_.end(), now.begin(), now.end());
    bytes = bytes.subspan(now.size());
    if (static_cast<std::int64_t>(piece_.size()) == kPiece) end_piece();
  }
}

void PackedWriter::finish() {
  if (!piece_.empty()) end_piece();
  if (!failure_.empty()) return;
  check(done_ == place_.bytes, "all bytes of the packed weights");
  Header header{.magic = {}, .key = place_.key, .bytes = place_.bytes};
  std::memcpy(header.magic, kMagic, sizeof(kMagic));
  header.hash = hash_of(header, hashes_);
  put(hashes_.data(), 8 * hashes_.size(), sizeof(header));
  put(&header, sizeof(header), 0);
  if (!failure_.empty()) return;
  // What a link of this kind points to is the file itself; see linkat(2).
  const std::string self = "/proc/self/fd/" + std::to_string(file_.get());
  if (fsync(file_.get()) != 0 || (unlink(place_.path.c_str()) != 0 && errno != ENOENT) ||
      linkat(AT_FDCWD, self.c_str(), AT_FDCWD, place_.path.c_str(), AT_SYMLINK_FOLLOW) != 0) {
    failure_ = std::strerror(errno);
  }
}

PackingLock::PackingLock(const std::string& model)
    : file_(::open(model.c_str(), O_RDONLY | O_CLOEXEC)) {
  held_ = file_.get() >= 0 && flock(file_.get(), LOCK_EX | LOCK_NB) == 0;
}

}  // namespace aisp::model
