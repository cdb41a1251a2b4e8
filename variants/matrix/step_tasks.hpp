// A step as tasks that know what to do, and the lanes by which a model says so: "for all rows, this; then a product
// with so many columns; then attention", without a word about how finely each is cut or who waits for whom.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/batch.hpp"
#include "variants/kernels/kernels.hpp"
#include "variants/matrix/cut.hpp"
#include "variants/matrix/task_graph.hpp"

namespace stepbench {

/// What differs from one step to the next of the same shape.
template <typename Scalar>
struct StepInputs {
  const Batch<Scalar>* batch;         // null where nothing reads it
  const OptimizerStep<Scalar>* rule;  // null where nothing is updated; may be made by a task of the step
};

/// Tasks with what they do.
template <typename Scalar>
class StepTasks {
 public:
  using Id = TaskGraph::Id;
  using Work = std::function<void(const StepInputs<Scalar>&)>;

  /// `cut` outlives the lanes; parameters come in `units`.
  StepTasks(const Cut& cut, std::size_t units) : cut_(cut), released_(units) {}

  [[nodiscard]] const Cut& cut() const { return cut_; }
  Id add(std::optional<Phase> phase, std::string name, std::span<const Id> after, Work work) {
    const Id id = graph_.add_task(phase, std::move(name), after);
    work_.resize(static_cast<std::size_t>(id) + 1);
    work_.back() = std::move(work);
    return id;
  }
  Id join(std::span<const Id> after) { return graph_.join(after); }

  /// From `node` on, as far as the one who says so is concerned, the unit's gradient can be formed and the unit be
  /// changed.
  void release(std::size_t unit, Id node) { released_[unit].push_back(node); }
  /// The nodes after which that is so.
  [[nodiscard]] std::span<const Id> released(std::size_t unit) const { return released_[unit]; }

  void finish() { graph_.finish(); }
  [[nodiscard]] const TaskGraph& graph() const { return graph_; }
  void run(Id task, const StepInputs<Scalar>& inputs) const { work_[static_cast<std::size_t>(task)](inputs); }

 private:
  const Cut& cut_;
  TaskGraph graph_;
  std::vector<Work> work_;                 // by node; empty for joins
  std::vector<std::vector<Id>> released_;  // by unit
};

/// Samples that go through the model together, cut into chunks of rows: several samples in one chunk, or one sample in
/// several. What is added comes after what was added before, as far as it needs it: rows and products wait for their
/// own chunk, attention for all of its sample.
template <typename Scalar>
class Lane {
 public:
  using Id = TaskGraph::Id;

  /// One of `lanes` lanes that are equal but for the last.
  Lane(StepTasks<Scalar>& tasks, Range samples, std::ptrdiff_t rows_per_sample, std::ptrdiff_t chunks,
       std::ptrdiff_t lanes)
      : tasks_(tasks), samples_(samples), shards_(lanes * chunks) {
    const std::ptrdiff_t first = samples.begin * rows_per_sample;
    for (const Range rows : even_ranges(samples.size() * rows_per_sample, chunks)) {
      chunks_.push_back({{first + rows.begin, first + rows.end}, {}});
    }
  }

  /// A task for each chunk: work(inputs, rows).
  template <typename RowsWork>
  void rows(std::optional<Phase> phase, const std::string& name, const RowsWork& work) {
    for (Chunk& chunk : chunks_) {
      chunk.last = {tasks_.add(phase, name, chunk.last,
                               [work, rows = chunk.rows](const StepInputs<Scalar>& inputs) { work(inputs, rows); })};
    }
  }

  /// The same in more tasks where more can run, of `least` rows or more.
  template <typename RowsWork>
  void fine_rows(std::optional<Phase> phase, const std::string& name, std::ptrdiff_t least, const RowsWork& work) {
    for (Chunk& chunk : chunks_) {
      const std::ptrdiff_t most = std::max<std::ptrdiff_t>(1, chunk.rows.size() / least);
      const std::vector<Id> before = joined(chunk);
      chunk.last.clear();
      for (const Range part : even_ranges(chunk.rows.size(), tasks_.cut().task_count(shards_, most))) {
        const Range rows{chunk.rows.begin + part.begin, chunk.rows.begin + part.end};
        chunk.last.push_back(
            tasks_.add(phase, name, before, [work, rows](const StepInputs<Scalar>& inputs) { work(inputs, rows); }));
      }
    }
  }

  /// A product with `columns`, each a sum of `depth`; a task for each chunk and part of the columns:
  /// work(inputs, rows, columns).
  template <typename ProductWork>
  void product(Phase phase, const std::string& name, std::ptrdiff_t columns, std::ptrdiff_t depth,
               const ProductWork& work) {
    for (Chunk& chunk : chunks_) {
      const std::ptrdiff_t size = tasks_.cut().part_columns(shards_, chunk.rows.size(), columns, depth);
      const std::vector<Range> parts = ranges_of(columns, size);
      const std::vector<Id> before = parts.size() > 1 ? joined(chunk) : chunk.last;
      chunk.last.clear();
      for (const Range part : parts) {
        chunk.last.push_back(tasks_.add(
            phase, name, before,
            [work, rows = chunk.rows, part](const StepInputs<Scalar>& inputs) { work(inputs, rows, part); }));
      }
    }
  }

  /// For each sample, `count` pieces of work that need all of its rows: work(inputs, sample, pieces).
  template <typename SampleWork>
  void samples(Phase phase, const std::string& name, std::ptrdiff_t count, const SampleWork& work) {
    const Range all = samples_;
    const std::vector<Id> before = {here()};
    const std::ptrdiff_t shards = shards_ / std::ssize(chunks_);
    std::vector<Id> done;
    for (const Range pieces : even_ranges(count, tasks_.cut().task_count(shards, count))) {
      done.push_back(tasks_.add(phase, name, before, [work, all, pieces](const StepInputs<Scalar>& inputs) {
        for (std::ptrdiff_t sample = all.begin; sample < all.end; ++sample) work(inputs, sample, pieces);
      }));
    }
    const Id after = tasks_.join(done);
    for (Chunk& chunk : chunks_) chunk.last = {after};
  }

  /// What is added from now on comes after `node`, too.
  void wait_for(Id node) {
    for (Chunk& chunk : chunks_) chunk.last.push_back(node);
  }

  /// A node that is through when all that was added is. Not before anything was.
  Id here() {
    std::vector<Id> last;
    for (const Chunk& chunk : chunks_) last.insert(last.end(), chunk.last.begin(), chunk.last.end());
    last.erase(std::unique(last.begin(), last.end()), last.end());
    return tasks_.join(last);
  }

  /// See StepTasks::release: as far as this lane is concerned, from here on.
  void release(std::size_t unit) { tasks_.release(unit, here()); }

 private:
  struct Chunk {
    Range rows;
    std::vector<Id> last;  // the tasks that the next one waits for
  };
  /// One node for all that the chunk's next tasks wait for; none at the beginning.
  std::vector<Id> joined(Chunk& chunk) {
    if (chunk.last.size() > 1) chunk.last = {tasks_.join(chunk.last)};
    return chunk.last;
  }

  StepTasks<Scalar>& tasks_;
  Range samples_;
  std::ptrdiff_t shards_;  // of the batch
  std::vector<Chunk> chunks_;
};

}  // namespace stepbench
