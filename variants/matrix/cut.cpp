#include "variants/matrix/cut.hpp"

#include <algorithm>

namespace stepbench {
namespace {

std::ptrdiff_t ceil_divide(std::ptrdiff_t value, std::ptrdiff_t divisor) { return (value + divisor - 1) / divisor; }
std::ptrdiff_t round_up(std::ptrdiff_t value, std::ptrdiff_t multiple) {
  return ceil_divide(value, multiple) * multiple;
}

constexpr std::ptrdiff_t kMaxShardRows = 512;
/// Rows of a shard come in these, for tiles that divide them.
constexpr std::ptrdiff_t kRowStep = 16;

class WholeBatchCut final : public Cut {
 public:
  [[nodiscard]] std::ptrdiff_t shard_rows(std::ptrdiff_t rows) const override { return rows; }
  [[nodiscard]] std::ptrdiff_t part_columns(std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t columns,
                                            std::ptrdiff_t) const override {
    return columns;
  }
  [[nodiscard]] std::ptrdiff_t task_count(std::ptrdiff_t, std::ptrdiff_t) const override { return 1; }
  [[nodiscard]] BlockSize block(std::ptrdiff_t outputs, std::ptrdiff_t inputs, std::ptrdiff_t,
                                std::ptrdiff_t) const override {
    return {outputs, inputs};
  }
};

// OpenBLAS copies all weights for every shard and all activations for every block, so that fine cuts cost: with
// 784-512-256-10 on 2 cores, quarters of the batch are 2 to 15% slower than halves at batch 64 and 128; at batch 512,
// shards of 128 rows are 3% slower than of 256 and shards of 64 rows 8%; blocks of 64 output rows are as fast as blocks
// of 128. Here no cut may follow the cores, so these are between what one and what many of them would have.
class ShapeCut final : public Cut {
 public:
  explicit ShapeCut(std::optional<std::ptrdiff_t> shard_rows) : shard_rows_(shard_rows) {}
  [[nodiscard]] std::ptrdiff_t shard_rows(std::ptrdiff_t rows) const override {
    constexpr std::ptrdiff_t kLeast = 64, kMost = 256;
    if (shard_rows_) return *shard_rows_;
    const std::ptrdiff_t half = round_up(ceil_divide(rows, 2), kRowStep);
    return std::min(half, std::clamp(round_up(ceil_divide(rows, 4), kRowStep), kLeast, kMost));
  }
  [[nodiscard]] std::ptrdiff_t part_columns(std::ptrdiff_t, std::ptrdiff_t, std::ptrdiff_t columns,
                                            std::ptrdiff_t) const override {
    constexpr std::ptrdiff_t kPartColumns = 512;
    return std::min(columns, kPartColumns);
  }
  [[nodiscard]] std::ptrdiff_t task_count(std::ptrdiff_t, std::ptrdiff_t count) const override { return count; }
  [[nodiscard]] BlockSize block(std::ptrdiff_t outputs, std::ptrdiff_t inputs, std::ptrdiff_t,
                                std::ptrdiff_t) const override {
    // Of more rows where the activations are wide, since a block's product is then mostly the reading of them: 1024
    // rows of 1536 against 64 outputs run at 67% of the speed against 384 (OpenBLAS, one thread).
    constexpr std::ptrdiff_t kBlockRows = 64, kWideInputs = 1024;
    return {std::min(outputs, inputs > kWideInputs ? inputs / 8 : kBlockRows), inputs};
  }

 private:
  std::optional<std::ptrdiff_t> shard_rows_;
};

class CoreCut final : public Cut {
 public:
  CoreCut(std::ptrdiff_t cores, std::optional<std::ptrdiff_t> shard_rows)
      : cores_(cores), tasks_(cores > kFewCores ? kTasksPerCore * cores : kFewCores), shard_rows_(shard_rows) {}

