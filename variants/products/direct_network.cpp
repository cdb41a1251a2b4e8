#include "variants/products/direct_network.hpp"

#include <utility>

#include "variants/matrix/cut.hpp"
#include "variants/matrix/network.hpp"
#include "variants/products/direct.hpp"

namespace stepbench {
namespace {

constexpr std::string_view kShardRows = "shard_rows";

std::unique_ptr<const Cut> cut_of(const NetworkSettings& settings) {
  return core_cut(settings.cores > 0 ? settings.cores : settings.threads, shard_rows_of(settings));
}

}  // namespace

template <typename Scalar>
std::unique_ptr<Network<Scalar>> make_direct_network(const NetworkSettings& settings,
                                                     std::unique_ptr<Executor> executor) {
  return make_matrix_network<Scalar>(settings, std::move(executor), cut_of(settings), direct_products<Scalar>());
}

template <typename Scalar>
std::vector<std::unique_ptr<Network<Scalar>>> make_sharing_direct_networks(const NetworkSettings& settings,
                                                                           std::int64_t count) {
  return make_sharing_networks<Scalar>(settings, count, cut_of, direct_products<Scalar>());
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

template std::vector<std::unique_ptr<Network<float>>> make_sharing_direct_networks<float>(const NetworkSettings&,
                                                                                          std::int64_t);
template std::vector<std::unique_ptr<Network<double>>> make_sharing_direct_networks<double>(const NetworkSettings&,
                                                                                            std::int64_t);
template std::unique_ptr<Network<float>> make_direct_network<float>(const NetworkSettings&, std::unique_ptr<Executor>);
template std::unique_ptr<Network<double>> make_direct_network<double>(const NetworkSettings&,
                                                                      std::unique_ptr<Executor>);

}  // namespace stepbench
