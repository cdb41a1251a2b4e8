#include "experiments/machine/probes.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <sstream>
#include <utility>

namespace stepbench {
namespace {

std::string first_line(const Root& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

template <typename Number>
std::optional<Number> parse(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

Root cpu_folder(const Root& root, int cpu) { return root / "sys/devices/system/cpu" / ("cpu" + std::to_string(cpu)); }

/// Every folder of the control group that the process is in, from the leaf up to what stands for the root here. In v1
/// `controller` has a hierarchy of its own; v2's is one for all. A container may not see its own leaf.
std::vector<Root> control_groups(const Root& root, const std::string& controller) {
  std::vector<Root> folders;
  std::ifstream file(root / "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {  // `4:cpu,cpuacct:/path`, and v2's `0::/path`
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (!controllers.empty() && ("," + controllers + ",").find("," + controller + ",") == std::string::npos) continue;
    for (const Root& mount : {root / "sys/fs/cgroup" / controllers, root / "sys/fs/cgroup/unified"}) {
      for (Root path = line.substr(second + 1); !path.empty(); path = path.parent_path()) {
        folders.push_back(mount / path.relative_path());
        if (path == path.root_path()) break;
      }
      if (!controllers.empty()) break;
    }
  }
  return folders;
}

std::string text_after(const std::string& line, const std::string& key) {
  if (!line.starts_with(key)) return "";
  const std::size_t begin = line.find_first_not_of(" \t:", key.size());
  return begin == std::string::npos ? "" : line.substr(begin);
}

/// What a control group's usage counts but the kernel gives back when asked: files that were read and kept.
std::uint64_t reclaimable_bytes(const Root& folder) {
  std::ifstream file(folder / "memory.stat");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("inactive_file ")) return parse<std::uint64_t>(text_after(line, "inactive_file")).value_or(0);
  }
  return 0;
}

}  // namespace

CpuDescription read_cpu(const Root& root) {
  CpuDescription description;
  std::ifstream file(root / "proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.empty()) break;  // the others are alike
    if (const std::string model = text_after(line, "model name"); !model.empty()) description.model = model;
    if (const std::string vendor = text_after(line, "vendor_id"); !vendor.empty()) description.vendor = vendor;
    if (line.starts_with("cpu family")) description.family = parse<int>(text_after(line, "cpu family")).value_or(0);
    if (line.starts_with("flags")) description.hypervisor = (line + " ").find(" hypervisor ") != std::string::npos;
  }
  return description;
}

std::vector<int> parse_cpu_list(const std::string& text) {
  std::vector<int> cpus;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    const std::size_t dash = part.find('-');
    const std::optional<int> first = parse<int>(part);
    const std::optional<int> last = dash == std::string::npos ? first : parse<int>(part.substr(dash + 1));
    if (!first || !last) return {};
    for (int cpu = *first; cpu <= *last; ++cpu) cpus.push_back(cpu);
  }
  return cpus;
}

std::vector<std::vector<int>> read_siblings(const Root& root, const std::vector<int>& cpus) {
  std::vector<std::vector<int>> groups;
  for (const int cpu : cpus) {
    std::vector<int> group;
    for (const int sibling : parse_cpu_list(first_line(cpu_folder(root, cpu) / "topology/thread_siblings_list"))) {
      if (std::ranges::find(cpus, sibling) != cpus.end()) group.push_back(sibling);
    }
    if (group.size() > 1 && std::ranges::find(groups, group) == groups.end()) groups.push_back(group);
  }
  return groups;
}

std::optional<double> read_cpu_quota(const Root& root) {
  std::optional<double> least;
  for (const Root& folder : control_groups(root, "cpu")) {
    std::string quota, period;
    std::istringstream(first_line(folder / "cpu.max")) >> quota >> period;  // v2: `max 100000`
    if (quota.empty()) {
      quota = first_line(folder / "cpu.cfs_quota_us");  // v1: -1 for none
      period = first_line(folder / "cpu.cfs_period_us");
    }
    const std::optional<double> allowed = parse<double>(quota), of = parse<double>(period);
    if (!allowed || !of || !(*allowed > 0) || !(*of > 0)) continue;
    least = std::min(least.value_or(*allowed / *of), *allowed / *of);
  }
  return least;
}

