#include "core/data/idx_files.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/error.hpp"

namespace stepbench {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 3> kParts = {"train", "t10k", "test"};
enum Part : std::size_t { kTrain, kT10k, kTest };

/// A file of each kind that a part has, empty where there is none.
struct PartFiles {
  fs::path images, labels;
  [[nodiscard]] bool any() const { return !images.empty() || !labels.empty(); }
  [[nodiscard]] bool all() const { return !images.empty() && !labels.empty(); }
};

using Set = std::array<PartFiles, kParts.size()>;

bool is_complete(const Set& set) { return set[kTrain].all() && (set[kT10k].all() || set[kTest].all()); }

std::string plain_name(std::string_view beginning, Part part, bool images) {
  return fmt::format("{}{}-{}", beginning, kParts[part], images ? "images-idx3-ubyte" : "labels-idx1-ubyte");
}

/// What a file's name says of it. Of two files that say the same, the one of lower rank is read.
struct Name {
  std::string beginning;
  Part part;
  bool images;
  int rank;
};

std::optional<Name> parse_name(std::string name) {
  const bool packed = name.ends_with(".gz");
  if (packed) name.resize(name.size() - 3);
  for (const Part part : {kTrain, kT10k, kTest}) {
    for (const bool images : {true, false}) {
      std::string ending = plain_name("", part, images);
      for (const bool dotted : {false, true}) {
        if (dotted) ending[ending.find("-idx")] = '.';
        if (!name.ends_with(ending)) continue;
        return Name{name.substr(0, name.size() - ending.size()), part, images, 2 * int{dotted} + int{packed}};
      }
    }
  }
  return std::nullopt;
}

/// The files of a folder with such names. A name that cannot be looked at counts as absent.
std::vector<std::pair<Name, fs::path>> named_files(const fs::path& folder) {
  std::vector<std::pair<Name, fs::path>> files;
  std::error_code failed, ignored;
  for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed)) {
    std::optional<Name> name = parse_name(entry->path().filename().string());
    if (!name || !entry->exists(ignored) || entry->is_directory(ignored)) continue;
    files.emplace_back(*std::move(name), entry->path());
  }
  if (failed) throw InputError(fmt::format("{}: cannot be listed: {}", folder.string(), failed.message()));
  return files;
}

/// All sets of which there is a file, by the beginning of their names.
std::map<std::string, Set> sets_in(const fs::path& folder) {
  auto files = named_files(folder);
  std::ranges::sort(files, {}, [](const auto& file) { return file.first.rank; });
  std::map<std::string, Set> sets;
  for (const auto& [name, path] : files) {
    PartFiles& part = sets[name.beginning][name.part];
    fs::path& place = name.images ? part.images : part.labels;
    if (place.empty()) place = path;
  }
  return sets;
}

void require(const fs::path& file, const fs::path& folder, const std::string& name) {
  if (!file.empty()) return;
  throw InputError(fmt::format("{}: there is no file {} in this folder (nor with a dot before idx, nor with .gz)",
                               folder.string(), name));
}

IdxFiles files_of(const Set& set, const fs::path& folder, std::string_view beginning) {
  if (set[kT10k].all() && set[kTest].all()) {
    throw InputError(fmt::format("{}: has both {} and {}, and the labels of both; keep one of them", folder.string(),
                                 set[kT10k].images.filename().string(), set[kTest].images.filename().string()));
  }
  const PartFiles& train = set[kTrain];
  const bool named_test = set[kTest].all() || (set[kTest].any() && !set[kT10k].any());
  const Part validation_part = named_test ? kTest : kT10k;
  const PartFiles& validation = set[validation_part];
  require(train.images, folder, plain_name(beginning, kTrain, true));
  require(train.labels, folder, plain_name(beginning, kTrain, false));
  for (const bool images : {true, false}) {
    std::string name = plain_name(beginning, validation_part, images);
    if (!validation.any()) name += " or " + plain_name(beginning, kTest, images);
    require(images ? validation.images : validation.labels, folder, name);
  }
  return {train.images, train.labels, validation.images, validation.labels};
}

/// The only set, or the only one that is complete.
std::map<std::string, Set>::const_iterator only_set(const std::map<std::string, Set>& sets, const fs::path& folder) {
  std::vector<std::string> names;
  auto found = sets.begin();
  for (auto set = sets.begin(); set != sets.end(); ++set) {
    if (!is_complete(set->second)) continue;
    found = set;
    names.push_back(set->second[kTrain].images.filename().string());
  }
  if (names.size() < 2) return found;
  throw InputError(fmt::format("{}: holds {} data sets; let dataset.path name a file of one: {}", folder.string(),
                               names.size(), fmt::join(names, ", ")));
}

}  // namespace

IdxFiles find_idx_files(const fs::path& path) {
  if (fs::is_directory(path)) {
    const std::map<std::string, Set> sets = sets_in(path);
    if (sets.empty()) return files_of({}, path, "");
    const auto set = only_set(sets, path);
    return files_of(set->second, path, set->first);
  }
  const std::optional<Name> name = parse_name(path.filename().string());
  if (!name || !fs::exists(path)) {
    throw InputError(
        fmt::format("{}: is not a folder; give the one that holds the four files, or one of them", path.string()));
  }
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  return files_of(sets_in(folder)[name->beginning], folder, name->beginning);
}

}  // namespace stepbench
