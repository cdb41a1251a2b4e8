// Which runs are held against each other.
#include <catch2/catch.hpp>

#include "core/error.hpp"
#include "core/expect/cells.hpp"

namespace stepbench::testing {
namespace {

using Catch::Contains;
using Places = std::vector<std::size_t>;

Expectation parse(const std::string& claim) { return parse_expectation("x", claim, "", ""); }

RunKeys run(const std::string& backend, const std::string& rate, const std::string& seed) {
  return {{"backend", backend}, {"training.learning_rate", rate}, {"seed", seed}};
}

const std::vector<RunKeys> kSweep = {run("blas", "0.1", "1"), run("tbb", "0.1", "1"),  run("blas", "0.01", "1"),
                                     run("tbb", "0.01", "1"), run("blas", "0.1", "2"), run("tbb", "0.1", "2")};

std::string error_of(const std::string& claim, const std::vector<RunKeys>& runs = kSweep) {
  try {
    check_expectation(parse(claim), runs);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("what the sweep varies and the claim does not name makes cells, seeds make none") {
  const std::vector<Cell> cells = cells_of(parse("final_train_loss <= 1"), kSweep);
  REQUIRE(cells.size() == 4);
  CHECK(cells[0].name == "backend = blas, training.learning_rate = 0.1");
  CHECK(cells[0].runs == Places{0, 4});
  CHECK(cells[3].runs == Places{3});
}

TEST_CASE("a key that the claim names makes no cells") {
  const std::vector<Cell> cells = cells_of(parse("ratio(final_train_loss; backend = tbb; blas) <= 1"), kSweep);
  REQUIRE(cells.size() == 2);
  CHECK(cells[0].name == "training.learning_rate = 0.1");
  CHECK(cells[0].runs == Places{0, 1, 4, 5});
}

TEST_CASE("where chooses runs, however a number is spelled") {
  const std::vector<Cell> cells =
      cells_of(parse("final_train_loss <= 1 where training.learning_rate = 1e-2, backend = tbb"), kSweep);
  REQUIRE(cells.size() == 1);
  CHECK(cells[0].name == "");
  CHECK(cells[0].runs == Places{3});
}

TEST_CASE("where keeps of two sides the one that has no use for its key") {
  RunKeys plain = run("tbb", "0.1", "1"), nearest = plain, stochastic = plain;
  plain["training.precision"] = "float32";
  nearest["training.precision"] = stochastic["training.precision"] = "bfloat16";
  nearest["training.rounding"] = "nearest";
  stochastic["training.rounding"] = "stochastic";
  const std::vector<RunKeys> runs = {plain, nearest, stochastic};
  const std::string claim = " where training.rounding = stochastic";
  const std::vector<Cell> sides =
      cells_of(parse("ratio(final_train_loss; training.precision = bfloat16; float32) <= 1" + claim), runs);
  REQUIRE(sides.size() == 1);
  CHECK(sides[0].runs == Places{0, 2});
  const std::vector<Cell> lone = cells_of(parse("final_train_loss <= 1" + claim), runs);
  REQUIRE(lone.size() == 1);
  CHECK(lone[0].runs == Places{2});
}

TEST_CASE("a cell without both sides is none") {
  std::vector<RunKeys> runs = kSweep;
  runs.erase(runs.begin() + 3);
  CHECK(cells_of(parse("ratio(final_train_loss; backend = tbb; blas) <= 1"), runs).size() == 1);
}

TEST_CASE("runs that do not use another backend's setting stand against each value of it") {
  std::vector<RunKeys> runs = {run("blas", "0.1", "1"), run("tbb", "0.1", "1"), run("tbb", "0.1", "1")};
  runs[1]["backend.tbb.shard_rows"] = "16";
  runs[2]["backend.tbb.shard_rows"] = "64";
  const std::vector<Cell> cells = cells_of(parse("ratio(final_train_loss; backend = tbb; blas) <= 1"), runs);
  REQUIRE(cells.size() == 2);
  CHECK(cells[0].runs == Places{0, 1});
  CHECK(cells[1].name == "backend.tbb.shard_rows = 64");
  CHECK(cells[1].runs == Places{0, 2});
}

TEST_CASE("values of a key are in the order of their numbers") {
  std::vector<RunKeys> runs = {run("a", "10", "1"), run("a", "9", "1"), run("a", "10.0", "2")};
  const std::vector<Part> parts = parts_of(Places{0, 1, 2}, "training.learning_rate", runs);
  REQUIRE(parts.size() == 2);
  CHECK(parts[0].value == "9");
  CHECK(parts[1].runs == Places{0, 2});
}

TEST_CASE("what no trial of the sweep can tell is refused, with what there is") {
  CHECK(error_of("final_train_loss <= 1") == "no error");
  CHECK_THAT(error_of("final_train_loss <= 1 where backnd = tbb"), Contains("did you mean \"backend\"?"));
  CHECK_THAT(error_of("final_train_loss <= 1 where backend = tb"),
             Contains("no trial has backend = tb, allowed: blas, tbb; did you mean \"tbb\"?"));
  CHECK_THAT(error_of("final_train_loss <= 1 where training.learning_rate = 0.01, seed = 2"), Contains("all of what"));
  CHECK_THAT(error_of("ratio(final_train_loss; backend = tbb; neuron) <= 1"),
             Contains("no trial has backend = neuron"));
  CHECK_THAT(error_of("increasing(final_train_loss; threads)"), Contains("a key that a trial uses"));
  CHECK_THAT(error_of("increasing(final_train_loss; backend) where backend = tbb"), Contains("one value of backend"));
  CHECK_THAT(error_of("crossing(final_train_loss; seed = 1; 2; backend) <= 1"), Contains("is no number"));
  CHECK_THAT(error_of("steps_to_target <= 1"), Contains("training.target"));
}

}  // namespace stepbench::testing
