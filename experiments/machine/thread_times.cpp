#include "experiments/machine/thread_times.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>

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

}  // namespace stepbench
