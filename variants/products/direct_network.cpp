#include "variants/products/direct_network.hpp"

#include <utility>

#include "variants/matrix/cut.hpp"
#include "variants/matrix/network.hpp"
#include "variants/products/direct.hpp"

namespace stepbench {
namespace {

constexpr std::string_view kShardRows = "shard_rows";

}  // namespace

template <typename Scalar>
std::unique_ptr<Network<Scalar>> make_direct_network(const NetworkSettings& settings,
                                                     std::unique_ptr<Executor> executor) {
  const std::int64_t cores = settings.cores > 0 ? settings.cores : settings.threads;
  return make_matrix_network<Scalar>(settings, std::move(executor), core_cut(cores, shard_rows_of(settings)),
                                     direct_products<Scalar>());
}

std::vector<BackendSetting> direct_network_settings() {
  return {shard_rows_setting("by the threads: half of the batch on one or two, 32 on many")};
}

BackendSetting shard_rows_setting(std::string otherwise) {
  constexpr std::int64_t kMost = 1'000'000;
  return backend_setting(kShardRows, integer_rule(1, kMost),
                         "rows (tokens, of a transformer) that go forward and backward by themselves",
                         std::move(otherwise));
}

std::optional<std::int64_t> shard_rows_of(const NetworkSettings& settings) {
  return count_of(settings.own, kShardRows);
}

template std::unique_ptr<Network<float>> make_direct_network<float>(const NetworkSettings&, std::unique_ptr<Executor>);
template std::unique_ptr<Network<double>> make_direct_network<double>(const NetworkSettings&,
                                                                      std::unique_ptr<Executor>);

}  // namespace stepbench
