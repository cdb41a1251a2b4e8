// What the text of a single setting may be: numbers, lists, names, intervals, targets, and how each refuses the rest.
#include <catch2/catch.hpp>

#include "core/config/experiment.hpp"
#include "tests/config/config_fixture.hpp"

namespace stepbench::testing {
namespace {

/// The error for `key = value` of [training] on line 11, after the common start.
std::string refusal(const std::string& key, const std::string& value) {
  const std::string message = error_with(key + " = " + value + "\n");
  const std::string start = "quick.cfg:11: training." + key + ": found \"" + value + "\", allowed: ";
  return message.starts_with(start) ? message.substr(start.size()) : "unexpected: " + message;
}

}  // namespace

TEST_CASE("integers are strict") {
  const std::string allowed = "an integer from 1 to 1000000";
  for (const std::string value :
       {"-3", "0", "-0", "+3", "1e3", "3.0", "3x", "0x10", "nan", "1000001", "99999999999999999999", "4294967295"}) {
    CHECK(refusal("batch_size", value) == allowed);
  }
  CHECK(load_with("batch_size = 1000000\n").trials.at(0).training.batch_size == 1'000'000);
}

TEST_CASE("an integer that may be zero still takes no sign") {
  CHECK(error_with("[measure]\nwarmup_steps = -0\n") ==
        "quick.cfg:12: measure.warmup_steps: found \"-0\", allowed: an integer from 0 to 1000000");
  CHECK(load_with("[measure]\nwarmup_steps = 0\n").trials.at(0).measure.warmup_steps == 0);
}

TEST_CASE("a time between checkpoints has a unit") {
  const auto loaded = [](const char* text) {
    return load_with(std::string("[record]\ncheckpoint_every = ") + text + "\n").trials.at(0);
  };
  const auto stored = [&](const char* text) {
    const KeyValues values = setting_values(loaded(text), kTestKeys);
    return text_of(values, "record.checkpoint_every");
  };
  CHECK(load_with("").trials.at(0).record.checkpoint_every == 600);
  CHECK(loaded("90 s").record.checkpoint_every == 90);
  CHECK(loaded("0 s").record.checkpoint_every == 0);
  CHECK(loaded("never").record.checkpoint_every == -1);
  CHECK(stored("120 min") == "2 h");
  CHECK(stored("90 s") == "90 s");
  CHECK(stored("0 min") == "0 s");
  CHECK(stored("never") == "never");
  for (const char* wrong : {"10", "min", "-1 s", "1.5 h", "10 minutes", "1000001 s"}) {
    CHECK(error_with(std::string("[record]\ncheckpoint_every = ") + wrong + "\n") ==
          std::string("quick.cfg:12: record.checkpoint_every: found \"") + wrong +
              "\", allowed: a number of s, min or h from 0 to 1000000, such as 10 min, or never");
  }
}

TEST_CASE("numbers are strict") {
  for (const std::string value :
       {"-1", "0", "-0", "+1", "nan", "inf", "infinity", "1e999", "1e-999", "0x1p3", "1.0.0", "1 0", "ten"}) {
    CHECK(refusal("gradient_clip", value) == "a number above 0");
  }
  CHECK(load_with("gradient_clip = 1.5e-2\n").trials.at(0).training.gradient_clip == 0.015);
}

TEST_CASE("each real range holds at its bounds") {
  CHECK(refusal("weight_decay", "-0.1") == "a number from 0 on");
  CHECK(load_with("weight_decay = 0\n").trials.at(0).training.weight_decay == 0);
  CHECK(refusal("noise_scale", "-1") == "a number from 0 on");
  CHECK(load_with("noise_scale = 0\n").trials.at(0).training.noise_scale == 0);
  CHECK(load_with("").trials.at(0).training.noise_scale == 0);
  CHECK(refusal("momentum", "1") == "a number from 0 to below 1");
  CHECK(load_with("optimizer = momentum\nmomentum = 0\n").trials.at(0).training.momentum == 0);
  const std::string fraction = "[dataset]\nvalidation_fraction = ";
  for (const std::string value : {"0", "1"}) {
    CHECK(error_with(fraction + value + "\n") ==
          "quick.cfg:12: dataset.validation_fraction: found \"" + value + "\", allowed: a number above 0 and below 1");
  }
}

TEST_CASE("a list outside [sweep] is pointed to it") {
  CHECK(refusal("batch_size", "32,64") == "an integer from 1 to 1000000; a list of values belongs in [sweep]");
}

TEST_CASE("names of enums are exact, with a suggestion") {
  CHECK(refusal("optimizer", "adm") == "sgd, momentum, adam, adamw; did you mean \"adam\"?");
  CHECK(refusal("rounding", "up") == "nearest, stochastic");
  CHECK(refusal("precision", "half") == "float32, float64, bfloat16");
  CHECK(refusal("update_order", "Layerwise") == "simultaneous, layerwise; did you mean \"layerwise\"?");
  CHECK(load_with("optimizer = adamw\n").trials.at(0).training.optimizer == Optimizer::adamw);
}

TEST_CASE("booleans are true or false") {
  CHECK(error_with("[record]\norder = yes\n") == "quick.cfg:12: record.order: found \"yes\", allowed: true or false");
  CHECK(load_with("[record]\norder = true\n").trials.at(0).record.order);
}

TEST_CASE("a seed covers all that a signed 64-bit integer holds") {
  CHECK(load_with("[dataset]\nseed = 9223372036854775807\n").trials.at(0).dataset.seed == 9223372036854775807U);
  CHECK(error_with("[dataset]\nseed = 9223372036854775808\n") ==
        "quick.cfg:12: dataset.seed: found \"9223372036854775808\", allowed: an integer from 0 to 9223372036854775807");
}

TEST_CASE("layers are two or more positive integers of bounded total") {
  const auto error = [](const std::string& value) {
    return error_of_text(valid_without("layers") + "[model]\nlayers = " + value + "\n");
  };
  for (const std::string value :
       {"784", "784,0,10", "784,,10", "784,-1", "784 10", "2,1000001", "784,10,", "1000000,1000000"}) {
    CHECK(error(value) == "quick.cfg:11: model.layers: found \"" + value +
                              "\", allowed: 2 to 1000 comma-separated integers from 1 to 1000000, at most 10000000000 "
                              "parameters in all");
  }
  CHECK(error(" 784 , 128,10") == "no error");
}

TEST_CASE("an interval is a count of epochs or steps") {
  const auto interval = [](const std::string& value) {
    return load_with("[measure]\nevaluate_every = " + value + "\n").trials.at(0).measure.evaluate_every;
  };
  CHECK(interval("5 epochs").count == 5);
  CHECK(interval("5 epochs").unit == Interval::Unit::epochs);
  CHECK(interval("1 epoch").count == 1);
  CHECK(interval("200  steps").unit == Interval::Unit::steps);
  for (const std::string value : {"5", "epoch", "5epochs", "0 steps", "-1 epoch", "1 day", "1.5 epochs"}) {
    CHECK(error_with("[measure]\nevaluate_every = " + value + "\n") ==
          "quick.cfg:12: measure.evaluate_every: found \"" + value +
              "\", allowed: a number of epochs or steps up to 1000000000, such as 1 epoch or 200 steps");
  }
}

TEST_CASE("a target is a metric with the bound on its good side") {
  const auto target = [](const std::string& value) {
    return load_with("target = " + value + "\n").trials.at(0).training.target.value();
  };
  CHECK(target("validation_accuracy>=0.95").metric == Target::Metric::validation_accuracy);
  CHECK(target("validation_accuracy>=0.95").bound == 0.95);
  CHECK(target("validation_loss <= 0.3").metric == Target::Metric::validation_loss);
  CHECK(target("train_loss<=0.1").bound == 0.1);
  for (const std::string value :
       {"validation_accuracy<=0.95", "validation_loss>=0.3", "train_loss>=0.1", "validation_accuracy>0.9",
        "validation_accuracy>=95", "validation_accuracy>=", "validation_accuracy", "accuracy>=0.9", "train_loss<=-1",
        "train_loss<=nan", "train_loss<=0. 1", "<", ">="}) {
    CHECK(refusal("target", value) ==
          "validation_accuracy>=N with N from 0 to 1, validation_loss<=N or train_loss<=N with N from 0 on");
  }
}

}  // namespace stepbench::testing
