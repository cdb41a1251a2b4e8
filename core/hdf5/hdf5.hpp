// HDF5, as much of it as stepbench uses, behind RAII: the only place of the program that knows the library (this header
// does not include its headers). Failures are Errors that name the object; HDF5 itself prints nothing.
//
// Left out: compound types, writing enums, fixed-length strings, partial reads and writes, changing what is there.
// HDF5 is not thread-safe here: one thread at a time, for all files together.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace stepbench::hdf5 {

/// Owns an HDF5 identifier and closes it with the function of its kind.
class Handle {
 public:
  using Close = int (*)(std::int64_t);
  Handle(std::int64_t id, Close close) : id_(id), close_(close) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  [[nodiscard]] std::int64_t id() const { return id_; }

 private:
  std::int64_t id_;
  Close close_;
};

/// Stored as uint8 (0 or 1), int64, float64, variable-length UTF-8 (it ends at a NUL), int64 (n). The same type as
/// stepbench::Value. Read back, a uint8 scalar of 0 or 1 is a bool and every other integer scalar an int64.
using Attribute = std::variant<bool, std::int64_t, double, std::string, std::vector<std::int64_t>>;
using Attributes = std::vector<std::pair<std::string, Attribute>>;

/// Extents, slowest first; rank 1 or more. A scalar data set read from elsewhere has none.
using Shape = std::vector<std::int64_t>;

template <typename T>
concept Element = std::same_as<T, float> || std::same_as<T, double> || std::same_as<T, std::int64_t> ||
    std::same_as<T, std::int32_t> || std::same_as<T, std::uint8_t>;

/// Enums (h5py's truth values are some) and 8-bit flags (PyTables') are the integers that they are stored as.
enum class ElementClass { integer, floating, text, other };

/// filtered: chunk + shuffle + deflate + fletcher32; of some hundred values or fewer, compact: in the data set's
/// header, since the index of chunks alone takes 2 KB.
enum class Storage { filtered, contiguous };

/// What groups and data sets have in common.
class Object {
 public:
  /// Within its file, after the file's name: `run.h5:/summary`.
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::int64_t id() const { return handle_.id(); }

  /// Where it stands in its file: two names of one object have one address.
  [[nodiscard]] std::uint64_t address() const;

  void set_attribute(const std::string& key, const Attribute& value);
  [[nodiscard]] bool has_attribute(const std::string& key) const;
  /// Throws Error when there is none, or of a type that Attribute does not hold.
  [[nodiscard]] Attribute attribute(const std::string& key) const;
  /// Throws Error also when it is of another type than T.
  template <typename T>
  [[nodiscard]] T attribute_as(const std::string& key) const {
    Attribute value = attribute(key);
    if (T* typed = std::get_if<T>(&value)) return std::move(*typed);
    fail_attribute_type(key);
  }
  /// All, in the order of their creation where the file tracks it.
  [[nodiscard]] Attributes attributes() const;

 protected:
  Object(Handle handle, std::string name) : handle_(std::move(handle)), name_(std::move(name)) {}

 private:
  [[noreturn]] void fail_attribute_type(const std::string& key) const;

  Handle handle_;
  std::string name_;
};

class Dataset : public Object {
 public:
  Dataset(Handle handle, std::string name) : Object(std::move(handle), std::move(name)) {}

  [[nodiscard]] Shape shape() const;
  [[nodiscard]] ElementClass element_class() const;
  [[nodiscard]] std::size_t element_bytes() const;  // in the file
  [[nodiscard]] bool is_uint8() const;              // in the file

  /// Where HDF5 would hand out its fill value without a word: a line for each data set, this one or a source of it, of
  /// which a part was never written. Throws Error where there is nothing to believe: a source of a virtual data set, or
  /// an external file, that is not there, cannot be read or is too small (names it); nothing written at all.
  [[nodiscard]] std::vector<std::string> never_written() const;

  /// All elements, row-major, converted by HDF5 (out-of-range integers are clamped, fractions cut: look at
  /// element_class first). Throws Error for text and other classes.
  template <Element T>
  [[nodiscard]] std::vector<T> read() const;
  /// All elements of a data set of variable-length strings.
  [[nodiscard]] std::vector<std::string> read_text() const;

  /// Makes this 1-D data set a dimension scale, named `dimension`.
  void make_scale(const std::string& dimension);
  /// Gives dimension number `dimension` of this data set the coordinates `scale`.
  void attach_scale(unsigned dimension, const Dataset& scale);
};

/// A path is relative to the group; `a/b` is allowed in all but creation.
class Group : public Object {
 public:
  Group(Handle handle, std::string name) : Object(std::move(handle), std::move(name)) {}

  [[nodiscard]] bool has(const std::string& path) const;
  /// Names of all members, in the order of their creation where the file tracks it.
  [[nodiscard]] std::vector<std::string> members() const;
  [[nodiscard]] Group group(const std::string& path) const;
  [[nodiscard]] Dataset dataset(const std::string& path) const;

  Group create_group(const std::string& member);
  /// One more name for an object of the same file (a hard link).
  void link(const std::string& member, const Object& target);
  /// `values` has as many elements as `shape`. `units` becomes the attribute of that name.
  template <Element T>
  Dataset create_dataset(const std::string& member, const Shape& shape, std::span<const T> values,
                         const std::string& units, Storage storage = Storage::filtered);
  /// 1-D, variable-length UTF-8.
  Dataset create_text_dataset(const std::string& member, std::span<const std::string> values,
                              const std::string& units = "1");
};

class File {
 public:
  /// Empty and in memory only, in the format of the oldest HDF5 that can hold it (what newest bounds give has no image
  /// that can be read again).
  [[nodiscard]] static File create_in_memory();
  /// Read only; `image` is copied. `name` is for messages.
  [[nodiscard]] static File open_image(std::span<const std::byte> image, const std::string& name);
  /// Read only. Throws Error, `FILE: reason`, with the first reason there is: no such file, no permission, no ordinary
  /// file, empty, not HDF5, open for writing in another process, what HDF5 says. Never for a damaged file: HDF5 1.10
  /// may crash on it.
  [[nodiscard]] static File open(const std::filesystem::path& path);

  [[nodiscard]] Group root() const;
  /// The bytes that a file on disk would have.
  [[nodiscard]] std::vector<std::byte> image() const;

 private:
  File(Handle handle, std::string name) : handle_(std::move(handle)), name_(std::move(name)) {}

  Handle handle_;
  std::string name_;
};

/// Of the library that runs: `1.10.8`.
[[nodiscard]] std::string library_version();

}  // namespace stepbench::hdf5
