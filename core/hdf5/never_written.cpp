// What HDF5 hands out its fill value for without a word: values that nobody wrote, or whose place is a file that is not
// there. The storage of a data set is looked through for it before its values are believed.
// Left out: storage that was allocated early and never written, which cannot be told from data.
#include "core/hdf5/never_written.hpp"

#include <algorithm>
#include <cstdlib>

#include "core/input_file.hpp"

namespace stepbench::hdf5 {
namespace {

namespace fs = std::filesystem;

hsize_t value_count(const Dataset& data) {
  hsize_t count = 1;
  for (const std::int64_t extent : data.shape()) count *= static_cast<hsize_t>(extent);
  return count;
}

[[noreturn]] void fail_empty(const Dataset& data) { throw Error(data.name() + ": nothing of it was ever written"); }

Gaps gaps_of_chunks(const Dataset& data, const Handle& properties) {
  const std::string what = "cannot see which chunks of " + data.name() + " were written";
  const Shape shape = data.shape();
  std::vector<hsize_t> chunk(shape.size());
  check(H5Pget_chunk(properties.id(), static_cast<int>(chunk.size()), chunk.data()), what);
  hsize_t all = 1, written = 0;
  for (std::size_t i = 0; i < chunk.size(); ++i) {
    all *= (static_cast<hsize_t>(shape[i]) + chunk[i] - 1) / chunk[i];
  }
  const Handle space = checked(H5Dget_space(data.id()), H5Sclose, what);
  check(H5Dget_num_chunks(data.id(), space.id(), &written), what);
  if (written == 0) fail_empty(data);
  if (written >= all) return {};
  return {data.name() + ": " + gap_text(all - written, all, "chunks")};
}

/// HDF5 looks for external files from the working directory, or where HDF5_EXTFILE_PREFIX says. A file that is too
/// short reads as if it went on with zeros.
void require_external_files(const Dataset& data, const Handle& properties, int files) {
  constexpr std::size_t kLongestName = 4096;
  constexpr std::string_view kOrigin = "${ORIGIN}";  // in the prefix: the folder of the HDF5 file
  const char* variable = std::getenv("HDF5_EXTFILE_PREFIX");
  std::string prefix = variable == nullptr ? "" : variable;
  if (prefix.starts_with(kOrigin)) prefix.replace(0, kOrigin.size(), folder_of(data).string());
  hsize_t needed = value_count(data) * data.element_bytes();
  for (int i = 0; i < files && needed > 0; ++i) {
    std::string name(kLongestName, '\0');
    off_t offset = 0;
    hsize_t room = 0;
    check(H5Pget_external(properties.id(), static_cast<unsigned>(i), name.size(), name.data(), &offset, &room),
          "cannot read the storage of " + data.name());
    const fs::path path = fs::path(prefix) / name.c_str();
    const hsize_t part = std::min(room, needed);
    try {
      const InputFile file(path);
      if (static_cast<hsize_t>(file.size()) < static_cast<hsize_t>(offset) + part) {
        throw Error(path.string() + ": is too short: it has " + std::to_string(file.size()) + " bytes of " +
                    std::to_string(static_cast<hsize_t>(offset) + part));
      }
    } catch (const Error& error) {
      throw Error(data.name() + ": its values are in an external file, " + error.what());
    }
    needed -= part;
  }
}

}  // namespace

std::string gap_text(hsize_t missing, hsize_t all, const char* what) {
  return std::to_string(missing) + " of its " + std::to_string(all) + " " + what +
         " never written; HDF5 reads its fill value there";
}

fs::path folder_of(const Dataset& data) {
  const std::string what = "cannot tell the file of " + data.name();
  const ssize_t length = H5Fget_name(data.id(), nullptr, 0);
  if (length < 0) fail(what);
  std::string name(static_cast<std::size_t>(length), '\0');
  check(H5Fget_name(data.id(), name.data(), name.size() + 1) < 0 ? -1 : 0, what);
  return fs::path(name).parent_path();
}

Gaps never_written(const Dataset& data, const std::vector<std::string>& views) {
  const std::string what = "cannot read the storage of " + data.name();
  const Handle properties = checked(H5Dget_create_plist(data.id()), H5Pclose, what);
  const H5D_layout_t layout = H5Pget_layout(properties.id());
  if (layout == H5D_VIRTUAL) return gaps_of_view(data, properties, views);
  if (value_count(data) == 0) return {};
  if (layout == H5D_CHUNKED) return gaps_of_chunks(data, properties);
  if (const int files = H5Pget_external_count(properties.id()); files > 0) {
    require_external_files(data, properties, files);
    return {};
  }
  H5D_space_status_t status = H5D_SPACE_STATUS_ERROR;
  check(H5Dget_space_status(data.id(), &status), what);
  if (status == H5D_SPACE_STATUS_NOT_ALLOCATED) fail_empty(data);
  return {};
}

Gaps Dataset::never_written() const { return hdf5::never_written(*this, {}); }

}  // namespace stepbench::hdf5
