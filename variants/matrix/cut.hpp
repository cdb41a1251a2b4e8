// How a step is cut into tasks. A cut depends on shapes alone, never on the number of threads: a row's bits may depend
// on the rows beside it.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>

namespace stepbench {

class Cut {
 public:
  Cut() = default;
  Cut(const Cut&) = delete;
  Cut& operator=(const Cut&) = delete;
  virtual ~Cut() = default;

  /// Samples of a shard of a batch of `batch` samples, each of `rows` rows (tokens), from 1 on.
  [[nodiscard]] virtual std::ptrdiff_t shard_samples(std::ptrdiff_t batch, std::ptrdiff_t rows) const = 0;
  /// Rows of a block of a unit of parameters with `outputs` rows of `inputs` weights, from 1 on.
  [[nodiscard]] virtual std::ptrdiff_t block_rows(std::ptrdiff_t outputs, std::ptrdiff_t inputs) const = 0;
};

/// One task per region.
[[nodiscard]] std::unique_ptr<const Cut> whole_batch_cut();
/// Shards of a batch side by side, and weights in blocks of output rows over the whole batch. A shard has `shard_rows`
/// rows, or whole samples for which they do not suffice; by default as many as the shapes say.
[[nodiscard]] std::unique_ptr<const Cut> shard_cut(std::optional<std::ptrdiff_t> shard_rows = std::nullopt);

}  // namespace stepbench
