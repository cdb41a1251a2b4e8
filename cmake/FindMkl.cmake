# Mkl::rt: the one library of MKL that loads the others, as a file that the program opens while it runs. It is not linked:
# its BLAS has the names of OpenBLAS's. CMAKE_PREFIX_PATH comes first; a wheel (`pip install mkl`) has the numbered name alone.
find_library(MKL_RT_LIBRARY NAMES mkl_rt libmkl_rt.so.3 libmkl_rt.so.2 PATH_SUFFIXES intel64 lib/intel64)
mark_as_advanced(MKL_RT_LIBRARY)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Mkl REQUIRED_VARS MKL_RT_LIBRARY)
if(Mkl_FOUND AND NOT TARGET Mkl::rt)
  file(REAL_PATH ${MKL_RT_LIBRARY} file)
  add_library(Mkl::rt INTERFACE IMPORTED)
  set_target_properties(Mkl::rt PROPERTIES INTERFACE_COMPILE_DEFINITIONS "STEPBENCH_MKL_RT=\"${file}\"")
endif()
