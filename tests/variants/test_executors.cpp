// Executor, cut and products are apart: the same cut and products give the same bits under every executor, and products
// of somebody else's, here plain loops, take a file and nothing else.
#include <functional>
#include <utility>

#include "core/random.hpp"
#include "tests/support/relative_error.hpp"
#include "tests/variants/random_transformer.hpp"
#include "tests/variants/same_bits.hpp"
#include "variants/matrix/network.hpp"
#include "variants/products/direct.hpp"
#include "variants/products/openblas.hpp"
#include "variants/tbb/executor.hpp"
#include "variants/threads/threads.hpp"

namespace stepbench::testing {
namespace {

/// C = alpha op(A) B + beta C, element by element.
template <typename Scalar>
class PlainProducts final : public Products<Scalar> {
 public:
  void multiply(Transpose transpose_a, std::ptrdiff_t m, std::ptrdiff_t n, std::ptrdiff_t k, Scalar alpha,
                Operand<const Scalar> a, Operand<const Scalar> b, Scalar beta, Operand<Scalar> c) const override {
    each(m, n, k, alpha, beta, c, [&](std::ptrdiff_t i, std::ptrdiff_t j, std::ptrdiff_t l) {
      return a.data[transpose_a == Transpose::yes ? l * a.stride + i : i * a.stride + l] * b.data[l * b.stride + j];
    });
  }
  void multiply_transposed(std::ptrdiff_t m, Range some, Scalar alpha, Operand<const Scalar> a,
                           const TransposedFactor<Scalar>& b, Scalar beta, Operand<Scalar> c) const override {
    each(m, some.size(), b.columns, alpha, beta, c, [&](std::ptrdiff_t i, std::ptrdiff_t j, std::ptrdiff_t l) {
      return a.data[i * a.stride + l] * b.matrix.data[(some.begin + j) * b.matrix.stride + l];
    });
  }
  [[nodiscard]] std::ptrdiff_t copy_size(std::ptrdiff_t, std::ptrdiff_t) const override { return 0; }
  void update_copy(Range, Range, Operand<const Scalar>, std::ptrdiff_t, std::ptrdiff_t, Scalar*) const override {}
  [[nodiscard]] std::ptrdiff_t attention_panel() const override { return 7; }

 private:
  static void each(std::ptrdiff_t m, std::ptrdiff_t n, std::ptrdiff_t k, Scalar alpha, Scalar beta, Operand<Scalar> c,
                   const auto& term) {
    for (std::ptrdiff_t i = 0; i < m; ++i) {
      for (std::ptrdiff_t j = 0; j < n; ++j) {
        Scalar sum = 0;
        for (std::ptrdiff_t l = 0; l < k; ++l) sum += term(i, j, l);
        Scalar& element = c.data[i * c.stride + j];
        element = alpha * sum + (beta == 0 ? 0 : beta * element);
      }
    }
  }
};

struct Problem {
  NetworkSettings settings;
  TokenData tokens;
  std::vector<double> features;
  std::vector<std::int32_t> labels;

  explicit Problem(ModelKind kind) : tokens(transformer(), 24, 2) {
    settings.max_batch = 24;
    settings.training.optimizer = Optimizer::adam;
    settings.model = transformer();
    if (kind == ModelKind::transformer) return;
    settings.model = {};
    settings.model.layers = {50, 140, 10};
    RandomStream stream(4, Purpose::generated_data);
    features.resize(24 * 50);
    for (double& value : features) value = stream.uniform();
    for (std::int32_t b = 0; b < 24; ++b) labels.push_back(b % 10);
  }
  static ModelSettings transformer() { return transformer_model({13, 16, 2, 2, 9}); }

  [[nodiscard]] Batch<double> batch() const {
    if (settings.model.kind == ModelKind::transformer) return tokens.view<double>();
    return {.size = 24, .counted = 24, .features = features, .labels = labels, .targets = {}};
  }

  /// Parameters after some steps.
  [[nodiscard]] std::vector<double> train(std::unique_ptr<Network<double>> network) const {
    std::vector<double> parameters = initial_parameters<double>(settings.model, 5);
    const auto claim = network->claim_threads();
    network->write(Content::parameters, parameters);
    for (std::int64_t step = 1; step <= 4; ++step) {
      network->train_step(batch(), {.learning_rate = 0.01, .number = step});
    }
    network->read(Content::parameters, parameters);
    return parameters;
  }
};

const std::vector<const Products<double>*>& all_products() {
  static const PlainProducts<double> plain;
  static const std::vector<const Products<double>*> all = {&openblas_products<double>(), &direct_products<double>(),
                                                           &plain};
  return all;
}

}  // namespace

TEST_CASE("one cut and one kind of products give the same bits under every executor") {
  for (const ModelKind kind : {ModelKind::mlp, ModelKind::transformer}) {
    const Problem problem(kind);
    for (std::size_t p = 0; p < all_products().size(); ++p) {
      for (const bool in_shards : {true, false}) {
        INFO("model " << static_cast<int>(kind) << ", products " << p << (in_shards ? ", in shards" : ", whole"));
        const auto with = [&](std::unique_ptr<Executor> executor) {
          return problem.train(make_matrix_network<double>(
              problem.settings, std::move(executor), in_shards ? shape_cut() : whole_batch_cut(), *all_products()[p]));
        };
        const std::vector<double> serial = with(std::make_unique<SerialExecutor>());
        for (const int threads : {1, 2, 3, 8}) {
          CHECK(with(make_tbb_executor(threads, threads)) == serial);
          CHECK(with(make_thread_pool_executor(threads)) == serial);
        }
      }
    }
  }
}

TEST_CASE("products of plain loops under TBB's executor train as neuron does") {
  for (const ModelKind kind : {ModelKind::mlp, ModelKind::transformer}) {
    const Problem problem(kind);
    const std::vector<double> expected =
        problem.train(find_backend(backends(), kReferenceBackend)->make<double>(problem.settings));
    for (const Products<double>* products : all_products()) {
      CHECK(relative_l2_error(problem.train(make_matrix_network<double>(problem.settings, make_tbb_executor(2, 2),
                                                                        shape_cut(), *products)),
                              expected) < 1e-9);
    }
  }
}

TEST_CASE("oneTBB, OpenMP and plain threads train with the same bits") {
  for (const ModelKind kind : {ModelKind::mlp, ModelKind::transformer}) {
    Problem problem(kind);
    for (const std::int64_t threads : {1, 2, 3, 8}) {
      problem.settings.threads = threads;
      const std::vector<double> expected =
          problem.train(find_backend(backends(), "tbb")->make<double>(problem.settings));
      for (const char* name : {"openmp", "threads"}) {
        INFO(name << ", " << threads << " threads");
        unless_unsupported([&] {
          auto network = find_backend(backends(), name)->make<double>(problem.settings);
          CHECK(problem.train(std::move(network)) == expected);
        });
      }
    }
  }
}

}  // namespace stepbench::testing
