// Files (on disk for reading, or in memory) and groups.
#include <atomic>
#include <cerrno>
#include <cstring>

#include "core/hdf5/handles.hpp"
#include "core/input_file.hpp"
#include "core/supply.hpp"

namespace stepbench::hdf5 {
namespace {

constexpr std::size_t kMemoryIncrement = 1 << 20;  // bytes by which a file in memory grows
constexpr std::size_t kFileBytes = 8 << 20;        // more than an open file takes beside its contents

/// Before the library is used for the first time, and before a file is opened: HDF5 1.10 crashes when it cannot have
/// the memory for its tables or a file's cache.
void prepare() {
  require_blocks(1, kFileBytes, "an HDF5 file");
  silence_errors();
}

/// HDF5 takes two files in memory of one name for the same file.
std::string unique_memory_name() {
  static std::atomic<unsigned long> count{0};
  return "stepbench-image-" + std::to_string(count++);
}

Handle memory_access() {
  Handle access = checked(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "HDF5 file in memory");
  check(H5Pset_fapl_core(access.id(), kMemoryIncrement, false), "HDF5 file in memory");
  return access;
}

/// Also keeps what a group holds in its header as long as it fits well: the heap and the two indices of attributes or
/// links that stand outside it take some KB.
void track_creation_order(const Handle& properties) {
  constexpr unsigned kMostAttributes = 200, kMostLinks = 32;
  constexpr unsigned kTracked = H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED;
  check(H5Pset_link_creation_order(properties.id(), kTracked), "HDF5 creation order of links");
  check(H5Pset_attr_creation_order(properties.id(), kTracked), "HDF5 creation order of attributes");
  check(H5Pset_attr_phase_change(properties.id(), kMostAttributes, kMostAttributes / 2), "HDF5 storage of attributes");
  check(H5Pset_link_phase_change(properties.id(), kMostLinks, kMostLinks / 2), "HDF5 storage of links");
  check(H5Pset_obj_track_times(properties.id(), false), "HDF5 time stamps");
}

/// Why HDF5 has just refused a file that is there and is HDF5. Asked of the lock first: it is held as long as the file
/// is open for writing, and what HDF5 finds in a file half written is no reason of its own.
std::string open_problem(const InputFile& file) {
  const std::string reason = innermost_reason();
  const int lock = file.lock_for_reading();
  if (lock == EWOULDBLOCK) return "is open for writing in another process, which has locked it";
  if (lock != 0) {
    return std::string("cannot be locked for reading (") + std::strerror(lock) +
           "); with HDF5_USE_FILE_LOCKING=FALSE in the environment it is read without";
  }
  return "cannot be opened: " + reason;
}

/// A link may be there and lead nowhere: then its reason is what a user can act on.
Handle open_member(const Group& group, const std::string& path, hid_t (*open)(hid_t, const char*, hid_t),
                   Handle::Close close, const std::string& absent) {
  if (!group.has(path)) throw Error(absent);
  const hid_t opened = open(group.id(), path.c_str(), H5P_DEFAULT);
  if (opened < 0) throw Error(group.name() + "/" + path + ": cannot be opened: " + innermost_reason());
  return {opened, close};
}

}  // namespace

bool Group::has(const std::string& path) const {
  // Negative, a failure, where a group on the way is missing.
  return H5Lexists(id(), path.c_str(), H5P_DEFAULT) > 0;
}

std::vector<std::string> Group::members() const {
  const std::string what = "cannot list " + name();
  H5G_info_t info;
  check(H5Gget_info(id(), &info), what);
  std::vector<std::string> names;
  for (hsize_t i = 0; i < info.nlinks; ++i) {
    H5_index_t index = H5_INDEX_CRT_ORDER;
    ssize_t length = H5Lget_name_by_idx(id(), ".", index, H5_ITER_INC, i, nullptr, 0, H5P_DEFAULT);
    if (length < 0) {  // a file of another program, which does not track the order of creation
      index = H5_INDEX_NAME;
      length = H5Lget_name_by_idx(id(), ".", index, H5_ITER_INC, i, nullptr, 0, H5P_DEFAULT);
    }
    if (length < 0) fail(what);
    std::string& member = names.emplace_back(static_cast<std::size_t>(length), '\0');
    if (H5Lget_name_by_idx(id(), ".", index, H5_ITER_INC, i, member.data(), member.size() + 1, H5P_DEFAULT) < 0)
      fail(what);
  }
  return names;
}

Group Group::group(const std::string& path) const {
  const std::string full = name() + "/" + path;
  return {open_member(*this, path, H5Gopen2, H5Gclose, "there is no group " + full), full};
}

Dataset Group::dataset(const std::string& path) const {
  const std::string full = name() + "/" + path;
  return {open_member(*this, path, H5Dopen2, H5Dclose, "there is no data set " + full), full};
}

Group Group::create_group(const std::string& member) {
  const std::string full = name() + "/" + member;
  const Handle properties = checked(H5Pcreate(H5P_GROUP_CREATE), H5Pclose, "cannot make " + full);
  track_creation_order(properties);
  return {checked(H5Gcreate2(id(), member.c_str(), H5P_DEFAULT, properties.id(), H5P_DEFAULT), H5Gclose,
                  "cannot make " + full),
          full};
}

void Group::link(const std::string& member, const Object& target) {
  check(H5Lcreate_hard(target.id(), ".", id(), member.c_str(), H5P_DEFAULT, H5P_DEFAULT),
        "cannot link " + name() + "/" + member + " to " + target.name());
}

File File::create_in_memory() {
  prepare();
  const Handle properties = checked(H5Pcreate(H5P_FILE_CREATE), H5Pclose, "HDF5 file in memory");
  track_creation_order(properties);
  const Handle access = memory_access();
  return {checked(H5Fcreate(unique_memory_name().c_str(), H5F_ACC_TRUNC, properties.id(), access.id()), H5Fclose,
                  "cannot make an HDF5 file in memory"),
          ""};
}

File File::open_image(std::span<const std::byte> image, const std::string& name) {
  prepare();
  const Handle access = memory_access();
  // HDF5 asks for a pointer to what it may change, and copies.
  check(H5Pset_file_image(access.id(), const_cast<std::byte*>(image.data()), image.size()), "cannot read " + name);
  return {checked(H5Fopen(unique_memory_name().c_str(), H5F_ACC_RDONLY, access.id()), H5Fclose,
                  name + " is not an HDF5 file that can be read"),
          name + ":"};
}

File File::open(const std::filesystem::path& path) {
  prepare();
  const InputFile file(path);
  const std::string name = path.string() + ": ";
  if (file.size() == 0) throw Error(name + "is empty");
  if (H5Fis_hdf5(path.c_str()) <= 0) throw Error(name + "is not an HDF5 file");
  const Handle access = checked(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, "HDF5 file access");
  check(H5Pset_file_locking(access.id(), true, /*ignore_when_disabled=*/true), "HDF5 file access");
  const hid_t opened = H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.id());
  if (opened < 0) throw Error(name + open_problem(file));
  return {Handle(opened, H5Fclose), path.string() + ":"};
}

Group File::root() const {
  return {checked(H5Gopen2(handle_.id(), "/", H5P_DEFAULT), H5Gclose, "cannot open " + name_ + "/"), name_};
}

std::vector<std::byte> File::image() const {
  check(H5Fflush(handle_.id(), H5F_SCOPE_GLOBAL), "cannot finish the HDF5 file");
  const ssize_t size = H5Fget_file_image(handle_.id(), nullptr, 0);
  if (size < 0) fail("cannot take the image of the HDF5 file");
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  if (H5Fget_file_image(handle_.id(), bytes.data(), bytes.size()) != size)
    fail("cannot take the image of the HDF5 file");
  return bytes;
}

std::string library_version() {
  prepare();
  silence_errors();
  unsigned major = 0, minor = 0, release = 0;
  check(H5get_libversion(&major, &minor, &release), "HDF5 version");
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(release);
}

}  // namespace stepbench::hdf5
