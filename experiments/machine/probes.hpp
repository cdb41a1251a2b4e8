// Reads what Linux tells about the machine in /proc and /sys. `root` is the folder that they are in, so that made-up
// trees can be read in tests; what is missing there, as much is in containers and virtual machines, is an empty value.
// Nothing here measures or judges.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace stepbench {

using Root = std::filesystem::path;

struct CpuDescription {
  std::string model;   // empty: unknown
  std::string vendor;  // `GenuineIntel`, `AuthenticAMD`; empty: unknown, or no x86
  int family = 0;
  bool hypervisor = false;  // the CPU says that it is a virtual one
};
[[nodiscard]] CpuDescription read_cpu(const Root& root);

/// `0-3,8` -> 0 1 2 3 8; what is no such list gives an empty one.
[[nodiscard]] std::vector<int> parse_cpu_list(const std::string& text);

/// Which of `cpus` are threads of the same physical core: only groups of two and more.
[[nodiscard]] std::vector<std::vector<int>> read_siblings(const Root& root, const std::vector<int>& cpus);

/// Cores' worth of time that the process's control groups (v2 or v1) allow it: the least of them and their ancestors.
[[nodiscard]] std::optional<double> read_cpu_quota(const Root& root);

struct FrequencySettings {
  std::string governor;       // of `cpu`; empty: not visible
  std::optional<bool> turbo;  // absent: not visible
};
[[nodiscard]] FrequencySettings read_frequency(const Root& root, int cpu);

/// always, madvise or never; empty: unknown
[[nodiscard]] std::string read_transparent_huge_pages(const Root& root);

/// tsc, kvm-clock, hpet, ...; empty: unknown
[[nodiscard]] std::string read_clock_source(const Root& root);

/// Bytes of the last level of `cpu`'s caches; 0: unknown
[[nodiscard]] std::uint64_t read_last_level_cache(const Root& root, int cpu);

struct Memory {
  std::uint64_t total = 0, available = 0;  // bytes; within the control groups' limits; 0: unknown
};
[[nodiscard]] Memory read_memory(const Root& root);

/// Seconds since boot, summed over `cpus`.
struct CpuTimes {
  double busy = 0, steal = 0;  // busy does not contain steal
};
[[nodiscard]] std::optional<CpuTimes> read_cpu_times(const Root& root, const std::vector<int>& cpus);

/// The 1-minute load average: how many threads ran or wanted to.
[[nodiscard]] std::optional<double> read_load_average(const Root& root);

/// `Docker`, `Podman`, ...; empty: no container that shows
[[nodiscard]] std::string read_container(const Root& root);

/// The maker and model that the firmware names, which in a virtual machine is the hypervisor's; empty: unknown
[[nodiscard]] std::string read_product(const Root& root);

}  // namespace stepbench
