// Generated problems of tokens: right answers at the positions that count, and nothing else counted.
#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "core/data/token_tasks.hpp"
#include "tests/data/input_error.hpp"
#include "tests/support/temporary_folder.hpp"

namespace stepbench::testing {
namespace {

DatasetSettings addition(std::int64_t modulus) {
  DatasetSettings settings;
  settings.kind = "modular_addition";
  settings.modulus = modulus;
  settings.validation_fraction = 0.2;
  return settings;
}
DatasetSettings copying(std::int64_t alphabet, std::int64_t length) {
  DatasetSettings settings;
  settings.kind = "copy";
  settings.alphabet = alphabet;
  settings.length = length;
  settings.samples = 50;
  return settings;
}

using Row = std::vector<std::int32_t>;
/// Row `i` of (N, T).
Row row(const std::vector<std::int32_t>& tokens, std::int64_t i, std::int64_t width) {
  const auto first = tokens.begin() + i * width;
  return {first, first + width};
}

/// Calls visit(tokens, targets) for every sample of both splits.
template <typename Visit>
void for_each_sample(const Dataset& data, Visit visit) {
  for (const Split* split : {&data.train, &data.validation}) {
    REQUIRE(split->tokens.size() == static_cast<std::size_t>(split->samples * data.context));
    REQUIRE(split->target_tokens.size() == split->tokens.size());
    for (std::int64_t i = 0; i < split->samples; ++i) {
      visit(row(split->tokens, i, data.context), row(split->target_tokens, i, data.context));
    }
  }
}

TEST_CASE("modular addition asks every pair once, and counts the answer only") {
  const Dataset data = load_dataset(addition(23), 3, {});
  CHECK(data.context == 3);
  CHECK(data.features == 3);
  CHECK(data.outputs == 24);
  CHECK(data.train.samples == 424);
  CHECK(data.validation.samples == 105);
  std::set<Row> questions;
  for_each_sample(data, [&](const Row& tokens, const Row& targets) {
    questions.insert(tokens);
    REQUIRE(tokens[2] == 23);
    REQUIRE(targets == Row{kNotCounted, kNotCounted, (tokens[0] + tokens[1]) % 23});
  });
  CHECK(questions.size() == 23 * 23);
}

TEST_CASE("the tokens of modular addition read as a sum does") {
  CHECK(load_dataset(addition(3), 3, {}).vocabulary == std::vector<std::string>{"0", "1", "2", "="});
}

TEST_CASE("copy asks for the sequence again after the separator") {
  const Dataset data = load_dataset(copying(5, 4), 8, {});
  CHECK(data.context == 8);
  CHECK(data.outputs == 6);
  CHECK(data.train.samples == 45);
  CHECK(data.validation.samples == 5);
  std::set<std::int32_t> symbols;
  for_each_sample(data, [&](const Row& tokens, const Row& targets) {
    const Row sequence(tokens.begin(), tokens.begin() + 4);
    symbols.insert(sequence.begin(), sequence.end());
    REQUIRE(tokens[4] == 5);
    REQUIRE(Row(tokens.begin() + 5, tokens.end()) == Row(sequence.begin(), sequence.end() - 1));
    REQUIRE(Row(targets.begin(), targets.begin() + 4) == Row(4, kNotCounted));
    REQUIRE(Row(targets.begin() + 4, targets.end()) == sequence);
  });
  CHECK(symbols == std::set<std::int32_t>{0, 1, 2, 3, 4});
}

TEST_CASE("copy can have sequences of any length in a range, each asked for behind its own separator") {
  DatasetSettings settings = copying(5, 4);
  settings.shortest = 2;
  std::set<std::size_t> lengths;
  for_each_sample(load_dataset(settings, 8, {}), [&](const Row& tokens, const Row& targets) {
    const std::ptrdiff_t length = std::find(tokens.begin(), tokens.end(), 5) - tokens.begin();
    lengths.insert(static_cast<std::size_t>(length));
    Row expected(8, kNotCounted);
    std::copy_n(tokens.begin(), length, expected.begin() + length);
    REQUIRE(targets == expected);
    Row asked(8, 5);
    std::copy_n(tokens.begin(), length, asked.begin());
    std::copy_n(tokens.begin(), length - 1, asked.begin() + length + 1);
    REQUIRE(tokens == asked);
  });
  CHECK(lengths == std::set<std::size_t>{2, 3, 4});
}

TEST_CASE("the shortest sequences of copy are no longer than the longest") {
  DatasetSettings settings = copying(5, 4);
  settings.shortest = 5;
  CHECK(input_error([&] { return load_dataset(settings, 8, {}); }) ==
        "dataset.shortest: found \"5\", allowed: an integer from 1 to 4");
}

TEST_CASE("a sequence of one symbol can be copied") {
  const Dataset data = load_dataset(copying(2, 1), 2, {});
  for_each_sample(data, [](const Row& tokens, const Row& targets) {
    REQUIRE(tokens[1] == 2);
    REQUIRE(targets == Row{kNotCounted, tokens[0]});
  });
}

TEST_CASE("the symbols of copy are letters while there are enough") {
  CHECK(load_dataset(copying(3, 2), 4, {}).vocabulary == std::vector<std::string>{"a", "b", "c", "|"});
  const auto many = load_dataset(copying(53, 2), 4, {}).vocabulary;
  CHECK(many.front() == "0");
  CHECK(many.at(52) == "52");
  CHECK(many.back() == "|");
}

TEST_CASE("token tasks are the same for the same seed and others for another") {
  for (DatasetSettings settings : {addition(11), copying(5, 4)}) {
    const std::int64_t context = settings.kind == "copy" ? 8 : 3;
    const std::string digest = load_dataset(settings, context, {}).digest;
    CHECK(load_dataset(settings, context, {}).digest == digest);
    settings.seed = 2;
    CHECK(load_dataset(settings, context, {}).digest != digest);
  }
}

TEST_CASE("another seed gives copy other sequences, not only another split") {
  const auto sequences = [](std::uint64_t seed) {
    DatasetSettings settings = copying(5, 4);
    settings.seed = seed;
    std::multiset<Row> rows;
    for_each_sample(load_dataset(settings, 8, {}), [&](const Row& tokens, const Row&) { rows.insert(tokens); });
    return rows;
  };
  CHECK(sequences(1) != sequences(2));
}

TEST_CASE("token tasks need the context that their sequences have") {
  CHECK(input_error([] { return load_dataset(addition(5), 4, {}); }) ==
        "model.context: found \"4\", but the sequences of modular_addition have 3 tokens, allowed: 3");
  CHECK(input_error([] { return load_dataset(copying(5, 4), 4, {}); }) ==
        "model.context: found \"4\", but the sequences of copy have 8 tokens, allowed: 8");
}

TEST_CASE("an MLP cannot read the tokens of a task") {
  CHECK(input_error([&] { return load_dataset(copying(5, 4), 0, {}); }) ==
        "model.kind: found \"mlp\", but dataset.kind = copy has tokens and no features, allowed: transformer");
}

TEST_CASE("an MLP gets the same sums as one-hot rows, in the same splits") {
  const Dataset tokens = load_dataset(addition(7), 3, {}), rows = load_dataset(addition(7), 0, {});
  CHECK(rows.context == 0);
  CHECK(rows.features == 14);
  CHECK(rows.outputs == 7);
  for (const auto& [of_tokens, of_rows] :
       {std::pair(&tokens.train, &rows.train), std::pair(&tokens.validation, &rows.validation)}) {
    REQUIRE(of_rows->samples == of_tokens->samples);
    const auto& pixels = std::get<std::vector<std::uint8_t>>(of_rows->features);
    for (std::int64_t i = 0; i < of_rows->samples; ++i) {
      const auto at = static_cast<std::size_t>(i);
      std::vector<std::uint8_t> row(14);
      row[static_cast<std::size_t>(of_tokens->tokens[3 * at])] = 255;
      row[static_cast<std::size_t>(7 + of_tokens->tokens[3 * at + 1])] = 255;
      REQUIRE(std::equal(row.begin(), row.end(), pixels.begin() + 14 * i));
      REQUIRE(of_rows->labels[at] == of_tokens->target_tokens[3 * at + 2]);
    }
  }
}

TEST_CASE("one-hot rows of a large modulus are refused, of which tokens are few") {
  CHECK(input_error([] { return load_dataset(addition(600), 0, {}); }) ==
        "dataset.modulus: found \"600\", allowed: an integer from 2 to 512");
}

TEST_CASE("token tasks refuse settings that leave nothing to learn") {
  CHECK(input_error([] { return load_dataset(addition(1), 3, {}); }) ==
        "dataset.modulus: found \"1\", allowed: an integer from 2 to 4096");
  CHECK_THAT(input_error([] { return load_dataset(copying(1, 4), 8, {}); }),
             Catch::StartsWith("dataset.alphabet: found \"1\", allowed: an integer from 2 to "));
  CHECK_THAT(input_error([] { return load_dataset(copying(5, 0), 8, {}); }),
             Catch::StartsWith("dataset.length: found \"0\", allowed: an integer from 1 to "));
  DatasetSettings single = copying(5, 4);
  single.samples = 1;
  CHECK_THAT(input_error([&] { return load_dataset(single, 8, {}); }),
             Catch::StartsWith("dataset.samples: found \"1\", allowed: an integer from 2 to "));
}

}  // namespace
}  // namespace stepbench::testing
