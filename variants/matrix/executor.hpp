// How the tasks of a step are run: the whole difference between `blas` and `tbb`. The matrix network cuts a step into
// regions of independent tasks; an executor says how fine to cut and runs a region.
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

  /// Samples of a shard of a batch of `batch` samples, each of `rows` rows (tokens), and rows of a block of a unit of
  /// parameters with `outputs` rows of `inputs` weights. Both depend on the shapes alone, never on the number of
  /// threads: a row's bits depend on the rows beside it.
  [[nodiscard]] virtual std::ptrdiff_t shard_samples(std::ptrdiff_t batch, std::ptrdiff_t rows) const = 0;
  [[nodiscard]] virtual std::ptrdiff_t block_rows(std::ptrdiff_t outputs, std::ptrdiff_t inputs) const = 0;
};

}  // namespace stepbench
