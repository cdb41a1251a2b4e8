// What `compare` finds in files with planted speeds and losses.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/detection.hpp"
#include "core/error.hpp"
#include "experiments/compare/report.hpp"
#include "experiments/terminal/exit_code.hpp"
#include "tests/compare/compare_files.hpp"

namespace stepbench::testing {
namespace {

compare::Comparison within(const ResultFile& file) { return compare::compare_within(file, "", {}); }

int code(const compare::Comparison& comparison, const std::string& condition) {
  return compare::exit_code(compare::hold_against(comparison, {compare::parse_fail_condition(condition)}));
}

}  // namespace

TEST_CASE("a planted speed is found, paired by round, with the twin's noise floor") {
  const ResultFile file = compared_file(2);
  const compare::Comparison comparison = within(file);
  REQUIRE(comparison.speed.size() == 1);
  const compare::SpeedRow& row = comparison.speed[0];
  CHECK(row.evidence.speed.ratio == Approx(2).epsilon(0.01));
  CHECK(row.verdict == SpeedVerdict::faster);
  CHECK(row.evidence.noise_floor < 0.01);
  CHECK(row.evidence.speed.pairs == 12);
}

TEST_CASE("seeds are shown each and together") {
  const ResultFile file = compared_file(2, 3);
  const compare::Comparison comparison = within(file);
  REQUIRE(comparison.speed.size() == 4);
  CHECK_FALSE(comparison.speed[0].decides);
  CHECK(comparison.speed[3].decides);
  CHECK(comparison.speed[3].evidence.speed.pairs == 36);
}

TEST_CASE(
    "a peer's trial, which shared no rounds, has its median step held against the baseline's rounds, and cannot be "
    "told") {
  const ResultFile file = with_peer(compared_file(2));
  const compare::SpeedRow row = within(file).speed.at(0);
  CHECK(row.evidence.basis == Basis::unpaired);
  CHECK(row.evidence.speed.ratio == Approx(row.baseline_step_time / 2e-3));
  CHECK(std::isnan(row.evidence.speed.low));
  CHECK(row.verdict == SpeedVerdict::cannot_tell);
  CHECK(compare::text_report(within(file), {}).find("cannot tell: rounds in turns (unpaired)") != std::string::npos);
}

TEST_CASE("brief leaves the row of all seeds and the verdicts") {
  const compare::Comparison whole = within(compared_file(2, 3)), shorter = compare::brief(whole);
  REQUIRE(shorter.speed.size() == 1);
  CHECK(shorter.speed[0].evidence.speed.pairs == 36);
  REQUIRE(shorter.learning.size() == 1);
  CHECK(shorter.learning[0].verdict == whole.learning[0].verdict);
  CHECK(compare::text_report(shorter, {}).find("seed spread") == std::string::npos);
}

TEST_CASE("seven rounds give a ratio, which cannot be told") {
  const compare::SpeedRow row = within(compared_file(2, 1, 7)).speed.at(0);
  CHECK(row.verdict == SpeedVerdict::cannot_tell);
  CHECK(row.why == "at least 8 rounds (measure.rounds)");
}

TEST_CASE("the step times of a row have the ratio that it shows, whatever noise did to single rounds") {
  ResultFile file = compared_file(2);
  for (std::size_t i = 2; i < 9; i += 3) file.groups[0].step_time[i] *= 3;  // tbb in the first three rounds
  file.groups[0].step_time[11] = kNotANumber;                               // and not timed in the fourth
  const compare::SpeedRow row = within(file).speed.at(0);
  CHECK(row.baseline_step_time / row.step_time == Approx(row.evidence.speed.ratio).epsilon(1e-12));
  CHECK(row.evidence.speed.pairs == 11);
}

TEST_CASE("the margin decides what is the same speed, and the report says which it was") {
  const ResultFile file = compared_file(1.03);
  CHECK(within(file).speed.at(0).verdict == SpeedVerdict::same);
  CHECK(within(file).speed.at(0).why == "real, but inside the margin");
  const compare::Comparison strict = compare::compare_within(file, "", {.speed_margin = 0.01});
  CHECK(strict.speed.at(0).verdict == SpeedVerdict::faster);
  CHECK(compare::text_report(strict, {}).find("within 1%") != std::string::npos);
}

TEST_CASE("settings of one name in two sections are told apart") {
  ResultFile file = compared_file(1, 2);
  for (TrialRecord& trial : file.trials) {
    trial.settings.push_back({"dataset.kind", trial.seed == 1 ? std::string("blobs") : std::string("spirals")});
  }
  CHECK(within(file).speed.at(0).settings == "dataset.kind blobs");
}

TEST_CASE("rounds that were not interleaved give no interval") {
  ResultFile file = compared_file(2);
  for (TrialRecord& trial : file.trials) trial.settings.push_back({"measure.interleave", false});
  const compare::SpeedRow row = within(file).speed.at(0);
  CHECK(std::isnan(row.evidence.speed.low));
  CHECK(row.why == "blocks that alternate (measure.interleave = true)");
}

TEST_CASE("each exit code of slower:5%") {
  CHECK(code(within(compared_file(1.0)), "slower:5%") == kExitOk);
  CHECK(code(within(compared_file(0.8)), "slower:5%") == kExitRegression);
  CHECK(code(within(compared_file(1 / 1.05)), "slower:5%") == kExitInconclusive);
  CHECK(code(within(compared_file(0.8, 1, 7)), "slower:5%") == kExitInconclusive);
}

TEST_CASE("a limit of 0 % is kept by what is really faster") {
  CHECK(code(within(compared_file(2)), "slower:0%") == kExitOk);
  CHECK(code(within(compared_file(0.8)), "slower:0%") == kExitRegression);
  CHECK(code(within(compared_file(1)), "slower:0%") == kExitInconclusive);
}

TEST_CASE("a noise floor above the limit is inconclusive, and says what would tell") {
  const compare::Comparison comparison = within(with_twin_off_by(compared_file(1), 0.3));
  CHECK(code(comparison, "slower:5%") == kExitInconclusive);
  CHECK(compare::hold_against(comparison, {compare::parse_fail_condition("slower:5%")})
            .at(0)
            .detail.find("a quieter machine") != std::string::npos);
}

TEST_CASE("a failed trial makes a condition inconclusive") {
  ResultFile file = compared_file(1);
  file.trials.push_back(compared_trial("neuron", 1, 0.5));
  file.trials.back().status = Status::failed;
  CHECK(code(within(file), "slower:5%") == kExitInconclusive);
}

TEST_CASE("equal losses are the same, identical") {
  const ResultFile file = compared_file(1, 3);
  const compare::Comparison comparison = within(file);
  CHECK(comparison.learning.at(0).verdict == compare::LearningVerdict::same);
  CHECK(comparison.learning[0].why == "identical");
}

TEST_CASE("a planted loss of 10 % in every seed is different, and worse") {
  const ResultFile file = with_learning(4, [](double seed) { return 0.06 + 0.001 * seed; });
  CHECK(within(file).learning.at(0).verdict == compare::LearningVerdict::different);
  CHECK(code(within(file), "learns-worse") == kExitRegression);
}

TEST_CASE("a planted gain is different, and not worse") {
  const ResultFile file = with_learning(4, [](double seed) { return -0.06 - 0.001 * seed; });
  CHECK(within(file).learning.at(0).verdict == compare::LearningVerdict::different);
  CHECK(code(within(file), "learns-worse") == kExitOk);
}

TEST_CASE("differences inside the margin are none, even when they are systematic") {
  const ResultFile file = with_learning(4, [](double seed) { return 0.001 + 0.0001 * seed; });
  CHECK(within(file).learning.at(0).verdict == compare::LearningVerdict::same);
}

TEST_CASE("differences that scatter beyond the margin cannot be told") {
  const ResultFile file = with_learning(4, [](double seed) { return seed > 2 ? 0.05 : -0.05; });
  CHECK(within(file).learning.at(0).verdict == compare::LearningVerdict::cannot_tell);
  CHECK(code(within(file), "learns-worse") == kExitInconclusive);
}

TEST_CASE("with one seed, curves that coincide are the same and others cannot be told") {
  const ResultFile close = with_learning(1, [](double) { return 1e-7; });
  const ResultFile apart = with_learning(1, [](double) { return 0.01; });
  CHECK(within(close).learning.at(0).verdict == compare::LearningVerdict::same);
  CHECK(within(apart).learning.at(0).verdict == compare::LearningVerdict::cannot_tell);
}

TEST_CASE("the first step at which losses part is found") {
  ResultFile file = compared_file(1);
  file.trials[1].steps.train_loss[13] *= 1.01;
  CHECK(within(file).learning.at(0).partings.at(0).step == 13);
  file.trials[1].steps.train_loss[13] = file.trials[0].steps.train_loss[13] * 1.0001;
  CHECK_FALSE(within(file).learning.at(0).partings.at(0).step.has_value());
}

TEST_CASE("a loss that is not finite parts from a finite one, and goes with one that is not") {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const double lost : {kInfinity, -kInfinity, kNotANumber}) {
    CAPTURE(lost);
    ResultFile file = compared_file(1);
    file.trials[1].steps.train_loss[13] = lost;
    CHECK(within(file).learning.at(0).partings.at(0).step == 13);
    file.trials[0].steps.train_loss[13] = kInfinity;
    CHECK_FALSE(within(file).learning.at(0).partings.at(0).step.has_value());
  }
}

