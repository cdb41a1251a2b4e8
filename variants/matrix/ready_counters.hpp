// Which tasks of a graph can begin: what executors that run them side by side share.
#pragma once

#include <atomic>
#include <cstddef>
#include <vector>

#include "variants/matrix/task_graph.hpp"

namespace stepbench {

/// Of each node, how many nodes it still waits for; for one run of a graph after the other.
class ReadyCounters {
 public:
  using Id = TaskGraph::Id;

  /// Another run, which must have this memory to itself.
  void begin(const TaskGraph& graph) {
    graph_ = &graph;
    if (waiting_.size() < static_cast<std::size_t>(graph.size())) {
      waiting_ = std::vector<std::atomic<Id>>(static_cast<std::size_t>(graph.size()));
    }
    for (Id id = 0; id < graph.size(); ++id) {
      of(id).store(static_cast<Id>(graph.predecessors(id).size()), std::memory_order_relaxed);
    }
  }

  /// The node is done: calls begin(task) for each task that waited for it alone. By whoever did it.
  template <typename Begin>
  void done(Id id, const Begin& begin) {
    for (const Id after : graph_->successors(id)) {
      if (of(after).fetch_sub(1, std::memory_order_acq_rel) > 1) continue;
      if (graph_->is_join(after)) {
        done(after, begin);
      } else {
        begin(after);
      }
    }
  }

  [[nodiscard]] std::atomic<Id>& of(Id id) { return waiting_[static_cast<std::size_t>(id)]; }

 private:
  const TaskGraph* graph_ = nullptr;
  std::vector<std::atomic<Id>> waiting_;
};

}  // namespace stepbench
