// Readers of /proc and /sys on made-up trees, as bare metal, containers and virtual machines show them.
#include <catch2/catch.hpp>

#include "experiments/machine/probes.hpp"
#include "tests/machine/made_up_tree.hpp"

namespace stepbench::testing {

using Groups = std::vector<std::vector<int>>;

TEST_CASE("an empty tree is read as unknown everywhere") {
  const MadeUpTree tree{};
  CHECK(read_cpu(tree.root()).model.empty());
  CHECK_FALSE(read_cpu(tree.root()).hypervisor);
  CHECK(read_siblings(tree.root(), {0, 1}).empty());
  CHECK_FALSE(read_cpu_quota(tree.root()));
  CHECK(read_frequency(tree.root(), 0).governor.empty());
  CHECK_FALSE(read_frequency(tree.root(), 0).turbo);
  CHECK(read_transparent_huge_pages(tree.root()).empty());
  CHECK(read_clock_source(tree.root()).empty());
  CHECK(read_last_level_cache(tree.root(), 0) == 0);
  CHECK(read_memory(tree.root()).total == 0);
  CHECK_FALSE(read_cpu_times(tree.root(), {0}));
  CHECK_FALSE(read_load_average(tree.root()));
  CHECK(read_container(tree.root()).empty());
  CHECK(read_product(tree.root()).empty());
}

TEST_CASE("a CPU's model and the hypervisor's flag are read") {
  const MadeUpTree bare({{"proc/cpuinfo", "processor\t: 0\nmodel name\t: Fast 9000\nflags\t\t: fpu avx2\n\n"}});
  CHECK(read_cpu(bare.root()).model == "Fast 9000");
  CHECK_FALSE(read_cpu(bare.root()).hypervisor);
  const MadeUpTree guest({{"proc/cpuinfo", "model name\t: V\nflags\t\t: fpu hypervisor\n"}});
  CHECK(read_cpu(guest.root()).hypervisor);
}

TEST_CASE("lists of CPUs") {
  CHECK(parse_cpu_list("0-2,8") == std::vector<int>{0, 1, 2, 8});
  CHECK(parse_cpu_list("3") == std::vector<int>{3});
  CHECK(parse_cpu_list("").empty());
  CHECK(parse_cpu_list("all").empty());
}

TEST_CASE("hyper-threads are groups, once each, of the cores that we may use") {
  const auto siblings = [](int cpu, const char* list) {
    return std::pair("sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list",
                     std::string(list));
  };
  const MadeUpTree tree({siblings(0, "0,2\n"), siblings(1, "1,3\n"), siblings(2, "0,2\n"), siblings(3, "1,3\n")});
  CHECK(read_siblings(tree.root(), {0, 1, 2, 3}) == Groups{{0, 2}, {1, 3}});
  CHECK(read_siblings(tree.root(), {0, 1, 2}) == Groups{{0, 2}});
  CHECK(read_siblings(tree.root(), {0, 1}).empty());
}

TEST_CASE("the least CPU quota of a control group and its ancestors counts") {
  const MadeUpTree v2({{"proc/self/cgroup", "0::/outer/inner\n"},
                       {"sys/fs/cgroup/outer/cpu.max", "150000 100000\n"},
                       {"sys/fs/cgroup/outer/inner/cpu.max", "max 100000\n"}});
  CHECK(read_cpu_quota(v2.root()) == Approx(1.5));
  const MadeUpTree v1({{"proc/self/cgroup", "5:memory:/\n4:cpu,cpuacct:/docker/abc\n"},
                       {"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "50000\n"},
                       {"sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"}});
  CHECK(read_cpu_quota(v1.root()) == Approx(0.5));
  const MadeUpTree none({{"proc/self/cgroup", "4:cpu:/\n"},
                         {"sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"},
                         {"sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}});
  CHECK_FALSE(read_cpu_quota(none.root()));
}

TEST_CASE("the governor, and turbo as either driver tells it") {
  const MadeUpTree amd({{"sys/devices/system/cpu/cpu3/cpufreq/scaling_governor", "powersave\n"},
                        {"sys/devices/system/cpu/cpufreq/boost", "1\n"}});
  CHECK(read_frequency(amd.root(), 3).governor == "powersave");
  CHECK(read_frequency(amd.root(), 3).turbo == true);
  const MadeUpTree intel({{"sys/devices/system/cpu/intel_pstate/no_turbo", "1\n"}});
  CHECK(read_frequency(intel.root(), 0).turbo == false);
}

TEST_CASE("free memory is the system's, or what the control group leaves, files that were only read aside") {
  const char* system = "MemTotal:  8388608 kB\nMemFree: 1 kB\nMemAvailable:  4194304 kB\n";
  constexpr std::uint64_t kGigabyte = 1 << 30;
  const MadeUpTree bare({{"proc/meminfo", system}});
  CHECK(read_memory(bare.root()).total == 8 * kGigabyte);
  CHECK(read_memory(bare.root()).available == 4 * kGigabyte);
  const MadeUpTree limited({{"proc/meminfo", system},
                            {"proc/self/cgroup", "0::/\n"},
                            {"sys/fs/cgroup/memory.max", "2147483648\n"},
                            {"sys/fs/cgroup/memory.current", "1610612736\n"},
                            {"sys/fs/cgroup/memory.stat", "anon 1\ninactive_file 1073741824\n"}});
  CHECK(read_memory(limited.root()).total == 2 * kGigabyte);
  CHECK(read_memory(limited.root()).available == kGigabyte * 3 / 2);
}

TEST_CASE("CPU times are those of the named cores: busy without waiting for disks and without what was stolen") {
  const MadeUpTree tree({{"proc/stat",
                          "cpu  9 9 9 9 9 9 9 9 0 0\n"
                          "cpu0 100 200 300 4000 5000 10 20 70 0 0\n"
                          "cpu1 1000 0 0 0 0 0 0 30 0 0\n"
                          "cpu10 7 7 7 7 7 7 7 7 0 0\n"
                          "intr 1\n"}});
  const auto one = read_cpu_times(tree.root(), {0}), both = read_cpu_times(tree.root(), {0, 1});
  REQUIRE((one && both));
  const double ticks = both->steal / 100;  // seconds in a tick
  CHECK(ticks > 0);
  CHECK(one->busy == Approx(630 * ticks));
  CHECK(one->steal == Approx(70 * ticks));
  CHECK(both->busy == Approx(1630 * ticks));
}

TEST_CASE("small facts: huge pages, clock, cache, load, container, product") {
  const MadeUpTree tree({{"sys/kernel/mm/transparent_hugepage/enabled", "always madvise [never]\n"},
                         {"sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n"},
                         {"sys/devices/system/cpu/cpu0/cache/index0/size", "32K\n"},
                         {"sys/devices/system/cpu/cpu0/cache/index3/size", "32768K\n"},
                         {"proc/loadavg", "1.50 0.1 0.2 1/100 7\n"},
                         {".dockerenv", ""},
                         {"sys/class/dmi/id/sys_vendor", "QEMU\n"},
                         {"sys/class/dmi/id/product_name", "Standard PC\n"}});
  CHECK(read_transparent_huge_pages(tree.root()) == "never");
  CHECK(read_clock_source(tree.root()) == "hpet");
  CHECK(read_last_level_cache(tree.root(), 0) == std::uint64_t{32} << 20U);
  CHECK(read_load_average(tree.root()) == Approx(1.5));
  CHECK(read_container(tree.root()) == "Docker");
  CHECK(read_product(tree.root()) == "QEMU Standard PC");
}

}  // namespace stepbench::testing
