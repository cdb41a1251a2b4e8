// Which tasks a step has and which of them wait for which. What they do is elsewhere (step_tasks.hpp).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/network.hpp"

namespace stepbench {

/// Numbered nodes, each after those that it waits for: in the order of their numbers one thread can run them. A node is
/// a task or a join, where edges meet and nothing is done: all of these before all of those, without an edge for each
/// pair.
class TaskGraph {
 public:
  using Id = std::int32_t;

  /// `phase`: what its time is counted as, if anything. `name`: of what it is a part, the same for all parts.
  Id add_task(std::optional<Phase> phase, std::string name, std::span<const Id> after);
  /// A node that waits for `after`, which is not empty; no new one where that is a single node.
  Id join(std::span<const Id> after);
  /// Ends the adding; before it, nothing below may be asked.
  void finish();

  [[nodiscard]] Id size() const { return static_cast<Id>(nodes_.size()); }
  [[nodiscard]] bool is_join(Id id) const { return node(id).name < 0; }
  [[nodiscard]] std::optional<Phase> phase(Id id) const { return node(id).phase; }
  [[nodiscard]] const std::string& name(Id id) const { return names_[static_cast<std::size_t>(node(id).name)]; }
  /// Which one a task is of those of its name, in the order of their numbers.
  struct Part {
    Id index, count;
  };
  [[nodiscard]] Part part(Id id) const { return {node(id).part, parts_[static_cast<std::size_t>(node(id).name)]}; }
  [[nodiscard]] std::span<const Id> predecessors(Id id) const { return edges(predecessors_, node(id).predecessors); }
  /// In the order in which they were added.
  [[nodiscard]] std::span<const Id> successors(Id id) const { return edges(successors_, node(id).successors); }
  /// The nodes that wait for nothing; all are tasks.
  [[nodiscard]] std::span<const Id> roots() const { return roots_; }

 private:
  struct Edges {
    std::int32_t begin = 0, count = 0;
  };
  struct Node {
    std::optional<Phase> phase;
    std::int32_t name;  // in names_, or -1 of a join
    Id part;            // of those of its name
    Edges predecessors, successors;
  };
  [[nodiscard]] const Node& node(Id id) const { return nodes_[static_cast<std::size_t>(id)]; }
  [[nodiscard]] static std::span<const Id> edges(const std::vector<Id>& all, Edges some) {
    return std::span(all).subspan(static_cast<std::size_t>(some.begin), static_cast<std::size_t>(some.count));
  }
  Id add(std::optional<Phase> phase, std::int32_t name, std::span<const Id> after);

  std::vector<Node> nodes_;
  std::vector<std::string> names_;
  std::vector<Id> parts_;                              // of each name, how many
  std::vector<Id> predecessors_, successors_, roots_;  // of all nodes, one after the other
};

}  // namespace stepbench
