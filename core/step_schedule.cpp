#include "core/step_schedule.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <queue>
#include <string>
#include <utility>

#include "core/error.hpp"
#include "core/statistics.hpp"

namespace stepbench {
namespace {

bool same_tasks(const StepTrace& first, const StepTrace& second) {
  return std::ranges::equal(first.tasks, second.tasks, [](const TracedTask& a, const TracedTask& b) {
    return a.name == b.name && a.after == b.after;
  });
}

}  // namespace

void require_ordered(std::span<const TracedTask> tasks) {
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    for (const std::int32_t before : tasks[i].after) {
      if (before >= 0 && static_cast<std::size_t>(before) < i) continue;
      throw Error("task " + std::to_string(i) + " of a traced step, `" + tasks[i].name + "`, waits for task " +
                  std::to_string(before) + ", which does not come before it");
    }
  }
}

double work_of(std::span<const TracedTask> tasks) {
  double seconds = 0;
  for (const TracedTask& task : tasks) seconds += task.seconds;
  return seconds;
}

TaskChain longest_chain(std::span<const TracedTask> tasks) {
  constexpr std::int32_t kNone = -1;
  std::vector<double> end(tasks.size());  // of the longest chain that ends with the task
  std::vector<std::int32_t> before(tasks.size(), kNone);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    double begin = 0;
    for (const std::int32_t other : tasks[i].after) {
      const double ready = end[static_cast<std::size_t>(other)];
      if (before[i] != kNone && ready <= begin) continue;
      begin = ready;
      before[i] = other;
    }
    end[i] = begin + tasks[i].seconds;
  }
  TaskChain chain;
  if (tasks.empty()) return chain;
  const auto last = std::ranges::max_element(end);
  chain.seconds = *last;
  for (auto i = static_cast<std::int32_t>(last - end.begin()); i != kNone; i = before[static_cast<std::size_t>(i)]) {
    chain.tasks.push_back(static_cast<std::size_t>(i));
  }
  std::ranges::reverse(chain.tasks);
  return chain;
}

double greedy_schedule(std::span<const TracedTask> tasks, std::int64_t cores, double per_task) {
  std::vector<std::vector<std::size_t>> followers(tasks.size());
  std::vector<std::size_t> waits_for(tasks.size());
  std::priority_queue<std::size_t, std::vector<std::size_t>, std::greater<>> ready;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    waits_for[i] = tasks[i].after.size();
    for (const std::int32_t before : tasks[i].after) followers[static_cast<std::size_t>(before)].push_back(i);
    if (waits_for[i] == 0) ready.push(i);
  }
  using End = std::pair<double, std::size_t>;  // when, and of which task
  std::priority_queue<End, std::vector<End>, std::greater<>> running;
  double now = 0;
  while (!ready.empty() || !running.empty()) {
    while (!ready.empty() && std::ssize(running) < cores) {
      running.emplace(now + tasks[ready.top()].seconds + per_task, ready.top());
      ready.pop();
    }
    now = running.top().first;
    // All that end now, before anything starts: which of them is told of first must not matter.
    while (!running.empty() && running.top().first <= now) {
      for (const std::size_t follower : followers[running.top().second]) {
        if (--waits_for[follower] == 0) ready.push(follower);
      }
      running.pop();
    }
  }
  return now;
}

double busy_share(std::span<const TracedTask> tasks, std::int64_t cores) {
  const double work = work_of(tasks);
  return work > 0 ? work / (static_cast<double>(cores) * greedy_schedule(tasks, cores)) : 1;
}

void TraceSample::add(const StepTrace& trace) {
  if (wall_seconds_.empty()) {
    first_ = trace;
    seconds_.resize(trace.tasks.size());
  } else if (!same_tasks(trace, first_)) {
    return;
  }
  wall_seconds_.push_back(trace.wall_seconds);
  for (std::size_t i = 0; i < seconds_.size(); ++i) seconds_[i].push_back(trace.tasks[i].seconds);
}

StepTrace TraceSample::lower_quartile() const {
  StepTrace step = first_;
  if (wall_seconds_.empty()) return step;
  step.wall_seconds = stepbench::lower_quartile(wall_seconds_);
  for (std::size_t i = 0; i < seconds_.size(); ++i) step.tasks[i].seconds = stepbench::lower_quartile(seconds_[i]);
  return step;
}

}  // namespace stepbench