TEST_CASE("a trial that diverged beside one that did not has learned differently") {
  ResultFile file = compared_file(1, 3);
  file.trials[3].status = Status::diverged;
  CHECK(within(file).learning.at(0).worse);
}

TEST_CASE("a target that half of the seeds do not reach has no finite median") {
  const compare::TimesToTarget times = compare::times_to_target({2, kNotANumber, 1, kNotANumber, kNotANumber});
  CHECK(times.reached == 2);
  CHECK(std::isinf(times.median));
  CHECK(times.longest == 2);
}

TEST_CASE("two files are compared unpaired") {
  const ResultFile file = compared_file(2), baseline = compared_file(1);
  const compare::Comparison comparison = compare::compare_files(file, baseline, {});
  CHECK_FALSE(comparison.paired);
  REQUIRE(comparison.speed.size() == 2);
  CHECK(comparison.speed[1].evidence.speed.ratio == Approx(2).epsilon(1e-9));
  CHECK(compare::text_report(comparison, {}).find("unpaired") != std::string::npos);
}

TEST_CASE("trials without a counterpart are named, and make a condition inconclusive") {
  const ResultFile file = compared_file(1, 2), baseline = compared_file(1, 1);
  const compare::Comparison comparison = compare::compare_files(file, baseline, {});
  REQUIRE(comparison.unmatched.size() == 2);
  CHECK(comparison.unmatched[0] == "blas-t1-s2 is not in the baseline file");
  CHECK(code(comparison, "learns-worse") == kExitInconclusive);
}

