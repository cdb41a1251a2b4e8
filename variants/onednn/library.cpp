#include "variants/onednn/library.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include "core/isa.hpp"

namespace stepbench {
namespace {

/// What oneDNN itself calls, of whichever OpenMP the process has; null in a build of it without.
struct OpenMp {
  int (*max_threads)() = nullptr;
  void (*set_threads)(int) = nullptr;
};

const OpenMp& openmp() {
  static const OpenMp found = [] {
    OpenMp functions;
    if (DNNL_CPU_THREADING_RUNTIME != DNNL_RUNTIME_OMP) return functions;
    functions.max_threads = reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "omp_get_max_threads"));
    functions.set_threads = reinterpret_cast<void (*)(int)>(dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
    return functions;
  }();
  return found;
}

dnnl::engine engine_within_isa() {
  // By itself it takes the widest that the CPU has.
  if (chosen_isa() == Isa::avx2) dnnl::set_max_cpu_isa(dnnl::cpu_isa::avx2);
  if (chosen_isa() == Isa::portable) dnnl::set_max_cpu_isa(dnnl::cpu_isa::sse41);
  return {dnnl::engine::kind::cpu, 0};
}

std::string to_text(dnnl::cpu_isa isa) {
  switch (isa) {
    case dnnl::cpu_isa::sse41:
      return "sse41";
    case dnnl::cpu_isa::avx:
      return "avx";
    case dnnl::cpu_isa::avx2:
      return "avx2";
    case dnnl::cpu_isa::avx512_core:
      return "avx512_core";
    case dnnl::cpu_isa::avx512_core_vnni:
      return "avx512_core_vnni";
    case dnnl::cpu_isa::avx512_core_bf16:
      return "avx512_core_bf16";
    default:
      return fmt::format("{:#x}", static_cast<unsigned>(isa));
  }
}

}  // namespace

const dnnl::engine& onednn_engine() {
  static const dnnl::engine engine = engine_within_isa();
  return engine;
}

std::vector<LibraryFact> onednn_facts() {
  static_cast<void>(onednn_engine());
  const dnnl_version_t& version = *dnnl_version();
  return {{"onednn_version", "oneDNN", fmt::format("{}.{}.{}", version.major, version.minor, version.patch)},
          {"onednn_isa", "oneDNN's instruction set", to_text(dnnl::get_effective_cpu_isa())}};
}

std::string onednn_unsupported() {
  if (DNNL_CPU_THREADING_RUNTIME == DNNL_RUNTIME_SEQ || openmp().set_threads != nullptr) return "";
  return "this oneDNN runs on threads of its own that a task cannot hold to one; a build of it with OpenMP, or without "
         "threads, is needed (Debian: libdnnl-dev)";
}

std::string onednn_threads_unsupported(std::int64_t threads) {
  return threads == 1 || openmp().set_threads != nullptr ? "" : "this oneDNN was built without OpenMP's threads";
}

OnednnThreads::OnednnThreads(int threads)
    : before_(openmp().max_threads == nullptr ? threads : openmp().max_threads()), threads_(threads) {
  if (before_ != threads_) openmp().set_threads(threads_);
}

OnednnThreads::~OnednnThreads() {
  if (before_ != threads_) openmp().set_threads(before_);
}

}  // namespace stepbench
