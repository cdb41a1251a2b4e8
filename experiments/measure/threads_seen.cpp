#include "experiments/measure/threads_seen.hpp"

#include <algorithm>
#include <iterator>

namespace stepbench {
namespace {

/// Why the threads of a trial are not held on its CPUs, or empty; under its claim. Of the calling thread the system is
/// asked, too: a backend that holds nothing has no problem to tell of.
std::string not_pinned(const ThreadPlaces& places, const ThreadClaim& claim) {
  if (places.cpus.empty()) return places.why_not;
  if (std::string problem = claim.pin_problem(); !problem.empty()) return problem;
  const std::vector<int> caller = cpus_of_thread();
  const bool is_held = caller.empty() || caller == std::vector<int>{places.cpus.front()};
  return is_held ? "" : "its backend does not hold its threads";
}

}  // namespace

void ThreadsSeen::see_block(const std::map<std::string, ThreadTimes>& before, std::span<const pid_t> processes,
                            const ThreadClaim& claim, TrialRecord& record) {
  const bool all_are_here = std::ssize(processes) >= trial_.ranks.count;
  by_block_.push_back(all_are_here ? threads_that_worked(before, thread_times(processes), trial_.all_threads()) : 0);
  record.threads_observed = in_middle_block();
  if (!record.cpus.empty() && !is_pinned(record)) return;
  const std::string reason = not_pinned(trial_.places, claim);
  const bool pinned = reason.empty() && !trial_.places.cpus.empty();
  record.cpus = pinned ? listed_cpus(trial_.places.cpus) : not_pinned_text(reason);
}

std::int64_t ThreadsSeen::in_middle_block() const {
  if (by_block_.empty()) return 0;
  std::vector<std::int64_t> sorted = by_block_;  // what is saved stays as it came
  const auto middle = sorted.begin() + std::ssize(sorted) / 2;
  std::nth_element(sorted.begin(), middle, sorted.end());
  return *middle;
}

}  // namespace stepbench
