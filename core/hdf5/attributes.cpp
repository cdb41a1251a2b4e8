// Attributes of groups and data sets, and how a failure of HDF5 becomes an exception.
#include "core/hdf5/handles.hpp"

namespace stepbench::hdf5 {
namespace {

herr_t keep_innermost(unsigned depth, const H5E_error2_t* error, void* reason) {
  if (depth == 0 && error->desc != nullptr) *static_cast<std::string*>(reason) = error->desc;
  return 0;
}

/// One at a time, all at once: to open an attribute by its number makes HDF5 list all of them again.
herr_t add_name(hid_t /*object*/, const char* name, const H5A_info_t* /*info*/, void* names) {
  try {
    static_cast<std::vector<std::string>*>(names)->emplace_back(name);
    return 0;
  } catch (...) {  // out of memory, in the midst of C
    return -1;
  }
}

template <Element T>
void write_attribute(hid_t object, const std::string& key, hid_t space, const T* values, const std::string& what) {
  const Handle attribute =
      checked(H5Acreate2(object, key.c_str(), file_type<T>(), space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose, what);
  check(H5Awrite(attribute.id(), memory_type<T>(), values), what);
}

void write_text(hid_t object, const std::string& key, hid_t space, const std::string& text, const std::string& what) {
  const Handle type = text_type();
  const Handle attribute =
      checked(H5Acreate2(object, key.c_str(), type.id(), space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose, what);
  const char* characters = text.c_str();
  check(H5Awrite(attribute.id(), type.id(), &characters), what);
}

template <Element T>
T read_scalar(const Handle& attribute, const std::string& what) {
  T value{};
  check(H5Aread(attribute.id(), memory_type<T>(), &value), what);
  return value;
}

std::string read_text(const Handle& attribute, const std::string& what) {
  char* characters = nullptr;
  check(H5Aread(attribute.id(), text_type().id(), &characters), what);
  if (characters == nullptr) return {};  // how HDF5 reads back an empty string
  try {
    std::string text = characters;
    H5free_memory(characters);
    return text;
  } catch (...) {
    H5free_memory(characters);
    throw;
  }
}

Attribute read_attribute(const Handle& attribute, const std::string& what) {
  const Handle type = checked(H5Aget_type(attribute.id()), H5Tclose, what);
  const Handle space = checked(H5Aget_space(attribute.id()), H5Sclose, what);
  const bool scalar = H5Sget_simple_extent_type(space.id()) == H5S_SCALAR;
  const bool integer = H5Tget_class(type.id()) == H5T_INTEGER;
  if (scalar && is_variable_text(type.id())) return read_text(attribute, what);
  if (scalar && H5Tget_class(type.id()) == H5T_FLOAT) return read_scalar<double>(attribute, what);
  if (scalar && integer) {
    const auto value = read_scalar<std::int64_t>(attribute, what);
    const bool is_byte = H5Tget_size(type.id()) == 1 && H5Tget_sign(type.id()) == H5T_SGN_NONE;
    if (is_byte && (value == 0 || value == 1)) return value == 1;
    return value;
  }
  if (integer && H5Sget_simple_extent_ndims(space.id()) == 1) {
    std::vector<std::int64_t> values(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space.id())));
    if (!values.empty()) check(H5Aread(attribute.id(), H5T_NATIVE_INT64, values.data()), what);
    return values;
  }
  throw Error(what + " is of a type that stepbench does not use");
}

}  // namespace

std::string innermost_reason() {
  std::string reason;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_innermost, &reason);
  std::erase(reason, '\n');  // some have the time as ctime spells it
  return reason;
}

void fail(const std::string& what) {
  const std::string reason = innermost_reason();
  throw Error(reason.empty() ? what : what + " (HDF5: " + reason + ")");
}

std::uint64_t Object::address() const {
  H5O_info_t info;
  check(H5Oget_info2(id(), &info, H5O_INFO_BASIC), "cannot look at " + name());
  return info.addr;
}

void Object::set_attribute(const std::string& key, const Attribute& value) {
  const std::string what = "cannot write attribute " + key + " of " + name();
  const Handle scalar = checked(H5Screate(H5S_SCALAR), H5Sclose, what);
  if (const auto* text = std::get_if<std::string>(&value)) {
    write_text(id(), key, scalar.id(), *text, what);
  } else if (const auto* flag = std::get_if<bool>(&value)) {
    const std::uint8_t byte = *flag ? 1 : 0;
    write_attribute(id(), key, scalar.id(), &byte, what);
  } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    write_attribute(id(), key, scalar.id(), integer, what);
  } else if (const auto* real = std::get_if<double>(&value)) {
    write_attribute(id(), key, scalar.id(), real, what);
  } else {
    const auto& list = std::get<std::vector<std::int64_t>>(value);
    const hsize_t count = list.size();
    const Handle space = checked(H5Screate_simple(1, &count, nullptr), H5Sclose, what);
    const std::int64_t none = 0;
    write_attribute(id(), key, space.id(), list.empty() ? &none : list.data(), what);
  }
}

bool Object::has_attribute(const std::string& key) const {
  const htri_t found = H5Aexists(id(), key.c_str());
  if (found < 0) fail("cannot look up attribute " + key + " of " + name());
  return found > 0;
}

Attribute Object::attribute(const std::string& key) const {
  if (!has_attribute(key)) throw Error(name() + " has no attribute " + key);
  const std::string what = "attribute " + key + " of " + name();
  return read_attribute(checked(H5Aopen(id(), key.c_str(), H5P_DEFAULT), H5Aclose, what), what);
}

Attributes Object::attributes() const {
  std::vector<std::string> names;
  // Files of other programs may not track the order of creation: then by name.
  hsize_t first = 0;
  if (H5Aiterate2(id(), H5_INDEX_CRT_ORDER, H5_ITER_INC, &first, add_name, &names) < 0) {
    names.clear();
    first = 0;
    check(H5Aiterate2(id(), H5_INDEX_NAME, H5_ITER_INC, &first, add_name, &names),
          "cannot list the attributes of " + name());
  }
  Attributes all;
  all.reserve(names.size());
  for (std::string& key : names) {
    const std::string what = "attribute " + key + " of " + name();
    Attribute value = read_attribute(checked(H5Aopen(id(), key.c_str(), H5P_DEFAULT), H5Aclose, what), what);
    all.emplace_back(std::move(key), std::move(value));
  }
  return all;
}

void Object::fail_attribute_type(const std::string& key) const {
  throw Error("attribute " + key + " of " + name() + " is of another type than expected");
}

}  // namespace stepbench::hdf5