TEST_CASE("a file from before a key is the same experiment as one with its default, and no other") {
  const ResultFile before = compared_file(1);
  ResultFile now = before;
  for (TrialRecord& trial : now.trials) trial.settings.emplace_back("model.perturb", std::string("none"));
  CHECK_NOTHROW(compare::compare_files(now, before, {}));
  CHECK_NOTHROW(compare::compare_files(before, now, {}));
  for (TrialRecord& trial : now.trials) trial.settings.back().second = std::string("one_bit");
  CHECK_THROWS_WITH(compare::compare_files(now, before, {}), Catch::Contains("model.perturb one_bit"));
  CHECK_THROWS_WITH(compare::compare_files(before, now, {}), Catch::Contains("it is one_bit"));
}

TEST_CASE("what is not the same experiment is refused with the difference") {
  const ResultFile baseline = compared_file(1);
  ResultFile file = baseline;
  std::get<double>(file.trials[0].settings[1].second) = 0.2;
  CHECK_THROWS_WITH(compare::compare_files(file, baseline, {}),
                    Catch::Contains("training.learning_rate 0.2, in the baseline file it is 0.1"));
  file = baseline;
  file.trials[0].dataset_digest = "d2";
  CHECK_THROWS_WITH(compare::compare_files(file, baseline, {}), Catch::Contains("digest d2"));
  for (TrialRecord& trial : file.trials) trial.id += "-b64";
  CHECK_THROWS_WITH(compare::compare_files(file, baseline, {}), Catch::Contains("no trial in common"));
}

TEST_CASE("another machine is a warning") {
  ResultFile file = compared_file(1), baseline = compared_file(1);
  file.environments = {{{"cpu_model", std::string("new")}}};
  baseline.environments = {{{"cpu_model", std::string("old")}}};
  CHECK(compare::compare_files(file, baseline, {}).warnings.size() == 1);
}

