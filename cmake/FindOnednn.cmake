# Onednn::onednn, by its header and library: the package's own CMake file (2.6, Debian) ends the configuration where the
# development files of OpenCL are not there, which Debian's package does not ask for. CMAKE_PREFIX_PATH comes first.
# ONEDNN_PACKAGE: what to install where there is no such target.
find_path(ONEDNN_INCLUDE_DIR oneapi/dnnl/dnnl.hpp)
find_library(ONEDNN_LIBRARY dnnl)
mark_as_advanced(ONEDNN_INCLUDE_DIR ONEDNN_LIBRARY)
set(ONEDNN_PACKAGE libdnnl-dev)
if(ONEDNN_INCLUDE_DIR AND TARGET OpenMP::OpenMP_CXX AND NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  file(STRINGS ${ONEDNN_INCLUDE_DIR}/oneapi/dnnl/dnnl_config.h openmp REGEX "THREADING_RUNTIME DNNL_RUNTIME_OMP")
  if(openmp)
    set(ONEDNN_PACKAGE "g++ (oneDNN brings GNU's OpenMP, which clashes with this compiler's in one process)")
  endif()
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Onednn REQUIRED_VARS ONEDNN_LIBRARY ONEDNN_INCLUDE_DIR)
if(Onednn_FOUND AND ONEDNN_PACKAGE STREQUAL "libdnnl-dev" AND NOT TARGET Onednn::onednn)
  add_library(Onednn::onednn UNKNOWN IMPORTED)
  set_target_properties(Onednn::onednn PROPERTIES IMPORTED_LOCATION "${ONEDNN_LIBRARY}"
                        INTERFACE_INCLUDE_DIRECTORIES "${ONEDNN_INCLUDE_DIR}")
endif()