  [[nodiscard]] std::ptrdiff_t shard_rows(std::ptrdiff_t rows) const override {
    if (shard_rows_) return *shard_rows_;
    return std::clamp(round_up(ceil_divide(rows, tasks_), kRowStep), few() ? kRowStep : kMinRows, kMaxShardRows);
  }
  [[nodiscard]] std::ptrdiff_t part_columns(std::ptrdiff_t shards, std::ptrdiff_t rows, std::ptrdiff_t columns,
                                            std::ptrdiff_t depth) const override {
    if (few()) return columns;
    const std::ptrdiff_t parts = std::max<std::ptrdiff_t>(1, (tasks_ + shards / 2) / shards);
    const std::ptrdiff_t wanted = std::max(ceil_divide(columns, parts), kMinMultiplications / (rows * depth));
    return std::min(columns, std::max(kMinColumns, round_up(wanted, kColumnStep)));
  }
  [[nodiscard]] std::ptrdiff_t task_count(std::ptrdiff_t shards, std::ptrdiff_t count) const override {
    return few() ? 1 : std::clamp<std::ptrdiff_t>(ceil_divide(tasks_, shards), 1, count);
  }
  [[nodiscard]] BlockSize block(std::ptrdiff_t outputs, std::ptrdiff_t inputs, std::ptrdiff_t parameters,
                                std::ptrdiff_t rows) const override {
    if (few()) return {std::min(outputs, cores_ == 1 ? kMaxBlockRows : kMaxBlockRows / 2), inputs};
    // Rather more outputs than inputs: a block's inputs are read for each 16 of its outputs.
    const std::ptrdiff_t elements = std::max(ceil_divide(parameters, tasks_), kMinMultiplications / rows);
    const std::ptrdiff_t block_rows =
        std::min(outputs, std::clamp(elements / kBlockColumns, kMinRows, kMaxBlockRows) / kRowStep * kRowStep);
    return {block_rows, std::max(kBlockColumns, elements / block_rows)};
  }

 private:
  // One or two cores take a step in halves: nothing finer is faster there, and in rows nothing much slower (shards of
  // 16 to 512 rows, one thread, batch 128 and 512 of 784-512-256-10: within 3%, AVX-512 and AVX2; AMD EPYC, Zen 5).
  // More get some tasks each, so that one that is late does not keep all others waiting.
  static constexpr std::ptrdiff_t kFewCores = 2, kTasksPerCore = 3;
  // A task is no smaller than this: narrower, a tile does not fill its registers; shorter (some microseconds), handing
  // it out (0.1 to 0.3) is no longer small beside it.
  static constexpr std::ptrdiff_t kMinRows = 32, kMinColumns = 32, kColumnStep = 16,
                                  kMinMultiplications = std::ptrdiff_t{1} << 18U;
  // Of a block of a weight. Its rows are half as many on two cores as on one, for them to have as much to do.
  static constexpr std::ptrdiff_t kBlockColumns = 128, kMaxBlockRows = 256;

  [[nodiscard]] bool few() const { return cores_ <= kFewCores; }

  std::ptrdiff_t cores_, tasks_;  // tasks: as many as a part of a step is to have
  std::optional<std::ptrdiff_t> shard_rows_;
};

}  // namespace

std::vector<Range> ranges_of(std::ptrdiff_t count, std::ptrdiff_t size) {
  std::vector<Range> ranges;
  for (std::ptrdiff_t begin = 0; begin < count; begin += size) ranges.push_back({begin, std::min(begin + size, count)});
  return ranges;
}

std::vector<Range> even_ranges(std::ptrdiff_t count, std::ptrdiff_t parts) {
  parts = std::min(parts, count);
  std::vector<Range> ranges;
  for (std::ptrdiff_t p = 0; p < parts; ++p) ranges.push_back({p * count / parts, (p + 1) * count / parts});
  return ranges;
}

std::unique_ptr<const Cut> whole_batch_cut() { return std::make_unique<WholeBatchCut>(); }

std::unique_ptr<const Cut> shape_cut(std::optional<std::ptrdiff_t> shard_rows) {
  return std::make_unique<ShapeCut>(shard_rows);
}

std::unique_ptr<const Cut> core_cut(std::ptrdiff_t cores, std::optional<std::ptrdiff_t> shard_rows) {
  return std::make_unique<CoreCut>(cores, shard_rows);
}

}  // namespace stepbench
