// Who runs the tasks of a step. The matrix network cuts a step into regions of independent tasks (cut.hpp); an executor
// runs a region. The same cut and products give the same bits under every executor.
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <type_traits>

#include "core/network.hpp"

namespace stepbench {

/// A reference to a callable `void(std::ptrdiff_t task)`; does not own it and never allocates.
class TaskRef {
 public:
  template <typename Task>
  requires(!std::same_as<std::remove_cvref_t<Task>, TaskRef>)
      TaskRef(Task&& task)  // NOLINT(google-explicit-constructor): made in place from a lambda
      : object_(&task), call_([](const void* object, std::ptrdiff_t i) {
          (*static_cast<const std::remove_reference_t<Task>*>(object))(i);
        }) {}
  void operator()(std::ptrdiff_t task) const { call_(object_, task); }

 private:
  const void* object_;
  void (*call_)(const void*, std::ptrdiff_t);
};

class Executor {
 public:
  Executor() = default;
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;
  virtual ~Executor() = default;

  /// See Network::claim_threads.
  [[nodiscard]] virtual std::unique_ptr<ThreadClaim> claim_threads() = 0;

  /// Calls task(0) .. task(count - 1), each once, in any order and on any of its threads; returns when all are done.
  virtual void run(std::ptrdiff_t count, TaskRef task) = 0;
};

/// Runs the tasks of a region one after the other on the calling thread.
class SerialExecutor : public Executor {
 public:
  std::unique_ptr<ThreadClaim> claim_threads() override { return std::make_unique<ThreadClaim>(); }
  void run(std::ptrdiff_t count, TaskRef task) override {
    for (std::ptrdiff_t i = 0; i < count; ++i) task(i);
  }
};

}  // namespace stepbench
