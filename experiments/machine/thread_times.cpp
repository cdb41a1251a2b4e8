#include "experiments/machine/thread_times.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>
#include <vector>

namespace stepbench {
namespace {

void add_threads(const std::string& process, std::map<std::string, ThreadTimes>& times) {
  constexpr double kNanosecond = 1e-9;
  std::error_code ignored;
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + process + "/task", ignored)) {
    std::ifstream stat(task.path() / "schedstat");
    double running = 0, waiting = 0;
    if (!(stat >> running >> waiting)) continue;
    ThreadTimes& thread = times[task.path().filename()] = {running * kNanosecond, waiting * kNanosecond};
    std::ifstream status(task.path() / "status");
    constexpr std::string_view kName = "nonvoluntary_ctxt_switches:";
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with(kName)) thread.involuntary_switches = std::strtod(line.c_str() + kName.size(), nullptr);
    }
  }
}

}  // namespace

std::map<std::string, ThreadTimes> thread_times(std::span<const pid_t> processes) {
  std::map<std::string, ThreadTimes> times;
  if (processes.empty()) add_threads("self", times);
  for (const pid_t process : processes) add_threads(std::to_string(process), times);
  return times;
}

std::int64_t threads_that_worked(const std::map<std::string, ThreadTimes>& before,
                                 const std::map<std::string, ThreadTimes>& after, std::int64_t threads) {
  constexpr double kLeastShare = 0.1;
  std::vector<double> spent;
  double total = 0;
  for (const auto& [thread, times] : after) {
    const auto found = before.find(thread);
    spent.push_back(times.running - (found == before.end() ? 0 : found->second.running));
    total += spent.back();
  }
  const double least = kLeastShare * total / static_cast<double>(threads);
  return std::ranges::count_if(spent, [least](double own) { return own > 0 && own >= least; });
}

}  // namespace stepbench
