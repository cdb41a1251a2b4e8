#include "variants/tbb_mkl/library.hpp"

#include <dlfcn.h>

#include <string_view>

#include "core/isa.hpp"

namespace stepbench {
namespace {

// Of mkl_service.h, which need not be there.
constexpr int kSequential = 1, kLp64 = 0;
constexpr int kEnableSse42 = 0, kEnableAvx2 = 2;
struct Version {
  int major, minor, update;
  char *status, *build, *processor, *platform;
};

class OpenedLibrary {
 public:
  /// The file that was there when the program was built, or one of its name wherever the system looks.
  OpenedLibrary() {
    const std::string_view path = STEPBENCH_MKL_RT;
    handle_ = dlopen(path.data(), RTLD_NOW | RTLD_LOCAL);
    if (handle_ == nullptr) handle_ = dlopen(path.substr(path.rfind('/') + 1).data(), RTLD_NOW | RTLD_LOCAL);
    if (handle_ == nullptr) problem_ = dlerror();
  }
  template <typename Function>
  [[nodiscard]] Function get(const char* name) {
    void* const found = handle_ == nullptr ? nullptr : dlsym(handle_, name);
    if (found == nullptr && problem_.empty()) problem_ = std::string(STEPBENCH_MKL_RT) + " has no " + name;
    return reinterpret_cast<Function>(found);
  }
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  void* handle_;  // never closed: MKL keeps memory for each thread
  std::string problem_;
};

MklLibrary open_library() {
  OpenedLibrary file;
  const auto set_threading = file.get<int (*)(int)>("MKL_Set_Threading_Layer");
  const auto set_interface = file.get<int (*)(int)>("MKL_Set_Interface_Layer");
  const auto enable = file.get<int (*)(int)>("MKL_Enable_Instructions");
  const auto get_version = file.get<void (*)(Version*)>("MKL_Get_Version");
  MklLibrary library;
  library.sgemm = file.get<MklLibrary::Gemm<float>>("cblas_sgemm");
  library.dgemm = file.get<MklLibrary::Gemm<double>>("cblas_dgemm");
  library.problem = file.problem();
  if (!library.problem.empty()) return library;
  if (set_interface(kLp64) != kLp64 || set_threading(kSequential) != kSequential) {
    library.problem = "MKL does not take its sequential layer: unset MKL_THREADING_LAYER and MKL_INTERFACE_LAYER";
    return library;
  }
  if (chosen_isa() == Isa::avx2) static_cast<void>(enable(kEnableAvx2));
  if (chosen_isa() == Isa::portable) static_cast<void>(enable(kEnableSse42));
  Version version{};
  get_version(&version);
  library.version =
      std::to_string(version.major) + "." + std::to_string(version.minor) + "." + std::to_string(version.update);
  library.processor = version.processor;
  return library;
}

}  // namespace

const MklLibrary& mkl_library() {
  static const MklLibrary library = open_library();
  return library;
}

}  // namespace stepbench
