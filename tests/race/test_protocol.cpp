#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "experiments/race/protocol.hpp"

namespace stepbench::testing {

TEST_CASE("a race's lines read back as they were written") {
  const std::optional<race::Greeting> greeting =
      race::parse_greeting(race::greeting_line({.build = "0.1.0 4ab86dd+modified"}));
  REQUIRE(greeting);
  CHECK(greeting->protocol == race::kProtocol);
  CHECK(greeting->build == "0.1.0 4ab86dd+modified");
  CHECK(race::parse_ready(race::ready_line(600)) == 600);
  const std::optional<race::TrainRequest> request = race::parse_train(race::train_line({.count = 50, .round = 3}));
  REQUIRE(request);
  CHECK((request->count == 50 && request->round == 3));
  CHECK(race::parse_done(race::done_line("0123abcd")) == "0123abcd");
}

TEST_CASE("a block's times and losses read back bit by bit") {
  constexpr double kTiny = std::numeric_limits<double>::denorm_min();
  const Block block{1.0 / 3.0, {0.1, -kTiny, 1e300, std::numeric_limits<double>::infinity()}};
  const std::optional<Block> read = race::parse_block(race::block_line(block));
  REQUIRE(read);
  CHECK(read->step_time == block.step_time);
  CHECK(read->losses == block.losses);
}

TEST_CASE("a block without counted steps has no time, and one without steps no losses") {
  const std::optional<Block> read = race::parse_block(race::block_line({std::nan(""), {}}));
  REQUIRE(read);
  CHECK(std::isnan(read->step_time));
  CHECK(read->losses.empty());
}

TEST_CASE("the greeting of another protocol is told from rubbish") {
  const std::optional<race::Greeting> greeting = race::parse_greeting("stepbench-race 7 2.0 abc");
  REQUIRE(greeting);
  CHECK(greeting->protocol == 7);
}

TEST_CASE("what is not a line of the race's protocol is refused") {
  for (const char* line : {"", " ", "stepbench-race", "stepbench-race 1", "stepbench-race 1 ", "stepbench-race x 0.1.0",
                           "stepbench-race -1 0.1.0", "hello"}) {
    CAPTURE(line);
    CHECK_FALSE(race::parse_greeting(line));
  }
  for (const char* line : {"ready", "ready ", "ready -1", "ready 1x", "ready 1 2", "ready 99999999999999999999", "1"}) {
    CAPTURE(line);
    CHECK_FALSE(race::parse_ready(line));
  }
  for (const char* line : {"train", "train 1", "train 1 2 3", "train 1 -2", "train x 2", "finish"}) {
    CAPTURE(line);
    CHECK_FALSE(race::parse_train(line));
  }
  for (const char* line : {"block", "block ", "block x", "block 1 x", "block 1  2", "block 0x1p3", "blocks 1"}) {
    CAPTURE(line);
    CHECK_FALSE(race::parse_block(line));
  }
  for (const char* line : {"done", "done ", "done a b", "one a"}) {
    CAPTURE(line);
    CHECK_FALSE(race::parse_done(line));
  }
}

TEST_CASE("no honest line is longer than the longest") {
  const double longest = -std::numeric_limits<double>::denorm_min() * 3e10;
  CHECK(race::block_line({longest, std::vector<double>(1000, longest)}).size() <= race::longest_line(1000));
}

}  // namespace stepbench::testing
