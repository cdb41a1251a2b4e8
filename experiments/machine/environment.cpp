#include "experiments/machine/environment.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <gnu/libc-version.h>
#include <unistd.h>

#include <array>
#include <ctime>
#include <fstream>
#include <span>

#include "core/digest.hpp"
#include "core/floating_point.hpp"
#include "core/hdf5/hdf5.hpp"
#include "experiments/machine/build_version.hpp"
#include "experiments/machine/cores.hpp"
#include "experiments/machine/fma_peak.hpp"
#include "experiments/machine/probes.hpp"
#include "variants/openblas/runtime.hpp"

namespace stepbench {
namespace {

std::string or_unknown(std::string text) { return text.empty() ? "unknown" : std::move(text); }

std::string hostname() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

/// XXH3-128 of the executable; empty where it cannot be read.
std::string program_digest() {
  std::ifstream file("/proc/self/exe", std::ios::binary);
  Digest digest;
  std::array<char, 1 << 16> block{};
  while (file.read(block.data(), block.size()) || file.gcount() > 0) {
    digest.add(std::as_bytes(std::span(block).first(static_cast<std::size_t>(file.gcount()))));
  }
  return file.eof() ? digest.hex() : "";
}

std::string isa() {
#if defined(__x86_64__)
  return has_isa(Isa::avx512) ? "x86_64 avx512" : has_isa(Isa::avx2) ? "x86_64 avx2" : "x86_64";
#elif defined(__aarch64__)
  return "aarch64";
#else
  return "other";
#endif
}

}  // namespace

std::vector<LibraryFact> library_facts() {
  std::vector<LibraryFact> facts = backend_libraries();
  facts.push_back({"hdf5_version", "HDF5", hdf5::library_version()});
  facts.push_back({"libc_version", "the C library", std::string(gnu_get_libc_version())});
  return facts;
}

KeyValues environment_facts() {
  const auto text = [](std::string value) { return Value(std::move(value)); };
  KeyValues facts = {
      {"cpu_model", text(or_unknown(read_cpu("/").model))},
      {"isa", text(isa())},
      {"cores", std::int64_t{available_cores()}},
      {"cpu_quota", read_cpu_quota("/").value_or(kNotANumber)},
      {"compiler", text(kCompiler)},
      {"compile_flags", text(kCompileFlags)},
      {"native_code", kNativeCode},
  };
  for (LibraryFact& fact : library_facts()) facts.emplace_back(std::move(fact.name), std::move(fact.value));
  const KeyValues others = {
      {"denormals_flushed", denormals_are_flushed()},
      {"governor", text(or_unknown(read_frequency("/", 0).governor))},
      {"thp", text(or_unknown(read_transparent_huge_pages("/")))},
      {"hostname", text(hostname())},
      {"binary_digest", text(program_digest())},
  };
  facts.insert(facts.end(), others.begin(), others.end());
  return facts;
}

KeyValues describe_environment() {
  KeyValues environment = environment_facts();
  const int cores = available_cores();
  const auto add = [&environment](const char* name, double (*measure)(int, Precision), int threads) {
    environment.emplace_back(name, if_supplied([&] { return measure(threads, Precision::float32); }));
  };
  add("peak_gflops_1", fma_peak_gflops, 1);
  add("peak_gflops_all", fma_peak_gflops, cores);
  add("sgemm_gflops_1", gemm_peak_gflops, 1);
  add("sgemm_gflops", gemm_peak_gflops, cores);
  return environment;
}

BuildInfo build_info() { return {kVersion, kGitCommit, kGitDirty}; }

std::string utc_now() { return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr))); }

}  // namespace stepbench
