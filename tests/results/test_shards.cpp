// One sweep from its shards: what tests/program/test_shards.py cannot make the program write.
#include <catch2/catch.hpp>

#include "core/error.hpp"
#include "core/results/shards.hpp"
#include "tests/results/sample_files.hpp"

namespace stepbench::testing {
namespace {

/// A shard of a sweep of three groups of one trial each, with those groups.
ShardPart part(std::int64_t index, std::int64_t count, const std::vector<std::string>& groups) {
  ShardPart part{.name = std::to_string(index) + "-of-" + std::to_string(count) + ".h5"};
  part.file.experiment = "minimal";
  part.file.shard = {.index = index,
                     .count = count,
                     .trials = {"blas-s1", "blas-s2", "blas-s3"},
                     .groups = {"s1", "s2", "s3"},
                     .datasets = {"d1", "d2", "d3"}};
  for (const std::string& group : groups) {
    const ResultFile one = single_trial_file("blas-" + group, 1.0, 0);
    part.file.trials.push_back(one.trials.front());
    part.file.trials.back().group = group;
    part.file.groups.push_back(one.groups.front());
    part.file.groups.back().id = group;
  }
  return part;
}

std::string refusal(std::vector<ShardPart> parts) {
  try {
    static_cast<void>(join_shards(std::move(parts)));
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("the joined sweep has its order, whatever that of the shards, and is no shard") {
  for (const ResultFile& whole : {join_shards({part(1, 2, {"s1", "s3"}), part(2, 2, {"s2"})}),
                                  join_shards({part(2, 2, {"s2"}), part(1, 2, {"s1", "s3"})})}) {
    REQUIRE(whole.trials.size() == 3);
    REQUIRE(whole.groups.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(whole.groups[i].id == "s" + std::to_string(i + 1));
      CHECK(whole.trials[i].group == whole.groups[i].id);
    }
    CHECK(whole.shard.is_whole());
  }
}

TEST_CASE("shards of different cuts make a sweep, if each group is there once") {
  CHECK(refusal({part(1, 2, {"s1", "s3"}), part(2, 3, {"s2"})}) == "");
  CHECK_THAT(refusal({part(1, 2, {"s1", "s3"}), part(2, 3, {"s2"}), part(3, 3, {"s3"})}),
             Catch::EndsWith("doubled: s3 (1-of-2.h5, 3-of-3.h5)"));
}

TEST_CASE("a shard of another program is refused with both versions") {
  ShardPart other = part(2, 2, {"s2"});
  other.file.stepbench_version = "0.3";
  other.file.git_commit = "abc";
  other.file.git_dirty = true;
  ShardPart first = part(1, 2, {"s1", "s3"});
  first.file.stepbench_version = "0.2";
  first.file.git_commit = "123";
  CHECK(refusal({first, other}) ==
        "2-of-2.h5: is of another sweep than 1-of-2.h5: it is of stepbench 0.3 (abc, modified), not 0.2 (123)");
}

TEST_CASE("all that differs is said at once, a config that ends early too") {
  ShardPart first = part(1, 2, {"s1", "s3"}), other = part(2, 2, {"s2"});
  first.file.config_text = "a\nb\n";
  other.file.config_text = "a\n";
  other.file.shard.datasets[1] = "other";
  CHECK_THAT(refusal({first, other}),
             Catch::EndsWith("line 2 of its config is nothing, not `b`; the data of s2 are other ones"));
}

TEST_CASE("a group with a trial that was interrupted is unfinished") {
  ShardPart other = part(2, 2, {"s2"});
  other.file.trials.front().status = Status::interrupted;
  CHECK_THAT(refusal({part(1, 2, {"s1", "s3"}), other}),
             Catch::EndsWith("unfinished, run it again with --resume: s2 (2-of-2.h5)"));
}

TEST_CASE("many missing groups are a line that can be read") {
  ShardPart only = part(1, 9, {"s1", "s2", "s3"});
  for (int seed = 4; seed <= 9; ++seed) {
    only.file.shard.trials.push_back("blas-s" + std::to_string(seed));
    only.file.shard.groups.push_back("s" + std::to_string(seed));
    only.file.shard.datasets.push_back("d");
  }
  CHECK_THAT(refusal({only}), Catch::EndsWith("missing: s4 (shard 4/9), s5 (shard 5/9), s6 (shard 6/9), s7 (shard 7/9) "
                                              "and 2 more"));
}

}  // namespace stepbench::testing
