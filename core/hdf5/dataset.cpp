// Data sets: making, reading, dimension scales.
#include <algorithm>
#include <limits>

#include "core/hdf5/handles.hpp"

namespace stepbench::hdf5 {
namespace {

// Large enough that compression and the index of chunks cost little, small enough to stay in HDF5's chunk cache (1
// MiB).
constexpr hsize_t kChunkBytes = 1 << 19;
constexpr unsigned kDeflateLevel = 4;
// Up to here a chunk's index (2 KB) takes more than deflating saves. A header holds at most 64 KB.
constexpr std::size_t kCompactBytes = 2048;

/// Whole rows as far as the chunk's size allows, all chunks alike.
std::vector<hsize_t> chunk_extents(const std::vector<hsize_t>& extents, std::size_t element_bytes) {
  std::vector<hsize_t> chunk(extents.size());
  hsize_t room = kChunkBytes / element_bytes;
  for (std::size_t i = extents.size(); i-- > 0;) {
    chunk[i] = std::clamp<hsize_t>(extents[i], 1, std::max<hsize_t>(room, 1));
    room /= chunk[i];
  }
  return chunk;
}

/// Creation properties of every data set: attribute order kept, no time stamps (equal contents give equal files).
Handle creation_properties(const std::string& what) {
  Handle properties = checked(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, what);
  check(H5Pset_attr_creation_order(properties.id(), H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED), what);
  check(H5Pset_obj_track_times(properties.id(), false), what);
  return properties;
}

void add_filters(const Handle& properties, const std::vector<hsize_t>& chunk, const std::string& what) {
  check(H5Pset_chunk(properties.id(), static_cast<int>(chunk.size()), chunk.data()), what);
  check(H5Pset_shuffle(properties.id()), what);
  check(H5Pset_deflate(properties.id(), kDeflateLevel), what);
  check(H5Pset_fletcher32(properties.id()), what);
}

/// PyTables' spelling of a truth value. (h5py's is an enum.)
bool is_flag(hid_t type) { return H5Tget_class(type) == H5T_BITFIELD && H5Tget_size(type) == 1; }

std::size_t element_count(const Shape& shape, std::size_t element_bytes, const std::string& name) {
  const std::size_t limit = std::numeric_limits<std::ptrdiff_t>::max() / element_bytes;
  std::size_t count = 1;
  for (const std::int64_t extent : shape) {
    const auto size = static_cast<std::size_t>(extent);
    if (size != 0 && count > limit / size) throw Error(name + " is too large for memory");
    count *= size;
  }
  return count;
}

}  // namespace

Shape Dataset::shape() const {
  const Handle space = checked(H5Dget_space(id()), H5Sclose, "cannot read the shape of " + name());
  const int rank = H5Sget_simple_extent_ndims(space.id());
  if (rank < 0) fail("cannot read the shape of " + name());
  std::vector<hsize_t> extents(static_cast<std::size_t>(rank));
  if (rank > 0) check(H5Sget_simple_extent_dims(space.id(), extents.data(), nullptr), "shape of " + name());
  return {extents.begin(), extents.end()};
}

ElementClass Dataset::element_class() const {
  const Handle type = checked(H5Dget_type(id()), H5Tclose, "cannot read the type of " + name());
  if (is_flag(type.id())) return ElementClass::integer;
  switch (H5Tget_class(type.id())) {
    case H5T_INTEGER:
    case H5T_ENUM:
      return ElementClass::integer;
    case H5T_FLOAT:
      return ElementClass::floating;
    case H5T_STRING:
      return ElementClass::text;
    default:
      return ElementClass::other;
  }
}

std::size_t Dataset::element_bytes() const {
  const Handle type = checked(H5Dget_type(id()), H5Tclose, "cannot read the type of " + name());
  return H5Tget_size(type.id());
}

bool Dataset::is_uint8() const {
  const Handle type = checked(H5Dget_type(id()), H5Tclose, "cannot read the type of " + name());
  return H5Tget_class(type.id()) == H5T_INTEGER && H5Tget_size(type.id()) == 1 &&
         H5Tget_sign(type.id()) == H5T_SGN_NONE;
}

template <Element T>
std::vector<T> Dataset::read() const {
  const ElementClass found = element_class();
  if (found != ElementClass::integer && found != ElementClass::floating) throw Error(name() + " does not hold numbers");
  std::vector<T> values(element_count(shape(), sizeof(T), name()));
  if (values.empty()) return values;
  const auto read_as = [this](hid_t type, void* into) {
    check(H5Dread(id(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, into), "cannot read " + name());
  };
  if (is_flag(checked(H5Dget_type(id()), H5Tclose, "cannot read the type of " + name()).id())) {
    std::vector<std::uint8_t> flags(values.size());  // HDF5 converts no flags to numbers
    read_as(H5T_NATIVE_B8, flags.data());
    return {flags.begin(), flags.end()};
  }
  read_as(memory_type<T>(), values.data());
  return values;
}

std::vector<std::string> Dataset::read_text() const {
  const std::string what = "cannot read " + name();
  const Handle stored = checked(H5Dget_type(id()), H5Tclose, what);
  if (!is_variable_text(stored.id())) throw Error(name() + " does not hold variable-length strings");
  const Handle type = text_type();
  const Handle space = checked(H5Dget_space(id()), H5Sclose, what);
  std::vector<char*> characters(element_count(shape(), sizeof(char*), name()));
  if (characters.empty()) return {};
  struct Reclaim {
    Reclaim(hid_t of_type, hid_t of_space, void* from) : type(of_type), space(of_space), buffer(from) {}
    Reclaim(const Reclaim&) = delete;
    Reclaim& operator=(const Reclaim&) = delete;
    ~Reclaim() { H5Dvlen_reclaim(type, space, H5P_DEFAULT, buffer); }
    hid_t type, space;
    void* buffer;
  } const reclaim{type.id(), space.id(), characters.data()};
  check(H5Dread(id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, characters.data()), what);
  std::vector<std::string> texts;
  texts.reserve(characters.size());
  for (const char* text : characters) texts.emplace_back(text == nullptr ? "" : text);
  return texts;
}

void Dataset::make_scale(const std::string& dimension) {
  check(H5DSset_scale(id(), dimension.c_str()), "cannot make " + name() + " a dimension scale");
}

void Dataset::attach_scale(unsigned dimension, const Dataset& scale) {
  check(H5DSattach_scale(id(), scale.id(), dimension), "cannot attach " + scale.name() + " to " + name());
}

template <Element T>
Dataset Group::create_dataset(const std::string& member, const Shape& shape, std::span<const T> values,
                              const std::string& units, Storage storage) {
  const std::string path = name() + "/" + member;
  const std::string what = "cannot write " + path;
  if (element_count(shape, sizeof(T), path) != values.size())
    throw Error(what + ": the number of values does not fit its shape");
  const std::vector<hsize_t> extents(shape.begin(), shape.end());
  const Handle space =
      checked(H5Screate_simple(static_cast<int>(extents.size()), extents.data(), nullptr), H5Sclose, what);
  const Handle properties = creation_properties(what);
  if (storage == Storage::filtered) {
    if (values.size_bytes() <= kCompactBytes) {
      check(H5Pset_layout(properties.id(), H5D_COMPACT), what);
    } else {
      add_filters(properties, chunk_extents(extents, sizeof(T)), what);
    }
  }
  Dataset dataset(
      checked(H5Dcreate2(id(), member.c_str(), file_type<T>(), space.id(), H5P_DEFAULT, properties.id(), H5P_DEFAULT),
              H5Dclose, what),
      path);
  if (!values.empty())
    check(H5Dwrite(dataset.id(), memory_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), what);
  dataset.set_attribute("units", units);
  return dataset;
}

Dataset Group::create_text_dataset(const std::string& member, std::span<const std::string> values,
                                   const std::string& units) {
  const std::string path = name() + "/" + member;
  const std::string what = "cannot write " + path;
  const hsize_t count = values.size();
  const Handle space = checked(H5Screate_simple(1, &count, nullptr), H5Sclose, what);
  const Handle type = text_type();
  Dataset dataset(checked(H5Dcreate2(id(), member.c_str(), type.id(), space.id(), H5P_DEFAULT,
                                     creation_properties(what).id(), H5P_DEFAULT),
                          H5Dclose, what),
                  path);
  std::vector<const char*> characters;
  characters.reserve(values.size());
  for (const std::string& value : values) characters.push_back(value.c_str());
  if (!characters.empty())
    check(H5Dwrite(dataset.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, characters.data()), what);
  dataset.set_attribute("units", units);
  return dataset;
}

template std::vector<float> Dataset::read() const;
template std::vector<double> Dataset::read() const;
template std::vector<std::int64_t> Dataset::read() const;
template std::vector<std::int32_t> Dataset::read() const;
template std::vector<std::uint8_t> Dataset::read() const;

template Dataset Group::create_dataset(const std::string&, const Shape&, std::span<const float>, const std::string&,
                                       Storage);
template Dataset Group::create_dataset(const std::string&, const Shape&, std::span<const double>, const std::string&,
                                       Storage);
template Dataset Group::create_dataset(const std::string&, const Shape&, std::span<const std::int64_t>,
                                       const std::string&, Storage);
template Dataset Group::create_dataset(const std::string&, const Shape&, std::span<const std::int32_t>,
                                       const std::string&, Storage);
template Dataset Group::create_dataset(const std::string&, const Shape&, std::span<const std::uint8_t>,
                                       const std::string&, Storage);

}  // namespace stepbench::hdf5
