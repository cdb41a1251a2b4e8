#include "experiments/machine/block_counters.hpp"

#include <linux/perf_event.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

namespace stepbench {
namespace {

PerfEvent hardware(std::uint64_t config) { return {PERF_TYPE_HARDWARE, config}; }
PerfEvent raw(std::uint64_t event, std::uint64_t mask) { return {PERF_TYPE_RAW, mask << 8U | event}; }

/// Intel since Broadwell: FP_ARITH_INST_RETIRED by width, where an FMA counts twice (Intel SDM, volume 3B, chapter 19).
/// AMD since Zen: "Retired SSE/AVX FLOPs", of all kinds (AMD PPR, PMCx003).
std::vector<WeightedEvent> fp_events(const CpuDescription& cpu) {
  constexpr std::uint64_t kIntelArithmetic = 0xC7, kAmdFlops = 0x03, kAmdAll = 0x0F;
  constexpr int kZen = 0x17;
  if (cpu.vendor == "GenuineIntel") {
    return {{raw(kIntelArithmetic, 0x01), 1}, {raw(kIntelArithmetic, 0x02), 1}, {raw(kIntelArithmetic, 0x04), 2},
            {raw(kIntelArithmetic, 0x08), 4}, {raw(kIntelArithmetic, 0x10), 4}, {raw(kIntelArithmetic, 0x20), 8},
            {raw(kIntelArithmetic, 0x40), 8}, {raw(kIntelArithmetic, 0x80), 16}};
  }
  if (cpu.vendor == "AuthenticAMD" && cpu.family >= kZen) return {{raw(kAmdFlops, kAmdAll), 1}};
  return {};
}

/// Whether it will be no other in a later block.
bool is_final(int error) { return error != ESRCH && error != EMFILE && error != ENFILE && error != EINTR; }

struct Refusal {
  std::string_view why, advice;
};
Refusal explain(int error) {
  switch (error) {
    case EACCES:
    case EPERM:
      return {"this user may not count: kernel.perf_event_paranoid is above 2, or a container forbids it",
              "sudo sysctl kernel.perf_event_paranoid=2; in a container --cap-add=PERFMON and a seccomp profile that "
              "allows perf_event_open"};
    case ENOENT:
    case ENODEV:
    case EOPNOTSUPP:
      return {"the system has no such counter: a virtual machine without the CPU's counters, or an unknown CPU",
              "ask for them where the machine is made (KVM: -cpu host,pmu=on; clouds: a bare-metal instance)"};
    case ENOSYS:
      return {"the kernel was built without performance events", "another kernel (CONFIG_PERF_EVENTS)"};
    case EMFILE:
    case ENFILE:
      return {"too many open files: each thread needs some", "ulimit -n 65536"};
    default:
      return {"the system refused", "see `man perf_event_open`"};
  }
}

std::vector<pid_t> threads_of(std::span<const pid_t> processes) {
  std::vector<std::string> names;
  for (const pid_t process : processes) names.push_back(std::to_string(process));
  if (processes.empty()) names.emplace_back("self");
  std::vector<pid_t> threads;
  std::error_code ignored;
  for (const std::string& name : names) {
    for (const auto& task : std::filesystem::directory_iterator("/proc/" + name + "/task", ignored)) {
      threads.push_back(std::atoi(task.path().filename().c_str()));
    }
  }
  return threads;
}

}  // namespace

std::vector<Counter> counters_of(const CpuDescription& cpu) {
  return {{"cycles", &CounterValues::cycles, {{hardware(PERF_COUNT_HW_CPU_CYCLES)}}},
          {"instructions", &CounterValues::instructions, {{hardware(PERF_COUNT_HW_INSTRUCTIONS)}}},
          {"cache_misses", &CounterValues::cache_misses, {{hardware(PERF_COUNT_HW_CACHE_MISSES)}}},
          {"fp_operations", &CounterValues::fp_operations, fp_events(cpu)}};
}

BlockCounters::BlockCounters(PerfEvents& events, std::vector<Counter> counters, EnergyMeter energy)
    : events_(events), counters_(std::move(counters)), refused_(counters_.size()), energy_(std::move(energy)) {}

BlockCounters::BlockCounters() : BlockCounters(system_perf_events(), counters_of(read_cpu("/")), EnergyMeter()) {}

void BlockCounters::prepare(std::span<const pid_t> processes) {
  close_all();
  for (int& error : refused_) {
    if (!is_final(error)) error = 0;
  }
  for (std::size_t i = 0; i < counters_.size(); ++i) {
    if (counters_[i].events.empty()) refused_[i] = ENOENT;
  }
  if (std::ranges::find(refused_, 0) == refused_.end()) return;
  for (const pid_t thread : threads_of(processes)) open_for(thread);
}

void BlockCounters::open_for(pid_t thread) {
  for (std::size_t i = 0; i < counters_.size(); ++i) {
    for (const WeightedEvent& each : counters_[i].events) {
      if (refused_[i] != 0) break;
      const int made = events_.open(each.event, thread);
      if (made >= 0) {
        open_.push_back({i, each.weight, made});
      } else if (made != -ESRCH) {  // a thread that has ended meanwhile did nothing
        refused_[i] = -made;
      }
    }
  }
}

void BlockCounters::start() {
  energy_before_ = energy_.read();
  for (const Open& counter : open_) events_.start(counter.number);
}

CounterValues BlockCounters::stop() {
  CounterValues values;
  for (std::size_t i = 0; i < counters_.size(); ++i) {
    const bool is_counted = refused_[i] == 0 && std::ranges::find(open_, i, &Open::counter) != open_.end();
    if (is_counted) values.*counters_[i].member = 0;
  }
  for (const Open& counter : open_) {
    const double count = events_.read(counter.number).value_or(std::numeric_limits<double>::quiet_NaN());
    values.*counters_[counter.counter].member += counter.weight * count;
  }
  values.energy = energy_.between(energy_before_, energy_.read());
  close_all();
  return values;
}

std::vector<BlockCounters::Absence> BlockCounters::absences() const {
  std::vector<Absence> absences;
  for (std::size_t i = 0; i < counters_.size(); ++i) {
    if (refused_[i] == 0) continue;
    const auto [why, advice] = explain(refused_[i]);
    absences.push_back({std::string(counters_[i].name), std::string(why), std::string(advice)});
  }
  if (!energy_.why_not().empty()) absences.push_back({"energy", energy_.why_not(), energy_.advice()});
  return absences;
}

void BlockCounters::close_all() {
  for (const Open& counter : open_) events_.close(counter.number);
  open_.clear();
}

}  // namespace stepbench