FrequencySettings read_frequency(const Root& root, int cpu) {
  FrequencySettings settings;
  settings.governor = first_line(cpu_folder(root, cpu) / "cpufreq/scaling_governor");
  const std::string boost = first_line(root / "sys/devices/system/cpu/cpufreq/boost");
  const std::string no_turbo = first_line(root / "sys/devices/system/cpu/intel_pstate/no_turbo");
  if (!boost.empty()) settings.turbo = boost == "1";
  if (!no_turbo.empty()) settings.turbo = no_turbo == "0";
  return settings;
}

std::string read_transparent_huge_pages(const Root& root) {
  const std::string line = first_line(root / "sys/kernel/mm/transparent_hugepage/enabled");  // always [madvise] never
  const std::size_t open = line.find('['), close = line.find(']');
  return open == std::string::npos || close == std::string::npos ? "" : line.substr(open + 1, close - open - 1);
}

std::string read_clock_source(const Root& root) {
  return first_line(root / "sys/devices/system/clocksource/clocksource0/current_clocksource");
}

std::uint64_t read_last_level_cache(const Root& root, int cpu) {
  std::uint64_t bytes = 0;
  for (int index = 0; index < 8; ++index) {
    const std::string size = first_line(cpu_folder(root, cpu) / "cache" / ("index" + std::to_string(index)) / "size");
    const std::uint64_t unit = size.ends_with('K') ? 1U << 10U : size.ends_with('M') ? 1U << 20U : 1U;
    bytes = std::max(bytes, parse<std::uint64_t>(size).value_or(0) * unit);
  }
  return bytes;
}

Memory read_memory(const Root& root) {
  Memory memory;
  std::ifstream file(root / "proc/meminfo");
  for (std::string line; std::getline(file, line);) {  // `MemTotal:       24684084 kB`
    const auto bytes = [&](const char* key) { return parse<std::uint64_t>(text_after(line, key)).value_or(0) << 10U; };
    if (line.starts_with("MemTotal:")) memory.total = bytes("MemTotal:");
    if (line.starts_with("MemAvailable:")) memory.available = bytes("MemAvailable:");
  }
  using Names = std::pair<const char*, const char*>;
  for (const Root& folder : control_groups(root, "memory")) {
    for (const auto& [limit_name, usage_name] :
         {Names("memory.max", "memory.current"), Names("memory.limit_in_bytes", "memory.usage_in_bytes")}) {
      const auto limit = parse<std::uint64_t>(first_line(folder / limit_name));  // `max`, or huge, for none
      if (!limit || *limit >= memory.total) continue;
      const std::uint64_t usage = parse<std::uint64_t>(first_line(folder / usage_name)).value_or(0);
      const std::uint64_t used = usage - std::min(usage, reclaimable_bytes(folder));
      memory.total = *limit;
      memory.available = std::min(memory.available, *limit - std::min(used, *limit));
    }
  }
  return memory;
}

std::optional<CpuTimes> read_cpu_times(const Root& root, const std::vector<int>& cpus) {
  const long ticks = sysconf(_SC_CLK_TCK);
  CpuTimes times;
  bool found = false;
  std::ifstream file(root / "proc/stat");
  for (std::string line; std::getline(file, line) && line.starts_with("cpu");) {
    const std::optional<int> cpu = parse<int>(std::string_view(line).substr(3));
    if (!cpu || std::ranges::find(cpus, *cpu) == cpus.end() || ticks <= 0) continue;
    std::istringstream fields(line);
    std::string name;
    // user (guests are part of it), nice, system, idle, iowait, irq, softirq, steal
    std::array<double, 8> spent{};
    fields >> name;
    for (double& field : spent) fields >> field;
    times.busy += (spent[0] + spent[1] + spent[2] + spent[5] + spent[6]) / static_cast<double>(ticks);
    times.steal += spent[7] / static_cast<double>(ticks);
    found = true;
  }
  if (!found) return std::nullopt;
  return times;
}

std::optional<double> read_load_average(const Root& root) { return parse<double>(first_line(root / "proc/loadavg")); }

std::string read_container(const Root& root) {
  if (std::string named = first_line(root / "run/systemd/container"); !named.empty()) return named;
  if (std::filesystem::exists(root / "run/.containerenv")) return "Podman";
  if (std::filesystem::exists(root / ".dockerenv")) return "Docker";
  return "";
}

std::string read_product(const Root& root) {
  const std::string maker = first_line(root / "sys/class/dmi/id/sys_vendor");
  const std::string product = first_line(root / "sys/class/dmi/id/product_name");
  return maker.empty() || product.empty() ? maker + product : maker + " " + product;
}

}  // namespace stepbench
