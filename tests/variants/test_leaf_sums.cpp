// Gradients that are added up leaf by leaf: the right ones, and the same bits whether one network forms the whole tree
// or several form parts of it, which ranks (variants/ranks) rest on.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "core/models/parameters.hpp"
#include "core/random.hpp"
#include "core/summation_tree.hpp"
#include "tests/support/relative_error.hpp"
#include "tests/variants/random_transformer.hpp"
#include "variants/registry.hpp"

namespace stepbench::testing {
namespace {

/// A batch, and how to have some of its samples.
template <typename Scalar>
struct Samples {
  Batch<Scalar> batch;
  std::size_t features = 0, tokens = 0;  // of a sample
  [[nodiscard]] Batch<Scalar> some(std::int64_t begin, std::int64_t end) const {
    const auto cut = [&](auto all, std::size_t width) {
      return all.empty()
                 ? all
                 : all.subspan(static_cast<std::size_t>(begin) * width, static_cast<std::size_t>(end - begin) * width);
    };
    Batch<Scalar> part = batch;
    part.size = end - begin;
    part.features = cut(batch.features, features);
    part.labels = cut(batch.labels, 1);
    part.tokens = cut(batch.tokens, tokens);
    part.target_tokens = cut(batch.target_tokens, tokens);
    return part;
  }
};

template <typename Scalar>
struct Sum {
  double loss = 0;
  std::vector<Scalar> gradients;
};

template <typename Scalar>
Sum<Scalar> sum_of(Network<Scalar>& network, const Batch<Scalar>& batch, std::int64_t size) {
  const auto claim = network.claim_threads();
  Sum<Scalar> sum{network.compute_gradients(batch).loss, std::vector<Scalar>(static_cast<std::size_t>(size))};
  network.read(Content::gradients, sum.gradients);
  return sum;
}

/// By networks that each have some leaves, the nodes of their trees joined as the whole tree joins them.
template <typename Scalar>
Sum<Scalar> joined(Network<Scalar>& network, const Samples<Scalar>& samples, std::int64_t leaf, std::int64_t owners,
                   std::int64_t size) {
  const std::int64_t leaves = (samples.batch.size + leaf - 1) / leaf;
  std::vector<LeafRange> nodes;
  std::vector<Sum<Scalar>> sums;
  for (std::int64_t owner = 0; owner < owners; ++owner) {
    for (const LeafRange node : whole_nodes({leaves * owner / owners, leaves * (owner + 1) / owners}, leaves)) {
      Batch<Scalar> part = samples.some(node.begin * leaf, std::min(node.end * leaf, samples.batch.size));
      part.leaf = leaf;
      nodes.push_back(node);
      sums.push_back(sum_of(network, part, size));
    }
  }
  const auto join = [&](const auto& self, LeafRange node) -> Sum<Scalar> {
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      if (nodes[i] == node) return sums[i];
    }
    const std::int64_t middle = tree_middle(node);
    Sum<Scalar> left = self(self, {node.begin, middle});
    const Sum<Scalar> right = self(self, {middle, node.end});
    left.loss += right.loss;
    for (std::size_t i = 0; i < left.gradients.size(); ++i) left.gradients[i] += right.gradients[i];
    return left;
  };
  return join(join, {0, leaves});
}

template <typename Scalar>
void check_leaves(const NetworkSettings& settings, const Samples<Scalar>& samples,
                  const std::vector<Scalar>& parameters) {
  const std::int64_t size = parameter_layout(settings.model).size;
  for (const std::string name : {"tbb", "openmp", "threads"}) {
    const Backend& backend = *find_backend(backends(), name);
    if (!unsupported_reason(backend, settings).empty()) continue;
    const auto network = backend.make<Scalar>(settings);
    network->write(Content::parameters, parameters);
    REQUIRE(network->sums_by_leaves());
    const Sum<Scalar> plain = sum_of(*network, samples.batch, size);
    for (const std::int64_t leaf : {std::int64_t{1}, std::int64_t{3}, std::int64_t{16}}) {
      INFO(name << ", " << settings.threads << " threads, leaves of " << leaf);
      Batch<Scalar> batch = samples.batch;
      batch.leaf = leaf;
      const Sum<Scalar> whole = sum_of(*network, batch, size);
      const double tolerance = std::is_same_v<Scalar, float> ? 1e-6 : 1e-14;
      CHECK(relative_l2_error(whole.gradients, plain.gradients) <= tolerance);
      CHECK(whole.loss == Approx(plain.loss).epsilon(tolerance));
      for (const std::int64_t owners : {1, 2, 3, 4, 5, 8}) {
        INFO(owners << " owners");
        const Sum<Scalar> parts = joined(*network, samples, leaf, owners, size);
        CHECK(parts.loss == whole.loss);
        CHECK(parts.gradients == whole.gradients);
      }
    }
  }
}

template <typename Scalar>
void check_mlp(std::int64_t threads) {
  NetworkSettings settings;
  settings.model.layers = {70, 300, 33, 10};
  settings.max_batch = 45;
  settings.threads = threads;
  RandomStream stream(4, Purpose::generated_data);
  std::vector<Scalar> features(45 * 70);
  for (Scalar& value : features) value = static_cast<Scalar>(stream.uniform());
  std::vector<std::int32_t> labels(45);
  for (std::int32_t& label : labels) label = static_cast<std::int32_t>(stream.below(10));
  const Batch<Scalar> batch{.size = 45, .counted = 45, .features = features, .labels = labels, .targets = {}};
  check_leaves<Scalar>(settings, {batch, 70, 0}, initial_parameters<Scalar>(settings.model, 3));
}

template <typename Scalar>
void check_transformer(std::int64_t threads, bool tied) {
  NetworkSettings settings;
  settings.model = transformer_model({.vocabulary = 65, .width = 48, .heads = 3, .blocks = 2, .context = 20});
  settings.model.tied_embeddings = tied;
  settings.max_batch = 18;
  settings.threads = threads;
  const TokenData data(settings.model, 18, 7, 0.3);
  check_leaves<Scalar>(settings, {data.view<Scalar>(), 0, 20},
                       random_transformer_parameters<Scalar>(settings.model, 3));
}

}  // namespace

