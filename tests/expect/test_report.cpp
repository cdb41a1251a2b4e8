// Verdicts in words and as exit codes.
#include <catch2/catch.hpp>

#include "core/error.hpp"
#include "experiments/expect/report.hpp"
#include "experiments/terminal/exit_code.hpp"

namespace stepbench::testing {
namespace {

using Verdict = ExpectationVerdict;
using Catch::Contains;

ExpectationRecord record(Verdict verdict) {
  ExpectationRecord made;
  made.name = "learns";
  made.claim = "final_train_loss <= 2";
  made.tolerance = "5%";
  made.published = "Nobody 1900, Table 1: 2";
  made.verdict = verdict;
  made.value = 1.5;
  made.low = 1.25;
  made.high = 1.75;
  made.runs = 5;
  made.cells = 2;
  made.cell = "backend = tbb";
  return made;
}

}  // namespace

TEST_CASE("a row tells verdict, number, interval, runs, claim, tolerance and publication") {
  const std::string text = expectation_table(std::vector{record(Verdict::cannot_tell)}, TableFormat::text);
  CHECK_THAT(text, Contains("cannot tell") && Contains("1.5 [1.25, 1.75], 5 runs") &&
                       Contains("final_train_loss <= 2, tolerance 5%") && Contains("Nobody 1900, Table 1: 2"));
  CHECK_THAT(text, Contains("learns: the least agreeable of 2 combinations: backend = tbb"));
}

TEST_CASE("one run is said to be one") {
  ExpectationRecord made = record(Verdict::reproduced);
  made.low = made.high = made.value;
  made.runs = 1;
  CHECK_THAT(expectation_table(std::vector{made}, TableFormat::text), Contains("1.5, one run"));
}

TEST_CASE("no expectations, no table") { CHECK(expectation_table({}, TableFormat::text) == ""); }

TEST_CASE("in LaTeX the table is one of LaTeX") {
  CHECK_THAT(expectation_table(std::vector{record(Verdict::reproduced)}, TableFormat::latex),
             Contains("\\begin{tabular}") && Contains("final\\_train\\_loss $<$= 2"));
}

TEST_CASE("exit codes: 3 for one that is not reproduced, else 4 for one that is open, else 0") {
  const auto code = [](std::vector<Verdict> verdicts) {
    std::vector<ExpectationRecord> records;
    for (const Verdict verdict : verdicts) records.push_back(record(verdict));
    return exit_code(records);
  };
  CHECK(code({Verdict::reproduced, Verdict::reproduced}) == kExitOk);
  CHECK(code({Verdict::reproduced, Verdict::cannot_tell}) == kExitInconclusive);
  CHECK(code({Verdict::cannot_tell, Verdict::not_reproduced}) == kExitRegression);
  CHECK(code({Verdict::not_judged}) == kExitInconclusive);
}

}  // namespace stepbench::testing
