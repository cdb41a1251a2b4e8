// On which CPUs a thread may run: asking, binding, and giving back what was before. CPUs are numbered as Linux does.
//
// Left out: which CPUs to choose (experiments/machine/places.hpp), and other systems' ways.
#pragma once

#include <sys/types.h>

#include <span>
#include <string>
#include <vector>

#include "core/network.hpp"

namespace stepbench {

/// Those that the thread (0: the calling one) may run on, ascending; empty where the system does not tell.
[[nodiscard]] std::vector<int> cpus_of_thread(pid_t thread = 0);

/// Those that this process may run on, as they were before it bound any of its threads.
[[nodiscard]] const std::vector<int>& cpus_of_process();

/// Binds the thread (0: the calling one), which is on one of `cpus` when this returns. 0, or the errno of the refusal.
/// What a thread starts is bound as it is: an executed program too.
int bind_thread(std::span<const int> cpus, pid_t thread = 0);

/// `cannot run on CPU 5: Invalid argument`
[[nodiscard]] std::string bind_problem(std::span<const int> cpus, int error);

/// `1-3,0,8`: in the order given.
[[nodiscard]] std::string listed_cpus(std::span<const int> cpus);

/// Holds the calling thread on some CPUs; afterwards it may run where it might before. None: it is left alone.
class BoundThread {
 public:
  explicit BoundThread(std::span<const int> cpus);
  BoundThread(const BoundThread&) = delete;
  BoundThread& operator=(const BoundThread&) = delete;
  ~BoundThread();

  /// bind_problem, or empty.
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  std::vector<int> before_;  // empty: nothing to give back
  std::string problem_;
};

/// The claim of a network that computes on the calling thread alone: holds it on the first of `cpus`.
class CallerClaim final : public ThreadClaim {
 public:
  explicit CallerClaim(std::span<const int> cpus) : caller_(cpus.first(cpus.empty() ? 0 : 1)) {}
  [[nodiscard]] std::string pin_problem() const override { return caller_.problem(); }

 private:
  BoundThread caller_;
};

}  // namespace stepbench