TEST_CASE("of two files only the machines of groups that are compared are told apart") {
  ResultFile file = compared_file(2, 2), baseline = compared_file(2, 2);
  const KeyValues first = {{"cpu_model", std::string("first")}}, second = {{"cpu_model", std::string("second")}};
  file.environments = {first, second};
  baseline.environments = {first, second};
  file.groups[1].environment = baseline.groups[1].environment = 1;  // s2 ran on the second machine in both
  CHECK(compare::compare_files(file, baseline, {}).warnings.empty());
  file.groups[1].environment = 0;
  const compare::Comparison comparison = compare::compare_files(file, baseline, {});
  REQUIRE(comparison.warnings.size() == 1);
  CHECK(comparison.warnings[0] == "the machines differ, and with them the speed: cpu_model: first; baseline: second");
}

TEST_CASE("groups of one file that ran on different machines are named") {
  ResultFile file = compared_file(2, 2);
  file.environments = {{{"hostname", std::string("a")}, {"cpu_model", std::string("Fast 1")}},
                       {{"hostname", std::string("b")}, {"cpu_model", std::string("Fast 2")}}};
  CHECK(within(file).warnings.empty());
  file.groups[1].environment = 1;
  REQUIRE(within(file).warnings.size() == 1);
  CHECK(within(file).warnings[0].ends_with("s1 on a (Fast 1); s2 on b (Fast 2)"));
}

TEST_CASE("a baseline that the file has not is refused") {
  CHECK_THROWS_WITH(compare::compare_within(compared_file(1), "tbbb", {}), Catch::Contains("did you mean \"tbb"));
}

TEST_CASE("a file of one trial has nothing to compare, which a condition cannot pass") {
  ResultFile file = compared_file(1);
  file.trials.pop_back();
  CHECK(code(within(file), "slower:5%") == kExitInconclusive);
  CHECK(compare::text_report(within(file), {}).find("nothing to compare") != std::string::npos);
}

TEST_CASE("JSON is well-formed and has null for what is not a number") {
  const auto json = nlohmann::json::parse(compare::json_report(within(compared_file(2, 1, 7)), {}));
  CHECK(json["speed"][0]["speed_ratio_low"].is_null());
  CHECK(json["speed"][0]["verdict"] == "cannot tell");
  CHECK(json["speed"][0]["because"] == "at least 8 rounds (measure.rounds)");
  CHECK(json["speed"][0]["margin"] == 0.05);
  CHECK(json["speed"][0]["p_value"].is_null());
  CHECK(json["speed"][0]["smallest_difference"].is_null());
}

TEST_CASE("JSON has how likely a ratio is by chance, and what could have been found, counted in its own table") {
  const compare::Comparison comparison = within(compared_file(2));
  const auto json = nlohmann::json::parse(compare::json_report(comparison, {}));
  std::size_t deciding = 0;
  for (const compare::SpeedRow& row : comparison.speed) deciding += row.decides ? 1 : 0;
  REQUIRE(deciding > 0);
  for (std::size_t i = 0; i < comparison.speed.size(); ++i) {
    const SpeedEvidence& evidence = comparison.speed[i].evidence;
    CHECK(json["speed"][i]["p_value"] == p_value(evidence.speed));
    CHECK(json["speed"][i]["processes"] == 1);
    const std::size_t others = comparison.speed[i].decides ? deciding : comparison.speed.size() - deciding;
    CHECK(json["speed"][i]["smallest_difference"] == smallest_difference(evidence, others));
  }
}

TEST_CASE("every line of the CSV has as many fields as the heading") {
  const std::string text = compare::csv_report(within(compared_file(2, 2)));
  const auto commas = std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(text.find('\n')), ',');
  CHECK(std::count(text.begin(), text.end(), ',') == commas * std::count(text.begin(), text.end(), '\n'));
}

TEST_CASE("Markdown draws a rule under each heading") {
  CHECK(compare::markdown_report(within(compared_file(2)), {}).find("\n| :-- | --: |") != std::string::npos);
}

TEST_CASE("a condition that is none is refused") {
  CHECK_THROWS_AS(compare::parse_fail_condition("slower:fast"), InputError);
  CHECK_THROWS_WITH(compare::parse_fail_condition("faster:5%"), Catch::Contains("learns-worse"));
}

}  // namespace stepbench::testing
