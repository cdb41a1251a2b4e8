// Inside core/hdf5 only: HDF5's own headers, the turning of its failures into exceptions, its types.
#pragma once

#include <hdf5.h>
#include <hdf5_hl.h>

#include <string>

#include "core/error.hpp"
#include "core/hdf5/hdf5.hpp"

namespace stepbench::hdf5 {

static_assert(std::same_as<hid_t, std::int64_t> && std::same_as<herr_t, int>);

/// The innermost reason of HDF5's last failure; empty when it gives none.
std::string innermost_reason();

/// Throws Error: `what`, then the innermost reason that HDF5 gives.
[[noreturn]] void fail(const std::string& what);

inline Handle checked(hid_t id, Handle::Close close, const std::string& what) {
  if (id < 0) fail(what);
  return {id, close};
}

inline void check(herr_t status, const std::string& what) {
  if (status < 0) fail(what);
}

/// Before any other call, so first thing wherever HDF5 may be called first. HDF5 prints each error to stderr unless
/// told otherwise, once per process (or thread). HDF5 1.10 closes what it still holds when the program exits, and
/// crashes there over a file in memory that could not grow; nothing of ours needs that, so it is told not to.
inline void silence_errors() {
  [[maybe_unused]] static const herr_t once = H5dont_atexit();
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

inline Handle text_type() {
  Handle type = checked(H5Tcopy(H5T_C_S1), H5Tclose, "HDF5 string type");
  check(H5Tset_size(type.id(), H5T_VARIABLE), "HDF5 string type");
  check(H5Tset_cset(type.id(), H5T_CSET_UTF8), "HDF5 string type");
  return type;
}

/// Is `type` one that text_type() reads?
inline bool is_variable_text(hid_t type) { return H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) > 0; }

/// Files do not depend on the machine: little-endian always.
template <Element T>
hid_t file_type() {
  if constexpr (std::same_as<T, float>) return H5T_IEEE_F32LE;
  if constexpr (std::same_as<T, double>) return H5T_IEEE_F64LE;
  if constexpr (std::same_as<T, std::int64_t>) return H5T_STD_I64LE;
  if constexpr (std::same_as<T, std::int32_t>) return H5T_STD_I32LE;
  if constexpr (std::same_as<T, std::uint8_t>) return H5T_STD_U8LE;
}

template <Element T>
hid_t memory_type() {
  if constexpr (std::same_as<T, float>) return H5T_NATIVE_FLOAT;
  if constexpr (std::same_as<T, double>) return H5T_NATIVE_DOUBLE;
  if constexpr (std::same_as<T, std::int64_t>) return H5T_NATIVE_INT64;
  if constexpr (std::same_as<T, std::int32_t>) return H5T_NATIVE_INT32;
  if constexpr (std::same_as<T, std::uint8_t>) return H5T_NATIVE_UINT8;
}

}  // namespace stepbench::hdf5
