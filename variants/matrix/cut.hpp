// How a step is cut into tasks. What is summed is never cut, and the gradients' squares are summed by leaves that no
// block cuts through: where a product's element has the same bits whatever rows and columns are computed beside it, a
// cut may follow the cores, and the step's bits do not.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "variants/kernels/range.hpp"

namespace stepbench {

/// Ranges of `size` each, the last one maybe shorter, that make up [0, count).
[[nodiscard]] std::vector<Range> ranges_of(std::ptrdiff_t count, std::ptrdiff_t size);
/// `parts` ranges, or `count` if that is less, that make up [0, count) and differ by one at most.
[[nodiscard]] std::vector<Range> even_ranges(std::ptrdiff_t count, std::ptrdiff_t parts);

class Cut {
 public:
  Cut() = default;
  Cut(const Cut&) = delete;
  Cut& operator=(const Cut&) = delete;
  virtual ~Cut() = default;

  /// Rows of a batch that go forward and backward by themselves, where the batch has `rows`; from 1 on.
  [[nodiscard]] virtual std::ptrdiff_t shard_rows(std::ptrdiff_t rows) const = 0;
  /// Columns that one task computes of a product that has `columns`, each a sum of `depth`, for each of `shards` shards
  /// of `rows` rows; from 1 on.
  [[nodiscard]] virtual std::ptrdiff_t part_columns(std::ptrdiff_t shards, std::ptrdiff_t rows, std::ptrdiff_t columns,
                                                    std::ptrdiff_t depth) const = 0;
  /// Of `count` equal and independent pieces of work for each of `shards`, such as attention's heads, into how many
  /// tasks they are put; 1 to `count`.
  [[nodiscard]] virtual std::ptrdiff_t task_count(std::ptrdiff_t shards, std::ptrdiff_t count) const = 0;

  struct BlockSize {
    std::ptrdiff_t rows, columns;
  };
  /// The block of a weight (outputs, inputs) that one task forms the gradient of, over `rows` rows, and updates; of a
  /// model with `parameters` in all.
  [[nodiscard]] virtual BlockSize block(std::ptrdiff_t outputs, std::ptrdiff_t inputs, std::ptrdiff_t parameters,
                                        std::ptrdiff_t rows) const = 0;
};

/// One shard, one block per weight.
[[nodiscard]] std::unique_ptr<const Cut> whole_batch_cut();
/// By shapes alone, for products whose bits depend on the rows and columns beside them. A shard has `shard_rows` rows,
/// or as many as the shapes say.
[[nodiscard]] std::unique_ptr<const Cut> shape_cut(std::optional<std::ptrdiff_t> shard_rows = std::nullopt);
/// As fine as `cores` want it: coarse on one or two, finer on more, in rows and columns.
[[nodiscard]] std::unique_ptr<const Cut> core_cut(std::ptrdiff_t cores,
                                                  std::optional<std::ptrdiff_t> shard_rows = std::nullopt);

}  // namespace stepbench
