// Who runs the tasks of a step. The same cut and products give the same bits under every executor.
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <type_traits>

#include "core/network.hpp"
#include "variants/matrix/task_graph.hpp"

namespace stepbench {

/// A reference to a callable `void(TaskGraph::Id task)`; does not own it and never allocates.
class TaskRef {
 public:
  template <typename Task>
  requires(!std::same_as<std::remove_cvref_t<Task>, TaskRef>)
      TaskRef(Task&& task)  // NOLINT(google-explicit-constructor): made in place from a lambda
      : object_(&task), call_([](const void* object, TaskGraph::Id i) {
          (*static_cast<const std::remove_reference_t<Task>*>(object))(i);
        }) {}
  void operator()(TaskGraph::Id task) const { call_(object_, task); }

 private:
  const void* object_;
  void (*call_)(const void*, TaskGraph::Id);
};

class Executor {
 public:
  Executor() = default;
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;
  virtual ~Executor() = default;

  /// See Network::claim_threads.
  [[nodiscard]] virtual std::unique_ptr<ThreadClaim> claim_threads() = 0;

  [[nodiscard]] virtual int threads() const = 0;
  /// Whether a task may use all of them by itself, as a library's product does: then the tasks do not tell what more
  /// cores would give.
  [[nodiscard]] virtual bool shares_within_tasks() const { return false; }

  /// Calls `task` with the number of each task of the graph, once, when all that it waits for are through, on any of
  /// the executor's threads; returns when all are done. The graph stays as it is.
  virtual void run(const TaskGraph& graph, TaskRef task) = 0;
};

/// The tasks in the order of their numbers, on the calling thread.
inline void run_in_order(const TaskGraph& graph, TaskRef task) {
  for (TaskGraph::Id id = 0; id < graph.size(); ++id) {
    if (!graph.is_join(id)) task(id);
  }
}

/// Runs one task after the other on the calling thread.
class SerialExecutor : public Executor {
 public:
  std::unique_ptr<ThreadClaim> claim_threads() override { return std::make_unique<ThreadClaim>(); }
  [[nodiscard]] int threads() const override { return 1; }
  void run(const TaskGraph& graph, TaskRef task) override { run_in_order(graph, task); }
};

}  // namespace stepbench
