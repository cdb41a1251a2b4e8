#include "variants/matrix/task_graph.hpp"

#include <algorithm>
#include <utility>

namespace stepbench {

TaskGraph::Id TaskGraph::add(std::optional<Phase> phase, std::int32_t name, std::span<const Id> after) {
  nodes_.push_back({phase,
                    name,
                    name < 0 ? 0 : parts_[static_cast<std::size_t>(name)]++,
                    {static_cast<std::int32_t>(predecessors_.size()), static_cast<std::int32_t>(after.size())},
                    {}});
  predecessors_.insert(predecessors_.end(), after.begin(), after.end());
  return size() - 1;
}

TaskGraph::Id TaskGraph::add_task(std::optional<Phase> phase, std::string name, std::span<const Id> after) {
  auto found = std::find(names_.rbegin(), names_.rend(), name);  // most often the last one
  if (found == names_.rend()) {
    names_.push_back(std::move(name));
    parts_.push_back(0);
    found = names_.rbegin();
  }
  return add(phase, static_cast<std::int32_t>(names_.rend() - found) - 1, after);
}

TaskGraph::Id TaskGraph::join(std::span<const Id> after) {
  return after.size() == 1 ? after.front() : add(std::nullopt, -1, after);
}

void TaskGraph::finish() {
  for (const Id before : predecessors_) ++nodes_[static_cast<std::size_t>(before)].successors.count;
  std::int32_t begin = 0;
  for (Node& node : nodes_) {
    node.successors.begin = begin;
    begin += std::exchange(node.successors.count, 0);
  }
  successors_.resize(predecessors_.size());
  for (Id id = 0; id < size(); ++id) {
    const std::span<const Id> after = predecessors(id);
    if (after.empty()) roots_.push_back(id);
    for (const Id before : after) {
      Edges& edges = nodes_[static_cast<std::size_t>(before)].successors;
      successors_[static_cast<std::size_t>(edges.begin + edges.count++)] = id;
    }
  }
}

}  // namespace stepbench
