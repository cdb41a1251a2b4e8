// Every backend's transformer against float64 `neuron`, in whole trainings: optimisers, clipping, odd shapes. That
// `neuron` itself is right is held against PyTorch (test_transformer_parity.cpp) and finite differences.
#include <cmath>
#include <limits>
#include <tuple>

#include "tests/support/relative_error.hpp"
#include "tests/variants/each_backend.hpp"
#include "tests/variants/random_transformer.hpp"

namespace stepbench::testing {
namespace {

constexpr double kTolerance = 1e-9;  // relative L2 of all parameters after the run; sums in another order give 1e-14
constexpr double kSameSumTolerance = 1e-12;  // one step, the same sums perhaps in another order

struct Problem {
  NetworkSettings settings;
  std::int64_t last_batch = 1;  // every third batch is this short
  double not_counted = 0;       // share of the targets
};

Problem make_problem(const TransformerShape& shape, std::int64_t batch, std::int64_t last_batch) {
  Problem problem{.settings = {}, .last_batch = last_batch};
  problem.settings.model = transformer_model(shape);
  problem.settings.max_batch = batch;
  problem.settings.training.learning_rate = 0.01;
  return problem;
}

Problem small_problem() {
  return make_problem({.vocabulary = 11, .width = 12, .heads = 3, .blocks = 2, .context = 7}, 5, 2);
}

struct Outcome {
  std::vector<double> losses, parameters;
  std::int64_t correct = 0;  // of the first batch, after training
};

Outcome train(Network<double>& network, const Problem& problem) {
  const ModelSettings& model = problem.settings.model;
  const auto claim = network.claim_threads();
  Outcome outcome;
  outcome.parameters = random_transformer_parameters<double>(model, 5);
  network.write(Content::parameters, outcome.parameters);
  for (std::int64_t step = 0; step < 9; ++step) {
    const std::int64_t size = step % 3 == 2 ? problem.last_batch : problem.settings.max_batch;
    const TokenData data(model, size, static_cast<std::uint64_t>(step % 3), problem.not_counted);
    const UpdateStep update{.learning_rate = problem.settings.training.learning_rate, .number = step + 1};
    outcome.losses.push_back(network.train_step(data.view<double>(), update).loss);
  }
  const TokenData first(model, problem.settings.max_batch, 0, problem.not_counted);
  outcome.correct = network.evaluate(first.view<double>()).correct;
  network.read(Content::parameters, outcome.parameters);
  return outcome;
}

void require_agreement(const Problem& problem) {
  const Backend& reference = *find_backend(backends(), kReferenceBackend);
  NetworkSettings settings = problem.settings;
  settings.threads = 1;
  const Outcome expected = train(*reference.make<double>(settings), problem);
  for_each_backend([&](const Backend& backend, std::int64_t threads) {
    settings.threads = threads;
    const Outcome actual = train(*backend.make<double>(settings), problem);
    const double loss_error = relative_l2_error(actual.losses, expected.losses);
    const double parameter_error = relative_l2_error(actual.parameters, expected.parameters);
    INFO("losses differ by " << loss_error << ", parameters by " << parameter_error);
    CHECK(loss_error <= kTolerance);
    CHECK(parameter_error <= kTolerance);
    CHECK(actual.correct == expected.correct);
  });
}

/// Runs `check(network, settings)` on a float64 network of every backend.
template <typename Check>
void for_each_network(const Problem& problem, const Check& check) {
  for_each_backend([&](const Backend& backend, std::int64_t threads) {
    NetworkSettings settings = problem.settings;
    settings.threads = threads;
    const auto network = backend.make<double>(settings);
    const auto claim = network->claim_threads();
    check(*network);
  });
}

std::vector<double> gradients_of(Network<double>& network, const ModelSettings& model) {
  std::vector<double> gradients(static_cast<std::size_t>(parameter_layout(model).size));
  network.read(Content::gradients, gradients);
  return gradients;
}

}  // namespace

TEST_CASE("backends' transformers agree on every optimizer, with and without decay and clipping") {
  for (const Optimizer optimizer : {Optimizer::sgd, Optimizer::momentum, Optimizer::adam, Optimizer::adamw}) {
    for (const double weight_decay : {0.0, 0.1}) {
      for (const bool clip : {false, true}) {
        INFO("optimizer " << static_cast<int>(optimizer) << ", decay " << weight_decay << ", clip " << clip);
        Problem problem = small_problem();
        problem.settings.training.optimizer = optimizer;
        problem.settings.training.weight_decay = weight_decay;
        problem.settings.model.tied_embeddings = clip;
        if (clip) problem.settings.training.gradient_clip = 0.1;  // below the norms of this problem: it takes effect
        require_agreement(problem);
      }
    }
  }
}

TEST_CASE("backends' transformers agree on every kind of position, activation and embedding") {
  for (const PositionEncoding position : {PositionEncoding::learned, PositionEncoding::sinusoidal}) {
    for (const MlpActivation activation : {MlpActivation::gelu, MlpActivation::relu}) {
      for (const bool tied : {false, true}) {
        INFO("position " << static_cast<int>(position) << ", activation " << static_cast<int>(activation) << ", tied "
                         << tied);
        Problem problem = small_problem();
        problem.settings.model.position = position;
        problem.settings.model.activation = activation;
        problem.settings.model.tied_embeddings = tied;
        problem.settings.training.optimizer = Optimizer::adamw;
        require_agreement(problem);
      }
    }
  }
}

TEST_CASE("backends' transformers agree on every loss") {
  Problem problem = small_problem();
  problem.not_counted = 0.2;
  problem.settings.model.loss = Loss::stablemax_cross_entropy;
  require_agreement(problem);
  problem.settings.model.loss = Loss::cross_entropy;
  problem.settings.model.softmax = Precision::float64;
  require_agreement(problem);
}

TEST_CASE("backends' transformers agree on odd shapes: one token, one sample, odd widths, long contexts, many shards") {
  using Case = std::tuple<TransformerShape, std::int64_t, std::int64_t>;  // batch, last batch
  const std::vector<Case> cases = {{{5, 12, 3, 2, 1}, 4, 1}, {{70, 20, 4, 1, 7}, 5, 2},   {{70, 36, 6, 2, 33}, 3, 1},
                                   {{5, 6, 1, 1, 7}, 1, 1},  {{5, 9, 3, 1, 33}, 2, 1},    {{5, 4, 4, 1, 7}, 3, 2},
                                   {{2, 8, 2, 1, 3}, 2, 1},  {{70, 40, 5, 1, 33}, 19, 4}, {{11, 12, 3, 1, 131}, 2, 1}};
  for (const auto& [shape, batch, last_batch] : cases) {
    INFO("V " << shape.vocabulary << ", D " << shape.width << ", H " << shape.heads << ", T " << shape.context << ", B "
              << batch);
    for (const bool tied : {false, true}) {
      Problem problem = make_problem(shape, batch, last_batch);
      problem.settings.model.tied_embeddings = tied;
      problem.settings.model.position = tied ? PositionEncoding::sinusoidal : PositionEncoding::learned;
      problem.settings.training.optimizer = Optimizer::adamw;
      require_agreement(problem);
    }
  }
}

TEST_CASE("backends' transformers agree where targets are not counted") {
  Problem problem = small_problem();
  problem.not_counted = 0.6;
  problem.settings.training.optimizer = Optimizer::adamw;
  require_agreement(problem);
}

TEST_CASE("a transformer's train_step is compute_gradients then apply_update") {
  for (const bool clip : {false, true}) {
    Problem problem = small_problem();
    problem.settings.training.optimizer = Optimizer::adamw;
    problem.settings.training.weight_decay = 0.1;
    if (clip) problem.settings.training.gradient_clip = 0.1;
    for_each_backend([&](const Backend& backend, std::int64_t threads) {
      NetworkSettings settings = problem.settings;
      settings.threads = threads;
      const auto whole = backend.make<double>(settings), parts = backend.make<double>(settings);
      const auto claim = whole->claim_threads();
      std::vector<double> one = random_transformer_parameters<double>(settings.model, 5), two = one;
      whole->write(Content::parameters, one);
      parts->write(Content::parameters, two);
      for (std::int64_t step = 1; step <= 3; ++step) {
        const TokenData data(settings.model, 5, static_cast<std::uint64_t>(step));
        const UpdateStep update{.learning_rate = 0.01, .number = step};
        const double loss = whole->train_step(data.view<double>(), update).loss;
        CHECK(parts->compute_gradients(data.view<double>()).loss == Approx(loss).epsilon(1e-13));
        parts->apply_update(update);
      }
      whole->read(Content::parameters, one);
      parts->read(Content::parameters, two);
      CHECK(relative_l2_error(one, two) <= kSameSumTolerance);
    });
  }
}

TEST_CASE("evaluating a transformer gives the loss that training starts from and changes nothing that it sees") {
  const Problem problem = small_problem();
  const ModelSettings& model = problem.settings.model;
  const TokenData data(model, 5, 1), other(model, 3, 2);
  for_each_network(problem, [&](Network<double>& network) {
    const std::vector<double> start = random_transformer_parameters<double>(model, 5);
    const auto train_once = [&](bool evaluate_between) {
      network.write(Content::parameters, start);
      network.compute_gradients(data.view<double>());
      if (evaluate_between) network.evaluate(other.view<double>());
      network.apply_update({.learning_rate = 0.1, .number = 1});
      std::vector<double> parameters(start.size());
      network.read(Content::parameters, parameters);
      return parameters;
    };
    CHECK(train_once(false) == train_once(true));
    network.write(Content::parameters, start);
    const double loss = network.evaluate(data.view<double>()).loss;
    CHECK(loss == network.train_step(data.view<double>(), {.learning_rate = 0.1, .number = 1}).loss);
  });
}

TEST_CASE("a sequence without counted targets changes neither loss nor gradients of the others") {
  const Problem problem = small_problem();
  const ModelSettings& model = problem.settings.model;
  const TokenData alone(model, 2, 1);
  TokenData with_uncounted = alone;
  const TokenData more(model, 3, 2);
  with_uncounted.size += more.size;
  with_uncounted.tokens.insert(with_uncounted.tokens.end(), more.tokens.begin(), more.tokens.end());
  with_uncounted.target_tokens.resize(with_uncounted.tokens.size(), kNotCounted);
  for_each_network(problem, [&](Network<double>& network) {
    network.write(Content::parameters, random_transformer_parameters<double>(model, 5));
    const double expected_loss = network.compute_gradients(alone.view<double>()).loss;
    const std::vector<double> expected = gradients_of(network, model);
    const double loss = network.compute_gradients(with_uncounted.view<double>()).loss;
    CHECK(loss == Approx(expected_loss).epsilon(kSameSumTolerance));
    CHECK(relative_l2_error(gradients_of(network, model), expected) <= kSameSumTolerance);
    CHECK(network.evaluate(with_uncounted.view<double>()).correct == network.evaluate(alone.view<double>()).correct);
  });
}

TEST_CASE("a position sees itself and what comes before it, and nothing after") {
  const Problem problem = small_problem();
  const ModelSettings& model = problem.settings.model;
  constexpr std::size_t kCounted = 3;  // the one position of the one sequence whose loss is looked at
  TokenData data(model, 1, 1);
  for (std::size_t t = 0; t < data.target_tokens.size(); ++t) {
    if (t != kCounted) data.target_tokens[t] = kNotCounted;
  }
  for_each_network(problem, [&](Network<double>& network) {
    network.write(Content::parameters, random_transformer_parameters<double>(model, 5));
    const double loss = network.evaluate(data.view<double>()).loss;
    for (std::size_t t = 0; t < data.tokens.size(); ++t) {
      INFO("token " << t << " changed");
      TokenData changed = data;
      changed.tokens[t] = (data.tokens[t] + 1) % static_cast<std::int32_t>(model.vocabulary_size);
      const double other_loss = network.evaluate(changed.view<double>()).loss;
      CHECK((std::fabs(other_loss - loss) > 1e-6 * loss) == (t <= kCounted));
    }
  });
}

TEST_CASE("evaluate counts the tokens whose largest output is their target") {
  // Only the final norm's bias and two rows of the head are not zero: token 2 is predicted everywhere, in a tie with
  // token 4 that goes to the first.
  const Problem problem = small_problem();
  const ModelSettings& model = problem.settings.model;
  const ParameterLayout layout = parameter_layout(model);
  std::vector<double> parameters(static_cast<std::size_t>(layout.size));
  for (const ParameterTensor& tensor : layout.tensors) {
    const std::span<double> values = tensor_of(std::span(parameters), tensor);
    if (tensor.name == "final_norm.bias") std::fill(values.begin(), values.end(), 1.0);
    if (tensor.name != "head.weight") continue;
    for (const std::int64_t row : {2, 4}) values[static_cast<std::size_t>(row * model.d_model)] = 1;
  }
  TokenData data(model, 1, 1);
  data.target_tokens = {2, 4, 0, 2, kNotCounted, 2, 1};
  for_each_network(problem, [&](Network<double>& network) {
    network.write(Content::parameters, parameters);
    const Evaluation evaluation = network.evaluate(data.view<double>());
    CHECK(evaluation.correct == 3);
    // Outputs are 1 for tokens 2 and 4, and 0 for the other nine: four of the six targets are among the former.
    CHECK(evaluation.loss == Approx(std::log(2 * std::exp(1.0) + 9) - 4.0 / 6).epsilon(kSameSumTolerance));
  });
}

TEST_CASE("a transformer's loss that is not finite stays visible") {
  Problem problem = small_problem();
  ModelSettings& model = problem.settings.model;
  const TokenData data(model, 2, 1);
  for (const MlpActivation activation : {MlpActivation::gelu, MlpActivation::relu}) {
    model.activation = activation;
    for (const ParameterTensor& tensor : parameter_layout(model).tensors) {
      INFO("activation " << static_cast<int>(activation) << ", NaN in " << tensor.name);
      std::vector<double> parameters = random_transformer_parameters<double>(model, 5);
      const std::span<double> values = tensor_of(std::span(parameters), tensor);
      std::fill(values.begin(), values.end(), std::numeric_limits<double>::quiet_NaN());
      for_each_network(problem, [&](Network<double>& network) {
        network.write(Content::parameters, parameters);
        CHECK_FALSE(std::isfinite(network.evaluate(data.view<double>()).loss));
      });
    }
  }
}

}  // namespace stepbench::testing