TEST_CASE("an MLP's gradients by leaves are right, and have the same bits whoever forms which part of the tree") {
  for (const std::int64_t threads : {1, 3}) {
    check_mlp<float>(threads);
    check_mlp<double>(threads);
  }
}

TEST_CASE(
    "a transformer's gradients by leaves are right, and have the same bits whoever forms which part of the tree") {
  for (const bool tied : {false, true}) {
    check_transformer<float>(2, tied);
    check_transformer<double>(1, tied);
  }
}

TEST_CASE("a network tells of each part of its gradients once, when it is there") {
  NetworkSettings settings;
  settings.model.layers = {20, 30, 10};
  settings.max_batch = 8;
  const auto network = find_backend(backends(), "tbb")->make<float>(settings);
  network->write(Content::parameters, initial_parameters<float>(settings.model, 3));
  const std::vector<std::span<float>> parts = network->gradient_parts();
  REQUIRE(parts.size() == 3);  // two weights, and what else there is
  std::vector<std::vector<float>> seen(parts.size());
  std::vector<int> told(parts.size());
  network->tell_gradients([&](std::size_t part) {
    ++told[part];
    seen[part].assign(parts[part].begin(), parts[part].end());
  });
  const std::vector<float> features(8 * 20, 0.5F);
  const std::vector<std::int32_t> labels(8, 3);
  const auto claim = network->claim_threads();
  network->compute_gradients({.size = 8, .counted = 8, .features = features, .labels = labels, .targets = {}});
  for (std::size_t part = 0; part < parts.size(); ++part) {
    CHECK(told[part] == 1);
    CHECK(std::ranges::equal(seen[part], parts[part]));
    CHECK(std::ranges::any_of(seen[part], [](float value) { return value != 0; }));
  }
}

}  // namespace stepbench::testing
