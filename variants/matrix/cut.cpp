#include "variants/matrix/cut.hpp"

#include <algorithm>

namespace stepbench {
namespace {

class WholeBatchCut final : public Cut {
 public:
  [[nodiscard]] std::ptrdiff_t shard_samples(std::ptrdiff_t batch, std::ptrdiff_t) const override { return batch; }
  [[nodiscard]] std::ptrdiff_t block_rows(std::ptrdiff_t outputs, std::ptrdiff_t) const override { return outputs; }
};

// How fine to cut. Coarse is cheap on few cores, fine gives more cores something to do. Measured on 2 cores, with
// OpenBLAS's products, which copy all weights for every shard and all activations for every block: with 784-512-256-10,
// quarters of the batch are 2 to 15% slower than halves at batch 64 and 128; at batch 512, shards of 128 rows are 3%
// slower than of 256 and shards of 64 rows 8%; blocks of 64 output rows are as fast as blocks of 128. Where the
// activations are wide, a block's product is mostly the reading of them: 1024 rows of 1536 against 64 outputs at 67% of
// the speed against 384, one thread. Direct products only read, and lose less: 1% for shards of 256 rows against 512,
// 5% for blocks of 64 outputs against 192.
constexpr std::ptrdiff_t kMinShardRows = 16;
constexpr std::ptrdiff_t kMaxShardRows = 512;
constexpr std::ptrdiff_t kShards = 2;
constexpr std::ptrdiff_t kBlockRows = 128;
constexpr std::ptrdiff_t kWideInputs = 1024;

std::ptrdiff_t round_up(std::ptrdiff_t value, std::ptrdiff_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

class ShardCut final : public Cut {
 public:
  explicit ShardCut(std::optional<std::ptrdiff_t> shard_rows) : shard_rows_(shard_rows) {}
  [[nodiscard]] std::ptrdiff_t shard_samples(std::ptrdiff_t batch, std::ptrdiff_t rows) const override {
    if (shard_rows_) return std::max<std::ptrdiff_t>(1, *shard_rows_ / rows);
    const std::ptrdiff_t part = round_up((batch * rows + kShards - 1) / kShards, kMinShardRows);
    return std::max<std::ptrdiff_t>(1, std::clamp(part, kMinShardRows, kMaxShardRows) / rows);
  }
  [[nodiscard]] std::ptrdiff_t block_rows(std::ptrdiff_t outputs, std::ptrdiff_t inputs) const override {
    return std::min(outputs, inputs > kWideInputs ? inputs / 4 : kBlockRows);
  }

 private:
  std::optional<std::ptrdiff_t> shard_rows_;
};

}  // namespace

std::unique_ptr<const Cut> whole_batch_cut() { return std::make_unique<WholeBatchCut>(); }

std::unique_ptr<const Cut> shard_cut(std::optional<std::ptrdiff_t> shard_rows) {
  return std::make_unique<ShardCut>(shard_rows);
}

}  // namespace stepbench
