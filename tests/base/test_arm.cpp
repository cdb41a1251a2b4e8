// The names of arms: made, taken apart, and called.
#include <catch2/catch.hpp>

#include "core/arm.hpp"

namespace stepbench::testing {

TEST_CASE("an arm is named by backend, threads and what is varied of its own settings") {
  CHECK(Arm{"tbb", 2, ""}.name() == "tbb-t2");
  CHECK(Arm{"tbb", 2, "-shard_rows32"}.name() == "tbb-t2-shard_rows32");
  CHECK(trial_id({"tbb", 2, "-shard_rows32"}, "s1-batch_size8") == "tbb-t2-shard_rows32-s1-batch_size8");
}

TEST_CASE("an arm is read from its trial's parts") {
  for (const Arm& arm : {Arm{"tbb", 2, ""}, Arm{"tbb_openblas", 16, "-shard_rows32-pinnedtrue"}}) {
    for (const char* group : {"s1", "s12-batch_size8", "s1-learning_rate1e-05"}) {
      CHECK(arm_of_trial(arm.backend, arm.ranks, arm.threads, trial_id(arm, group), group) == arm);
    }
  }
}

TEST_CASE("an id that is made otherwise has no settings") {
  for (const char* id : {"", "tbb", "tbb-t2", "tbb-t2-s2", "tbb-t20-s1", "mine-s1", "-s1"}) {
    CHECK(arm_of_trial("tbb", 0, 2, id, "s1") == Arm{"tbb", 2, ""});
  }
}

TEST_CASE("an arm is called by its backend, with its threads, or by its whole name") {
  const Arm arm{"tbb", 2, "-shard_rows32"};
  for (const char* name : {"tbb", "tbb-t2", "tbb-t2-shard_rows32"}) CHECK(arm.is_called(name));
  for (const char* name : {"", "tb", "tbb-t", "tbb-t20", "tbb-t2-", "tbb-t2-shard_rows3", "tbb-shard_rows32"}) {
    CHECK_FALSE(arm.is_called(name));
  }
}

TEST_CASE("what can be no arm's name is told before any sweep is known") {
  for (const char* name : {"tbb", "tbb_2", "tbb-t2", "tbb-t16-shard_rows32", "tbb-t2-"}) CHECK(may_name_arm(name));
  for (const char* name : {"", "-t2", "Tbb", "tbb t2", "tbb-2", "tbb-t", "tbb-tx", "tbb-t2x", "tbb-t-1", "tbb-t+1",
                           "tbb-t99999999999999999999"}) {
    CHECK_FALSE(may_name_arm(name));
  }
}

}  // namespace stepbench::testing
