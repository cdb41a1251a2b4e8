#include "experiments/machine/perf_events.hpp"

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace stepbench {
namespace {

class SystemPerfEvents final : public PerfEvents {
 public:
  int open(const PerfEvent& event, pid_t thread) override {
    perf_event_attr attributes{};
    attributes.size = sizeof attributes;
    attributes.type = event.type;
    attributes.config = event.config;
    attributes.disabled = 1;
    attributes.inherit = 1;
    attributes.exclude_kernel = 1;  // with the kernel, kernel.perf_event_paranoid would have to be 1
    attributes.exclude_hv = 1;
    attributes.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
    const long made = syscall(SYS_perf_event_open, &attributes, thread, -1, -1, PERF_FLAG_FD_CLOEXEC);
    return made < 0 ? -errno : static_cast<int>(made);
  }

  void start(int counter) override { ioctl(counter, PERF_EVENT_IOC_ENABLE, 0); }

  std::optional<double> read(int counter) override {
    std::array<std::uint64_t, 3> values{};  // count, time enabled, time running
    if (::read(counter, values.data(), sizeof values) != static_cast<ssize_t>(sizeof values)) return std::nullopt;
    const auto [count, enabled, running] = values;
    if (enabled == 0) return 0;  // the thread did not run
    if (running == 0) return std::nullopt;
    return static_cast<double>(count) * (static_cast<double>(enabled) / static_cast<double>(running));
  }

  void close(int counter) override { ::close(counter); }
};

}  // namespace

PerfEvents& system_perf_events() {
  static SystemPerfEvents events;
  return events;
}

}  // namespace stepbench
